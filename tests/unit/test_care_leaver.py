"""The care leaver decides: a category by law where there are dates, and then whatever happened, in any order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest

from services.leaving_care.domain.care_leaver import AGGREGATE, REGISTERED, ROWS
from shared.contracts import CATALOGUE, leaving_care
from shared.kernel.decisions import Actor, Invalid, Refused
from shared.kernel.history import Retract
from shared.kernel.tables import AppendEntry, BeginRecord
from tests.unit.history import NOW, PERSON, Stream

PA = Actor("pa-brook", "personal_adviser", "leaving-care-essex", ("essex",))
ELSEWHERE = Actor("pa-cley", "personal_adviser", "leaving-care-norfolk", ("norfolk",))
MANAGER = Actor("manager-lane", "manager", "leaving-care-essex", ("essex",))
CARE_LEAVER = str(UUID(int=5))
PREGNANCY = str(UUID(int=6))
MOVE = str(UUID(int=7))


def step(event_type: str, **data: Any) -> AppendEntry:
    return AppendEntry(type=f"{event_type}.v1", data=data)


def change_category(category: str, **known: Any) -> AppendEntry:
    return AppendEntry(type="care_leaver.category_changed.v1", data={"category": category}, known=known)


BROOK = step("adviser.assigned", adviser="pa-brook", team="leaving-care-essex")


def register(
    *, category: str | None = None, looked_after: Sequence[Mapping[str, date]] = (), **timing: Any
) -> BeginRecord:
    return BeginRecord(
        type=REGISTERED,
        data={"person_id": PERSON, "category": category},
        private={
            "given_name": "Rowan",
            "family_name": "Example",
            "date_of_birth": date(1992, 5, 20),
            **({"looked_after": list(looked_after)} if looked_after else {}),
        },
        **timing,
    )


def period(from_on: date, to_on: date | None = None) -> dict[str, date]:
    return {"from_on": from_on, **({"to_on": to_on} if to_on else {})}


def leaver(*commands: Any, **said: Any) -> Stream:
    stream = Stream(AGGREGATE, CARE_LEAVER)
    for command in (register(**({"category": "former_relevant"} | said)), *commands):
        stream.give(command, PA)
    return stream


def refusal(stream: Stream, command: Any, actor: Actor = PA) -> Refused:
    with pytest.raises(Refused) as refused:
        stream.give(command, actor)
    return refused.value


def refused_registration(**said: Any) -> Refused:
    return refusal(Stream(AGGREGATE, CARE_LEAVER), register(**said))


def test_a_registration_publishes_the_category_and_a_quarter_and_nothing_else_of_the_person() -> None:
    periods = (period(date(2007, 1, 1), date(2010, 1, 31)),)
    stream = leaver(category=None, looked_after=periods)
    assert stream.events[0].data == {
        "care_leaver_id": CARE_LEAVER,
        "person_id": PERSON,
        "category": "former_relevant",
        "entitlement_review_on": "2013-06-30",
    }
    assert stream.private[0]["looked_after"] == [{"from_on": "2007-01-01", "to_on": "2010-01-31"}]
    assert (stream.state.status, stream.state.category) == ("registered", "former_relevant")


def test_a_category_without_dates_of_care_is_taken_as_it_is_said() -> None:
    stream = leaver(category="qualifying")
    assert stream.state.category == "qualifying"
    assert "looked_after" not in stream.private[0]


def test_one_of_category_and_dates_of_care_is_needed() -> None:
    refused = refused_registration()
    assert (type(refused), set(refused.fields)) == (Invalid, {"category", "looked_after"})


def test_a_category_that_contradicts_the_dates_is_refused_with_the_one_that_fits() -> None:
    refused = refused_registration(category="relevant", looked_after=(period(date(2007, 1, 1), date(2010, 1, 31)),))
    assert (type(refused), refused.code, set(refused.fields)) == (Invalid, "another-category", {"category"})
    assert "former_relevant" in refused.message


def test_who_is_no_care_leaver_by_these_dates_is_refused_with_a_sentence_that_says_so() -> None:
    refused = refused_registration(looked_after=(period(date(2000, 1, 1), date(2004, 1, 31)),))
    assert (type(refused), refused.code, set(refused.fields)) == (Invalid, "not-a-care-leaver", {"looked_after"})
    assert "not a care leaver on 2013-01-14" in refused.message


def test_periods_of_care_that_cannot_be_are_all_named() -> None:
    refused = refused_registration(
        looked_after=(
            period(date(1992, 5, 19), date(2010, 1, 1)),
            period(date(2009, 1, 2), date(2009, 1, 1)),
            period(date(2009, 1, 1), date(2013, 1, 15)),
            period(date(2013, 1, 15)),
        )
    )
    assert type(refused) is Invalid
    assert set(refused.fields) == {
        "looked_after.0.from_on",
        "looked_after.1.to_on",
        "looked_after.2.to_on",
        "looked_after.3.from_on",
    }


@pytest.mark.parametrize(
    ("occurred_at", "precision", "category"),
    [
        (NOW - timedelta(days=1000), "minute", "relevant"),
        (NOW, "minute", "former_relevant"),
        (NOW - timedelta(days=978), "minute", "relevant"),
        (NOW - timedelta(days=978), "month", "former_relevant"),
    ],
)
def test_a_registration_that_is_recorded_late_has_the_category_of_its_day(
    occurred_at: Any, precision: str, category: str
) -> None:
    periods = (period(date(2007, 1, 1), date(2010, 1, 31)),)
    stream = leaver(category=None, looked_after=periods, occurred_at=occurred_at, precision=precision)
    assert stream.state.category == category


def test_a_care_leaver_has_the_adviser_last_assigned() -> None:
    stream = leaver(BROOK, step("adviser.assigned", adviser="pa-cley", team="leaving-care-essex"))
    assert (stream.state.adviser, stream.state.team) == ("pa-cley", "leaving-care-essex")
    assert refusal(stream, register(category="relevant")).code == "care-leaver-already-known"


def test_only_the_present_adviser_can_stop() -> None:
    stream = leaver()
    ended = step("adviser.ended", adviser="pa-brook", reason_code="left")
    assert refusal(stream, ended).code == "not-the-adviser"
    stream.give(BROOK, MANAGER)
    assert set(refusal(stream, step("adviser.ended", adviser="pa-cley", reason_code="left")).fields) == {"adviser"}
    stream.give(ended, MANAGER)
    assert (stream.state.adviser, stream.state.team) == (None, None)
    assert refusal(stream, ended).code == "not-the-adviser"
    stream.give(BROOK, MANAGER)
    assert stream.state.adviser == "pa-brook"


def test_a_person_determines_the_category_again_whatever_the_dates_say() -> None:
    stream = leaver(category=None, looked_after=(period(date(2007, 1, 1), date(2010, 1, 31)),))
    changed = stream.give(change_category("qualifying", date_of_birth=date(1992, 5, 20)), MANAGER)
    assert changed.data["category"] == "qualifying"
    assert changed.data["entitlement_review_on"] == "2013-06-30"
    assert stream.state.category == "qualifying"


def test_a_category_can_be_determined_after_the_date_of_birth_was_erased() -> None:
    stream = leaver(change_category("qualifying"))
    assert "entitlement_review_on" not in stream.events[-1].data
    assert stream.state.entitlement_review_on is None


STEPS: list[tuple[str, dict[str, Any]]] = [
    ("parenthood.acknowledged", {}),
    ("pa_contact.lost", {}),
    ("pa_contact.made", {"how": "in_person"}),
    ("pa_contact.failed", {"how": "phone"}),
    ("pathway.reviewed", {"reason": "parent"}),
    ("pathway.assessed", {}),
    ("pathway.planned", {}),
    ("accommodation.changed", {"kind": "authority", "provided_by_authority": True, "area": "norfolk"}),
    ("care_leaver.moved", {"to_area": "norfolk", "out_of_area": True}),
    ("care_leaver.move_learnt", {"to_area": "norfolk", "out_of_area": True, "move_id": MOVE}),
    ("authority.confirmed", {"authority": "essex"}),
    ("care_leaver.entitlement_decided", {"decision": "continues", "decided_by": "manager-lane"}),
    ("care_leaver.support_requested", {"how": "phone"}),
    ("care_leaver.reminded", {"how": "letter"}),
    ("care_leaver.ending_planned", {"topics": ["housing", "children"], "agreed": True}),
    ("care_leaver.authority_told", {"authority": "norfolk", "agreed": True}),
    ("parenthood.learnt", {"kind": "to_be_parent", "pregnancy_id": PREGNANCY}),
    ("parenthood.lost", {"pregnancy_id": PREGNANCY}),
    ("support_offer.made", {"support_code": "young-parents-group"}),
]


@pytest.mark.parametrize("order", [1, -1], ids=["as listed", "the other way round"])
def test_whatever_happened_is_recorded_in_any_order_and_late(order: int) -> None:
    stream = leaver()
    for event_type, data in STEPS[::order]:
        event = stream.give(AppendEntry(type=f"{event_type}.v1", data=data, occurred_at=NOW - timedelta(days=400)), PA)
        assert (event.subject, event.area) == (PERSON, "essex")
        assert event.data == {"care_leaver_id": CARE_LEAVER, "person_id": PERSON, **data}
    assert stream.state.status == "registered"
    assert {name: stream.state.facts[name] for name, _ in STEPS} == dict(STEPS)


def test_what_the_table_knows_is_what_the_contracts_say_of_a_care_leaver() -> None:
    said = {kind.name for kind in leaving_care.TYPES if not kind.name.startswith("plan_item.")}
    assert said == set(ROWS)
    others = {
        "care_leaver.registered.v1",
        "care_leaver.corrected.v1",
        "care_leaver.told_apart.v1",
        "care_leaver.category_changed.v1",
        "adviser.assigned.v1",
        "adviser.ended.v1",
    }
    assert {f"{name}.v1" for name, _ in STEPS} | others == set(ROWS)
    assert all(name in CATALOGUE for name in ROWS)


def test_after_the_registration_was_retracted_nothing_follows_until_they_are_registered_again() -> None:
    stream = leaver(BROOK)
    stream.give(Retract(event_id=stream.events[0].id, reason_code="wrong-person"), PA)
    for command in (BROOK, change_category("relevant"), step("pathway.planned")):
        assert refusal(stream, command).code == "recorded-in-error"
    stream.give(register(category="relevant"), PA)
    stream.give(step("pathway.planned"), PA)
    assert (stream.state.category, stream.state.adviser) == ("relevant", "pa-brook")


def test_nobody_acts_on_a_care_leaver_of_another_area() -> None:
    assert refusal(leaver(), step("pathway.planned"), ELSEWHERE).code == "wrong-area"


def test_what_caused_a_step_that_the_service_tells_by_itself_is_kept() -> None:
    cause = str(UUID(int=77))
    data = {"kind": "to_be_parent", "pregnancy_id": PREGNANCY}
    assert leaver().give(AppendEntry(type="parenthood.learnt.v1", data=data, caused_by=cause), PA).causation_id == cause


@pytest.mark.parametrize(
    ("event_type", "data"),
    [
        ("care_leaver.entitlement_decided", {"decision": "continues", "decided_by": "manager-lane"}),
        ("care_leaver.support_requested", {"how": "phone"}),
        ("care_leaver.reminded", {"how": "letter"}),
    ],
)
def test_a_decision_a_request_and_a_reminder_say_when_age_next_changes_the_entitlement(
    event_type: str, data: dict[str, Any]
) -> None:
    known = {"date_of_birth": date(1992, 5, 20)}
    stream = leaver(AppendEntry(type=f"{event_type}.v1", data=data, known=known))
    assert stream.events[-1].data["entitlement_review_on"] == "2017-06-30"
    late = AppendEntry(type=f"{event_type}.v1", data=data, known=known, occurred_at=NOW - timedelta(days=400))
    assert stream.give(late, PA).data["entitlement_review_on"] == "2013-06-30"
    assert "entitlement_review_on" not in stream.give(step(event_type, **data), PA).data
