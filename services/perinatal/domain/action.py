"""An action that a meeting decided: whose it is, by when, and what shows that it was done. Decided is not done.

An action ends when it is done, with its evidence, or when it is replaced. A meeting that goes through it ends nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shared.kernel.decisions import Context
from shared.kernel.tables import AppendEntry, BeginRecord, RecordState, Row, invalid, record_of, states

OPEN = states("decided", "arranged")
# Later meetings may find an action gone through that was done or replaced since.
EVER = states("decided", "arranged", "done", "replaced")
REFERRAL = "referral_id"


def _decided(state: RecordState, command: BeginRecord, context: Context) -> Mapping[str, Any]:
    """Whoever records it took the chair, unless the body names another. The team of an owner is looked up."""
    chair = command.data.get("chair", context.actor.id)
    team = command.data.get("chair_team", command.known.get("chair_team") if chair != context.actor.id else None)
    return {"chair": chair, "chair_team": team or context.actor.team, **_team_of_owner(command, context)}


def _arranged(state: RecordState, command: AppendEntry, context: Context) -> Mapping[str, Any]:
    found = _team_of_owner(command, context)
    if "team" not in found:
        raise invalid("team-needed", "say in which team the owner works", team="is needed here")
    return found


def _team_of_owner(command: AppendEntry | BeginRecord, context: Context) -> Mapping[str, Any]:
    owner = command.data.get("owner")
    own = context.actor.team if owner == context.actor.id else command.known.get("team")
    team = command.data.get("team", own if owner else None)
    return {"team": team} if team else {}


def _done(state: RecordState, command: AppendEntry, context: Context) -> Mapping[str, Any]:
    """A referral that shows that it was done is named, and was sent."""
    names = REFERRAL in command.data
    if names != (command.data["evidence"] == REFERRAL):
        fault = "is named when the evidence is a referral" if names else "says which referral shows it"
        raise invalid("which-referral", "a referral shows that it was done: say which", referral_id=fault)
    if names and not command.known.get("was_sent"):
        raise invalid("not-sent", "decided is not done: this referral was not sent", referral_id="was not sent yet")
    return {}


ROWS = {
    "action.decided.v1": Row(becomes="decided", check=_decided),
    "action.arranged.v1": Row(OPEN, "arranged", _arranged),
    "action.done.v1": Row(OPEN, "done", _done),
    "action.replaced.v1": Row(OPEN, "replaced"),
    "action.swept.v1": Row(EVER),
}

AGGREGATE = record_of("action", ROWS)
