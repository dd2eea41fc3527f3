"""A consultation with the front door about a child, named or not, as each side remembers it.

It is no referral, and stays the caller's. Its states follow the written outcome: given by those who were consulted, and
acknowledged by those who asked. A child may be named later; from then on the record is about that child.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from shared.kernel.decisions import Aggregate, Context, Forbidden
from shared.kernel.envelope import Event
from shared.kernel.tables import AppendEntry, BeginRecord, RecordState, Row, invalid, record_of, states

EVER = states("held", "outcome_given", "outcome_acknowledged")


@dataclass(frozen=True, slots=True, kw_only=True)
class Consultation(RecordState):
    """`callers` and `consulted` are the teams known to be on either side."""

    callers: frozenset[str] = frozenset()
    consulted: frozenset[str] = frozenset()


def _held(state: Consultation, command: BeginRecord, context: Context) -> Mapping[str, Any]:
    if command.data["named"] != ("person_id" in command.data):
        named = command.data["named"]
        fault = "is needed when the child was named" if named else "is left out when the child was not named"
        raise invalid("named-or-not", "say which child was named, or that none was", person_id=fault)
    return {}


def _consulted_only(state: Consultation, command: AppendEntry, context: Context) -> Mapping[str, Any]:
    if context.actor.team in state.callers - state.consulted:
        raise Forbidden("consulted-only", "this is for those who were consulted to record")
    return {}


def _callers_only(state: Consultation, command: AppendEntry, context: Context) -> Mapping[str, Any]:
    """Of a consultation that only the consulted have told of so far, any other team can be the caller."""
    team = context.actor.team
    if team not in state.callers if state.callers else team in state.consulted:
        raise Forbidden("caller-only", "this is for the team that asked to record")
    return {}


def _about_one_child(state: Consultation, command: AppendEntry, context: Context) -> Mapping[str, Any]:
    if state.person_id not in (None, command.data["person_id"]):
        raise invalid("another-child", "this consultation is about another child", person_id="is not the child named")
    return {}


def _with_side(state: Consultation, event: Event) -> Consultation:
    """Whoever tells of it as one side is of that side; `to_team` was consulted."""
    is_caller = event.data["side"] == "caller"
    consulted = {team for team in (event.data.get("to_team"), None if is_caller else event.team) if team}
    return replace(
        state,
        callers=state.callers | {event.team} if is_caller else state.callers,
        consulted=state.consulted | consulted,
    )


ROWS = {
    "consultation.held.v1": Row(becomes="held", check=_held),
    "consultation.account_added.v1": Row(EVER),
    "consultation.outcome_given.v1": Row(EVER, {"held": "outcome_given"}, _consulted_only),
    "consultation.outcome_acknowledged.v1": Row(EVER, "outcome_acknowledged", _callers_only),
    "consultation.rechecked.v1": Row(EVER, check=_consulted_only),
    "consultation.linked.v1": Row(EVER, check=_about_one_child),
    "consultation.referred.v1": Row(EVER, check=_about_one_child),
}

_TOLD = record_of(
    "consultation",
    ROWS,
    initial=Consultation(),
    also={"consultation.held.v1": _with_side, "consultation.account_added.v1": _with_side},
)


def _evolve(state: Consultation, event: Event) -> Consultation:
    """The child is the one that a standing entry names: a wrong link, once retracted, names nobody."""
    known: Consultation = _TOLD.evolve(state, event)
    return replace(known, person_id=known.facts.get("person_id"))


AGGREGATE: Aggregate[Consultation] = replace(_TOLD, evolve=_evolve)
