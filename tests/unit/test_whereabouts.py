"""Where somebody has come to live: the last move counts, and nobody lets themselves in by their own word."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from services.perinatal.domain.move import areas_after
from shared.kernel.decisions import Actor
from shared.kernel.history import Retract
from shared.kernel.tables import BeginRecord
from tests.unit.history import NOW, PERSON, Stream
from tests.unit.records import AGGREGATES, BOTH, NORFOLK, VISITOR, WITH_PROOF, refusal, says, tell

HOUSING = Actor("officer-reed", "housing", "housing-norwich", ("norfolk",))
WASH = Actor("hv-wash", "health_visitor", "hv-wash-team", ("suffolk",))
LAST_YEAR = NOW - timedelta(days=365)


def moved(origin: str, to: str, by: Actor, at: datetime = LAST_YEAR, *, recorded: datetime = NOW) -> Stream:
    stream = Stream(AGGREGATES["move"], str(UUID(int=99)), now=recorded)
    data: dict[str, Any] = says("move", "household.moved.v1", person_id=PERSON, from_area=origin, to_area=to)
    stream.give(BeginRecord(type="household.moved.v1", data=data, occurred_at=at), by)
    return stream


def lives(*moves: Stream) -> set[str]:
    """The same in whatever order the moves are found."""
    areas = areas_after(one.state for one in moves)
    assert areas_after(one.state for one in reversed(moves)) == areas
    return areas


def days(number: int) -> datetime:
    return LAST_YEAR + timedelta(days=number)


def test_an_area_from_which_somebody_moved_on_or_back_is_no_longer_where_they_live() -> None:
    there = moved("essex", "norfolk", VISITOR)
    assert lives(there) == {"norfolk"}
    assert lives(there, moved("norfolk", "essex", NORFOLK, days(30))) == {"essex"}
    assert lives(there, moved("norfolk", "suffolk", NORFOLK, days(30))) == {"suffolk"}


def test_the_last_move_is_the_one_that_happened_last_however_late_another_became_known() -> None:
    back = moved("norfolk", "essex", NORFOLK, days(30), recorded=NOW)
    there = moved("essex", "norfolk", VISITOR, recorded=NOW + timedelta(days=9))
    assert lives(there, back) == {"essex"}
    same_day = moved("norfolk", "essex", NORFOLK, recorded=NOW + timedelta(days=10))
    assert lives(there, same_day) == {"essex"}


def test_a_move_that_was_struck_out_never_was() -> None:
    there, back = moved("essex", "norfolk", VISITOR), moved("norfolk", "essex", NORFOLK, days(30))
    back.give(Retract(event_id=back.events[0].id, reason_code="wrong-person"), NORFOLK)
    assert lives(there, back) == {"norfolk"}
    there.give(Retract(event_id=there.events[0].id, reason_code="wrong-person"), VISITOR)
    assert lives(there, back) == set()


def test_a_move_that_only_the_new_area_tells_of_counts_once_it_says_who_handed_over() -> None:
    there = moved("essex", "norfolk", HOUSING)
    assert there.state.facts["recorded_in"] == "norfolk"
    assert lives(there) == set()
    refused = refusal(there, tell("move", "handover.acknowledged.v1"), NORFOLK)
    assert (refused.code, set(refused.fields)) == (
        "nothing-handed-over",
        {"receiver_person", "channel", "reference"},
    )
    said = tell("move", "handover.acknowledged.v1", channel="phone", private=WITH_PROOF)
    assert there.give(said, NORFOLK).data["reported_by"] == "receiver"
    assert lives(there) == {"norfolk"}


def test_a_move_that_only_the_new_area_tells_of_counts_once_the_area_that_was_left_writes_of_it() -> None:
    for event_type in ("handover.attempted.v1", "handover.given.v1"):
        there = moved("essex", "norfolk", HOUSING)
        there.give(tell("move", event_type), NORFOLK)
        assert lives(there) == set()
        entry = there.give(tell("move", event_type), VISITOR)
        assert lives(there) == {"norfolk"}
        there.give(Retract(event_id=entry.id, reason_code="wrong-family"), VISITOR)
        assert lives(there) == set()


def test_who_acts_in_both_areas_speaks_for_the_one_that_was_left() -> None:
    assert lives(moved("essex", "norfolk", BOTH)) == {"norfolk"}


def test_an_area_shuts_no_other_out_by_its_own_word() -> None:
    there = moved("essex", "norfolk", VISITOR)
    assert lives(there, moved("norfolk", "suffolk", WASH, days(30))) == {"norfolk"}


def test_the_area_they_came_from_ends_the_stay_by_its_own_word_and_gets_no_more_by_it() -> None:
    there, back = moved("essex", "norfolk", VISITOR), moved("norfolk", "essex", VISITOR, days(30))
    assert lives(there, back) == set()
    said = tell("move", "handover.acknowledged.v1", channel="phone", private=WITH_PROOF)
    back.give(said, replace(VISITOR, also_in=("norfolk",)))
    assert lives(there, back) == {"essex"}


def test_nobody_but_the_two_areas_of_a_move_speaks_for_either() -> None:
    there = moved("essex", "norfolk", VISITOR)
    elsewhere = Actor("hv-wash", "health_visitor", "hv-wash-team", ("suffolk",), also_in=("essex",))
    assert "recorded_in" not in there.give(tell("move", "handover.attempted.v1"), elsewhere).data
    assert refusal(there, tell("move", "handover.given.v1"), WASH).code == "wrong-area"
