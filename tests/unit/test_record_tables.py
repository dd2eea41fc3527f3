"""Which entry may follow which state of a record, and what it leads to: one cell, one test.

A dash is a refusal; the first column of states are those a record can be in.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from services.perinatal.domain import condition, referral
from shared.contracts import perinatal as contracts
from shared.kernel.decisions import Refused
from tests.unit.records import MODULES, TOLD_BY, VISITOR, record, refusal, start, tell

TABLES = {
    "person": """
from                             registered        died
person.registered.v1             -                 -
person.corrected.v1              registered        died
person.told_apart.v1             registered        died
person.linked.v1                 registered        died
person.unlinked.v1               registered        died
person.protected.v1              registered        died
person.unprotected.v1            registered        died
person.died.v1                   died              -
practitioner.assigned.v1         registered        died
household.adult_joined.v1        registered        died
bereavement.checked.v1           registered        died
review.offered.v1                registered        died
review.completed.v1              registered        died
review.declined.v1               registered        died
parent.checks_recorded.v1        registered        died
accumulation.lead_named.v1       registered        died
accumulation.reviewed.v1         registered        died
contacts.reviewed.v1             registered        died
closing.reread.v1                registered        died
closings.reviewed.v1             registered        died
""",
    "pregnancy": """
from                             notified          booked            ended
pregnancy.notified.v1            -                 -                 -
pregnancy.booked.v1              booked            -                 -
pregnancy.edd_corrected.v1       notified          booked            -
pregnancy.concern_noted.v1       notified          booked            ended
pregnancy.partner_named.v1       notified          booked            ended
pregnancy.care_leaver_learnt.v1  notified          booked            ended
pregnancy.joined.v1              notified          booked            ended
pregnancy.ended.v1               ended             ended             -
prebirth.screening_decided.v1    notified          booked            ended
prebirth.referred.v1             notified          booked            ended
prebirth.referral_accepted.v1    notified          booked            ended
prebirth.assessment_started.v1   notified          booked            ended
prebirth.assessment_completed.v1 notified          booked            ended
prebirth.strategy_decided.v1     notified          booked            ended
prebirth.conference_held.v1      notified          booked            ended
prebirth.threshold_not_met.v1    notified          booked            ended
parent.checks_recorded.v1        notified          booked            ended
bereavement.checked.v1           -                 -                 ended
review.offered.v1                notified          booked            ended
review.completed.v1              notified          booked            ended
review.declined.v1               notified          booked            ended
""",
    "screen": """
from                             recorded          followed_up
screen.recorded.v1               -                 -
screen.followed_up.v1            followed_up       followed_up
""",
    "support": """
from                             started           ended
support.started.v1               -                 -
support.session_held.v1          started           ended
support.session_missed.v1        started           ended
support.miss_contacted.v1        started           ended
support.misses_reviewed.v1       started           ended
support.reviewed.v1              started           ended
support.ended.v1                 ended             -
""",
    "offer": """
from                       made              accepted  declined          deferred          fallback_started  ended
offer.made.v1              made              made      made              made              made              -
offer.accepted.v1          accepted          accepted  accepted          accepted          accepted          -
offer.declined.v1          declined          declined  declined          declined          declined          -
offer.deferred.v1          deferred          deferred  deferred          deferred          deferred          -
offer.fallback_started.v1  fallback_started  -         fallback_started  fallback_started  -                 -
offer.ended.v1             ended             ended     ended             ended             ended             -
""",
    "move": """
from                             moved               handover_attempted  handover_given      acknowledged
household.moved.v1               -                   -                   -                   -
handover.attempted.v1            handover_attempted  handover_attempted  handover_given      acknowledged
handover.given.v1                handover_given      handover_given      handover_given      acknowledged
handover.acknowledged.v1         acknowledged        acknowledged        acknowledged        -
handover.first_contact_made.v1   moved               handover_attempted  handover_given      acknowledged
""",
    "concern": """
from                             raised            reported          alleged           decided
concern.raised.v1                -                 -                 -                 -
injury.reported.v1               -                 -                 -                 -
harm.alleged.v1                  -                 -                 -                 -
child.seen.v1                    raised            reported          alleged           decided
child.not_found.v1               raised            reported          alleged           decided
harm.decided.v1                  -                 -                 decided           decided
injury.decided.v1                -                 decided           -                 decided
""",
    "consultation": """
from                                  held                  outcome_given         outcome_acknowledged
consultation.held.v1                  -                     -                     -
consultation.account_added.v1         held                  outcome_given         outcome_acknowledged
consultation.outcome_given.v1         outcome_given         outcome_given         outcome_acknowledged
consultation.outcome_acknowledged.v1  outcome_acknowledged  outcome_acknowledged  outcome_acknowledged
consultation.rechecked.v1             held                  outcome_given         outcome_acknowledged
consultation.linked.v1                held                  outcome_given         outcome_acknowledged
consultation.referred.v1              held                  outcome_given         outcome_acknowledged
""",
    "notification": """
from                             sent              acknowledged
notification.sent.v1             -                 -
notification.acknowledged.v1     acknowledged      -
""",
    "contact": """
from                             received          decided
contact.received.v1              -                 -
contact.decided.v1               decided           decided
contact.referrer_told.v1         received          decided
contact.chased.v1                received          decided
""",
    "action": """
