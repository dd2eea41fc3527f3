"""One expectation about one thread: when it is due, whose it is, which rungs of its ladder are owed, what people did.

A `FollowUp` is computed by the ledger and never stored as truth. The only facts about it are the events of its own
stream `follow-up/<id>`: chases, acknowledgements, notes, assignments and their undoing, acceptances, refusals,
endings and reopenings.
No follow-up ends by the clock: it is met, ended by an act with a reason, or void because its opening was retracted.
An ended one that is reopened goes on with its clock as it was.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from shared.contracts.access import LEADS
from shared.contracts.words import END_REASONS, OTHER_REASON, ROUTINE_END_REASONS
from shared.kernel.calendar import WorkingCalendar
from shared.kernel.decisions import Actor, Aggregate, Context, Fact, Forbidden, Invalid, Refused
from shared.kernel.envelope import Event, from_text, to_text
from shared.kernel.nearest import say_nearest
from shared.kernel.time import Offset, due

CHASED = "follow_up.chased.v1"
ACKNOWLEDGED = "follow_up.acknowledged.v1"
NOTED = "follow_up.noted.v1"
ASSIGNED = "follow_up.assigned.v1"
ACCEPTED = "follow_up.accepted.v1"
REFUSED = "follow_up.refused.v1"
ENDED = "follow_up.ended.v1"
REOPENED = "follow_up.reopened.v1"
GIVEN_BACK = "follow_up.given_back.v1"

ACT_TYPES = (CHASED, ACKNOWLEDGED, NOTED, ASSIGNED, GIVEN_BACK, ACCEPTED, REFUSED, ENDED, REOPENED)

# How a ladder names the owner of the follow-up.
OWNER = "owner"
# The rungs that tell the same people again, because what is counted has grown.
GROWN = "grown"
# The role of an owner who is the manager of the team that is named.
TEAM_MANAGER = "team_manager"

OPEN, MET, ENDED_STATE, VOID = "open", "met", "ended", "void"

# The code of the refusal of an act on a follow-up that is met, ended or void.
NOT_ABOVE = "not-above-the-owner"
ALREADY_CLOSED = "already-closed"


@dataclass(frozen=True, slots=True)
class Rung:
    """One step of the ladder: when it falls due (UTC), whom it tells, and how often the last one repeats.

    `to` names recipients as the directory knows them: `owner`, `manager` (of the owner's team), `sender` (who opened
    it), `receiver` (the team it went to), or a role held by somebody of these teams or of the follow-up's area.
    """

    name: str
    at: datetime
    to: tuple[str, ...]
    urgent: bool = False
    alarm: bool = True
    repeat: Offset | None = None


@dataclass(frozen=True, slots=True)
class Owner:
    """Who has to act: a role, its team where the facts name one, and a person where one is known or assigned."""

    role: str
    team: str | None = None
    person: str | None = None


@dataclass(frozen=True, slots=True)
class Matter:
    """Something that a follow-up discloses: the type of the event that began it, and the teams with a part in it."""

    type: str
    teams: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FollowUp:
    """The computed follow-up. All instants are aware UTC. `why` explains the due date in sentences and inputs.

    `area` is the one whose numbers count, `areas` those that may see it: also the one that keeps the record, and the
    one where its person lives now. `on` is the obligation that this one is about, for one that a closing opened.
    `about` is what it tells of beside its opening: that obligation, or the record that the opening is no entry of.
    Until `held_until` nobody is chased: somebody of its person's family died, or a pregnancy was lost, or somebody
    claimed that this person died, and the owner was asked.
    `receiver_role` is what its receiver acts as or takes referrals for, `receiver_team` their team where one is named.
    `holders` hold a case about its person: they are told beside the owner's line.
    """

    id: str
    reference: str
    step: str
    standard: str
    title: str
    expects: str
    thread: str
    person: str | None
    area: str
    state: str
    opened_by: str
    opened_type: str
    opened_at: datetime
    opened_recorded_at: datetime
    opened_actor: str
    opened_team: str
    due_at: datetime
    visible_from: datetime
    owner: Owner
    rungs: tuple[Rung, ...]
    rules: Mapping[str, str]
    basis: str
    source: str
    confidence: str
    inherited: bool = False
    guarded: bool = False
    gap: str | None = None
    fallback: str | None = None
    areas: tuple[str, ...] = ()
    on: str | None = None
    about: tuple[Matter, ...] = ()
    held_until: datetime | None = None
    receiver_role: str | None = None
    receiver_team: str | None = None
    closed_by: str | None = None
    closed_at: datetime | None = None
    closed_recorded_at: datetime | None = None
    closed_actor: str | None = None
    closed_reason: str | None = None
    why: Mapping[str, Any] = field(default_factory=dict)
    holders: tuple[Owner, ...] = ()

    @property
    def matters(self) -> tuple[Matter, ...]:
        """Everything that the follow-up discloses. The teams that opened, own or receive it have a part in it."""
        teams = {self.opened_team, self.owner.team, self.receiver_team}
        return (Matter(self.opened_type, tuple(sorted(team for team in teams if team))), *self.about)


@dataclass(frozen=True, slots=True)
class Acts:
    """What people and sweeps did about one follow-up: the fold of its own stream.

    `assigned_team` is that of whoever took it on or was given it, `given_team` that which it was given to by others.
    """

    chased: Mapping[str, datetime] = field(default_factory=dict)
    chases: int = 0
    last_chased_at: datetime | None = None
    acknowledged_by: str | None = None
    acknowledged_at: datetime | None = None
    assigned_person: str | None = None
    assigned_team: str | None = None
    given_team: str | None = None
    given_at: datetime | None = None
    accepted_by: str | None = None
    accepted_at: datetime | None = None
    refused_by: str | None = None
    notes: int = 0
    ended: bool = False

    def taken_on(self) -> bool:
        """Whether somebody accepted it or was assigned to it, which starts the ladder of an inherited one."""
        return self.accepted_at is not None


def evolve(acts: Acts, event: Event) -> Acts:
    """The acts after one more event of the follow-up's stream."""
    evolver = _EVOLVE.get(event.type)
    return evolver(acts, event) if evolver else acts


