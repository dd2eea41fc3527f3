"""Whether a command names areas, teams and workers of the directory. The contract of its event says which fields do.

Guarantee: no doubt about a name refuses a fact that can open an urgent step.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from typing import Any

from marshmallow import fields

from shared.contracts import CATALOGUE
from shared.contracts.urgent import is_recorded_whoever_it_names
from shared.kernel.decisions import Actor, Fact, Invalid
from shared.kernel.time import london_date
from shared.recording.directory_copy import AREA, TEAM, WORKER, DirectoryCopy

CONSULTED = "consultation.held.v1"
# By event type: the field that names somebody as one of the team in `team`.
NAMED_IN_A_TEAM = {
    "practitioner.assigned.v1": "practitioner",
    "accumulation.lead_named.v1": "lead",
    "adviser.assigned.v1": "adviser",
    "case.holder_named.v1": "holder",
    "case.taken_on.v1": "holder",
    "action.arranged.v1": "owner",
}


@dataclass(frozen=True, slots=True)
class NameCheck:
    """Checks names against the copy of the directory. Without a copy, it checks nothing.

    With `spares_past` it keeps the names in facts from before the directory began: an import brings them as they were
    written.
    """

    directory: DirectoryCopy
    spares_past: bool = False

    def spares(self, occurred_at: datetime) -> bool:
        """Whether nothing that happened then is compared with the directory."""
        began_at = self.directory.began_at
        return self.directory.is_empty or (self.spares_past and began_at is not None and occurred_at < began_at)

    def require_known(self, fact: Fact, given: Collection[str], actor: Actor) -> str | None:
        """Raises Invalid, which gives for each unknown name the nearest that exist.

        `given` are the fields that the command brings. What the record had before is not asked about again. A fact that
        can raise an alarm is never refused: the answer is the list of its unknown names, for its event to keep.
        """
        if self.spares(fact.occurred_at):
            return None
        on = london_date(fact.occurred_at)
        if is_recorded_whoever_it_names(fact.type, fact.data):
            return self._find_unknown(fact, given, actor, on)
        faults = {
            path: [why]
            for path, kind, name in _names_in(fact.type, fact.data, given)
            if not _is_own(kind, name, actor) and (why := self.directory.why_not(kind, name, on))
        }
        if not faults:
            faults = self._find_strangers_to_their_team(fact, given, actor) | self._find_strangers_to_the_work(
                fact, given
            )
        if faults:
            message = "the directory does not list what the body names; `errors` says where, and what is nearest"
            raise Invalid("unknown-name", message, fields=faults)
        return None

    def _find_strangers_to_their_team(self, fact: Fact, given: Collection[str], actor: Actor) -> dict[str, list[str]]:
        """Whoever is named for somebody works in the team that they are named for. They may have left it since."""
        field = NAMED_IN_A_TEAM.get(fact.type, "")
        name, team = fact.data.get(field), fact.data.get("team")
        worker = self.directory.worker(name) if field in given and "team" in given else None
        if worker is None or team in worker.teams or (name, team) == (actor.id, actor.team):
            return {}
        return {field: [f"is not of {team}; the directory has them in {_join(worker.teams)}"]}

    def _find_strangers_to_the_work(self, fact: Fact, given: Collection[str]) -> dict[str, list[str]]:
        """Whoever is named as one who decides is of a team that does such work."""
        faults = {}
        for field, role in _works_named_by(fact.type).items():
            worker = self.directory.worker(fact.data.get(field)) if field in given else None
            teams = [self.directory.team(name) for name in worker.teams] if worker else []
            if worker and not any(team and team.role == role for team in teams):
                faults[field] = [
                    f"is not of a team that works as {role}; the directory has them in {_join(worker.teams)}"
                ]
        return faults

    def _find_unknown(self, fact: Fact, given: Collection[str], actor: Actor, on: date) -> str | None:
        """The fields of an alarm, and the team of whoever raises it, that the directory does not list."""
        named = [(path.partition(".")[0], kind, name) for path, kind, name in _names_in(fact.type, fact.data, given)]
        named.append(("team", TEAM, actor.team))
        unknown = [field for field, kind, name in named if self.directory.why_not(kind, name, on)]
        if fact.type == CONSULTED and fact.data.get("side") == "caller" and fact.data.get("to_team") == actor.team:
            unknown.append("to_team")  # nobody consults themselves
        return " ".join(dict.fromkeys(unknown)) or None


def _is_own(kind: str, name: str, actor: Actor) -> bool:
    """Whether actors name themselves, their team or one of their areas: the token vouches for these."""
    return name in {WORKER: (actor.id,), TEAM: (actor.team,), AREA: (*actor.areas, *actor.also_in)}[kind]


def _names_in(event_type: str, data: Mapping[str, Any], given: Collection[str]) -> Iterator[tuple[str, str, str]]:
    """Each name in the data of an event: the path to it, what kind of thing it names, and the name."""
    for field, kind in _kinds_named_by(event_type).items():
        value = data.get(field) if field in given else None
        if isinstance(value, list):
            for place, name in enumerate(value):
                yield f"{field}.{place}", kind, name
        elif value is not None:
            yield field, kind, value


def _join(names: Collection[str]) -> str:
    return ", ".join(sorted(names))


@cache
def _works_named_by(event_type: str) -> Mapping[str, str]:
    """The role of the team that the worker in each field of this type of event is of, for fields that ask for one."""
    declared = CATALOGUE[event_type].schema().fields if event_type in CATALOGUE else {}
    return {name: one.metadata["works_as"] for name, one in declared.items() if "works_as" in one.metadata}


@cache
def _kinds_named_by(event_type: str) -> Mapping[str, str]:
    """What each field of this type of event names in the directory, for the fields that name something there."""
    if event_type not in CATALOGUE:
        return {}
    declared = CATALOGUE[event_type].schema().fields
    inner = {name: one.inner if isinstance(one, fields.List) else one for name, one in declared.items()}
    return {name: one.metadata["names"] for name, one in inner.items() if "names" in one.metadata}
