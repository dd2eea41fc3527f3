"""Follow-ups as answers show them to one reader. Reads nothing from the store.

Guarantee: outside the reader's disclosure class, an answer only says that the follow-up exists, when it is due, who
owns it and whom to ask.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from operator import attrgetter
from typing import Any

from services.referrals_followup.domain.directory import Directory, Parties
from services.referrals_followup.domain.disclosure import is_disclosed, redact
from services.referrals_followup.domain.follow_up import OPEN, Acts, FollowUp, Owner, Rung, owner_of, timed
from services.referrals_followup.domain.links import Links
from services.referrals_followup.ledger.data_problems import DataProblems
from shared.kernel.decisions import Actor
from shared.kernel.envelope import Event
from shared.kernel.time import Offset, london_date

_OF_FOLLOW_UP = (
    *("id", "reference", "standard", "step", "title", "expects", "state", "area", "person", "thread"),
    *("opened_at", "visible_from", "due_at", "inherited", "gap", "basis", "source"),
)
_OF_ACTS = ("chases", "last_chased_at", "acknowledged_by", "accepted_by", "refused_by")
_WHY = ("opened_by", "opened_type", "opened_actor", "opened_team", "receiver_team", "confidence", "rules")
_of_follow_up, _of_acts = attrgetter(*_OF_FOLLOW_UP), attrgetter(*_OF_ACTS)


class FollowUpPresenter:
    """Makes the lines and the details of answers."""

    def __init__(self, directory: Directory, links: Links) -> None:
        self._directory = directory
        self._links = links

    def present(
        self, actor: Actor, follow_up: FollowUp, acts: Acts, now: datetime, problems: DataProblems
    ) -> dict[str, Any]:
        """One line of a list, as the actor may see it. `now` (UTC) is the instant that the list is about."""
        visible = redact(follow_up, acts, actor.role, actor.team)
        is_overdue = follow_up.state == OPEN and follow_up.due_at <= now
        return {
            **dict(zip(_OF_FOLLOW_UP, _of_follow_up(visible), strict=True)),
            "disclosed": visible is follow_up,
            "data_problem": problems.bear_on(follow_up),
            "owner": self._present_owner(owner_of(follow_up, acts)),
            "overdue_by_days": (london_date(now) - london_date(follow_up.due_at)).days if is_overdue else 0,
            **dict(zip(_OF_ACTS, _of_acts(acts), strict=True)),
            "links": {
                "follow_up": self._links.follow_up(follow_up.reference),
                "record": self._links.record(visible.thread),
            },
        }

    def present_in_full(
        self,
        actor: Actor,
        follow_up: FollowUp,
        acts: Acts,
        now: datetime,
        problems: DataProblems,
    ) -> dict[str, Any]:
        """Everything about one follow-up but its history: also why it is due, its ladder, and what closed it."""
        disclosed = is_disclosed(follow_up, acts, actor.role, actor.team)
        why = {**follow_up.why, **{name: getattr(follow_up, name) for name in _WHY}}
        return {
            **self.present(actor, follow_up, acts, now, problems),
            "why": why if disclosed else {},
            "fallback": follow_up.fallback if disclosed else None,
            "ladder": self._present_ladder(follow_up, acts, now) if disclosed else [],
            "closed_at": follow_up.closed_at,
            "closed_actor": follow_up.closed_actor,
            "closed_reason": follow_up.closed_reason if disclosed else None,
        }

    def _present_owner(self, owner: Owner) -> dict[str, Any]:
        """The owner, with the role that the person has in the directory. The standard may name another role."""
        member = self._directory.member(owner.person)
        return {"role": member.role if member else owner.role, "team": owner.team, "person": owner.person}

    def _present_ladder(self, follow_up: FollowUp, acts: Acts, now: datetime) -> list[dict[str, Any]]:
        parties, on = Parties.of(follow_up, owner_of(follow_up, acts)), london_date(now)

        def present_rung(rung: Rung) -> dict[str, Any]:
            chased_at = acts.chased.get(rung.name)
            return {
                "name": rung.name,
                "at": rung.at,
                "to": list(rung.to),
                "tells": [recipient for to in rung.to for recipient in self._directory.resolve(to, parties, on)],
                "urgent": rung.urgent,
                "alarm": rung.alarm,
                "repeats_every": offset_text(rung.repeat),
                "chased_at": chased_at if chased_at is not None and chased_at >= rung.at else None,
            }

        return [present_rung(rung) for rung in timed(follow_up, acts)]


def present_entry(event: Event, private: Mapping[str, Any] | None = None, disclosed: bool = True) -> dict[str, Any]:
    """One line of a history. `private` holds what is never published of the event, such as its note."""
    entry: dict[str, Any] = {
        "event_id": event.id,
        "type": event.type,
        "at": event.occurred_at,
        "recorded_at": event.recorded_at,
        "actor": event.actor,
        "role": event.role,
    }
    if event.stream.startswith("follow-up/"):
        names = ("recipients", "person", "team", *(("reason_code",) if disclosed else ()))
        entry.update({name: event.data[name] for name in names if name in event.data})
        if "rungs" in event.data:
            entry["rungs"] = [rung["name"] for rung in event.data["rungs"]]
    if private and "note" in private:
        entry["note"] = private["note"]
    return entry


def offset_text(offset: Offset | None) -> str | None:
    return offset.text() if offset else None