def _evolve_chased(acts: Acts, event: Event) -> Acts:
    as_of = from_text(event.data["as_of"])
    chased = dict(acts.chased)
    for rung in event.data["rungs"]:
        chased[rung["name"]] = max(as_of, chased.get(rung["name"], as_of))
    return replace(acts, chased=chased, chases=acts.chases + 1, last_chased_at=max(as_of, acts.last_chased_at or as_of))


def _evolve_acknowledged(acts: Acts, event: Event) -> Acts:
    return replace(acts, acknowledged_by=event.actor, acknowledged_at=event.recorded_at)


def _evolve_noted(acts: Acts, event: Event) -> Acts:
    return replace(acts, notes=acts.notes + 1)


def _evolve_assigned(acts: Acts, event: Event) -> Acts:
    return replace(
        acts,
        assigned_person=event.data["person"],
        assigned_team=event.data["team"],
        given_team=event.data["team"],
        given_at=event.recorded_at,
        accepted_by=None,
        accepted_at=acts.accepted_at or event.recorded_at,
        refused_by=None,
    )


def _evolve_given_back(acts: Acts, event: Event) -> Acts:
    return replace(
        acts,
        assigned_person=event.data["person"],
        assigned_team=event.data["team"],
        given_team=event.data["given_team"],
        given_at=event.recorded_at,
        accepted_by=None,
        refused_by=None,
    )


def _evolve_accepted(acts: Acts, event: Event) -> Acts:
    return replace(
        acts,
        accepted_by=event.actor,
        accepted_at=acts.accepted_at or event.recorded_at,
        assigned_person=event.actor,
        assigned_team=event.team,
        refused_by=None,
    )


def _evolve_refused(acts: Acts, event: Event) -> Acts:
    nobodys = replace(acts, assigned_person=None, assigned_team=None, given_team=None)
    return replace(nobodys, refused_by=event.actor, accepted_by=None)


