"""Managers' changes of the directory: who joins, leaves, is absent, and who is on duty.

A team is changed by whoever is above it and by nobody else. They add people of the role that the team acts as. Only a
safeguarding lead of the area gives any other role, such as manager. Whoever leaves or is absent leaves every line with
three people who are there. Their open work is in the answer, with the cover whom the ladder tells in their place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from services.referrals_followup.api.filters import disclosed_to, shown_to
from services.referrals_followup.api.recording import execute_for
from services.referrals_followup.directory.current import CurrentDirectory
from services.referrals_followup.domain.directory import SAFEGUARDING_LEAD, Absence, Hours, Member, Parties, Post, Team
from services.referrals_followup.domain.directory_entries import (
    AGGREGATE,
    Change,
    Entry,
    entry_of_team,
    entry_of_worker,
)
from services.referrals_followup.domain.follow_up import OPEN, OWNER, Owner
from services.referrals_followup.domain.lines import IN_THE_END, find_lines_broken, say_what_to_do
from services.referrals_followup.ledger.evidence import EvidenceStore
from services.referrals_followup.ledger.view_codec import follow_up_of
from services.referrals_followup.ledger.views import FollowUpViews
from shared.events.errors import UnknownStream
from shared.events.store import EventStore
from shared.kernel.decisions import Actor, Forbidden, Invalid, Refused
from shared.kernel.ids import reference_of
from shared.kernel.nearest import say_nearest
from shared.kernel.time import london_date
from shared.web.exchange import Answer, Request

MOST_WORK = 200
# A refusal names so many lines.
MOST_LINES = 5


class DirectoryActs:
    """Reads and changes the directory for managers. A repeated request gets its first answer again."""

    def __init__(
        self, store: EventStore, directory: CurrentDirectory, views: FollowUpViews, evidence: EvidenceStore
    ) -> None:
        self._store = store
        self._directory = directory
        self._views = views
        self._evidence = evidence

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
            raise Forbidden("wrong-area", f"{worker} works in areas where you may not act")
        return self._worker(member, actor, self._today())

    def join(self, request: Request) -> Answer:
        """A new worker joins, or one who had left comes back."""
        body = request.body
        first, *others = (Post(**post) for post in body["posts"])
        member = Member(body["worker"], body["name"], body["email"], first.role, first.team, also=tuple(others))

        def make() -> Entry:
            known = self._directory.member(member.id)
            if known is not None and (known.left_on is None or not self._may_take_back(request.actor, known)):
                raise Refused("already-listed", f"{member.id} is in the directory; change what is different there")
            for place, post in enumerate(member.posts):
                team = self._team(post.team, f"posts.{place}.team")
                self._require_manager(request.actor, team)
                self._require_may_give(request.actor, post.role, team)
            self._require_lines(member, "posts", IN_THE_END)
            return entry_of_worker(member, self._directory.teams[first.team].area)

        return self._change_worker(request, member.id, make, location=f"/v1/directory/workers/{member.id}")

    def note_absence(self, request: Request) -> Answer:
        """A worker is absent for some days, both included."""
        first, last = request.body["first"], request.body["last"]
        if last < first:
            raise Invalid("not-in-order", "the absence ends before it begins", fields={"last": ["lies before first"]})

        def change(member: Member) -> Member:
            absences = {*member.absent, Absence(first, last)}
            absent = replace(member, absent=tuple(sorted(absences, key=lambda one: (one.first, one.last))))
            self._require_lines(absent, "first", first, last)
            return absent

        return self._change_member(request, change, max(first, self._today()))

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
        left_on = request.body["left_on"]

        def change(member: Member) -> Member:
            left = replace(member, left_on=left_on)
            self._require_lines(left, "left_on", left_on)
            return left

        return self._change_member(request, change, max(left_on, self._today()), of_every_team=True)

    def set_duty(self, request: Request) -> Answer:
        """Who is on duty for a team, within its hours and outside them."""
        body, team_id = request.body, request.path["team"]

        def make() -> Entry:
            team = self._directory.teams[team_id]
            self._require_manager(request.actor, team)
            for name in ("duty", "out_of_hours_duty"):
                self._require_of_team(body.get(name), team, name)
            hours = Hours(**body["hours"]) if "hours" in body else team.hours
            there = body.get("out_of_hours_duty", team.out_of_hours_duty)
            return entry_of_team(replace(team, duty=body["duty"], hours=hours, out_of_hours_duty=there))

        self._directory.refresh()
        if self._directory.team(team_id) is None:
            raise UnknownStream(_unknown("team", team_id, self._directory.teams))
        version = self._record(request, f"team/{team_id}", make)
        return Answer(201, _team(self._directory.teams[team_id]), version=version)

    def _change_member(
        self,
        request: Request,
        change: Callable[[Member], Member],
        covered_from: date | None = None,
        *,
        of_every_team: bool = False,
    ) -> Answer:
        """Change a worker. With `of_every_team`, the actor has to be above each team in which the worker has a post."""
        worker = request.path["worker"]
        self._directory.refresh()
        self._member(worker)

        def make() -> Entry:
            member = self._member(worker)
            teams = self._teams_of(member)
            theirs = [team for team in teams if not self._manages(request.actor, team)]
            if len(theirs) == len(teams) or (of_every_team and theirs):
                raise _not_theirs(theirs[0])
            return entry_of_worker(change(member), teams[0].area)

        return self._change_worker(request, worker, make, covered_from)

    def _change_worker(
        self,
        request: Request,
        worker: str,
        make: Callable[[], Entry],
        covered_from: date | None = None,
        location: str | None = None,
    ) -> Answer:
        self._directory.refresh()
        version = self._record(request, f"worker/{worker}", make)
        body = self._worker(self._directory.people[worker], request.actor, covered_from or self._today())
        return Answer(201, body, version=version, location=location)

    def _record(self, request: Request, stream: str, make: Callable[[], Entry]) -> int:
        """Record the entry that `make` gives for the present directory. Raises StaleVersion if it changed meanwhile."""
        known = self._directory.version_of(stream)
        expected = known if request.expected_version is None else request.expected_version
        recorded = execute_for(
            replace(request, expected_version=expected), self._store, AGGREGATE, stream, Change(make)
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

    def _teams_of(self, member: Member) -> list[Team]:
        return [self._directory.teams[post.team] for post in member.posts if post.team in self._directory.teams]

    def _may_take_back(self, actor: Actor, member: Member) -> bool:
        """Whether the worker has left by today, or the actor is above each of their teams."""
        return member.has_left(self._today()) or all(self._manages(actor, team) for team in self._teams_of(member))

    def _require_of_team(self, worker: str | None, team: Team, field: str) -> None:
        if worker is None:
            return
        known = self._directory.member(worker)
        if known is None:
            raise _invalid(field, _unknown("worker", worker, self._directory.people))
        if not known.works_in(team.id) or known.has_left(self._today()):
            raise _invalid(field, f"is nobody who works in {team.id}")

    def _require_may_give(self, actor: Actor, role: str, team: Team) -> None:
        """Refuse as forbidden whoever gives a role that the team does not act as, unless they lead in its area."""
        leads = actor.role == SAFEGUARDING_LEAD and actor.id in self._directory.leads_of(team.area)
        if role != team.role and not leads:
            raise Forbidden(
                "not-a-role-of-the-team",
                f"whoever is above {team.id} adds a {team.role}; a safeguarding lead of {team.area} adds a {role}",
            )

    def _require_manager(self, actor: Actor, team: Team) -> None:
        if not self._manages(actor, team):
            raise _not_theirs(team)

    def _manages(self, actor: Actor, team: Team) -> bool:
        """Whether the actor is above the team, as the directory has it."""
        return team.area in actor.areas and actor.id in self._directory.line_of_team(team.id, self._today())

    def _require_lines(self, member: Member, field: str, first: date, last: date = IN_THE_END) -> None:
        """Raises Invalid if a line would reach fewer than three people who are there, with the member listed so."""
        broken = find_lines_broken(self._directory, member, first, last)
        if broken:
            message = "three different people have to be there in every line; `errors` says which are too short"
            raise Invalid("line-too-short", message, fields={field: list(self._say_broken(broken))})

    def _say_broken(self, broken: Mapping[str, Iterable[str]]) -> Iterator[str]:
        for team, reached in sorted(broken.items())[:MOST_LINES]:
            to_do = say_what_to_do(self._directory.teams[team])
            yield f"a line of {team} would reach only {' and '.join(reached)}; first {to_do}"
        if len(broken) > MOST_LINES:
            yield f"and so in {len(broken) - MOST_LINES} more teams"

    def _today(self) -> date:
        return london_date(self._store.clock.now())

    def _worker(self, member: Member, actor: Actor, on: date) -> dict[str, Any]:
        owned = {"owner_person": member.id, "state": OPEN, "areas": {"$in": list(actor.areas)}, **disclosed_to(actor)}
        hidden = self._evidence.find_protected().find_hidden(actor.role, actor.team, actor.areas)
        wanted = {"$and": [owned, *shown_to(actor, {"owner": member.id}, hidden)]}
        found = list(self._views.collection.find(wanted).sort("_id", 1).limit(MOST_WORK))
        return {
            "worker": member.id,
            "name": member.name,
            "email": member.email,
            "posts": [{"role": post.role, "team": post.team} for post in member.posts],
            "absences": [{"first": one.first, "last": one.last} for one in member.absent],
            "left_on": member.left_on,
            "open_work": [reference_of(document["_id"]) for document in found],
            "cover": [self._cover_of(document, on) for document in found] if member.why_away(on) else [],
        }

    def _cover_of(self, document: Mapping[str, Any], on: date) -> dict[str, str]:
        """Who is told of this follow-up on that day, in place of its owner, and why."""
        owner = Owner(document["owner_role"], document.get("owner_team"), document["owner_person"])
        (cover,) = self._directory.resolve(OWNER, Parties.of(follow_up_of(document), owner), on)
        return {"reference": reference_of(document["_id"]), "person": cover.person, "because": cover.because}


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
        "not-your-team", f"only {team.manager}, or somebody above {team.manager} in {team.area}, changes {team.id}"
    )


def _invalid(field: str, fault: str) -> Invalid:
    return Invalid("unknown-name", "the directory does not list what the body names", fields={field: [fault]})


def _unknown(kind: str, name: str, known: Mapping[str, Any]) -> str:
    return f"there is no such {kind}{say_nearest(name, known)}"
