"""Random histories of one small family under the real packs: every event type there is, each true to its contract.

Two areas, ids that turn out to be the same person, moves, births, losses, deaths, closings, late and retracted facts.
What an event is, when and about whom is drawn; the other fields follow from one number, so that examples shrink.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

from hypothesis import strategies as st
from marshmallow import fields

from services.referrals_followup.domain import follow_up as follow_ups
from services.referrals_followup.domain.follow_up import FollowUp, Sweep
from services.referrals_followup.domain.rules_history import Adoption, RulesHistory
from services.referrals_followup.domain.thread_history import Evidence
from shared.contracts import CATALOGUE
from shared.contracts.catalogue import EventType
from shared.contracts.fields import Choice, Day, Mention, Ref, Whole, YesNo
from shared.kernel.decisions import ABOUT_AN_ENTRY, RETRACTION, Actor, Context
from shared.kernel.envelope import Event
from shared.kernel.ids import derived_id
from tests.unit.practice import CALENDAR, PACKS, SYSTEM, london

START = london("2013-01-07 09:00")
SPAN_DAYS = 900
MOTHER, MOTHER_TOO, PARTNER, PARTNER_TOO, CHILD, TWIN = PEOPLE = tuple(f"p_{letter * 32}" for letter in "abcdef")
THINGS = tuple(str(UUID(int=number)) for number in (1, 2))
AREAS = ("essex", "norfolk")
TEAMS = ("hv-harwich", "hv-yare", "leaving-care-essex")
ROLES = ("health_visitor", "gp_practice", "midwife", "social_worker")
HISTORY = RulesHistory.of(
    Adoption(london("2012-01-01"), name, pack["version"], {"steps": pack["steps"]}, CALENDAR, name)
    for name, pack in PACKS.items()
)
KINDS = HISTORY.thread_kinds()

# On which record an event is kept; those that are not here are on one named by the first thing their data names.
KEPT_ON = {"handover": "move", "injury": "concern", "child": "concern", "prebirth": "pregnancy", "household": "person"}
KEPT_ON |= {"harm": "concern", "contacts": "person", "closing": "person", "closings": "person"}
# What the follow-up service says too is about the services themselves.
SAID = tuple(entry for entry in CATALOGUE if "referrals_followup" not in entry.speakers)
TYPES = {entry.name: entry for entry in SAID if entry.name not in ABOUT_AN_ENTRY}
# What turns a history about, and so comes up more often than the rest.
TURNS = (
    "person.linked.v1",
    "person.unlinked.v1",
    "household.moved.v1",
    "pregnancy.booked.v1",
    "pregnancy.ended.v1",
    "person.died.v1",
    "case.opened.v1",
    "case.closed.v1",
    "referral.closed.v1",
    "concern.raised.v1",
    "injury.reported.v1",
    "contact.received.v1",
    "contacts.reviewed.v1",
    "review.declined.v1",
    "handover.attempted.v1",
    "accumulation.reviewed.v1",
    "parenthood.learnt.v1",
    "care_leaver.registered.v1",
    "pa_contact.made.v1",
    "plan_item.added.v1",
)


names = st.sampled_from(sorted(TYPES))


def kind_of_record(entry: EventType) -> str:
    noun = entry.name.partition(".")[0]
    if entry.name == "household.moved.v1":
        return "move"
    if noun in KEPT_ON:
        return KEPT_ON[noun]
    named = [field.metadata["ref"] for field in entry.schema().fields.values() if field.metadata.get("ref")]
    return next((kind for kind in named if kind != "person"), "person")


def _value(name: str, field: fields.Field, seeded: Random, on: date, people: Sequence[str]) -> Any:
    if isinstance(field, fields.List):
        inner = field.inner
        few = seeded.sample(range(8), seeded.randint(1 if field.validate else 0, 3))
        values = [_value(name, inner, seeded, on, people) for _ in few]
        return [value for place, value in enumerate(values) if value not in values[:place]]
    if isinstance(field, fields.Nested):
        return {part: _value(part, inner, seeded, on, people) for part, inner in field.schema.fields.items()}
    if isinstance(field, Choice):
        return seeded.choice(list(field.validators[0].choices))  # type: ignore[attr-defined]
    if isinstance(field, YesNo | fields.Boolean):
        return seeded.random() < 0.5
    if isinstance(field, Whole):
        return seeded.choice([0, 1, 2, 3, 8, 10, 13])
    if isinstance(field, Day):
        return (on + timedelta(days=seeded.randint(-60, 250))).isoformat()
    if isinstance(field, Mention):
        return seeded.choice(people)
    if isinstance(field, Ref):
        return seeded.choice(people if field.metadata["ref"] == "person" else THINGS)
    if name.endswith("area"):
        return seeded.choice(AREAS)
    return seeded.choice(TEAMS)


def data_of(
    entry: EventType, thing: str, person: str, variant: int, on: date, people: Sequence[str] = PEOPLE
) -> dict[str, Any]:
    """Data that keep the contract of this type, about this thing and this person."""
    kind = kind_of_record(entry)
    data = {}
    for name, field in entry.schema().fields.items():
        seeded = Random(f"{entry.name} {name} {variant}")
        if not field.required and seeded.random() < 0.4:
            continue
        ref = field.metadata.get("ref")
        if name == "person_id":
            data[name] = person
        elif ref == kind and kind != "person" and isinstance(field, Ref):
            data[name] = thing
        else:
            data[name] = _value(name, field, seeded, on, people)
    if entry.name == "household.moved.v1":
        data["people"] = sorted({*data["people"], person})
    return data


@st.composite
def lives(draw: st.DrawFn, most: int = 16, before: tuple[Event, ...] = ()) -> list[Event]:
    """The family's events, in the order of recording; with `before`, what becomes known after that."""
    events: list[Event] = []
    # Each history has a few themes, a few people and its own pace, so that things come together.
    themes = [*draw(st.lists(st.sampled_from(TURNS), min_size=1, max_size=4)), *draw(st.lists(names, max_size=2))]
    people = draw(st.lists(st.sampled_from(PEOPLE), min_size=1, max_size=3, unique=True))
    if before:
        themes = [*themes, *TURNS[:3], *(event.type for event in before if event.type in TYPES)]
        people = sorted({event.subject for event in before if event.subject} | set(people))
    days = draw(st.sampled_from([40, 200, SPAN_DAYS]))
    versions = Counter(event.stream for event in before)
    for number in range(len(before), len(before) + draw(st.one_of(st.integers(1, most), st.just(most)))):
        retracts = bool(events or before) and draw(st.integers(0, 7)) == 0
        occurred_at = START + timedelta(days=draw(st.integers(0, days)), hours=draw(st.integers(0, 23)))
        person = draw(st.sampled_from(people))
        if retracts:
            struck = draw(st.sampled_from([*before, *events]))
            name, stream, subject = RETRACTION, struck.stream, None
            data: dict[str, Any] = {"event_id": struck.id, "reason_code": "wrong"}
        else:
            name = draw(st.sampled_from(themes))
            thing = draw(st.sampled_from(THINGS))
            kind = kind_of_record(TYPES[name])
            stream = f"{kind}/{person if kind == 'person' else thing}"
            data = data_of(TYPES[name], thing, person, draw(st.integers(0, 30)), occurred_at.date(), people)
            subject = data.get("person_id")
        versions[stream] += 1
        events.append(
            Event(
                id=derived_id("event", str(number)),
                source="perinatal",
                type=name,
                subject=subject,
                occurred_at=occurred_at,
                precision=draw(st.sampled_from(["minute", "day", "month", "year"])),
                recorded_at=occurred_at + timedelta(hours=draw(st.sampled_from([0, 0, 1, 300, 3_000]))),
                stream=stream,
                version=versions[stream],
                actor=draw(st.sampled_from(["ann", "ben"])),
                role=draw(st.sampled_from(ROLES)),
                team=draw(st.sampled_from(TEAMS)),
                area=draw(st.sampled_from(AREAS)),
                correlation_id=str(number),
                data=data,
            )
        )
    return events


