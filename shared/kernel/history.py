"""What all recorded histories have in common: one area, late entries, and the retraction of errors.

Guarantees for each aggregate that `history_of` builds: nobody acts outside their areas. No entry is about the future.
An entry made in error is retracted at most once, and never deleted. States follow each other in the order of recording,
so a late entry may be about an earlier time.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any, TypeVar

from shared.kernel.decisions import (
    CLAIM_CONFIRMED,
    CLAIM_REJECTED,
    DOUBTS_CONFIRMED,
    LEAVES_OUT,
    RETRACTION,
    Actor,
    Aggregate,
    Context,
    Fact,
    Forbidden,
    Invalid,
    Refused,
)
from shared.kernel.envelope import NONE, Event
from shared.kernel.time import london_date, span

# With one of these states a record is over.
OVER = ("closed", "withdrawn", "rejected", "ended", "completed", "died")
FUTURE_TOLERANCE = timedelta(minutes=5)
MAY_RETRACT_FOR_OTHERS = ("safeguarding_lead",)
# What a service recorded by itself is no team's entry, so that a manager may retract it too.
SYSTEM_TEAM, MAY_RETRACT_FOR_THE_SYSTEM = "system", ("manager", "safeguarding_lead")


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A request to record something. Without `occurred_at`, it happened now. `note` is free text and stays private."""

    occurred_at: datetime | None = None
    precision: str = "minute"
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Begin(Command):
    """A command that begins a history in `area`. Without `area`, the history begins in the only area of the actor.

    The command may also be about a history of another area. So anybody who meets a known person can learn the person's
    id.
    """

    area: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Retract(Command):
    """Retract one entry of this history as recorded in error."""

    event_id: str
    reason_code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmClaim(Command):
    """Confirm an entry whose actor had no standing. From then on it counts like any other entry.

    With `people`, it counts for these of the people whom the entry is about, and others answer for the rest.
    """

    event_id: str
    people: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectClaim(Command):
    """Reject an entry whose actor had no standing. From then on it counts nowhere."""

    event_id: str
    reason_code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmDoubts(Command):
    """Confirm an entry that is doubtful: somebody has looked, and it is right."""

    event_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """Base of every state. `entries`: each entry's team, by entry id. `retracted`: the ids of retracted entries.

    `claims`: the teams of the entries whose actor had no standing, by entry id. `confirmed`: the ids of those that were
    confirmed. `confirmed_for`: the people for whom others were confirmed, by entry id. `doubtful`: the ids of the
    entries whose doubts nobody has confirmed.
    `held`: the claims that wait for that to change the state, by entry id.
    """

    area: str | None = None
    person_id: str | None = None
    status: str | None = None
    entries: Mapping[str, str] = field(default_factory=dict)
    retracted: frozenset[str] = field(default_factory=frozenset)
    claims: Mapping[str, str] = field(default_factory=dict)
    confirmed: frozenset[str] = field(default_factory=frozenset)
    confirmed_for: Mapping[str, frozenset[str]] = field(default_factory=dict)
    doubtful: frozenset[str] = field(default_factory=frozenset)
    held: Mapping[str, Event] = field(default_factory=dict)

    @property
    def also_open_to(self) -> Collection[str]:
        """The areas that share this record with the area that it belongs to."""
        return ()

    def was_sent_to(self, actor: Actor) -> bool:
        """Whether the record was sent or passed to the actor's team."""
        return False


S = TypeVar("S", bound=History)
Decision = Callable[[S, Any, Context], Fact]
Evolution = Callable[[S, Event], S]