def _evolve_ended(acts: Acts, event: Event) -> Acts:
    return replace(acts, ended=True)


def _evolve_reopened(acts: Acts, event: Event) -> Acts:
    return replace(acts, ended=False)


_EVOLVE: dict[str, Callable[[Acts, Event], Acts]] = {
    CHASED: _evolve_chased,
    ACKNOWLEDGED: _evolve_acknowledged,
    NOTED: _evolve_noted,
    ASSIGNED: _evolve_assigned,
    GIVEN_BACK: _evolve_given_back,
    ACCEPTED: _evolve_accepted,
    REFUSED: _evolve_refused,
    ENDED: _evolve_ended,
    REOPENED: _evolve_reopened,
}


def acts_of(events: Iterable[Event]) -> Acts:
    """The acts of one follow-up's stream, whatever order the events come in."""
    acts = Acts()
    for event in sorted(events, key=lambda event: event.version):
        acts = evolve(acts, event)
    return acts


def find_ending(acts: Iterable[Event], follow_up_id: str) -> list[Event]:
    """The act that ended the follow-up, unless it was reopened after that. The acts may come in any order."""
    ending: list[Event] = []
    own = (act for act in acts if act.type in (ENDED, REOPENED) and act.data["follow_up_id"] == follow_up_id)
    for act in sorted(own, key=lambda act: act.version):
        ending = (ending or [act]) if act.type == ENDED else []
    return ending


def owner_of(follow_up: FollowUp, acts: Acts) -> Owner:
    """The present owner: the person assigned, else the owner computed from the facts."""
    if acts.assigned_person:
        return Owner(follow_up.owner.role, acts.assigned_team or follow_up.owner.team, acts.assigned_person)
    return follow_up.owner


def is_above_owner(follow_up: FollowUp, rung: Rung) -> bool:
    """Whether the rung tells anybody but the owner, and neither is the first one that tells the owner nor says that a
    count has grown."""
    first = next((each.name for each in follow_up.rungs if OWNER in each.to), None)
    return rung.to != (OWNER,) and rung.name != first and not rung.name.startswith(GROWN)


def owed(follow_up: FollowUp, acts: Acts, calendar: WorkingCalendar, now: datetime) -> list[Rung]:
    """The rungs owed at `now`, each with the instant it fell due: not chased at or after that instant."""
    if follow_up.state != OPEN or acts.ended or (follow_up.held_until and now < follow_up.held_until):
        return []
    found = []
    for rung in timed(follow_up, acts):
        at = _latest_repetition(rung, calendar, now)
        if at is not None and (rung.name not in acts.chased or acts.chased[rung.name] < at):
            found.append(replace(rung, at=at))
    return found


def next_rung_at(follow_up: FollowUp, acts: Acts, calendar: WorkingCalendar) -> datetime | None:
    """The first instant (UTC) at which a rung is owed, given what was chased; None when none ever will be."""
    if follow_up.state != OPEN or acts.ended:
        return None
    instants = [_first_unchased(rung, acts.chased.get(rung.name), calendar) for rung in timed(follow_up, acts)]
    first = min((at for at in instants if at is not None), default=None)
    return max(first, follow_up.held_until) if first and follow_up.held_until else first


def timed(follow_up: FollowUp, acts: Acts) -> list[Rung]:
    """The ladder in force: an inherited follow-up has one summary for the manager until somebody takes it on, and
    whoever is given one that is overdue is told, so the owner's first rung falls due again then."""
    earliest = follow_up.opened_recorded_at
    if follow_up.inherited:
        if not acts.taken_on():
            return [Rung("inherited", earliest, ("manager",), alarm=False)]
        earliest = max(earliest, acts.accepted_at or earliest)
    rungs = [replace(rung, at=max(rung.at, earliest)) for rung in follow_up.rungs]
    first = next((number for number, rung in enumerate(rungs) if OWNER in rung.to), None)
    if first is not None and acts.given_at is not None:
        rungs[first] = replace(rungs[first], at=max(rungs[first].at, acts.given_at))
    return rungs


