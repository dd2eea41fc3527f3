"""Records of `perinatal` that are told as tables, brought to any state: who tells, and what each entry says."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID

import pytest

from services.perinatal.domain import (
    action,
    case,
    concern,
    consultation,
    contact,
    move,
    notification,
    offer,
    person,
    pregnancy,
    screen,
    support,
)
from shared.kernel.decisions import Actor, Aggregate, Refused
from shared.kernel.tables import AppendEntry, BeginRecord
from tests.unit.history import PERSON, Stream

OTHER, CHILD, TWIN = ("p_" + letter * 32 for letter in "bcd")
PREGNANCY = str(UUID(int=3))

MODULES = {
    module.AGGREGATE.kind: module
    for module in (
        action,
        case,
        concern,
        consultation,
        contact,
        move,
        notification,
        offer,
        person,
        pregnancy,
        screen,
        support,
    )
}
AGGREGATES: dict[str, Aggregate[Any]] = {kind: module.AGGREGATE for kind, module in MODULES.items()}

# Who begins a record, who is on its other side, and a health visitor of another area who lives by a move there.
VISITOR = Actor("hv-pereira", "health_visitor", "hv-harwich", ("essex",))
COLLEAGUE = Actor("hv-quayle", "health_visitor", "hv-harwich", ("essex",))
WORKER = Actor("sw-ebb", "social_worker", "csc-essex", ("essex",))
DOOR = Actor("mash-fen", "front_door", "mash-essex", ("essex",))
MIDWIFE = Actor("midwife-eider", "midwife", "midwives-colne", ("essex",))
NORFOLK = Actor("hv-yare", "health_visitor", "hv-yare-team", ("norfolk",), also_in=("essex",))
BOTH = Actor("hv-dunlin", "health_visitor", "hv-border", ("essex", "norfolk"))


def register(**private: Any) -> BeginRecord:
    return BeginRecord(
        type=person.REGISTERED, data={}, private={"given_name": "Wren", "family_name": "Example", **private}
    )


REGISTER = register(date_of_birth=date(1996, 3, 2))
WITH_PROOF = {"receiver_person": "Robin", "reference": "call of Monday"}

# What a body says, by event type; types that say nothing more are left out.
SAYS: Mapping[str, Mapping[str, Any]] = {
    "pregnancy.notified.v1": {"concerns": []},
    "pregnancy.booked.v1": {"concerns": ["homeless"], "edd": date(2014, 6, 15), "edd_source": "scan"},
    "pregnancy.edd_corrected.v1": {"edd": date(2014, 6, 18), "edd_source": "scan"},
    "pregnancy.concern_noted.v1": {"concern": "homeless"},
    "pregnancy.partner_named.v1": {"partner_id": OTHER, "relation": "father"},
    "pregnancy.joined.v1": {"other_pregnancy_id": str(UUID(int=98)), "confirmed_by": "midwife-eider"},
    "pregnancy.care_leaver_learnt.v1": {"parent_id": OTHER, "contact_team": "leaving-care-essex"},
    "pregnancy.ended.v1": {"outcome": "birth", "children": [CHILD]},
    "prebirth.screening_decided.v1": {"outcome": "assess", "reason_code": "history", "decided_by": "midwife-eider"},
    "prebirth.assessment_completed.v1": {"shared_with": ["midwife"]},
    "prebirth.strategy_decided.v1": {"outcome": "conference"},
    "prebirth.threshold_not_met.v1": {"reason_code": "support-accepted"},
    "parent.checks_recorded.v1": {"parents": [OTHER], "told": ["midwife"]},
    "bereavement.checked.v1": {"told": ["gp_practice"]},
    "person.told_apart.v1": {"others": [OTHER], "confirmed_by": "hv-pereira"},
    "person.linked.v1": {"other_person_id": OTHER, "reason": "merge", "confirmed_by": "hv-pereira"},
    "person.unlinked.v1": {"other_person_id": OTHER, "reason_code": "mistaken", "confirmed_by": "hv-pereira"},
    "person.protected.v1": {"reason": "refuge"},
    "person.unprotected.v1": {"reason_code": "safe"},
    "person.died.v1": {"family": [OTHER]},
    "practitioner.assigned.v1": {"role": "midwife", "practitioner": "midwife-eider", "team": "midwives-colne"},
    "household.adult_joined.v1": {"adult_id": OTHER, "children": [CHILD]},
    "accumulation.lead_named.v1": {"lead": "hv-pereira", "team": "hv-harwich"},
    "accumulation.reviewed.v1": {"decision": "monitor", "lead": "hv-pereira"},
    "contacts.reviewed.v1": {"decision": "assess", "reviewer": "fd-manager", "contacts": [str(UUID(int=5))]},
    "closing.reread.v1": {"decision": "no_change", "reviewer": "fd-manager", "case_ids": [str(UUID(int=6))]},
    "closings.reviewed.v1": {"decision": "support", "reviewer": "csc-lead", "case_ids": [str(UUID(int=6))]},
    "screen.recorded.v1": {"tool": "epds", "score": 12, "self_harm": False},
    "screen.followed_up.v1": {"outcome": "refer", "assessed_by": "hv-pereira"},
    "support.started.v1": {"kind": "listening_visits"},
    "support.session_missed.v1": {"how": "no_access"},
    "support.miss_contacted.v1": {"why_code": "no-transport"},
    "support.misses_reviewed.v1": {"decision_code": "offer-again", "referrer_told": True},
    "support.reviewed.v1": {"stage": "mid", "decision": "extend", "reason_code": "better"},
    "support.ended.v1": {"reason_code": "completed"},
    "offer.made.v1": {"what": "counselling"},
    "offer.deferred.v1": {"re_offer_by": date(2013, 3, 4)},
    "offer.fallback_started.v1": {"what": "listening_visits"},
    "offer.ended.v1": {"reason_code": "moved", "manager": "hv-lead"},
    "household.moved.v1": {
        "people": [PERSON],
        "from_area": "essex",
        "to_area": "norfolk",
        "told_by": "family",
        "handover_needed": True,
    },
    "handover.attempted.v1": {"outcome": "not_reached", "channel": "phone"},
    "handover.given.v1": {"contexts": ["mental_health"], "channel": "phone"},
    "concern.raised.v1": {"kind": "parenting", "seen": True},
    "injury.reported.v1": {
        "kind": "bruise",
        "site": "ear",
        "mobility": "walking",
        "seen": True,
        "clustered": False,
        "presented": False,
    },
    "harm.alleged.v1": {
        "kind": "hit",
        "told_by": "relative",
        "when": "week",
        "injury": "none_seen",
        "access_continues": True,
    },
    "harm.decided.v1": {"medical": "not_needed", "decision": "assess", "decided_by": "sw-ebb"},
    "child.seen.v1": {"clinician": True},
    "child.not_found.v1": {"how": "visit", "place": "home", "reason": "nobody_answered"},
    "injury.decided.v1": {"decision": "refer", "decided_by": "sw-ebb"},
    "consultation.held.v1": {
        "named": False,
        "side": "caller",
        "mentions": ["bruise"],
        "advice": "refer_now",
        "to_team": "mash-essex",
    },
    "consultation.account_added.v1": {"side": "consultant", "mentions": []},
    "consultation.outcome_given.v1": {"channel": "letter"},
    "consultation.rechecked.v1": {"outcome": "concern_continues"},
    "consultation.linked.v1": {"person_id": CHILD},
    "consultation.referred.v1": {"person_id": CHILD},
    "notification.sent.v1": {"to_role": "midwife", "about": "condition", "channel": "email"},
    "contact.received.v1": {"from_team": "hv-harwich", "channel": "phone"},
    "contact.decided.v1": {"decision": "assessment"},
    "contact.referrer_told.v1": {"channel": "email"},
    "contact.chased.v1": {"channel": "phone"},
    "case.opened.v1": {"agency": "childrens_social_care", "people": [PERSON, CHILD], "kind": "child_in_need"},
    "case.closed.v1": {"reason_code": "needs-met"},
    "case.closed.v2": {"reason": "needs_met", "told": ["parents"], "authorised_by": "sw-manager"},
    "case.holder_named.v1": {"holder": "sw-ebb", "team": "csc-essex", "held_as": "employed"},
    "case.holder_ended.v1": {"holder": "sw-ebb", "reason": "left"},
    "case.leaving_announced.v1": {"holder": "sw-ebb", "team": "csc-essex", "last_day": date(2013, 2, 1)},
    "case.handover_given.v1": {
        "to_holder": "sw-flood",
        "to_team": "csc-essex",
        "open_items": ["visit"],
        "joint_visit": True,
    },
    "case.unheld_reviewed.v1": {"risk": "low", "child_seen_on": date(2013, 1, 10)},
    "case.told.v1": {"to": ["parents"], "not_there": ["referrer"], "about": "opened", "channel": "phone"},
    "case.closing_proposed.v1": {"close_on": date(2013, 2, 1), "reason": "needs_met"},
    "case.closing_checked.v1": {"checks": ["child_seen"]},
    "action.decided.v1": {"meeting": "strategy", "kind": "letter"},
    "action.arranged.v1": {"owner": "hv-pereira", "due_on": date(2013, 2, 1)},
    "action.done.v1": {"evidence": "letter_sent"},
    "action.replaced.v1": {"reason": "overtaken"},
    "action.swept.v1": {"meeting": "review"},
}
# What the service looks up for the check.
KNOWN = {
    "person.corrected.v1": {"details": ["family_name"]},
    "pregnancy.partner_named.v1": {"nhs_number_known": True, "born_on": None},
}
# Who tells what is not for the side that began.
TOLD_BY = {
    "handover.acknowledged.v1": NORFOLK,
    "handover.first_contact_made.v1": NORFOLK,
    "consultation.account_added.v1": DOOR,
    "consultation.outcome_given.v1": DOOR,
    "consultation.rechecked.v1": DOOR,
    "notification.acknowledged.v1": MIDWIFE,
}


def says(kind: str, event_type: str, **more: Any) -> dict[str, Any]:
    """What a body of this record says; `more` None leaves a field out."""
    said = {**SAYS.get(event_type, {}), **more}
    if event_type.startswith("review.") and "review" not in said:
        said["review"] = "antenatal" if kind == "pregnancy" else "new_birth"
    return {name: value for name, value in said.items() if value is not None}


def start(kind: str, event_type: str, *, area: str | None = None, known: Any = None, **more: Any) -> BeginRecord:
    person_id = {} if kind == "consultation" else {"person_id": PERSON}
    return BeginRecord(
        type=event_type, data=says(kind, event_type, **{**person_id, **more}), known=known or {}, area=area
    )


def tell(kind: str, event_type: str, *, private: Any = None, known: Any = None, **more: Any) -> AppendEntry:
    looked_up = KNOWN.get(event_type, {}) if known is None else known
    return AppendEntry(type=event_type, data=says(kind, event_type, **more), private=private or {}, known=looked_up)


def record(kind: str, beginning: str, *steps: str, **more: Any) -> Stream:
    """A record that began with this event, of which `more` is said, and went on with these."""
    stream = Stream(AGGREGATES[kind], PERSON if kind == "person" else str(UUID(int=99)))
    stream.give(REGISTER if kind == "person" else start(kind, beginning, **more), VISITOR)
    for event_type in steps:
        stream.give(tell(kind, event_type), TOLD_BY.get(event_type, VISITOR))
    return stream


def refusal(stream: Stream, command: Any, actor: Actor = VISITOR) -> Refused:
    with pytest.raises(Refused) as refused:
        stream.give(command, actor)
    return refused.value
