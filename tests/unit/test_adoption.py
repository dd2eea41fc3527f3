"""A pack is adopted once, and its content changes only with its version."""

from __future__ import annotations

import pytest

from services.referrals_followup.domain.rules import AGGREGATE, Adopt
from shared.kernel.calendar import england
from shared.kernel.decisions import Actor, Refused
from tests.unit.history import Stream
from tests.unit.practice import CALENDAR, with_holiday
from tests.unit.rule_examples import step

ADOPTER = Actor("rules", "system", "system", ("england",))
CONTENT = {"steps": {"PBA-01": step()}}
CHANGED = {"steps": {"PBA-01": step(due={"days": 3})}}
FIRST = Adopt("england", "1", "a" * 64, CONTENT, CALENDAR.to_json())


@pytest.fixture
def stream() -> Stream:
    stream = Stream(AGGREGATE, "england")
    stream.give(FIRST, ADOPTER)
    return stream


def test_a_pack_that_is_in_force_already_is_refused(stream: Stream) -> None:
    with pytest.raises(Refused) as refusal:
        stream.give(FIRST, ADOPTER)
    assert refusal.value.code == "already-in-force"


def test_a_changed_content_under_the_version_in_force_is_refused(stream: Stream) -> None:
    with pytest.raises(Refused) as refusal:
        stream.give(Adopt("england", "1", "b" * 64, CHANGED, CALENDAR.to_json()), ADOPTER)
    assert refusal.value.code == "version-in-use"


def test_a_changed_content_with_its_own_version_is_adopted(stream: Stream) -> None:
    stream.give(Adopt("england", "2", "b" * 64, CHANGED, CALENDAR.to_json()), ADOPTER)
    assert [event.data["version"] for event in stream.events] == ["1", "2"]


@pytest.mark.parametrize("calendar", [with_holiday("2013-01-16"), england(2029)])
def test_a_changed_calendar_needs_no_new_version_of_the_pack(stream: Stream, calendar) -> None:
    stream.give(Adopt("england", "1", "b" * 64, CONTENT, calendar.to_json()), ADOPTER)
    assert [event.data["digest"][0] for event in stream.events] == ["a", "b"]


def test_the_former_content_comes_back_under_its_former_version(stream: Stream) -> None:
    stream.give(Adopt("england", "2", "b" * 64, CHANGED, CALENDAR.to_json()), ADOPTER)
    stream.give(FIRST, ADOPTER)
    assert [event.data["version"] for event in stream.events] == ["1", "2", "1"]
