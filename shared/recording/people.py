"""How people are registered and found. Nobody learns whom a service knows without a trace.

Guarantees: each answer that says whether somebody is known here is in the access log first, with its actor. A person is
registered under a known NHS number by nobody. Which details differ, but no value of them, the answer tells whoever may
read the person. Everybody else has one answer, whatever differs.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from functools import partial
from typing import Any

from marshmallow import Schema, ValidationError, fields, validates_schema
from nameko.extensions import register_entrypoint
from pymongo import ASCENDING, ReturnDocument
from pymongo.database import Database

from shared.contracts.fields import ALIKE
from shared.events.recorder import available
from shared.kernel.decisions import Actor
from shared.kernel.envelope import Event
from shared.kernel.ids import person_id_from_nhs_number
from shared.kernel.nhs_number import format_nhs_number
from shared.kernel.person_names import differing, is_alike
from shared.kernel.tables import AlreadyKnown, BegunInError
from shared.recording.person_index import FoundPerson, PersonIndex
from shared.recording.records import IDENTITY, Records, identity_in
from shared.recording.routes import RecordRoutes, Route, RouteBody
from shared.web.access_log import AccessLog
from shared.web.endpoint import Endpoint
from shared.web.exchange import Answer, Request
from shared.web.fields import Body, Day, NhsNumber, PersonName
from shared.web.problems import FieldError, Problem

SEARCH = "/v1/people/search"
# So often an actor may look for people, or be told that details differ.
MOST_LOOKS, WINDOW_SECONDS = 60, 600
ASK_ABOUT_THE_NUMBER = (
    "this NHS number is known here with other details. Check the number and the details. If they are right, ask the"
    " team that works with the person, or register them without the number"
)
ASK_THE_TEAM = "somebody is known here under these details: ask the team that works with them"


class LookLimit:
    """Counts the looks of each actor in windows of ten minutes, for all processes of a service together."""

    def __init__(self, database: Database[dict[str, Any]]) -> None:
        self._counts = database["looks"]

    def ensure_indexes(self) -> None:
        """Create the index that removes what is over; safe to repeat."""
        self._counts.create_index([("until", ASCENDING)], name="until", expireAfterSeconds=0)

    def count(self, actor: Actor) -> None:
        """Count one look. Raises a Problem (429) if there were too many, or StoreUnavailable."""
        now = time.time()
        until = (now // WINDOW_SECONDS + 1) * WINDOW_SECONDS
        with available():
            counted: Any = self._counts.find_one_and_update(
                {"_id": f"{actor.id}/{int(until)}"},
                {"$inc": {"looks": 1}, "$setOnInsert": {"until": datetime.fromtimestamp(until, UTC)}},
                upsert=True,
                return_document=ReturnDocument.AFTER,
            )
        if counted["looks"] > MOST_LOOKS:
            wait = str(int(until - now) + 1)
            message = f"you may look for {MOST_LOOKS} people in ten minutes; go on in {wait} seconds"
            raise Problem(429, "too-many-looks", message, headers=(("Retry-After", wait),))


@dataclass(frozen=True)
class People:
    """The people of one service: how they are registered, and how they are found."""

    index: PersonIndex
    access_log: AccessLog
    looks: LookLimit
    person_id_key: Callable[[], bytes]
    is_limited: bool = True

    def ensure_indexes(self) -> None:
        """Create all indexes, and index the people who were recorded before; safe to repeat."""
        self.index.ensure_indexes()
        self.looks.ensure_indexes()
        self.index.complete()

    def unlimited(self) -> People:
        """The same, without a limit for looks: for an import, which its operator is responsible for."""
        return replace(self, is_limited=False)

    def register(
        self, records: Records, request: Request, routes: RecordRoutes, body: RouteBody, record_id: str, **data: Any
    ) -> Answer:
        """Begin the record of a person. If that is known, raises a Problem (409) that says what differs."""
        if request.expected_version is not None:
            why = "a registration begins a record, so it takes no version"
            raise Problem(400, "if-match-invalid", why, (FieldError("If-Match", why),))
        aggregate = routes.aggregate
        person_id = data.get("person_id", record_id)
        duplicates = self._find_duplicates(request, record_id)
        if duplicates:
            data["possible_duplicates"] = duplicates
        command = body.begin(records, request, routes.known, **data)
        try:
            answer = records.begin(
                aggregate,
                record_id,
                command,
                request,
                routes.url,
                require=partial(self._require_nobody_else, records, record_id, request),
            )
            return self._name_duplicates(answer)
        except AlreadyKnown as known:
            # As for an unknown person: neither a key that was used before nor a doubt says anything about them.
            records.require_new_key(aggregate, record_id, request)
            records.require_as_new(aggregate, record_id, command, request)
            self._log(request, request.operation, person_id)
            raise self._problem_of(known, records, request, record_id, person_id) from None

    def correct(self, records: Records, request: Request, routes: RecordRoutes, body: RouteBody) -> Answer:
        """Correct details of a person. If the NHS number is somebody else's, raises a Problem (409)."""
        (record_id,) = request.path.values()
        number = request.body.get("nhs_number")
        known_as = person_id_from_nhs_number(number, self.person_id_key()) if number else None
        command = body.append(records, request, routes.known)
        if known_as is not None:
            command = replace(command, data={**command.data, "number_person_id": known_as})

        def require(history: list[Event]) -> None:
            others = [one for one in self.index.find_by_number(number) if one.record_id != record_id] if number else []
            if others:
                self._log(request, request.operation, *(other.person_id for other in others))
                self._count(request.actor)
                why = "is the NHS number of somebody else here; if they are one person, link the two"
                may_read = records.may_read(routes.aggregate, others[0].record_id, request.actor)
                ids = {self._own_id: others[0].record_id, "person_id": others[0].person_id} if may_read else {}
                raise Problem(409, "number-of-another", why, (FieldError("nhs_number", why),), more=ids)

        answer = records.follow(routes.aggregate, record_id, command, request, require)
        return replace(answer, body={**answer.body, "number_person_id": known_as}) if known_as else answer

    def _find_duplicates(self, request: Request, record_id: str) -> list[dict[str, str]]:
        """Those on record who may be the person to register, each with what says so."""
        details = _details(request.body)
        found: dict[str, str] = {}
        if "date_of_birth" in details:
            namesakes = self.index.find_by_name(details["family_name"], details["date_of_birth"])
            alike = (one for one in namesakes if is_alike(one.identity, details))
            found |= dict.fromkeys((one.person_id for one in alike if one.record_id != record_id), ALIKE[1])
        if "nhs_number" in details:
            same = (one for one in self.index.find_by_number(details["nhs_number"]) if one.record_id != record_id)
            found |= dict.fromkeys((one.person_id for one in same), ALIKE[0])
        return [{"person_id": person_id, "why": why} for person_id, why in sorted(found.items())]

    def _name_duplicates(self, answer: Answer) -> Answer:
        """The answer to a registration, with the possible duplicates that were recorded with it."""
        facts = answer.body["facts"]
        of_registration = facts.get(self.index.registered.rpartition(".")[0], facts)
        duplicates = of_registration.get("possible_duplicates")
        return replace(answer, body={**answer.body, "possible_duplicates": duplicates}) if duplicates else answer

    def search(self, records: Records, request: Request) -> Answer:
        """Find people by number, or by family name and date of birth. Raises a Problem (429) after too many looks."""
        try:
            self._count(request.actor)
        except Problem:
            self._log(request, f"POST {SEARCH}")
            raise
        if "nhs_number" in request.body:
            found = self.index.find_by_number(request.body["nhs_number"])
        else:
            found = self.index.find_by_name(request.body["family_name"], request.body["date_of_birth"].isoformat())
        people = [self._present(records, request.actor, person) for person in found]
        return Answer(200, {"people": people}, subjects=[person.person_id for person in found])

    def _present(self, records: Records, actor: Actor, found: FoundPerson) -> dict[str, Any]:
        shown = dict.fromkeys(IDENTITY)
        may_read = records.may_read(self.index.aggregate, found.record_id, actor)
        if may_read:
            shown |= {name: found.identity.get(name) for name in IDENTITY}
            if shown["nhs_number"]:
                shown["nhs_number"] = format_nhs_number(shown["nhs_number"])
        signposts = [] if may_read else [ASK_THE_TEAM]
        return {self._own_id: found.record_id, "person_id": found.person_id, **shown, "signposts": signposts}

    def _problem_of(
        self, known: AlreadyKnown, records: Records, request: Request, record_id: str, person_id: str
    ) -> Problem:
        """The answer to the registration of somebody who is known. The id is for whoever may know it."""
        if isinstance(known, BegunInError):
            return Problem(409, known.code, known.message)
        recorded = records.identity(self.index.aggregate, record_id, self.index.registered)
        differ = differing(recorded, _details(request.body))
        ids = {self._own_id: record_id, "person_id": person_id}
        may_read = records.may_read(self.index.aggregate, record_id, request.actor)
        if not differ:
            is_proven = bool(recorded) or may_read
            return Problem(409, known.code, known.message if is_proven else ASK_THE_TEAM, more=ids if is_proven else {})
        self._count(request.actor)
        if not may_read:
            return Problem(409, "person-details-differ", ASK_ABOUT_THE_NUMBER)
        message = (
            "this NHS number is known here with other details; `errors` says which. Check the number. If it is right,"
            " correct the record, or ask the team that works with the person"
        )
        errors = tuple(FieldError(name, "differs from what is recorded under this NHS number") for name in differ)
        return Problem(409, "person-details-differ", message, errors, more=ids)

    def _require_nobody_else(self, records: Records, record_id: str, request: Request, history: list[Event]) -> None:
        """Refuse to begin again a record that was begun in error about somebody else."""
        if history:
            private = records.private_of(self.index.aggregate, record_id)
            before = identity_in(((event.type, private.get(event.id, {})) for event in history), self.index.registered)
            if not is_alike(before, _details(request.body)):
                raise BegunInError(self.index.aggregate.kind)

    def _count(self, actor: Actor) -> None:
        if self.is_limited:
            self.looks.count(actor)

    def _log(self, request: Request, route: str, *subjects: str) -> None:
        self.access_log.append(request.actor, route=route, subjects=subjects, correlation_id=request.correlation_id)

    @property
    def _own_id(self) -> str:
        return f"{self.index.aggregate.kind.replace('-', '_')}_id"


