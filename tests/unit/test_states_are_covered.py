"""Every state of every record is final, or some standard expects what comes next, or a reason is stated here."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from services.leaving_care.domain import care_leaver, plan_item
from services.perinatal.domain import (
    case,
    concern,
    condition,
    consultation,
    contact,
    move,
    notification,
    offer,
    person,
    pregnancy,
    referral,
    screen,
    support,
)
from services.referrals_followup.domain.rules_history import NATIONAL
from tests.unit.practice import HISTORY

RECORDS = {
    "care-leaver": care_leaver.ROWS,
    "case": case.ROWS,
    "concern": concern.ROWS,
    "condition": condition.ROWS,
    "consultation": consultation.ROWS,
    "contact": contact.ROWS,
    "move": move.ROWS,
    "notification": notification.ROWS,
    "offer": offer.ROWS,
    "person": person.ROWS,
    "plan-item": plan_item.ROWS,
    "pregnancy": pregnancy.ROWS,
    "referral": referral.ROWS,
    "screen": screen.ROWS,
    "support": support.ROWS,
}
FINAL = {
    "case": {"closed"},
    "consultation": {"outcome_acknowledged"},
    "contact": {"decided"},
    "notification": {"acknowledged"},
    "offer": {"ended"},
    "plan-item": {"completed", "ended"},
    "referral": {"withdrawn", "outcome_acknowledged", "closed"},
    "screen": {"followed_up"},
    "support": {"ended"},
}
# The standards that expect what comes next.
EXPECTED = {
    "care-leaver": {"registered": {"CL-02.contact"}},
    "concern": {
        "reported": {"SG-01.decision", "SG-01.decision-for-another"},
        "alleged": {"HARM-01.seen", "HARM-01.decide"},
    },
    "consultation": {"held": {"SG-03.letter"}, "outcome_given": {"SG-03.letter"}},
    "contact": {"received": {"CSC-01.decide"}},
    "move": {
        "moved": {"HV-02.attempt"},
        "handover_attempted": {"HV-02.acknowledge"},
        "handover_given": {"HV-02.acknowledge"},
        "acknowledged": {"HV-02.first-contact"},
    },
    "notification": {"sent": {"REF-07", "MH-04"}},
    "offer": {
        "made": {"MH-06.answer"},
        "accepted": {"MH-06.begin"},
        "declined": {"MH-06.re-offer"},
        "deferred": {"MH-06.re-offer"},
    },
    "person": {"died": {"BEREAVE-01.death"}},
    "plan-item": {
        **{key: {"CL-01.revisit"} for key in ("added", "arranged", "offered", "declined", "deferred")},
        **{key: {"CL-01.revisit"} for key in ("taken_up", "fallback_started")},
    },
    "pregnancy": {"notified": {"DATA-01.birth"}, "booked": {"DATA-01.birth"}, "ended": {"BEREAVE-01.loss"}},
    "referral": {
        "intended": {"REF-01"},
        "sent": {"REF-02"},
        "redirected": {"REF-02.redirected"},
        "acknowledged": {"REF-03"},
        "more_info_requested": {"REF-04"},
        "more_info_given": {"REF-03"},
        "rejected": {"REF-04"},
        "accepted": {"REF-06.appointment"},
        "offered": {"REF-06.appointment"},
        "booked": {"REF-06.kept"},
        "cancelled": {"DNA-01.re-offer"},
        **{key: {"DNA-01.re-offer"} for key in ("did_not_attend", "was_not_brought", "no_access")},
        "attended": {"REF-06.goes-on"},
        "assessed": {"REF-06.goes-on", "MH-02", "REF-05.return"},
        "in_treatment": {"REF-06.goes-on"},
        "treatment_declined": {"MH-06.treatment"},
        "ended": {"REF-05.return"},
        "outcome_returned": {"REF-05.acknowledge"},
    },
    "screen": {"recorded": {"MH-03"}},
    "support": {"started": {"MH-05.end", "MH-05.other"}},
}
# Neither final nor expected to go on, and why.
REASONS = {
    ("case", "open"): "an agency's own work; what it owes hangs on the records of the people",
    ("concern", "raised"): "a slight concern is counted with the others, by SG-02",
    ("concern", "decided"): "the decision answers the report; what is referred is a contact or referral of its own",
    ("condition", "recorded"): "a finding; MH-04 asks who must know of it, and nothing else follows by itself",
    ("offer", "fallback_started"): "what was started instead is a support or referral of its own",
    ("person", "registered"): "a life; what is due counts from the birth, a pregnancy, a move or another record",
}


def states_of(rows: Mapping) -> set[str]:
    found = set()
    for row in rows.values():
        found |= set(row.after) | set(row.stays)
        found |= set(row.becomes.values()) if isinstance(row.becomes, Mapping) else {row.becomes} - {None, ""}
    return found


STATES = sorted((kind, state) for kind, rows in RECORDS.items() for state in states_of(rows))


@pytest.mark.parametrize(("kind", "state"), STATES)
def test_a_state_is_final_or_something_is_expected_next_or_a_reason_is_stated(kind, state):
    said = [state in FINAL.get(kind, ()), state in EXPECTED.get(kind, ()), (kind, state) in REASONS]
    assert said.count(True) == 1


def test_no_state_is_listed_that_no_record_can_have():
    listed = {(kind, state) for table in (FINAL, EXPECTED) for kind, states in table.items() for state in states}
    assert listed | set(REASONS) == set(STATES)


def leads_to(kind: str, event: str, state: str) -> bool:
    """Whether the entry can leave its record in this state."""
    if event == "referral.not_attended.v1":
        return state in referral.MISSED
    row = RECORDS[kind][event]
    if isinstance(row.becomes, Mapping):
        return state in row.becomes.values() or state in row.stays
    return row.becomes == state


@pytest.mark.parametrize(("kind", "state"), [(kind, state) for kind, states in EXPECTED.items() for state in states])
def test_the_standard_that_is_named_opens_with_the_state_or_stays_open_in_it(kind, state):
    steps = HISTORY.newest(NATIONAL).steps
    for name in EXPECTED[kind][state]:
        step = steps[name]
        opening = step.counted.of if step.counted else step.opens_on
        opens = {matcher.event for matcher in opening} | ({one.event for one in step.met_by} if step.recurs else set())
        closing = {one.event for one in (*step.met_by, *step.ended_by)} - opens
        entered = {event for event in RECORDS[kind] if leads_to(kind, event, state)}
        assert opens & entered or not closing & entered, name
