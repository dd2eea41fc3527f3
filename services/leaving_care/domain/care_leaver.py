"""A care leaver and the personal adviser who holds their plan. Name and NHS number stay private."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

from shared.kernel.decisions import Context, Fact, Refused
from shared.kernel.envelope import Event
from shared.kernel.history import Begin, Command, History, area_to_begin_in, fact, history_of, require_born


@dataclass(frozen=True, slots=True, kw_only=True)
class Register(Begin):
    """`nhs_number` is ten digits, already checked. Name, date of birth and number stay private."""

    person_id: str
    category: str
    given_name: str
    family_name: str
    date_of_birth: date
    nhs_number: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AssignAdviser(Command):
    """`adviser` and `team` are directory ids."""

    adviser: str
    team: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CareLeaver(History):
    category: str | None = None
    adviser: str | None = None
    team: str | None = None


def _register(state: CareLeaver, command: Register, context: Context) -> Fact:
    care_leaver_id = context.stream_id
    if state.status is not None:
        raise Refused("care-leaver-already-known", f"known here as {care_leaver_id}; go on with that id")
    require_born(command.date_of_birth, context.now)
    registered = fact(
        "care_leaver.registered.v1",
        context,
        care_leaver_id=care_leaver_id,
        person_id=command.person_id,
        category=command.category,
        private={
            "given_name": command.given_name,
            "family_name": command.family_name,
            "date_of_birth": command.date_of_birth.isoformat(),
            "nhs_number": command.nhs_number,
        },
    )
    return replace(registered, subject=command.person_id, area=area_to_begin_in(state, command, context.actor))


def _assign_adviser(state: CareLeaver, command: AssignAdviser, context: Context) -> Fact:
    if state.status is None:
        raise Refused("recorded-in-error", "the registration of this care leaver was retracted; register them again")
    return fact(
        "adviser.assigned.v1",
        context,
        care_leaver_id=context.stream_id,
        person_id=state.person_id,
        adviser=command.adviser,
        team=command.team,
    )


def _registered(state: CareLeaver, event: Event) -> CareLeaver:
    return replace(state, status="registered", category=event.data["category"])


def _assigned(state: CareLeaver, event: Event) -> CareLeaver:
    return replace(state, adviser=event.data["adviser"], team=event.data["team"])


AGGREGATE = history_of(
    "care-leaver",
    CareLeaver(),
    decisions={Register: _register, AssignAdviser: _assign_adviser},
    evolutions={"care_leaver.registered.v1": _registered, "adviser.assigned.v1": _assigned},
)
