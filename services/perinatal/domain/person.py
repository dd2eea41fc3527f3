"""A person as this service knows them: an opaque id for everybody, the name and NHS number for nobody else."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

from shared.kernel.decisions import Context, Fact, Refused
from shared.kernel.envelope import Event
from shared.kernel.history import Begin, History, area_to_begin_in, fact, history_of, require_born


@dataclass(frozen=True, slots=True, kw_only=True)
class Register(Begin):
    """`nhs_number` is ten digits, already checked. Name, date of birth and number stay private."""

    given_name: str
    family_name: str
    date_of_birth: date
    nhs_number: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Person(History):
    nhs_number_known: bool = False


def _register(state: Person, command: Register, context: Context) -> Fact:
    person_id = context.stream_id
    if state.status is not None:
        raise Refused("person-already-known", f"this person is known here as {person_id}; go on with that id")
    require_born(command.date_of_birth, context.now)
    registered = fact(
        "person.registered.v1",
        context,
        person_id=person_id,
        nhs_number_known=command.nhs_number is not None,
        private={
            "given_name": command.given_name,
            "family_name": command.family_name,
            "date_of_birth": command.date_of_birth.isoformat(),
            "nhs_number": command.nhs_number,
        },
    )
    return replace(registered, subject=person_id, area=area_to_begin_in(state, command, context.actor))


def _registered(state: Person, event: Event) -> Person:
    return replace(state, status="registered", nhs_number_known=event.data["nhs_number_known"])


AGGREGATE = history_of(
    "person",
    Person(),
    decisions={Register: _register},
    evolutions={"person.registered.v1": _registered},
)
