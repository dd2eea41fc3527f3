"""A consultation with the front door about a child, named or not, with the account of each side.

A consultation is not a referral: the caller keeps the responsibility. The states are those of the written outcome. The
team that was consulted gives the outcome, and the team that asked acknowledges it. A child may be named later. From
then on, the record is about that child.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from shared.kernel.decisions import Actor, Aggregate, Context
from shared.kernel.envelope import Event
from shared.kernel.tables import AppendEntry, BeginRecord, Party, RecordState, Row, invalid, record_of, states

# A consultation that mentions one of these is recorded whomever it names: no doubt delays an alarm.
HARM = frozenset({"bruise", "injury", "disclosure"})
EVER = states("held", "outcome_given", "outcome_acknowledged")


@dataclass(frozen=True, slots=True, kw_only=True)
class Consultation(RecordState):
    """`callers` and `consulted` are the teams known to be on each side."""

    callers: frozenset[str] = frozenset()
    consulted: frozenset[str] = frozenset()


def _held(state: Consultation, command: BeginRecord, context: Context) -> Mapping[str, Any]:
    if command.data["named"] != ("person_id" in command.data):
        named = command.data["named"]
        fault = "is needed when the child was named" if named else "is left out when the child was not named"
        raise invalid("named-or-not", "say which child was named, or that none was", person_id=fault)
    is_own = command.data["side"] == "caller" and command.data["to_team"] == context.actor.team
    if is_own and HARM.isdisjoint(command.data["mentions"]):
        raise invalid("own-team", "nobody consults their own team; name the team that was asked", to_team="is your own")
    return {}


def _may_be_consulted(state: Consultation, actor: Actor) -> bool:
    return actor.team not in state.callers - state.consulted


def _may_be_caller(state: Consultation, actor: Actor) -> bool:
    """While only the consulted team has recorded its account, any other team may be the caller."""
    return actor.team in state.callers if state.callers else actor.team not in state.consulted


CONSULTED = Party(_may_be_consulted, "consulted-only", "this is for those who were consulted to record")
CALLER = Party(_may_be_caller, "caller-only", "this is for the team that asked to record")


def _about_one_child(state: Consultation, command: AppendEntry, context: Context) -> Mapping[str, Any]:
    if state.person_id not in (None, command.data["person_id"]):
        raise invalid("another-child", "this consultation is about another child", person_id="is not the child named")
    return {}


def _with_side(state: Consultation, event: Event) -> Consultation:
    """A team that records the account of one side is on that side. `to_team` was consulted."""
    is_caller = event.data["side"] == "caller"
    consulted = {team for team in (event.data.get("to_team"), None if is_caller else event.team) if team}
    return replace(
        state,
        callers=state.callers | {event.team} if is_caller else state.callers,
        consulted=state.consulted | consulted,
    )


ROWS = {
    "consultation.held.v1": Row(becomes="held", check=_held, also=_with_side),
    "consultation.account_added.v1": Row(EVER, also=_with_side),
    "consultation.outcome_given.v1": Row(EVER, {"held": "outcome_given"}, who=CONSULTED),
    "consultation.outcome_acknowledged.v1": Row(EVER, "outcome_acknowledged", who=CALLER),
    "consultation.rechecked.v1": Row(EVER, who=CONSULTED),
    "consultation.linked.v1": Row(EVER, check=_about_one_child),
    "consultation.referred.v1": Row(EVER, check=_about_one_child),
}

_RECORD = record_of("consultation", ROWS, Consultation())


def _evolve(state: Consultation, event: Event) -> Consultation:
    """The child is the one that an entry names, if the entry is not retracted. So a retracted link names nobody."""
    known: Consultation = _RECORD.evolve(state, event)
    return replace(known, person_id=known.facts.get("person_id"))


AGGREGATE: Aggregate[Consultation] = replace(_RECORD, evolve=_evolve)
