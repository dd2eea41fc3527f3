"""One pregnancy, from its first mention to its end, with what was decided and done before the birth.

Each decision, assessment and check is an entry of the pregnancy's own stream, so it never counts for another pregnancy.
Facts may be recorded late. Only an end, a booking and a corrected date cannot follow the end.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from services.perinatal.domain.age import band_at
from shared.contracts.words import LOSSES
from shared.kernel.decisions import Actor, Context
from shared.kernel.envelope import Event
from shared.kernel.tables import AppendEntry, BeginRecord, Party, RecordState, Row, invalid, record_of, states

LIVE = states("notified", "booked")
EVER = LIVE | {"ended"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Pregnancy(RecordState):
    """`person_id` is the mother. `partners` are the named partners, in the order of naming. `children` are the children
    who were born.

    `outcome` is how the pregnancy ended. In the facts, that word also stands for outcomes of decisions.
    """

    partners: tuple[str, ...] = ()
    children: tuple[str, ...] = ()
    outcome: str | None = None

    @property
    def family(self) -> frozenset[str]:
        return frozenset({*self.parents, *self.children})

    @property
    def parents(self) -> tuple[str, ...]:
        return (self.person_id, *self.partners) if self.person_id else self.partners


def _known(state: Pregnancy, command: BeginRecord | AppendEntry, context: Context) -> Mapping[str, Any]:
    if command.data.get("edd_source") and not command.data.get("edd"):
        raise invalid("edd-needed", "a source is given with its date", edd="is needed beside its source")
    return {"mother_age_band": band_at(command, context.now, command.known.get("born_on"))}


def _partner(state: Pregnancy, command: AppendEntry, context: Context) -> Mapping[str, Any]:
    if command.data["partner_id"] == state.person_id:
        raise invalid("partner-is-mother", "the partner is somebody else", partner_id="is the mother herself")
    return {
        "partner_known": command.known["nhs_number_known"],
        "partner_age_band": band_at(command, context.now, command.known.get("born_on")),
    }


def _ended(state: Pregnancy, command: AppendEntry, context: Context) -> Mapping[str, Any]:
    """A birth has at least one child, and a loss has none. If one twin is stillborn, it is a birth with one child."""
    children = command.data.get("children", [])
    outcome = command.data["outcome"]
    if outcome == "birth" and not children:
        raise invalid("child-needed", "a birth names every child", children="is needed for a birth: one id or more")
    if outcome in LOSSES and children:
        raise invalid("child-of-a-loss", "a loss names no child", children="is empty when the pregnancy was lost")
    if len(set(children)) != len(children) or not state.family.isdisjoint(children):
        raise invalid("not-a-child", "each child is named once", children="names somebody twice, or a parent")
    return {"children": list(children), "parents": list(state.parents)}


def _joined(state: Pregnancy, command: AppendEntry, context: Context) -> Mapping[str, Any]:
    if command.data["other_pregnancy_id"] == context.stream_id:
        message = "a record is joined with another record"
        raise invalid("joined-with-itself", message, other_pregnancy_id="is this very record")
    other = command.known.get("other_person_id")
    return {"other_person_id": other} if other not in (None, state.person_id) else {}


def _antenatal(state: Pregnancy, command: AppendEntry, context: Context) -> Mapping[str, Any]:
    if command.data.get("review", "antenatal") != "antenatal":
        raise invalid("not-antenatal", "a pregnancy has one review", review="of a child: record it with the child")
    return {"review": "antenatal"}


def _with_partner(state: Pregnancy, event: Event) -> Pregnancy:
    partner_id = event.data["partner_id"]
    return state if partner_id in state.partners else replace(state, partners=(*state.partners, partner_id))


def _with_children(state: Pregnancy, event: Event) -> Pregnancy:
    return replace(state, children=tuple(event.data["children"]))


def _may_accept(state: Pregnancy, actor: Actor) -> bool:
    return state.was_sent_to(actor) or not state.facts.get("to_team")


ACCEPTING = Party(_may_accept, "receiver-only", "this is for the team that it was referred to")

ROWS = {
    "pregnancy.notified.v1": Row(becomes="notified", check=_known),
    "pregnancy.booked.v1": Row(states("notified"), "booked", _known, begins=True),
    "pregnancy.edd_corrected.v1": Row(LIVE, waits=True),
    "pregnancy.concern_noted.v1": Row(EVER),
    "pregnancy.partner_named.v1": Row(EVER, check=_partner, also=_with_partner),
    "pregnancy.care_leaver_learnt.v1": Row(EVER),
    "pregnancy.joined.v1": Row(EVER, check=_joined),
    "pregnancy.ended.v1": Row(LIVE, "ended", _ended, sets=("outcome",), also=_with_children),
    "prebirth.screening_decided.v1": Row(EVER),
    "prebirth.referred.v1": Row(EVER),
    "prebirth.referral_accepted.v1": Row(EVER, who=ACCEPTING),
    "prebirth.assessment_started.v1": Row(EVER),
    "prebirth.assessment_completed.v1": Row(EVER),
    "prebirth.strategy_decided.v1": Row(EVER),
    "prebirth.conference_held.v1": Row(EVER),
    "prebirth.threshold_not_met.v1": Row(EVER),
    "parent.checks_recorded.v1": Row(EVER),
    "bereavement.checked.v1": Row(states("ended")),
    "review.offered.v1": Row(EVER, check=_antenatal),
    "review.completed.v1": Row(EVER, check=_antenatal),
    "review.declined.v1": Row(EVER, check=_antenatal),
}

AGGREGATE = record_of("pregnancy", ROWS, Pregnancy())