def _latest_repetition(rung: Rung, calendar: WorkingCalendar, now: datetime) -> datetime | None:
    if rung.at > now:
        return None
    at = rung.at
    while rung.repeat is not None:
        following = due(rung.repeat, at, "minute", calendar).at
        if following > now:
            break
        at = following
    return at


def _first_unchased(rung: Rung, chased: datetime | None, calendar: WorkingCalendar) -> datetime | None:
    at = rung.at
    while chased is not None and chased >= at:
        if rung.repeat is None:
            return None
        at = due(rung.repeat, at, "minute", calendar).at
    return at


@dataclass(frozen=True, slots=True)
class Sweep:
    """Chase what is owed as of `as_of` (UTC). `recipients` is the directory's answer per rung name."""

    follow_up: FollowUp
    as_of: datetime
    calendar: WorkingCalendar
    recipients: Callable[[Rung, Owner], tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Acknowledge:
    follow_up: FollowUp
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Note:
    follow_up: FollowUp
    text: str


@dataclass(frozen=True, slots=True)
class Line:
    """What the directory says about the owner of a follow-up: who is above them, and who is told as the owner.

    `leads` are the safeguarding leads of its areas. The owner may change before the decision, so the rest is asked for
    the owner of that moment.
    """

    above: Callable[[Owner], Collection[str]]
    leads: Collection[str]
    told: Callable[[Owner], Collection[str]]

    def list_deciders(self, owner: Owner) -> list[str]:
        """The people who may decide about what this owner owns: those above the owner, then the leads."""
        return list(dict.fromkeys((*self.above(owner), *self.leads)))


@dataclass(frozen=True, slots=True)
class Assign:
    """Give it to a person. `line` as for `End`; `require` raises Refused for a person who may not have it."""

    follow_up: FollowUp
    person: str
    team: str
    line: Line | None = None
    require: Callable[[Acts], None] | None = None


@dataclass(frozen=True, slots=True)
class GiveBack:
    """Undo this assignment. `before` are the acts up to then. `line` as for `End`."""

    follow_up: FollowUp
    assignment: Event
    before: Acts
    line: Line | None = None


@dataclass(frozen=True, slots=True)
class Accept:
    """Take it on. Without `line`, every manager and lead may."""

    follow_up: FollowUp
    line: Line | None = None


@dataclass(frozen=True, slots=True)
class Refuse:
    """Hand it back. `line` as for `Accept`."""

    follow_up: FollowUp
    reason_code: str
    note: str | None = None
    line: Line | None = None


@dataclass(frozen=True, slots=True)
class End:
    """Nothing more is expected. Without `line`, nobody asks whose place it is to end it, and nobody is told."""

    follow_up: FollowUp
    reason_code: str
    note: str | None = None
    line: Line | None = None


@dataclass(frozen=True, slots=True)
class Reopen:
    """It was ended wrongly, and is expected again. `line` as for `End`."""

    follow_up: FollowUp
    note: str | None = None
    line: Line | None = None


def decide(acts: Acts, command: Any, context: Context) -> Fact:
    """The fact a command leads to. Raises Refused when the follow-up is closed, or when a sweep finds nothing owed."""
    return _DECIDE[type(command)](acts, command, context)


def _decide_sweep(acts: Acts, command: Sweep, context: Context) -> Fact:
    follow_up = command.follow_up
    rungs = owed(follow_up, acts, command.calendar, command.as_of)
    if not rungs:
        raise Refused("nothing-owed", "no rung is owed")
    owner = owner_of(follow_up, acts)
    told = [(rung, command.recipients(rung, owner)) for rung in rungs]
    recipients = sorted({person for _, people in told for person in people})
    return _fact(
        CHASED,
        follow_up,
        context,
        {
            "step": follow_up.step,
            "due_at": to_text(follow_up.due_at),
            "as_of": to_text(command.as_of),
            "urgent": any(rung.urgent for rung in rungs),
            "inherited": all(rung.name == "inherited" for rung in rungs),
            "rungs": [
                {"name": rung.name, "at": to_text(rung.at), "alarm": rung.alarm, "to": list(people)}
                for rung, people in told
            ],
            "recipients": recipients,
        },
        outbox={"mail_for": recipients},
    )


def _decide_acknowledge(acts: Acts, command: Acknowledge, context: Context) -> Fact:
    _must_be_open(command.follow_up, acts)
    return _fact(ACKNOWLEDGED, command.follow_up, context, {}, private=_private(note=command.note))


def _decide_note(acts: Acts, command: Note, context: Context) -> Fact:
    return _fact(NOTED, command.follow_up, context, {}, private=_private(note=command.text))


def _decide_assign(acts: Acts, command: Assign, context: Context) -> Fact:
    follow_up = command.follow_up
    _must_be_open(follow_up, acts)
    if command.line:
        _must_be_in_line(follow_up, acts, command.line, context.actor, "is given to somebody else by")
    if command.require:
        command.require(acts)
    return _fact(ASSIGNED, follow_up, context, {"person": command.person, "team": command.team})


def _decide_give_back(acts: Acts, command: GiveBack, context: Context) -> Fact:
    follow_up, given, before = command.follow_up, command.assignment, command.before
    _must_be_open(follow_up, acts)
    if (acts.assigned_person, acts.given_at, acts.accepted_by) != (given.data["person"], given.recorded_at, None):
        raise Refused("moved-since", f"{follow_up.reference} was given to somebody else or taken on since")
    if command.line and context.actor.id != given.actor:
        _must_be_in_line(follow_up, acts, command.line, context.actor, "is given back by")
    data = {"person": before.assigned_person, "team": before.assigned_team, "given_team": before.given_team}
    return _fact(GIVEN_BACK, follow_up, context, {**data, "assignment": given.id})


def _decide_accept(acts: Acts, command: Accept, context: Context) -> Fact:
    _must_be_open(command.follow_up, acts)
    _must_be_theirs(command.follow_up, acts, context.actor, command.line)
    return _fact(ACCEPTED, command.follow_up, context, {})


def _decide_refuse(acts: Acts, command: Refuse, context: Context) -> Fact:
    _must_be_open(command.follow_up, acts)
    _must_be_theirs(command.follow_up, acts, context.actor, command.line)
    data = {"reason_code": command.reason_code}
    return _fact(REFUSED, command.follow_up, context, data, private=_private(note=command.note))


def _decide_end(acts: Acts, command: End, context: Context) -> Fact:
    follow_up, owner = command.follow_up, owner_of(command.follow_up, acts)
    _must_be_open(follow_up, acts)
    if command.line:
        _must_be_reason(command)
        _must_be_above(follow_up, owner, command.line, context.actor)
    if follow_up.guarded and command.reason_code in ROUTINE_END_REASONS:
        fields = {"reason_code": ["does not end a guarded follow-up; record what was done"]}
        raise Invalid("guarded", f"{follow_up.reference} is guarded; routine reasons do not end it", fields=fields)
    data = {"reason_code": command.reason_code}
    private, outbox = _private(note=command.note), _tell_owner(command.line, owner, context.actor)
    return _fact(ENDED, follow_up, context, data, private=private, outbox=outbox)


def _must_be_reason(command: End) -> None:
    if command.reason_code not in END_REASONS:
        nearest = say_nearest(command.reason_code, END_REASONS)
        fields = {"reason_code": [f"one of: {', '.join(END_REASONS)}{nearest}"]}
        raise Invalid("unknown-reason", "say why by one of the reasons in `errors`", fields=fields)
    if command.reason_code == OTHER_REASON and not command.note:
        raise Invalid("note-needed", "say in a note what the other reason is", fields={"note": ["say why"]})


def _decide_reopen(acts: Acts, command: Reopen, context: Context) -> Fact:
    follow_up, owner, actor = command.follow_up, owner_of(command.follow_up, acts), context.actor
    if not acts.ended or follow_up.state != ENDED_STATE:
        raise Refused("not-ended", f"{follow_up.reference} is {follow_up.state}; nobody has ended it")
    if command.line and actor.id != owner.person and actor.team != owner.team:
        _must_be_in(command.line.list_deciders(owner), follow_up, actor, "is reopened by its owner or by")
    private, outbox = _private(note=command.note), _tell_owner(command.line, owner, actor)
    return _fact(REOPENED, follow_up, context, {}, private=private, outbox=outbox)


def _must_be_above(follow_up: FollowUp, owner: Owner, line: Line, actor: Actor) -> None:
    """Only those above the owner and the leads end it, and not even they, if it judges their own work: a guarded one
    that of its owner and opener, and one that somebody else has to meet that of those who may not."""
    judged = set(follow_up.why.get("judged", ()))
    if follow_up.guarded:
        judged |= {owner.person, follow_up.owner.person, follow_up.opened_actor}
    may = [person for person in line.list_deciders(owner) if person not in judged]
    _must_be_in(may, follow_up, actor, "is ended by")


def _must_be_in(people: list[str], follow_up: FollowUp, actor: Actor, what: str) -> None:
    if actor.id not in people:
        raise Forbidden(NOT_ABOVE, f"{follow_up.reference} {what}: {', '.join(people) or 'nobody known'}")


def _tell_owner(line: Line | None, owner: Owner, actor: Actor) -> Mapping[str, Any]:
    """The outbox entry by which the owner gets a digest about what somebody else did."""
    told = [person for person in line.told(owner) if person != actor.id] if line else []
    return {"mail_for": told} if told else {}


def _must_be_open(follow_up: FollowUp, acts: Acts) -> None:
    if follow_up.state != OPEN or acts.ended:
        state = ENDED_STATE if acts.ended else follow_up.state
        raise Refused(ALREADY_CLOSED, f"{follow_up.reference} is {state}; nothing more is expected of it")


def _must_be_theirs(follow_up: FollowUp, acts: Acts, actor: Actor, line: Line | None) -> None:
    """Only the assignee, the owner's team and those who may decide about it take it on or hand it back."""
    owner = follow_up.owner
    people, teams = (owner.person, acts.assigned_person), (owner.team, acts.assigned_team)
    of_the_role = owner.team is None and actor.role == owner.role
    decides = actor.id in line.list_deciders(owner_of(follow_up, acts)) if line else actor.role in LEADS
    if not (actor.id in people or actor.team in teams or of_the_role or decides):
        raise Forbidden("not-yours", f"{follow_up.reference} is another team's; a manager can assign it")


def _must_be_in_line(follow_up: FollowUp, acts: Acts, line: Line, actor: Actor, what: str) -> None:
    """Only the owner and those who may decide about it give it to somebody else."""
    owner = owner_of(follow_up, acts)
    if actor.id != owner.person:
        _must_be_in(line.list_deciders(owner), follow_up, actor, what)


def _private(**values: str | None) -> dict[str, str]:
    return {name: value for name, value in values.items() if value is not None}


def _fact(
    event_type: str,
    follow_up: FollowUp,
    context: Context,
    data: dict[str, Any],
    *,
    private: Mapping[str, Any] | None = None,
    outbox: Mapping[str, Any] | None = None,
) -> Fact:
    return Fact(
        type=event_type,
        data={"follow_up_id": follow_up.id, "thread": follow_up.thread, **data},
        occurred_at=context.now,
        area=follow_up.area,
        private=private or {},
        outbox=outbox or {},
    )


_DECIDE: dict[type, Callable[[Acts, Any, Context], Fact]] = {
    Sweep: _decide_sweep,
    Acknowledge: _decide_acknowledge,
    Note: _decide_note,
    Assign: _decide_assign,
    GiveBack: _decide_give_back,
    Accept: _decide_accept,
    Refuse: _decide_refuse,
    End: _decide_end,
    Reopen: _decide_reopen,
}

AGGREGATE: Aggregate[Acts] = Aggregate(kind="follow-up", initial=Acts(), decide=decide, evolve=evolve)