from                             decided           arranged          done              replaced
action.decided.v1                -                 -                 -                 -
action.arranged.v1               arranged          arranged          -                 -
action.done.v1                   done              done              -                 -
action.replaced.v1               replaced          replaced          -                 -
action.swept.v1                  decided           arranged          done              replaced
""",
    "case": """
from                             open              closed
case.opened.v1                   -                 -
case.holder_named.v1             open              closed
case.holder_ended.v1             open              closed
case.leaving_announced.v1        open              closed
case.handover_given.v1           open              closed
case.taken_on.v1                 open              closed
case.unheld_reviewed.v1          open              closed
case.told.v1                     open              closed
case.closing_proposed.v1         open              closed
case.closing_checked.v1          open              closed
case.closed.v1                   closed            -
case.closed.v2                   closed            -
""",
}

# How each state is come by.
WAYS = {
    "person": {"registered": ("person.registered.v1",), "died": ("person.registered.v1", "person.died.v1")},
    "pregnancy": {
        "notified": ("pregnancy.notified.v1",),
        "booked": ("pregnancy.booked.v1",),
        "ended": ("pregnancy.booked.v1", "pregnancy.ended.v1"),
    },
    "screen": {"recorded": ("screen.recorded.v1",), "followed_up": ("screen.recorded.v1", "screen.followed_up.v1")},
    "support": {"started": ("support.started.v1",), "ended": ("support.started.v1", "support.ended.v1")},
    "offer": {
        "made": ("offer.made.v1",),
        **{
            state: ("offer.made.v1", f"offer.{state}.v1")
            for state in ("accepted", "declined", "deferred", "fallback_started", "ended")
        },
    },
    "move": {
        "moved": ("household.moved.v1",),
        "handover_attempted": ("household.moved.v1", "handover.attempted.v1"),
        "handover_given": ("household.moved.v1", "handover.given.v1"),
        "acknowledged": ("household.moved.v1", "handover.acknowledged.v1"),
    },
    "concern": {
        "raised": ("concern.raised.v1",),
        "reported": ("injury.reported.v1",),
        "alleged": ("harm.alleged.v1",),
        "decided": ("injury.reported.v1", "injury.decided.v1"),
    },
    "consultation": {
        "held": ("consultation.held.v1",),
        "outcome_given": ("consultation.held.v1", "consultation.outcome_given.v1"),
        "outcome_acknowledged": ("consultation.held.v1", "consultation.outcome_acknowledged.v1"),
    },
    "notification": {
        "sent": ("notification.sent.v1",),
        "acknowledged": ("notification.sent.v1", "notification.acknowledged.v1"),
    },
    "contact": {"received": ("contact.received.v1",), "decided": ("contact.received.v1", "contact.decided.v1")},
    "action": {
        "decided": ("action.decided.v1",),
        "arranged": ("action.decided.v1", "action.arranged.v1"),
        "done": ("action.decided.v1", "action.done.v1"),
        "replaced": ("action.decided.v1", "action.replaced.v1"),
    },
    "case": {"open": ("case.opened.v1",), "closed": ("case.opened.v1", "case.closed.v1")},
}


def cells() -> Iterator[tuple[str, str, str, str]]:
    for kind, table in TABLES.items():
        (_, *statuses), *rows = (line.split() for line in table.strip().splitlines())
        for event_type, *after in rows:
            for before, following in zip(statuses, after, strict=True):
                yield kind, before, event_type, following


@pytest.mark.parametrize(("kind", "before", "event_type", "following"), list(cells()))
def test_a_cell_of_the_table(kind: str, before: str, event_type: str, following: str) -> None:
    stream = record(kind, *WAYS[kind][before])
    if event_type == "person.unprotected.v1":
        stream.give(tell(kind, "person.protected.v1"), VISITOR)
    if event_type == "person.unlinked.v1":
        stream.give(tell(kind, "person.linked.v1"), VISITOR)
    assert stream.state.status == before
    step, actor = tell(kind, event_type), TOLD_BY.get(event_type, VISITOR)
    if following == "-":
        refused = refusal(stream, step, actor)
        assert (type(refused), refused.code) == (Refused, "not-from-here")
    else:
        assert stream.give(step, actor).type == event_type
        assert stream.state.status == following


@pytest.mark.parametrize("kind", sorted(TABLES))
def test_the_table_has_every_row_and_every_state(kind: str) -> None:
    (_, *statuses), *rows = (line.split() for line in TABLES[kind].strip().splitlines())
    assert [event_type for event_type, *_ in rows] and {row[0] for row in rows} == set(MODULES[kind].ROWS)
    assert set(statuses) == set(WAYS[kind])


@pytest.mark.parametrize("kind", sorted(set(TABLES) - {"person"}))
def test_a_record_begins_once_and_only_with_what_begins_it(kind: str) -> None:
    beginnings = {way[0] for way in WAYS[kind].values()}
    for event_type in MODULES[kind].ROWS:
        stream = record(kind, next(iter(beginnings)))
        assert refusal(stream, start(kind, event_type)).code == "already-begun"
        stream.events.clear()
        if event_type in beginnings:
            assert stream.give(start(kind, event_type), VISITOR)
        else:
            assert refusal(stream, start(kind, event_type)).code == "not-a-beginning"


def test_every_event_type_of_perinatal_is_said_by_some_record() -> None:
    said = {event_type for module in MODULES.values() for event_type in module.ROWS}
    assert said | {*condition.ROWS, *referral.ROWS} == {event_type.name for event_type in contracts.TYPES}
    assert condition.AGGREGATE.kind == "condition"