def history_of(
    kind: str,
    initial: S,
    decisions: Mapping[type[Command], Decision[S]],
    evolutions: Mapping[str, Evolution[S]],
    waiting: Collection[str] = (),
) -> Aggregate[S]:
    """An aggregate made of two tables: the decisions by command, and the evolutions by event type. It adds `Retract`.

    A decision need not set `occurred_at`, precision, subject, area or note. They come from the command and the history.
    An event type without an evolution is only counted as an entry. A claim that would end the record, or whose type is
    among `waiting`, changes the state only once it is confirmed.
    """
    table: dict[type[Command], Decision[S]] = {
        Retract: _retract,
        ConfirmClaim: _confirm_claim,
        RejectClaim: _reject_claim,
        ConfirmDoubts: _confirm_doubts,
        **decisions,
    }

    def decide(state: S, command: Command, context: Context) -> Fact:
        if state.area is not None and not isinstance(command, Begin):
            require_area(context.actor, state.area)
        occurred_at = when(command, context.now)
        fact = table[type(command)](state, command, context)
        return replace(
            fact,
            occurred_at=occurred_at,
            precision=command.precision,
            subject=fact.subject or state.person_id,
            area=state.area or fact.area,
            private={**fact.private, **({"note": command.note} if command.note else {})},
        )

    def follow(state: S, event: Event) -> S:
        evolution = evolutions.get(event.type)
        return evolution(state, event) if evolution else state

    def evolve(state: S, event: Event) -> S:
        changes: dict[str, Any] = {}
        known = follow(state, event)
        is_over = known.status != state.status and known.status in OVER
        if event.standing == NONE and state.status is not None and (is_over or event.type in waiting):
            known, changes["held"] = state, {**state.held, event.id: event}
        elif event.type == CLAIM_CONFIRMED and "people" not in event.data and event.data["event_id"] in state.held:
            known = follow(known, state.held[event.data["event_id"]])
        if event.type in LEAVES_OUT:
            changes["retracted"] = known.retracted | {event.data["event_id"]}
        else:
            changes["entries"] = {**known.entries, event.id: event.team}
        if event.type == CLAIM_CONFIRMED:
            changes |= _with_confirmation(known, event.data["event_id"], event.data.get("people", ()))
        if event.doubts:
            changes["doubtful"] = known.doubtful | {event.id}
        elif event.type == DOUBTS_CONFIRMED:
            changes["doubtful"] = known.doubtful - {event.data["event_id"]}
        if event.is_claim:
            changes["claims"] = {**known.claims, event.id: event.team}
        area, person_id = known.area or event.area, known.person_id or event.subject
        return replace(known, **changes, area=area, person_id=person_id)

    return Aggregate(kind=kind, initial=initial, decide=decide, evolve=evolve)


def fact(event_type: str, context: Context, *, private: Mapping[str, Any] | None = None, **data: Any) -> Fact:
    """A fact with this `data` and `private` part. In both, absent values are left out, and dates become texts."""
    return Fact(type=event_type, data=_plain(data), private=_plain(private or {}), occurred_at=context.now)


def when(command: Command, now: datetime) -> datetime:
    """The time of the command. Refuses a time, day or month that begins more than five minutes after `now`."""
    occurred_at = command.occurred_at or now
    limit = now + FUTURE_TOLERANCE
    if span(occurred_at, command.precision)[0] > limit:
        raise Invalid(
            "in-the-future",
            "what has not happened yet cannot be recorded",
            fields={
                "occurred_at": [f"lies in the future: the latest is {limit:%Y-%m-%dT%H:%MZ}; say when it happened"]
            },
        )
    return occurred_at


def require_born(date_of_birth: date, now: datetime) -> None:
    """Refuse, as invalid, a date of birth after today in London."""
    if date_of_birth > london_date(now):
        fields = {"date_of_birth": [f"lies in the future: the latest is today, {london_date(now)}"]}
        raise Invalid("in-the-future", "nobody can be born after today", fields=fields)


ELSEWHERE = "this record belongs to an area where you may not act"


def people_of(event: Event) -> set[str]:
    """The people whose follow-ups the event can lower."""
    named = {event.subject, event.data.get("other_person_id"), *event.data.get("people", ())}
    return {str(person_id) for person_id in named if person_id}


def require_area(actor: Actor, area: str) -> None:
    """Refuse, as forbidden, an actor who may not act in `area`. The refusal does not say which area it is."""
    if area not in actor.areas and area not in actor.also_in:
        raise Forbidden("wrong-area", ELSEWHERE)


def require_one_of(actor: Actor, areas: Collection[str]) -> None:
    """Refuse, as forbidden, an actor who may act in none of these areas."""
    if not set(areas) & set(actor.areas):
        raise Forbidden("wrong-area", ELSEWHERE)