def evidence_of(events: Iterable[Event]) -> list[Evidence]:
    return [Evidence(event, frozenset(CATALOGUE.refs(event))) for event in events]


def threads_of(events: Iterable[Event]) -> list[str]:
    """Every thread that the events name and that some standard is about."""
    refs = {ref for event in events for ref in CATALOGUE.refs(event)}
    return sorted(ref for ref in refs if ref.partition("/")[0] in KINDS)


def chase_of(found: FollowUp, at: datetime) -> Event | None:
    """The chase of what is owed at this instant, as a sweep records it; None when nothing is."""
    stream = f"follow-up/{found.id}"
    if not follow_ups.owed(found, follow_ups.Acts(), CALENDAR, at):
        return None
    command = Sweep(found, at, CALENDAR, lambda rung, owner: ("mia",))
    fact = follow_ups.decide(follow_ups.Acts(), command, Context(now=at, actor=SYSTEM, stream=stream))
    return act_of(found, fact.type, fact.data, at, SYSTEM)


def act_of(found: FollowUp, event_type: str, more: dict[str, Any], at: datetime, by: Actor, number: int = 1) -> Event:
    """Somebody, or a sweep, does something about the follow-up."""
    stream = f"follow-up/{found.id}"
    return Event(
        id=derived_id("act", stream, str(number)),
        source="referrals_followup",
        type=event_type,
        subject=None,
        occurred_at=at,
        recorded_at=at,
        stream=stream,
        version=number,
        actor=by.id,
        role=by.role,
        team=by.team,
        area=found.area,
        correlation_id="x",
        data={"follow_up_id": found.id, "thread": found.thread, **more},
    )
