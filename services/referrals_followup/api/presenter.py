"""Follow-ups as answers show them to one reader. Reads nothing from the store.

Whoever calls it leaves out what the reader may not see (`domain/disclosure.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from services.referrals_followup.domain.directory import Directory
from services.referrals_followup.domain.disclosure import find_withheld
from services.referrals_followup.domain.follow_up import OPEN, Acts, FollowUp, Rung, owner_of, timed
from services.referrals_followup.domain.links import Links
from services.referrals_followup.domain.protection import NOTHING_HIDDEN, Hidden
from services.referrals_followup.ledger.data_problems import DataProblems
from services.referrals_followup.ledger.view_codec import document_of
from shared.kernel.decisions import Actor
from shared.kernel.envelope import Event
from shared.kernel.time import Offset, days_overdue, london_date, occurred_on

_OF_VIEW = (
    *("reference", "standard", "step", "title", "expects", "state", "area", "person", "thread"),
    *("opened_at", "visible_from", "due_at", "inherited", "gap", "basis", "source"),
)
_OF_ACTS = ("chases", "last_chased_at", "acknowledged_by", "accepted_by", "refused_by")
_OF_OWNER = ("owner_role", "owner_team", "owner_person")
# The basis and the source of a step name the area whose rules it follows.
_TELLS_WHERE_IN_LINE = ("area", "basis", "source", "acknowledged_by", "accepted_by", "refused_by")
_TELLS_WHERE = ("opened_actor", "opened_team", "receiver_team")
_WHY = ("opened_by", "opened_type", "opened_actor", "opened_team", "receiver_team", "confidence", "rules")

LINE = dict.fromkeys((*_OF_VIEW, *_OF_OWNER, *(f"acts.{name}" for name in _OF_ACTS)), 1)
"""The fields of the view of a follow-up that its line in a list needs, as a projection."""


class FollowUpPresenter:
    """Makes the lines and the details of answers."""

    def __init__(self, directory: Directory, links: Links) -> None:
        self._directory = directory
        self._links = links

    def present(
        self,
        views: Iterable[Mapping[str, Any]],
        now: datetime,
        problems: DataProblems,
        hidden: Hidden = NOTHING_HIDDEN,
    ) -> list[dict[str, Any]]:
        """The lines of a list. `now` (UTC) is the instant that the list is about.

        Lines of people who are `hidden` have no area, and no team and worker of others than the reader's own team.

        Each view is a document of `follow_ups` with at least the fields of `LINE`. Time counts in whole days in London:
        until midnight there, the lines of the same views stay the same.
        """
        lines = ((view, self._present_line(view, now, problems)) for view in views)
        return [
            _hide_in_line(line, view, hidden) if hidden.covers(view.get("person"), view["thread"]) else line
            for view, line in lines
        ]

    def _present_line(self, view: Mapping[str, Any], now: datetime, problems: DataProblems) -> dict[str, Any]:
        acts = view["acts"]
        is_open = view["state"] == OPEN
        return {
            "id": view["_id"],
            **dict(zip(_OF_VIEW, map(view.get, _OF_VIEW), strict=True)),
            "disclosed": True,
            "data_problem": problems.bear_on(view["thread"], view.get("person")),
            "owner": self._present_owner(view["owner_role"], view["owner_team"], view["owner_person"]),
            "overdue_by_days": days_overdue(view["due_at"], now) if is_open else 0,
            **dict(zip(_OF_ACTS, map(acts.get, _OF_ACTS), strict=True)),
            "links": {
                "follow_up": self._links.follow_up(view["reference"]),
                "record": self._links.record(view["thread"]),
            },
        }

    def present_in_full(
        self,
        follow_up: FollowUp,
        acts: Acts,
        now: datetime,
        problems: DataProblems,
        hidden: Hidden = NOTHING_HIDDEN,
    ) -> dict[str, Any]:
        """Everything about one follow-up but its history: also why it is due, its ladder, and what closed it."""
        why = {**follow_up.why, **{name: getattr(follow_up, name) for name in _WHY}}
        ladder = self._present_ladder(follow_up, acts, now)
        is_hidden = hidden.covers(follow_up.person, follow_up.thread)
        if is_hidden:
            why |= {**dict.fromkeys(_TELLS_WHERE), "rules": {}}
            ladder = [{**rung, "tells": []} for rung in ladder]
        return {
            **self.present([document_of(follow_up, acts, None)], now, problems, hidden)[0],
            "why": why,
            "fallback": follow_up.fallback,
            "ladder": ladder,
            "closed_at": follow_up.closed_at,
            "closed_actor": None if is_hidden else follow_up.closed_actor,
            "closed_reason": follow_up.closed_reason,
            "guarded": follow_up.guarded,
            "held_until": follow_up.held_until,
        }

    def present_claim(self, claim: Event, would: str, hidden: Hidden = NOTHING_HIDDEN) -> dict[str, Any]:
        """One claim that waits for an answer, and where it is answered."""
        record = self._links.record(claim.stream)
        is_hidden = hidden.covers_event(claim) and claim.team != hidden.team
        return {
            "event_id": claim.id,
            "type": claim.type,
            "role": claim.role,
            "team": None if is_hidden else claim.team,
            "since": claim.recorded_at,
            "would": would,
            "confirm": record and f"{record}/claims/confirmed",
            "reject": record and f"{record}/claims/rejected",
        }

    def _present_owner(self, role: str, team: str | None, person: str | None) -> dict[str, Any]:
        """The owner, with the role that the person has in the directory. The standard may name another role."""
        member = self._directory.member(person)
        return {"role": member.role if member else role, "team": team, "person": person}

    def _present_ladder(self, follow_up: FollowUp, acts: Acts, now: datetime) -> list[dict[str, Any]]:
        owner, on = owner_of(follow_up, acts), london_date(now)

        def present_rung(rung: Rung) -> dict[str, Any]:
            chased_at = acts.chased.get(rung.name)
            return {
                "name": rung.name,
                "at": rung.at,
                "to": list(rung.to),
                "tells": self._directory.find_recipients(follow_up, rung, owner, on),
                "urgent": rung.urgent,
                "alarm": rung.alarm,
                "repeats_every": offset_text(rung.repeat),
                "chased_at": chased_at if chased_at is not None and chased_at >= rung.at else None,
            }

        return [present_rung(rung) for rung in timed(follow_up, acts)]


def _hide_in_line(line: dict[str, Any], view: Mapping[str, Any], hidden: Hidden) -> dict[str, Any]:
    """The line without what tells where its person is."""
    is_own = view["owner_team"] == hidden.team
    owner = line["owner"] if is_own else {"role": view["owner_role"], "team": None, "person": None}
    return {**line, **dict.fromkeys(_TELLS_WHERE_IN_LINE), "owner": owner}


def withheld_of(document: Mapping[str, Any], actor: Actor) -> frozenset[str]:
    """`find_withheld` of the domain for the document of a view or of a sum."""
    matters = ((matter["type"], matter["teams"]) for matter in document["matters"])
    return find_withheld(matters, document["acts"]["given_team"], actor.role, actor.team)


def present_entry(
    event: Event, private: Mapping[str, Any] | None = None, hidden: Hidden | None = None
) -> dict[str, Any]:
    """One line of a history. `private` holds what is never published of the event, such as its note.

    With `hidden`, it is of a person of whom the reader may not see where they are.
    """
    data, is_own = (event.data, True) if hidden is None else (hidden.hide_in(event), event.team == hidden.team)
    entry: dict[str, Any] = {
        "event_id": event.id,
        "type": event.type,
        "at": event.occurred_at,
        "recorded_at": event.recorded_at,
        "actor": event.actor if is_own else None,
        "role": event.role,
    }
    if event.stream.startswith("follow-up/"):
        names = ("recipients", "person", "team", "reason_code")
        entry.update({name: data[name] for name in names if name in data})
        if "rungs" in data:
            entry["rungs"] = [rung["name"] for rung in data["rungs"]]
    else:
        entry["occurred_on"] = occurred_on(event.occurred_at, event.precision)
    if private and "note" in private:
        entry["note"] = private["note"]
    return entry


def offset_text(offset: Offset | None) -> str | None:
    return offset.text() if offset else None
