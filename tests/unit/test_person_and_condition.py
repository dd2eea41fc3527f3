"""People and conditions: the name stays private, and nobody is registered twice."""

from __future__ import annotations

from datetime import date
from uuid import UUID

import pytest

from services.perinatal.domain import condition, person
from shared.kernel.decisions import Actor, Refused
from shared.kernel.history import Retract
from shared.kernel.tables import BeginRecord
from tests.unit.history import PERSON, Stream
from tests.unit.records import register

GP = Actor("gp-aldous", "gp_practice", "gp-harbour", ("essex",))
REGISTER = register(date_of_birth=date(1996, 3, 2), nhs_number="9990000018")


def test_the_name_the_birthday_and_the_nhs_number_stay_private() -> None:
    stream = Stream(person.AGGREGATE, PERSON)
    event = stream.give(REGISTER, GP)
    assert event.data == {"person_id": PERSON, "nhs_number_known": True}
    assert event.subject == PERSON
    assert set(stream.private[0]) == {"given_name", "family_name", "date_of_birth", "nhs_number"}


def test_a_person_of_unknown_age_is_registered_too() -> None:
    stream = Stream(person.AGGREGATE, PERSON)
    stream.give(register(), GP)
    assert stream.private[0] == {"given_name": "Wren", "family_name": "Example"}


def test_a_person_already_known_is_not_registered_again_and_the_answer_says_under_which_id() -> None:
    stream = Stream(person.AGGREGATE, PERSON)
    stream.give(REGISTER, GP)
    with pytest.raises(Refused) as refused:
        stream.give(REGISTER, GP)
    assert refused.value.code == "person-already-known"
    assert PERSON in refused.value.message


def test_somebody_from_another_area_learns_the_id_of_a_known_person() -> None:
    stream = Stream(person.AGGREGATE, PERSON)
    stream.give(REGISTER, GP)
    elsewhere = Actor("gp-cley", "gp_practice", "gp-marsh", ("norfolk",))
    with pytest.raises(Refused) as refused:
        stream.give(REGISTER, elsewhere)
    assert refused.value.code == "person-already-known"


def test_a_person_whose_registration_was_retracted_may_be_registered_anew() -> None:
    stream = Stream(person.AGGREGATE, PERSON)
    first = stream.give(REGISTER, GP)
    stream.give(Retract(event_id=first.id, reason_code="wrong-person"), GP)
    stream.give(REGISTER, GP)
    assert stream.state.status == "registered"


def test_a_condition_is_a_code_about_a_person() -> None:
    stream = Stream(condition.AGGREGATE, str(UUID(int=4)))
    data = {"person_id": PERSON, "code": "depression"}
    command = BeginRecord(type="condition.recorded.v1", data=data, note="low since the birth")
    event = stream.give(command, GP)
    assert event.data == {"condition_id": str(UUID(int=4)), "person_id": PERSON, "code": "depression"}
    assert stream.private[0] == {"note": "low since the birth"}
