"""The people, teams, areas and duty roles of the directory, and the choice of recipients among them.

Guarantee: for every role, day and area `resolve` finds somebody, and says why it is that person.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from services.referrals_followup.domain.follow_up import (
    OWNER,
    TEAM_MANAGER,
    FollowUp,
    Line,
    Owner,
    Rung,
    is_above_owner,
)

MANAGER, SENDER, RECEIVER = "manager", "sender", "receiver"
SAFEGUARDING_LEAD, OPERATOR = "safeguarding_lead", "operator"
# Each area must name a person for these two, so that there is always somebody to stand in.
NEEDED_IN_EACH_AREA = (OPERATOR, SAFEGUARDING_LEAD)
HEAD_OF_SERVICE, DEPUTY_LEAD = "head_of_service", "deputy_safeguarding_lead"
# Whoever holds one of these for a team is above the manager of the team.
HEADS_OF_TEAM = ("service_manager", HEAD_OF_SERVICE, DEPUTY_LEAD, SAFEGUARDING_LEAD)


@dataclass(frozen=True, slots=True)
class Area:
    id: str
    name: str
    closed_on: date | None = None


@dataclass(frozen=True, slots=True)
class Hours:
    """When a team works, such as from `08:00` until `18:00`; `days` is `working_days` or `every_day`."""

    opens: str
    closes: str
    days: str


@dataclass(frozen=True, slots=True)
class Team:
    """`role` is what its members act as, `services` what is referred to it. `manager` and `duty` are ids of people.

    Outside its `hours` the person on `out_of_hours_duty` is there for it. From `closed_on` it takes on nothing.
    """

    id: str
    name: str
    area: str
    role: str
    manager: str
    duty: str
    services: tuple[str, ...] = ()
    hours: Hours | None = None
    out_of_hours_duty: str | None = None
    closed_on: date | None = None


@dataclass(frozen=True, slots=True)
class Absence:
    """From the first day to the last, both included."""

    first: date
    last: date


@dataclass(frozen=True, slots=True)
class Post:
    """What somebody acts as, and in which team."""

    role: str
    team: str


@dataclass(frozen=True, slots=True)
class Member:
    """A professional, with their main post and further ones. `left_on` is the first day on which they no longer work
    here.
    """

    id: str
    name: str
    email: str
    role: str
    team: str
    absent: tuple[Absence, ...] = ()
    left_on: date | None = None
    also: tuple[Post, ...] = ()

    @property
    def posts(self) -> tuple[Post, ...]:
        """Every post, the main one first."""
        return (Post(self.role, self.team), *self.also)

    def works_in(self, team: str) -> bool:
        return any(post.team == team for post in self.posts)

    def has_left(self, on: date) -> bool:
        return self.left_on is not None and on >= self.left_on

    def why_away(self, on: date) -> str | None:
        """Why this person cannot act on that day; None when they can."""
        if self.left_on is not None and self.has_left(on):
            return f"{self.id} left on {self.left_on.isoformat()}"
        for absence in self.absent:
            if absence.first <= on <= absence.last:
                return f"{self.id} is away until {absence.last.isoformat()}"
        return None


@dataclass(frozen=True, slots=True)
class DutyRole:
    """The person who holds a role in an area, or for one team of it."""

    role: str
    area: str
    person: str
    team: str | None = None


@dataclass(frozen=True, slots=True)
class Recipient:
    person: str
    because: str


@dataclass(frozen=True, slots=True)
class Parties:
    """The parties of a follow-up: its area, its present owner, the sender, and the receiver if there is one."""

    area: str
    owner: Owner
    sender: str
    senders_team: str
    receiver_role: str | None = None
    receiver_team: str | None = None

    @classmethod
    def of(cls, follow_up: FollowUp, owner: Owner) -> Parties:
        """The parties of this follow-up. The sender is the person who opened it."""
        return cls(
            area=follow_up.area,
            owner=owner,
            sender=follow_up.opened_actor,
            senders_team=follow_up.opened_team,
            receiver_role=follow_up.receiver_role,
            receiver_team=follow_up.receiver_team,
        )


class Directory:
    """A valid directory: every id in it exists, and each area has an operator and a safeguarding lead."""

    def __init__(
        self,
        areas: tuple[Area, ...],
        teams: tuple[Team, ...],
        people: tuple[Member, ...],
        duty_roles: tuple[DutyRole, ...],
    ) -> None:
        self.areas = {area.id: area for area in areas}
        self.teams = {team.id: team for team in teams}
        self.people = {member.id: member for member in people}
        self.duty_roles = duty_roles
        self._held: dict[tuple[str, str | None], list[DutyRole]] = {}
        for duty in duty_roles:
            self._held.setdefault((duty.role, duty.team), []).append(duty)
        self._heads = self._list_heads()
        self._leads = self._list_leads()

    @property
    def roles(self) -> frozenset[str]:
        """Every role that `resolve` knows: the duty roles, what teams act as, and what is referred to them."""
        teams = self.teams.values()
        return frozenset(
            [MANAGER, TEAM_MANAGER]
            + [duty.role for duty in self.duty_roles]
            + [team.role for team in teams]
            + [service for team in teams for service in team.services]
        )

    def member(self, person: str | None) -> Member | None:
        return self.people.get(person or "")

    def team(self, team: str | None) -> Team | None:
        return self.teams.get(team or "")

    def team_of(self, person: str | None) -> Team | None:
        """The team of a person; None for a person who is not in the directory."""
        member = self.member(person)
        return self.teams[member.team] if member else None

    def area_name(self, area: str) -> str:
        """The name of the area; its id when the directory does not know it."""
        return self.areas[area].name if area in self.areas else area

    def operators(self, on: date) -> tuple[Recipient, ...]:
        """One operator of each area, once each."""
        duties = [duty for duty in self.duty_roles if duty.role == OPERATOR]
        return _unique([self._resolve_duty(duty, on, OPERATOR, duty.area) for duty in duties])

    def safeguarding_leads(self, on: date) -> tuple[Recipient, ...]:
        """The safeguarding lead of each area, once each."""
        duties = self._held.get((SAFEGUARDING_LEAD, None), ())
        return _unique([self._resolve_duty(duty, on, SAFEGUARDING_LEAD, duty.area) for duty in duties])

    def is_owned(self, owner: Owner, area: str, on: date) -> bool:
        """Whether the owner, or the duty person or manager of their team, is at work that day."""
        team = self._owners_team(owner, area)
        if team is None:
            return False
        member = self.member(owner.person)
        candidates = (member.id if member and member.works_in(team.id) else team.duty, team.duty, team.manager)
        return any(not self.people[person].why_away(on) for person in candidates)

    def stand_in(self, person: str, area: str, on: date) -> Member:
        """The person themselves, or the area's safeguarding lead when the person is not in the directory."""
        return self.member(person) or self.people[self._last_resort(area, on, f"{person} is unknown").person]

    def find_recipients(self, follow_up: FollowUp, rung: Rung, owner: Owner, on: date) -> tuple[Recipient, ...]:
        """The people whom the rung tells that day.

        A rung above the owner tells somebody else: where it would tell only whoever is told as the owner, it also tells
        the next one up. Whoever holds a case about the person is told beside them.
        """
        parties = Parties.of(follow_up, owner)
        found = [recipient for to in rung.to for recipient in self.resolve(to, parties, on)]
        told_as_owner = self._told_as_owner(parties, on)
        if is_above_owner(follow_up, rung) and told_as_owner.issuperset(recipient.person for recipient in found):
            found.append(self._next_above(parties, on))
        for holder in follow_up.holders:
            team = self.team(holder.team)
            found.append(self._person_or_team(holder.person, team, "holder of the case", follow_up.area, on))
        return _unique(found)

    def line_of(self, follow_up: FollowUp, on: date) -> Line:
        """Who is above the owner of this follow-up, and who is told as the owner, for any owner that it may have."""
        leads = (lead for area in follow_up.areas for lead in self.leads_of(area))
        return Line(
            above=lambda owner: self.line_above(owner, follow_up.area, on),
            leads=[lead for lead in leads if not self.people[lead].has_left(on)],
            told=lambda owner: self._told_as_owner(Parties.of(follow_up, owner), on),
        )

    def line_above(self, owner: Owner, area: str, on: date) -> tuple[str, ...]:
        """The people above the owner who have not left, the nearest first. The owner is not among them.

        They are the manager of the owner's team, the heads of that team and the managers of these managers; then the
        safeguarding lead of the area, the deputies, and the heads of service of the area.
        """
        team = self._owners_team(owner, area)
        found, person = self._managers_of(team), _person_of(owner, team)
        if person in found:
            found = found[found.index(person) + 1 :]
        line = dict.fromkeys((*found, *self.leads_of(area), *self._heads.get((None, area), ())))
        return tuple(above for above in line if above != person and not self.people[above].has_left(on))

    def line_of_team(self, team: str, on: date = date.min) -> tuple[str, ...]:
        """Everybody above whoever works in this team and is not above it, the nearest first. Without a day, whoever has
        left is among them.
        """
        known = self.teams[team]
        return self.line_above(Owner(known.role, team), known.area, on)

    def resolve(self, to: str, parties: Parties, on: date) -> tuple[Recipient, ...]:
        """The people whom a rung's `to` means on that day.

        `to` is `owner`, `manager` (of the owner's team, or the next one up where that person is told as the owner),
        `sender`, `receiver` (the duty person of that team) or a role.
        A role is held for the receiver's team, else the owner's, else the sender's, else for the area. A person who is
        away, has left or works in another team is replaced by the duty person of the team, else its manager, else the
        area's safeguarding lead.
        """
        owner, area = parties.owner, parties.area
        if to == OWNER:
            team = self._owners_team(owner, area)
            if team is not None and owner.person is None and owner.role == TEAM_MANAGER:
                return (self._find_present(team.manager, team, area, on, f"manager of {team.id}"),)
            return (self._person_or_team(owner.person, team, owner.role, area, on),)
        if to == MANAGER:
            team = self._owners_team(owner, area)
            if team is None:
                return (self._last_resort(area, on, f"nobody manages {owner.role} in {area}"),)
            found = self._find_present(team.manager, team, area, on, f"manager of {team.id}")
            return (self._next_above(parties, on) if found.person in self._told_as_owner(parties, on) else found,)
        if to == SENDER:
            return (self._person_or_team(parties.sender, self.team(parties.senders_team), SENDER, area, on),)
        receiving = self._receiving_team(parties)
        if to == RECEIVER:
            if receiving is None:
                return self._holders(parties.receiver_role or RECEIVER, (), area, on)
            return (self._find_present(receiving.duty, receiving, area, on, f"duty person of {receiving.id}"),)
        return self._holders(to, (receiving, self._owners_team(owner, area), self.team(parties.senders_team)), area, on)

    def _managers_of(self, team: Team | None) -> list[str]:
        """The manager of the team, its heads, and in the same way those of the team in which the manager works."""
        found: list[str] = []
        while team is not None and team.manager not in found:
            found += [team.manager, *self._heads.get((team.id, team.area), ())]
            team = self.team_of(team.manager)
        return found

    def _owners_team(self, owner: Owner, area: str) -> Team | None:
        return self.team(owner.team) or self.team_of(owner.person) or self._team_acting_as(owner.role, area)

    def _receiving_team(self, parties: Parties) -> Team | None:
        named = self.team(parties.receiver_team)
        if named is not None or parties.receiver_role is None:
            return named
        return self._team_acting_as(parties.receiver_role, parties.area)

    def _team_acting_as(self, role: str, area: str) -> Team | None:
        """The first team of the area, by id, that acts as this role or takes referrals for it."""
        return min(
            (
                team
                for team in self.teams.values()
                if team.area == area and role in (team.role, *team.services) and team.closed_on is None
            ),
            key=lambda team: team.id,
            default=None,
        )

    def _person_or_team(self, person: str | None, team: Team | None, role: str, area: str, on: date) -> Recipient:
        """The person, if they work in the team; else its duty person. Without a known team, their own counts."""
        member = self.member(person)
        team = team or self.team_of(person)
        if team is None:
            return self._last_resort(area, on, f"no team acts as {role} in {area}")
        if member is not None and member.works_in(team.id):
            return self._find_present(member.id, team, area, on, role)
        gone = f"{person} is not of {team.id}" if person else f"nobody is named as {role}"
        return self._find_present(team.duty, team, area, on, f"duty person of {team.id}; {gone}")

    def _told_as_owner(self, parties: Parties, on: date) -> frozenset[str]:
        return frozenset(recipient.person for recipient in self.resolve(OWNER, parties, on))

    def _next_above(self, parties: Parties, on: date) -> Recipient:
        """The nearest person above the owner who is at work and is not told as the owner already.

        If all of them are away, it is the nearest of those. Only if nobody is above the owner, it is the owner.
        """
        told = sorted(self._told_as_owner(parties, on))
        line = [person for person in self.line_above(parties.owner, parties.area, on) if person not in told]
        present = (person for person in line if not self.people[person].why_away(on))
        return Recipient(next(present, (line or told)[0]), f"next above {' and '.join(told)}")

    def _holders(self, role: str, teams: tuple[Team | None, ...], area: str, on: date) -> tuple[Recipient, ...]:
        """Those who hold the role for the first of the teams that has a holder, else for the whole area."""
        for team in (*(team.id for team in teams if team), None):
            here = [duty for duty in self._held.get((role, team), ()) if team is not None or duty.area == area]
            if here:
                return _unique([self._resolve_duty(duty, on, role, area) for duty in here])
        acting = self._team_acting_as(role, area)
        if acting is not None:
            return (self._find_present(acting.duty, acting, area, on, f"duty person of {acting.id}"),)
        return (self._last_resort(area, on, f"nobody is {role} in {area}"),)

    def _resolve_duty(self, duty: DutyRole, on: date, role: str, area: str) -> Recipient:
        scope = duty.team or duty.area
        return self._find_present(
            duty.person, self.teams[self.people[duty.person].team], area, on, f"{role} of {scope}"
        )

    def _find_present(self, person: str, team: Team, area: str, on: date, because: str) -> Recipient:
        """The person if present, else the duty person of the team, its manager, or the area's safeguarding lead."""
        reasons: list[str] = []
        for candidate, part in (
            (person, because),
            (team.duty, f"duty person of {team.id}"),
            (team.manager, f"manager of {team.id}"),
        ):
            away = self.people[candidate].why_away(on)
            if away is None:
                return Recipient(candidate, "; ".join([part, *reasons]))
            if away not in reasons:
                reasons.append(away)
        return self._last_resort(area, on, "; ".join(reasons))

    def _last_resort(self, area: str, on: date, reason: str) -> Recipient:
        """The area's safeguarding lead, else the duty person or manager of their team; the lead if all are away."""
        lead = self._safeguarding_lead(area)
        team = self.teams[self.people[lead.person].team]
        there = (person for person in (lead.person, team.duty, team.manager) if not self.people[person].why_away(on))
        return Recipient(next(there, lead.person), f"for the {SAFEGUARDING_LEAD} of {lead.area}; {reason}")

    def _list_heads(self) -> dict[tuple[str | None, str], list[str]]:
        """The heads of each team, by the team and its area, and those of each whole area, by None and the area."""
        heads: dict[tuple[str | None, str], list[str]] = {}
        for duty in self.duty_roles:
            if duty.role in (HEADS_OF_TEAM if duty.team else (HEAD_OF_SERVICE,)):
                heads.setdefault((duty.team, duty.area), []).append(duty.person)
        return heads

    def _list_leads(self) -> dict[str, tuple[str, ...]]:
        """For each area its safeguarding lead and the deputies: whoever else has that role there, their team first, and
        whoever is on duty as the deputy.
        """
        deputies: dict[str, list[str]] = {}
        for member in self.people.values():
            if member.role == SAFEGUARDING_LEAD:
                deputies.setdefault(self.teams[member.team].area, []).append(member.id)
        found: dict[str, list[str]] = {}
        for duty in self._held.get((SAFEGUARDING_LEAD, None), ()):
            team, there = self.teams[self.people[duty.person].team], deputies.get(duty.area, [])
            near = [person for person in (team.duty, team.manager) if person in there]
            found.setdefault(duty.area, []).extend([duty.person, *near, *there])
        for duty in self._held.get((DEPUTY_LEAD, None), ()):
            if duty.area in found:
                found[duty.area].append(duty.person)
        return {area: tuple(dict.fromkeys(people)) for area, people in found.items()}

    def leads_of(self, area: str) -> tuple[str, ...]:
        """The safeguarding lead of the area and the deputies; for an area that the directory does not know, the first
        of all leads and theirs.
        """
        return self._leads.get(area) or next(iter(self._leads.values()))

    def _safeguarding_lead(self, area: str) -> DutyRole:
        """The lead of the whole area; for an area that the directory does not know, the first of all leads."""
        leads = self._held[SAFEGUARDING_LEAD, None]
        return next((duty for duty in leads if duty.area == area), leads[0])


def _person_of(owner: Owner, team: Team | None) -> str | None:
    """The owner's person; for the manager of a team, whoever manages it."""
    return team.manager if team and owner.person is None and owner.role == TEAM_MANAGER else owner.person


def _unique(recipients: list[Recipient]) -> tuple[Recipient, ...]:
    return tuple({recipient.person: recipient for recipient in reversed(recipients)}.values())[::-1]
