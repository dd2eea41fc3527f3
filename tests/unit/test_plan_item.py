"""The plan item decides: nothing ends it but completion, or an end with a reason and a manager's name."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

import pytest

from services.leaving_care.domain import plan_item
from shared.contracts import leaving_care
from shared.kernel.decisions import Actor, Refused
from shared.kernel.tables import AppendEntry, BeginRecord
from tests.unit.history import PERSON, Stream

PA = Actor("pa-brook", "personal_adviser", "leaving-care-essex", ("essex",))
ELSEWHERE = Actor("pa-cley", "personal_adviser", "leaving-care-norfolk", ("norfolk",))
CARE_LEAVER = str(UUID(int=5))


def add(*, area: str, **data: Any) -> BeginRecord:
    return BeginRecord(type="plan_item.added.v1", area=area, data=data)


def append(what: str, *, young_person_view: str | None = None, **data: Any) -> AppendEntry:
    private = {"young_person_view": young_person_view} if young_person_view else {}
    return AppendEntry(type=f"plan_item.{what}.v1", data=data, private=private)


ADD = add(
    care_leaver_id=CARE_LEAVER,
    person_id=PERSON,
    area="essex",
    kind="counselling",
    condition="when_ready",
    fallback="mental_health_worker",
)
ARRANGE = append(
    "arranged",
    owner="pa-brook",
    trigger_code="asks-for-it",
    fallback="mental_health_worker",
    review_by=date(2013, 3, 11),
)


def item(*commands: Any, first: BeginRecord = ADD) -> Stream:
    stream = Stream(plan_item.AGGREGATE, str(UUID(int=98)))
    for command in (first, *commands):
        stream.give(command, PA)
    return stream


def refusal(stream: Stream, command: Any, actor: Actor = PA) -> Refused:
    with pytest.raises(Refused) as refused:
        stream.give(command, actor)
    return refused.value


def test_an_item_is_added_with_its_condition_and_its_fallback() -> None:
    stream = item()
    assert stream.state.status == "added"
    assert stream.events[0].data["condition"] == "when_ready"
    assert stream.events[0].data["fallback"] == "mental_health_worker"
    assert stream.events[0].subject == PERSON


def test_arranging_names_the_owner_the_trigger_the_fallback_and_the_day_to_look_again() -> None:
    stream = item(ARRANGE)
    assert stream.events[-1].data["review_by"] == "2013-03-11"
    assert (stream.state.owner, stream.state.review_by) == ("pa-brook", "2013-03-11")


def test_arranging_late_does_not_undo_an_answer() -> None:
    stream = item(append("offered"), append("declined"), ARRANGE)
    assert stream.state.status == "declined"
    assert stream.state.owner == "pa-brook"


def test_to_be_declined_or_deferred_ends_nothing() -> None:
    stream = item(
        ARRANGE,
        append("offered"),
        append("declined"),
        append("offered"),
        append("deferred", re_offer_by=date(2013, 5, 6)),
    )
    assert stream.state.status == "deferred"
    assert stream.state.re_offer_by == "2013-05-06"
    stream.give(append("offered"), PA)
    stream.give(append("taken_up"), PA)
    stream.give(append("completed"), PA)
    assert stream.state.status == "completed"


def test_a_review_changes_when_to_look_again_and_nothing_else() -> None:
    stream = item(ARRANGE, append("reviewed", next_review_by=date(2013, 5, 6)))
    assert stream.state.status == "arranged"
    assert stream.state.review_by == "2013-05-06"


def test_the_fallback_can_be_started_while_the_item_waits() -> None:
    stream = item(append("offered"), append("declined"), append("fallback_started"))
    assert stream.state.status == "fallback_started"


def test_there_is_no_starting_a_fallback_that_was_never_agreed() -> None:
    without = add(
        care_leaver_id=CARE_LEAVER,
        person_id=PERSON,
        area="essex",
        kind="counselling",
        condition="none",
        fallback="none",
    )
    assert refusal(item(first=without), append("fallback_started")).code == "no-fallback"


def test_an_item_is_not_completed_before_it_was_taken_up() -> None:
    refused = refusal(item(), append("completed"))
    assert refused.code == "not-from-here"
    assert "is added" in refused.message


def test_an_end_names_the_manager_and_keeps_the_young_persons_words_private() -> None:
    stream = item(append("offered"))
    ended = stream.give(
        append("ended", reason_code="moved-away", manager="manager-lane", young_person_view="I am fine"), PA
    )
    assert ended.data["manager"] == "manager-lane"
    assert ended.data["young_person_view_given"] is True
    assert stream.private[-1] == {"young_person_view": "I am fine"}
    assert refusal(stream, append("offered")).code == "not-from-here"


def test_an_end_without_the_young_persons_view_says_so() -> None:
    ended = item().give(append("ended", reason_code="moved-away", manager="manager-lane"), PA)
    assert ended.data["young_person_view_given"] is False


def test_nobody_acts_on_an_item_of_another_area() -> None:
    assert refusal(item(), append("offered"), ELSEWHERE).code == "wrong-area"


def test_every_event_of_a_plan_item_has_its_place_in_the_table_of_steps() -> None:
    said = {event_type.name for event_type in leaving_care.TYPES if event_type.name.startswith("plan_item.")}
    assert set(plan_item.ROWS) == said