def _details(body: Mapping[str, Any]) -> dict[str, str]:
    """The details in a loaded body, as they are recorded."""
    return {
        name: value.isoformat() if isinstance(value, date) else value
        for name, value in body.items()
        if name in IDENTITY
    }


def find_corrected_details(identity: Mapping[str, Any], body: Mapping[str, Any]) -> list[str]:
    """The details in a loaded body that differ from the identity on record, sorted."""
    return sorted(name for name, value in _details(body).items() if identity.get(name) != value)


class PeopleSearchBody(Body):
    """Whom to look for: an NHS number; or a family name, spelled about right, with the date of birth."""

    nhs_number = NhsNumber()
    family_name = PersonName()
    date_of_birth = Day()

    @validates_schema(pass_original=True, skip_on_field_errors=False)
    def _has_one_way_to_look(self, _: Any, given: Mapping[str, Any], **__: Any) -> None:
        if "nhs_number" in given:
            others = [name for name in ("family_name", "date_of_birth") if name in given]
            if others:
                raise ValidationError({name: ["is not looked at beside nhs_number; leave it out"] for name in others})
            return
        missing = [name for name in ("family_name", "date_of_birth") if name not in given]
        if missing:
            raise ValidationError({name: ["is needed where nhs_number is not given"] for name in missing})


