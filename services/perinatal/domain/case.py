"""An agency's case about some people: who holds it, who is told of it, what is looked at before it closes, the closing.

A closing is a fact. It is accepted even if other things are still open. What happened before may be recorded later.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from services.perinatal.domain.acknowledgement import reported_by
from shared.contracts.words import CLOSING_CHECKS
from shared.kernel.decisions import Context
from shared.kernel.envelope import Event
from shared.kernel.tables import AppendEntry, RecordState, Row, invalid, record_of, states

EVER = states("open", "closed")
OF_THE_CASE = ("agency", "people")
# Whoever reports for the new holder that the case was taken on says how they know.
PROOF = ("channel", "reference")


@dataclass(frozen=True, slots=True, kw_only=True)
class Case(RecordState):
    """`holder` holds the case at present, as one of `team`. Both are None when nobody does."""

    holder: str | None = None
    team: str | None = None


def _held(state: Case, event: Event) -> Case:
    return replace(state, holder=event.data["holder"], team=event.data["team"])


def _let_go(state: Case, event: Event) -> Case:
    return replace(state, holder=None, team=None) if event.data["holder"] == state.holder else state


def _of_the_holder(state: Case, command: AppendEntry, context: Context) -> Mapping[str, Any]:
    """The holder, and their team, whom a body need not name again."""
    holder = command.data.get("holder", state.holder)
    if holder is None:
        raise invalid("nobody-holds-it", "nobody holds this case; say whom this is about", holder="is needed here")
    return {"holder": holder}


def _leaving(state: Case, command: AppendEntry, context: Context) -> Mapping[str, Any]:
    holder = _of_the_holder(state, command, context)["holder"]
    known = state.team if holder == state.holder else None
    team = command.data.get("team", context.actor.team if holder == context.actor.id else known)
    if team is None:
        raise invalid("team-needed", "say in which team they hold the case", team="is needed here")
    return {"holder": holder, "team": team}


def _taken_on(state: Case, command: AppendEntry, context: Context) -> Mapping[str, Any]:
    holder = command.data.get("holder", context.actor.id)
    team = command.data.get("team", context.actor.team)
    by_holder = context.actor.id == holder
    given = {**command.data, **command.private}
    return {"holder": holder, "team": team, "reported_by": reported_by(by_holder, given, PROOF)}


def _told(state: Case, command: AppendEntry, context: Context) -> Mapping[str, Any]:
    both = sorted(set(command.data["to"]) & set(command.data.get("not_there", ())))
    if both:
        raise invalid(
            "told-or-not-there", "nobody is told who is not there", not_there=f"names {both[0]}, who was told"
        )
    return {}


def _checked(state: Case, command: AppendEntry, context: Context) -> Mapping[str, Any]:
    """What nobody checked is missing."""
    made = dict.fromkeys(command.data["checks"])
    return {"checks": list(made), "missing": [check for check in CLOSING_CHECKS if check not in made]}


ROWS = {
    "case.opened.v1": Row(becomes="open"),
    "case.holder_named.v1": Row(EVER, repeats=OF_THE_CASE, also=_held, waits=True),
    "case.holder_ended.v1": Row(EVER, check=_of_the_holder, repeats=OF_THE_CASE, also=_let_go, waits=True),
    "case.leaving_announced.v1": Row(EVER, check=_leaving, repeats=OF_THE_CASE),
    "case.handover_given.v1": Row(EVER, repeats=OF_THE_CASE),
    "case.taken_on.v1": Row(EVER, check=_taken_on, repeats=OF_THE_CASE, also=_held, waits=True),
    "case.unheld_reviewed.v1": Row(EVER, repeats=OF_THE_CASE),
    "case.told.v1": Row(EVER, check=_told, repeats=OF_THE_CASE),
    "case.closing_proposed.v1": Row(EVER, repeats=OF_THE_CASE),
    "case.closing_checked.v1": Row(EVER, check=_checked, repeats=OF_THE_CASE),
    "case.closed.v1": Row(states("open"), "closed", repeats=OF_THE_CASE),
    "case.closed.v2": Row(states("open"), "closed", repeats=OF_THE_CASE),
}

AGGREGATE = record_of("case", ROWS, Case())