def area_to_begin_in(command: Begin, actor: Actor) -> str:
    """The area in which the actor's new record begins. An actor of several areas must say which."""
    if command.area is not None:
        require_area(actor, command.area)
        return command.area
    if len(actor.areas) == 1:
        return actor.areas[0]
    choice = ", ".join(actor.areas) or "none"
    raise Invalid("area-needed", "say which area this belongs to", fields={"area": [f"one of: {choice}"]})


def require_step(event_type: str, state: History, steps: Mapping[str, frozenset[str]], noun: str) -> None:
    """Refuse an event that cannot follow the present status, and say which can. `steps`: the statuses before each."""
    if state.status is None:
        raise Refused("recorded-in-error", f"the entry that began this {noun} was retracted; begin a new one")
    if state.status in steps[event_type]:
        return
    possible = [name for name, before in steps.items() if state.status in before]
    named = ", ".join(possible) or "nothing more"
    message = f"this {noun} is {state.status}: {event_type} cannot follow; possible now: {named}"
    raise Refused("not-from-here", message, possible=possible)


def _retract(state: S, command: Retract, context: Context) -> Fact:
    if command.event_id in state.retracted:
        raise Refused("already-retracted", "that entry was retracted before")
    if command.event_id not in state.entries:
        raise Invalid(
            "not-an-entry",
            "only an entry of this very record can be retracted, and a retraction is final",
            fields={"event_id": ["not an entry of this record"]},
        )
    _require_own(state, command.event_id, context.actor, "may retract it")
    return fact(RETRACTION, context, event_id=command.event_id, reason_code=command.reason_code)


def _confirm_doubts(state: S, command: ConfirmDoubts, context: Context) -> Fact:
    if command.event_id not in state.doubtful or command.event_id in state.retracted:
        fields = {"event_id": ["is no entry of this record with doubts that nobody has confirmed"]}
        raise Invalid("not-doubtful", "only an entry that is doubtful is confirmed", fields=fields)
    _require_own(state, command.event_id, context.actor, "may confirm that it is right")
    return fact(DOUBTS_CONFIRMED, context, event_id=command.event_id)


def _require_own(state: S, event_id: str, actor: Actor, may: str) -> None:
    team = state.entries[event_id]
    leads = MAY_RETRACT_FOR_THE_SYSTEM if team == SYSTEM_TEAM else MAY_RETRACT_FOR_OTHERS
    if actor.team != team and actor.role not in leads:
        raise Forbidden("not-your-entry", f"only the team that made an entry, or a safeguarding lead, {may}")


def _confirm_claim(state: S, command: ConfirmClaim, context: Context) -> Fact:
    _require_claim(state, command.event_id, command.people)
    return fact(CLAIM_CONFIRMED, context, event_id=command.event_id, people=list(command.people) or None)


def _reject_claim(state: S, command: RejectClaim, context: Context) -> Fact:
    _require_claim(state, command.event_id)
    return fact(CLAIM_REJECTED, context, event_id=command.event_id, reason_code=command.reason_code)


def _with_confirmation(state: History, event_id: str, people: Collection[str]) -> dict[str, Any]:
    if not people:
        return {"confirmed": state.confirmed | {event_id}}
    known = state.confirmed_for.get(event_id, frozenset())
    return {"confirmed_for": {**state.confirmed_for, event_id: known.union(people)}}


def _require_claim(state: History, event_id: str, people: Collection[str] = ()) -> None:
    is_answered = bool(people) and state.confirmed_for.get(event_id, frozenset()).issuperset(people)
    if is_answered or event_id in state.confirmed or event_id in state.retracted:
        raise Refused("already-answered", "that claim was confirmed, rejected or retracted before")
    if event_id not in state.claims:
        fields = {"event_id": ["is no entry of this record that waits for an answer"]}
        raise Invalid(
            "not-a-claim", "only an entry of somebody without standing is confirmed or rejected", fields=fields
        )


def _plain(value: Any) -> Any:
    """A value without its absent parts, and with dates as texts."""
    if isinstance(value, Mapping):
        return {name: _plain(part) for name, part in value.items() if part is not None}
    if isinstance(value, list):
        return [_plain(part) for part in value]
    return value.isoformat() if isinstance(value, date) else value
