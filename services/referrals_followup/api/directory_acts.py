"""Managers' changes of the directory: who joins, leaves, is absent, and who is on duty.

A team is changed by its manager, or by the safeguarding lead of its area, and by nobody else. The open work of somebody
who leaves or is absent is told, so that somebody looks at it; the ladder reaches their cover by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from services.referrals_followup.api.filters import disclosed_to
from services.referrals_followup.directory.current import CurrentDirectory
from services.referrals_followup.directory.loader import HEADS, REACHED_BY_A_LINE
from services.referrals_followup.domain.directory import SAFEGUARDING_LEAD, Absence, Hours, Member, Post, Team
from services.referrals_followup.domain.directory_entries import (
    AGGREGATE,
    Change,
    Entry,
    entry_of_team,
    entry_of_worker,
)
from services.referrals_followup.domain.follow_up import OPEN
from services.referrals_followup.ledger.views import FollowUpViews
from shared.events.errors import UnknownStream
from shared.events.store import EventStore
from shared.kernel.decisions import Actor, Forbidden, Invalid, Refused
from shared.kernel.ids import reference_of
from shared.kernel.nearest import say_nearest
from shared.web.exchange import Answer, Request

MOST_WORK = 200


class DirectoryActs:
    """Reads and changes the directory for managers. A repeated request gets its first answer again."""

    def __init__(self, store: EventStore, directory: CurrentDirectory, views: FollowUpViews) -> None:
        self._store = store
        self._directory = directory
        self._views = views

    def list_teams(self, actor: Actor) -> dict[str, Any]:
        """The teams of the actor's areas, with everybody who has a post in them and has not left."""
        workers: dict[str, list[Member]] = {}
        for member in self._directory.people.values():
            for team in {post.team for post in member.posts} if member.left_on is None else ():
                workers.setdefault(team, []).append(member)
        teams = [
            {**_team(team), "workers": [{"id": one.id, "name": one.name} for one in workers.get(team.id, ())]}
            for team in self._directory.teams.values()
            if team.area in actor.areas and team.closed_on is None
        ]
        return {"items": teams}

    def read_worker(self, actor: Actor, worker: str) -> dict[str, Any]:
        """One worker. Raises UnknownStream, and Forbidden for one of other areas."""
        member = self._member(worker)
        areas = {self._directory.teams[post.team].area for post in member.posts if post.team in self._directory.teams}
        if areas.isdisjoint(actor.areas):
            raise Forbidden("wrong-area", f"{worker} works in {' and '.join(sorted(areas))}")
        return self._worker(member, actor)

    def join(self, request: Request) -> Answer:
        """A new worker joins, or one who had left comes back."""
        body = request.body
        first, *others = (Post(**post) for post in body["posts"])
        member = Member(body["worker"], body["name"], body["email"], first.role, first.team, also=tuple(others))

        def make() -> Entry:
            known = self._directory.member(member.id)
            if known is not None and known.left_on is None:
                raise Refused("already-listed", f"{member.id} is in the directory; change what is different there")
            for place, post in enumerate(member.posts):
                self._require_manager(request.actor, self._team(post.team, f"posts.{place}.team"))
            self._require_line(member, self._directory.teams[first.team])
            return entry_of_worker(member, self._directory.teams[first.team].area)

        return self._change_worker(request, member.id, make, f"/v1/directory/workers/{member.id}")

    def note_absence(self, request: Request) -> Answer:
        """A worker is absent for some days, both included."""
        first, last = request.body["first"], request.body["last"]
        if last < first:
            raise Invalid("not-in-order", "the absence ends before it begins", fields={"last": ["lies before first"]})

        def change(member: Member) -> Member:
            absences = {*member.absent, Absence(first, last)}
            return replace(member, absent=tuple(sorted(absences, key=lambda one: (one.first, one.last))))

        return self._change_member(request, change)

    def note_return(self, request: Request) -> Answer:
        """A worker is there again from a day on. It ends an absence that covers this day, and no later one."""
        on = request.body["on"]

        def change(member: Member) -> Member:
            ended = [
                replace(one, last=min(one.last, on - timedelta(days=1))) if one.first <= on else one
                for one in member.absent
            ]
            return replace(member, absent=tuple(one for one in ended if one.first <= one.last))

        return self._change_member(request, change)

    def leave(self, request: Request) -> Answer:
        """A worker no longer works here from a day on."""
        return self._change_member(request, lambda member: replace(member, left_on=request.body["left_on"]))

    def set_duty(self, request: Request) -> Answer:
        """Who is on duty for a team, within its hours and outside them."""
        body, team_id = request.body, request.path["team"]

        def make() -> Entry:
            team = self._directory.teams[team_id]
            self._require_manager(request.actor, team)
            for name in ("duty", "out_of_hours_duty"):
                self._require_worker(body.get(name), name)
            hours = Hours(**body["hours"]) if "hours" in body else team.hours
            there = body.get("out_of_hours_duty", team.out_of_hours_duty)
            return entry_of_team(replace(team, duty=body["duty"], hours=hours, out_of_hours_duty=there))

        self._directory.refresh()
        if self._directory.team(team_id) is None:
            raise UnknownStream(_unknown("team", team_id, self._directory.teams))
        version = self._record(request, f"team/{team_id}", make)
        return Answer(201, _team(self._directory.teams[team_id]), version=version)

    def _change_member(self, request: Request, change: Callable[[Member], Member]) -> Answer:
        worker = request.path["worker"]
        self._directory.refresh()
        self._member(worker)

        def make() -> Entry:
            member = self._member(worker)
            teams = [self._directory.teams[post.team] for post in member.posts if post.team in self._directory.teams]
            if not any(self._manages(request.actor, team) for team in teams):
                raise _not_theirs(teams[0])
            return entry_of_worker(change(member), teams[0].area)

        return self._change_worker(request, worker, make)

    def _change_worker(
        self, request: Request, worker: str, make: Callable[[], Entry], location: str | None = None
    ) -> Answer:
        self._directory.refresh()
        version = self._record(request, f"worker/{worker}", make)
        body = self._worker(self._directory.people[worker], request.actor)
        return Answer(201, body, version=version, location=location)

    def _record(self, request: Request, stream: str, make: Callable[[], Entry]) -> int:
        """Record the entry that `make` gives for the present directory. Raises StaleVersion if it changed meanwhile."""
        known = self._directory.version_of(stream)
        recorded = self._store.execute(
            AGGREGATE,
            stream,
            Change(make),
            request.actor,
            key=request.key,
            body=request.raw_body,
            operation=request.operation,
            expected_version=known if request.expected_version is None else request.expected_version,
            correlation_id=request.correlation_id,
            creates=True,
        )
        self._directory.refresh()
        return recorded.version

    def _member(self, worker: str) -> Member:
        member = self._directory.member(worker)
        if member is None:
            raise UnknownStream(_unknown("worker", worker, self._directory.people))
        return member

    def _team(self, team_id: str, field: str) -> Team:
        team = self._directory.team(team_id)
        if team is None:
            raise _invalid(field, _unknown("team", team_id, self._directory.teams))
        return team

    def _require_worker(self, worker: str | None, field: str) -> None:
        if worker is not None and worker not in self._directory.people:
            raise _invalid(field, _unknown("worker", worker, self._directory.people))

    def _require_manager(self, actor: Actor, team: Team) -> None:
        if not self._manages(actor, team):
            raise _not_theirs(team)

    def _manages(self, actor: Actor, team: Team) -> bool:
        """Whether the actor manages the team, or is the safeguarding lead of its area, as the directory has it."""
        leads = {
            duty.person
            for duty in self._directory.duty_roles
            if (duty.role, duty.area, duty.team) == (SAFEGUARDING_LEAD, team.area, None)
        }
        return team.area in actor.areas and actor.id in {team.manager, *leads}

    def _require_line(self, member: Member, team: Team) -> None:
        heads = {
            duty.person
            for duty in self._directory.duty_roles
            if duty.role in HEADS and duty.team in (None, team.id) and duty.area == team.area
        }
        if len({member.id, team.manager, *heads}) < REACHED_BY_A_LINE:
            raise _invalid("posts.0.team", f"the line of {team.id} does not reach three different people")

    def _worker(self, member: Member, actor: Actor) -> dict[str, Any]:
        owned = {"owner_person": member.id, "state": OPEN, "areas": {"$in": list(actor.areas)}, **disclosed_to(actor)}
        found = self._views.collection.find(owned, {"_id": 1}).sort("_id", 1).limit(MOST_WORK)
        return {
            "worker": member.id,
            "name": member.name,
            "email": member.email,
            "posts": [{"role": post.role, "team": post.team} for post in member.posts],
            "absences": [{"first": one.first, "last": one.last} for one in member.absent],
            "left_on": member.left_on,
            "open_work": [reference_of(document["_id"]) for document in found],
        }


def _team(team: Team) -> dict[str, Any]:
    return {
        "team": team.id,
        "name": team.name,
        "area": team.area,
        "role": team.role,
        "services": list(team.services),
        "manager": team.manager,
        "duty": team.duty,
        "out_of_hours_duty": team.out_of_hours_duty,
        "hours": team.hours,
    }


def _not_theirs(team: Team) -> Forbidden:
    return Forbidden(
        "not-your-team", f"only {team.manager}, or the safeguarding lead of {team.area}, changes {team.id}"
    )


def _invalid(field: str, fault: str) -> Invalid:
    return Invalid("unknown-name", "the directory does not list what the body names", fields={field: [fault]})


def _unknown(kind: str, name: str, known: Mapping[str, Any]) -> str:
    return f"there is no such {kind}{say_nearest(name, known)}"
