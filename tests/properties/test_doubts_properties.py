"""Random entries near the bounds, with every doubt confirmed: no entry is accepted that contradicts another."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from services.leaving_care.domain import care_leaver
from services.leaving_care.domain.doubts import DOUBTS as OF_LEAVING_CARE
from services.perinatal.domain import referral
from services.perinatal.domain.doubts import DOUBTS as OF_PERINATAL
from services.perinatal.domain.doubts import Child
from shared.contracts.urgent import ALARMS
from shared.contracts.words import DOUBTS
from shared.kernel.decisions import Actor, Aggregate, Context, Refused
from shared.kernel.envelope import Event
from shared.kernel.tables import AppendEntry, BeginRecord
from shared.kernel.time import at_london, london_date, span
from shared.recording.doubts import DoubtCheck
from tests.unit.records import AGGREGATES, DOOR, VISITOR, says

BEGINS = date(2014, 1, 15)
NOW = datetime(2026, 1, 1, tzinfo=UTC)
CHECK = DoubtCheck({**OF_PERINATAL, **OF_LEAVING_CARE}, confirmed=frozenset(DOUBTS))
CLINIC = Actor("camhs-intake", "mental_health_service", "camhs-essex", ("essex",))

days_near = st.builds(
    lambda near, days: BEGINS + timedelta(days=near + days),
    st.sampled_from([0, 0, 14, 44 * 7, 60 * 7, -20 * 7, -40 * 7, 40 * 7]),
    st.integers(-2, 2),
)
precisions = st.sampled_from(["minute", "day", "month"])


def timing(day: date, precision: str) -> dict[str, Any]:
    first = day.replace(day=1) if precision == "month" else day
    at = time(12) if precision == "minute" else time()
    return {"occurred_at": at_london(first, at), "precision": precision}


def event_of(fact: Any, number: int, actor: Actor) -> Event:
    return Event(
        id=str(UUID(int=number + 1)),
        source="perinatal",
        type=fact.type,
        subject=fact.subject,
        occurred_at=fact.occurred_at,
        recorded_at=NOW,
        stream="record/1",
        version=number + 1,
        actor=actor.id,
        role=actor.role,
        team=actor.team,
        area="essex",
        correlation_id="c",
        precision=fact.precision,
        data=fact.data,
    )


def accept(aggregate: Aggregate[Any], history: list[Event], command: Any, actor: Actor = VISITOR) -> None:
    """Record the command in the history, unless it is refused."""
    stream = f"{aggregate.kind}/{UUID(int=99)}"
    with suppress(Refused):
        fact = aggregate.decide(aggregate.fold(history), command, Context(now=NOW, actor=actor, stream=stream))
        fact = CHECK.settle(fact, history, command.known)
        history.append(event_of(fact, len(history), actor))


def first(event: Event) -> date:
    return london_date(span(event.occurred_at, event.precision)[0])


def last(event: Event) -> date:
    return london_date(span(event.occurred_at, event.precision)[1])


def of(history: list[Event], *types: str) -> Iterator[Event]:
    return (event for event in history if event.type in types)


# What ends or goes on, by the kind of record: how it begins, and what must not lie before that.
ENDINGS = {
    "support": ("support.started.v1", ["session_held", "session_missed", "reviewed", "ended"]),
    "offer": ("offer.made.v1", ["accepted", "declined", "ended"]),
    "case": ("case.opened.v1", ["closed"]),
    "contact": ("contact.received.v1", ["decided", "referrer_told"]),
    "screen": ("screen.recorded.v1", ["followed_up"]),
}


@given(st.sampled_from(sorted(ENDINGS)), days_near, precisions, st.data())
def test_nothing_ends_before_it_began(kind: str, begins: date, precision: str, data: st.DataObject) -> None:
    beginning, verbs = ENDINGS[kind]
    history: list[Event] = []
    said = {**says(kind, beginning), "person_id": "p_" + "a" * 32}
    actor = DOOR if kind == "contact" else VISITOR
    accept(AGGREGATES[kind], history, BeginRecord(type=beginning, data=said, **timing(begins, precision)), actor)
    assert history, "the beginning is accepted"
    for verb in data.draw(st.lists(st.sampled_from(verbs), max_size=4)):
        event_type = f"{beginning.partition('.')[0]}.{verb}.v1"
        near = begins + timedelta(days=data.draw(st.integers(-40, 40)))
        command = AppendEntry(type=event_type, data=says(kind, event_type), **timing(near, data.draw(precisions)))
        accept(AGGREGATES[kind], history, command, actor)
    # An alarm, such as the closing of a case, is recorded whatever is doubtful about it, and the doubt is followed up.
    assert all(last(event) >= first(history[0]) for event in history if event.type not in ALARMS)


@given(days_near, days_near, days_near, precisions, st.sampled_from(["birth", "miscarriage", "stillbirth"]), st.data())
def test_nobody_is_born_before_they_were_conceived_or_in_another_year(
    booked_on: date, edd: date, ended_on: date, precision: str, outcome: str, data: st.DataObject
) -> None:
    history: list[Event] = []
    has_edd = data.draw(st.booleans())
    said = {"person_id": "p_" + "a" * 32, "concerns": [], **({"edd": edd} if has_edd else {})}
    pregnancy = AGGREGATES["pregnancy"]
    accept(pregnancy, history, BeginRecord(type="pregnancy.booked.v1", data=said, **timing(booked_on, precision)))
    if data.draw(st.booleans()):
        corrected = {"edd": data.draw(days_near), "edd_source": "scan"}
        command = AppendEntry(type="pregnancy.edd_corrected.v1", data=corrected, **timing(booked_on, "day"))
        accept(pregnancy, history, command)
    born = data.draw(st.sampled_from([-400, -180, -2, 0, 2, 180, 400]))
    children = [Child(ended_on + timedelta(days=born))] if outcome == "birth" else []
    ended = {"outcome": outcome, "children": ["p_" + "c" * 32] if children else []}
    command = AppendEntry(
        type="pregnancy.ended.v1", data=ended, known={"children": children}, **timing(ended_on, data.draw(precisions))
    )
    accept(pregnancy, history, command)
    dates = [date.fromisoformat(event.data["edd"]) for event in history if event.data.get("edd")]
    for event in history:
        if event.data.get("edd"):
            expected = date.fromisoformat(event.data["edd"])
            assert first(event) - timedelta(weeks=20) <= expected <= last(event) + timedelta(weeks=60)
    for end in of(history, "pregnancy.ended.v1"):
        if dates:
            conceived = dates[-1] - timedelta(days=280)
            assert conceived <= last(end)
            assert first(end) <= conceived + timedelta(weeks=60)
        else:
            assert first(end) <= first(history[0]) + timedelta(weeks=60)
            assert last(end) >= first(history[0]) - timedelta(weeks=44)
        for child in children:
            assert child.born_on
            assert first(end) - timedelta(days=180) <= child.born_on <= last(end) + timedelta(days=180)


@given(
    st.lists(st.tuples(st.sampled_from(["booked", "missed", "attended", "cancelled"]), st.integers(-3, 9)), max_size=6)
)
def test_nothing_is_attended_before_it_was_offered_or_missed_before_its_day(acts: list[tuple[str, int]]) -> None:
    history: list[Event] = []
    sent = {"person_id": "p_" + "a" * 32, "service": "camhs", "urgency": "routine", "channel": "letter"}
    at = timing(BEGINS, "day")
    begins = BeginRecord(type="referral.sent.v1", data={**sent, "to_team": CLINIC.team}, **at)
    accept(referral.AGGREGATE, history, begins)
    for step in ("acknowledged", "accepted", "offered"):
        accept(referral.AGGREGATE, history, AppendEntry(type=f"referral.{step}.v1", data={}, **at), CLINIC)
    assert len(history) == 4
    for what, days in acts:
        day = BEGINS + timedelta(days=days)
        event_type, said, on = {
            "booked": ("referral.appointment_booked.v1", {"appointment_on": day}, BEGINS),
            "missed": ("referral.not_attended.v1", {"how": "did_not_attend"}, day),
            "attended": ("referral.attended.v1", {}, day),
            "cancelled": ("referral.appointment_cancelled.v1", {"by": "service"}, day),
        }[what]
        accept(referral.AGGREGATE, history, AppendEntry(type=event_type, data=said, **timing(on, "day")), CLINIC)
    assert all(last(event) >= BEGINS for event in history)
    booked: list[date] = []
    for earlier, event in pairwise(history):
        if event.type == "referral.appointment_booked.v1":
            booked.append(date.fromisoformat(event.data["appointment_on"]))
        elif event.type == "referral.not_attended.v1" and earlier.type == "referral.appointment_booked.v1":
            assert last(event) >= min(booked)


@given(st.integers(-400, 45 * 365))
def test_nobody_is_a_care_leaver_before_their_birth(days: int) -> None:
    history: list[Event] = []
    born = {"given_name": "Kit", "family_name": "Exampleton", "date_of_birth": BEGINS - timedelta(days=days)}
    person = {"person_id": "p_" + "a" * 32, "category": "relevant"}
    command = BeginRecord(type=care_leaver.REGISTERED, data=person, private=born, **timing(BEGINS, "day"))
    accept(care_leaver.AGGREGATE, history, command, replace(VISITOR, role="personal_adviser"))
    assert bool(history) == (days >= 0)
