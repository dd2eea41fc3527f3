"""Random standards and random histories over a small made-up world: things, people, and what happens to them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from hypothesis import strategies as st
from marshmallow import fields

from services.referrals_followup.domain.rules_history import Adoption, RulesHistory
from services.referrals_followup.domain.thread_history import Evidence
from shared.contracts.catalogue import Catalogue, EventType
from shared.contracts.common import TYPES as COMMON
from shared.contracts.fields import EventData
from shared.contracts.referrals_followup import TYPES as FOLLOW_UPS
from shared.kernel.calendar import WorkingCalendar, england
from shared.kernel.envelope import Event
from shared.kernel.ids import derived_id

START = datetime(2020, 3, 2, 9, tzinfo=UTC)
CALENDAR = england(2027)
AREAS = ("essex", "norfolk")
THINGS = tuple(str(UUID(int=number)) for number in (1, 2))
PEOPLE = tuple("p_" + letter * 32 for letter in "ab")
TYPES = ("thing.began.v1", "thing.moved.v1", "thing.finished.v1", "person.changed.v1")


class ThingData(EventData):
    thing_id = fields.String(metadata={"ref": "thing"})
    person_id = fields.String(metadata={"ref": "person"})
    level = fields.Integer()
    on = fields.String()


WORLD = Catalogue(
    COMMON,
    FOLLOW_UPS,
    tuple(EventType(name, ThingData, ("perinatal",), ("referrals_followup",), "health") for name in TYPES),
)

offsets = st.one_of(
    st.fixed_dictionaries({"working_days": st.integers(0, 12)}),
    st.fixed_dictionaries({"days": st.integers(0, 40)}),
    st.fixed_dictionaries({"hours": st.integers(0, 60)}),
    st.just({"same_day": True}),
    st.fixed_dictionaries({"months": st.integers(0, 3)}),
)
types = st.sampled_from(TYPES)
simple_predicates = st.one_of(
    st.tuples(st.just("field_equals"), st.tuples(st.just("level"), st.integers(0, 2)).map(list)),
    st.tuples(st.just("field_at_least"), st.tuples(st.just("level"), st.integers(0, 2)).map(list)),
    st.tuples(st.just("field_present"), st.just("on")),
    st.tuples(st.just("thread_has"), types),
    st.tuples(st.just("person_has"), types),
).map(lambda pair: {pair[0]: pair[1]})
predicates = st.one_of(
    simple_predicates,
    simple_predicates.map(lambda inner: {"not": inner}),
    st.lists(simple_predicates, min_size=1, max_size=2).map(lambda inner: {"any_of": inner}),
)
matchers = st.one_of(
    types,
    st.fixed_dictionaries(
        {"event": types, "when": st.lists(predicates, max_size=1)}, optional={"via": st.just("person")}
    ),
)
plain_due = st.one_of(
    offsets,
    st.tuples(offsets, types, st.integers(1, 3)).map(lambda t: {**t[0], "after": {"event": t[1], "nth": t[2]}}),
    offsets.map(lambda offset: {**offset, "after": {"field": "on"}}),
)
dues = st.one_of(
    plain_due,
    st.tuples(st.sampled_from(["earliest", "latest"]), st.lists(plain_due, min_size=1, max_size=3)).map(
        lambda pair: {pair[0]: pair[1]}
    ),
    st.tuples(predicates, plain_due, offsets).map(
        lambda t: {"choose": [{"when": [t[0]], "then": t[1]}, {"then": t[2]}]}
    ),
)
openings = st.one_of(
    st.lists(matchers, min_size=1, max_size=2),
    st.fixed_dictionaries(
        {
            "count": st.integers(1, 3),
            "of": st.lists(matchers, min_size=1, max_size=2),
            "within_days": st.integers(1, 30),
        }
    ),
)


@st.composite
def steps(draw: st.DrawFn) -> dict[str, Any]:
    """The content of one step of a pack."""
    opening = draw(openings)
    return {
        "title": "A thing is looked at",
        "expects": "Look at it",
        "thread": draw(st.sampled_from(["thing", "person"])),
        "opens_on": opening,
        "due": draw(dues),
        "met_by": draw(st.lists(matchers, min_size=1, max_size=2)),
        "ended_by": draw(st.lists(matchers, max_size=1)),
        "recurs": draw(st.booleans()) and not isinstance(opening, dict),
        "owner": {"role": "actor", "person": draw(st.sampled_from(["actor", {"event": TYPES[3], "field": "on"}]))},
        "ladder": [
            {"name": "first", "to": ["owner"]},
            {"name": "second", "after": draw(offsets), "to": ["manager"], "repeat": {"working_days": 5}},
        ],
        "basis": "DES",
        "source": "made up",
        "confidence": "F",
        "applies_from": draw(st.sampled_from(["2012-01-01", "2020-03-20"])),
    }


@st.composite
def rules(draw: st.DrawFn) -> RulesHistory:
    """One to three adoptions of up to three steps each, some by an area only, and up to two calendars."""
    adoptions = []
    for number in range(draw(st.integers(1, 3))):
        pack = "england" if number == 0 else draw(st.sampled_from(["england", "essex"]))
        found = draw(
            st.dictionaries(st.sampled_from(["AB-01", "AB-02", "AB-03.part"]), steps(), min_size=1, max_size=3)
        )
        at = START + timedelta(days=20 * number)
        adoptions.append(Adoption(at, pack, f"{number}", {"steps": found}, CALENDAR, f"adoption-{number}"))
    for number in range(draw(st.integers(0, 2))):
        at = START + timedelta(days=draw(st.integers(1, 60)))
        days = {date(2020, 3, day): "extra" for day in draw(st.sets(st.integers(1, 31), min_size=1, max_size=5))}
        extra = WorkingCalendar(days, f"extra-{number}")
        adoptions.append(Adoption(at, "calendar", extra.version, {"steps": {}}, extra, f"calendar-{number}"))
    return RulesHistory.of(adoptions)


@st.composite
def histories(draw: st.DrawFn, most: int = 14) -> list[Event]:
    """Events of several streams: late, on the same instant, in two areas, some of them retracted."""
    events: list[Event] = []
    versions: dict[str, int] = {}
    for number in range(draw(st.integers(1, most))):
        kind = draw(types)
        retracts = bool(events) and draw(st.integers(0, 6)) == 0
        stream = events[-1].stream if retracts else f"thing/{draw(st.sampled_from(THINGS))}"
        occurred_at = START + timedelta(hours=6 * draw(st.integers(0, 240)))
        versions[stream] = versions.get(stream, 0) + 1
        person = draw(st.sampled_from(PEOPLE))
        data: dict[str, Any] = {"thing_id": stream.partition("/")[2], "person_id": person}
        if draw(st.booleans()):
            data["level"] = draw(st.integers(0, 2))
        if draw(st.booleans()):
            data["on"] = (occurred_at + timedelta(days=draw(st.integers(0, 30)))).date().isoformat()
        if retracts:
            kind = "record.retracted.v1"
            data = {"event_id": draw(st.sampled_from(events)).id, "reason_code": "wrong"}
        events.append(
            Event(
                id=derived_id("event", str(number)),
                source="perinatal",
                type=kind,
                subject=None if retracts else person,
                occurred_at=occurred_at,
                precision=draw(st.sampled_from(["minute", "day", "month", "year"])),
                recorded_at=occurred_at + timedelta(hours=draw(st.integers(0, 400))),
                stream=stream,
                version=versions[stream],
                actor=draw(st.sampled_from(["ann", "ben"])),
                role="health_visitor",
                team="team-a",
                area=draw(st.sampled_from(AREAS)),
                correlation_id=str(number),
                data=data,
            )
        )
    return events


def evidence_of(events: list[Event]) -> list[Evidence]:
    """The events with what they name."""
    return [Evidence(event, frozenset(WORLD.refs(event))) for event in events]


def threads_of(events: list[Event]) -> list[str]:
    """Every thread of the made-up world that the events name."""
    return sorted({ref for event in events for ref in WORLD.refs(event) if ref.startswith(("thing/", "person/"))})