class FoundPersonAnswer(Schema):
    """A person whom the search found. Of one whom you may not read, only the id, and whom to ask."""

    person_id = fields.String(required=True)
    given_name = fields.String(required=True, allow_none=True)
    family_name = fields.String(required=True, allow_none=True)
    date_of_birth = fields.String(required=True, allow_none=True)
    nhs_number = fields.String(required=True, allow_none=True)
    signposts = fields.List(fields.String(), required=True)


class FoundPeople(Schema):
    people = fields.List(fields.Nested(FoundPersonAnswer), required=True)


class FoundCareLeaverAnswer(FoundPersonAnswer):
    """A care leaver whom the search found. Of one whom you may not read, only the ids, and whom to ask."""

    care_leaver_id = fields.String(required=True)


class FoundCareLeavers(Schema):
    people = fields.List(fields.Nested(FoundCareLeaverAnswer), required=True)


class SearchEndpoint(Endpoint):
    """The route of the search. It records nothing, so it takes no idempotency key."""

    keyed = False


def search_route(command: str, summary: str, answer: type[Schema] = FoundPeople) -> Route:
    """The route `POST /v1/people/search`. What is looked for is in the body, so that no name is in an address."""

    def search_people(self: Any, request: Request) -> Answer:
        found: Answer = self.dependencies.people.search(self.dependencies.records, request)
        return found

    route = SearchEndpoint(
        "POST",
        SEARCH,
        command=command,
        body=PeopleSearchBody,
        answers={200: answer},
        summary=summary,
        errors=(429,),
        reads_person=True,
    )
    register_entrypoint(search_people, route)
    return search_people
