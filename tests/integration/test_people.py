"""How people are registered and found, in both recording services: no look without a trace, and nobody is mixed up."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import requests

from deploy.local.backends import Backends
from services.leaving_care.bootstrap import build as build_leaving_care
from services.perinatal.bootstrap import build as build_perinatal
from shared.archive.erasure import erase
from shared.archive.export import export
from shared.archive.restore import restore
from shared.archive.sealing import Sealer
from shared.config.config import load_config
from shared.kernel.nhs_number import why_invalid
from shared.recording.people import ASK_THE_TEAM, MOST_LOOKS
from shared.recording.person_index import COLLECTION
from tests.integration.recording import Caller, Running, code, faulty_fields, running
from tests.support import eventually

_numbers = count(999_500_000)
BUILD = {"perinatal": build_perinatal, "leaving_care": build_leaving_care}


@dataclass(frozen=True)
class Registry:
    """A service that registers people: under which path, by whom, and with what besides name, birthday and number."""

    service: Running
    path: str
    id: str
    role: str
    more: dict[str, Any] = field(default_factory=dict)
    at_birthday: str = "2005-05-20"

    def caller(self, area: str = "essex", role: str | None = None, team: str | None = None) -> Caller:
        return self.service.caller(f"worker-{uuid4().hex[:8]}", role or self.role, team or f"team-{area}", area)

    def body(self, **details: Any) -> dict[str, Any]:
        named = {"given_name": "Wren Louise", "family_name": "Exampleton", "date_of_birth": self.at_birthday}
        return {**named, **self.more, **details}

    def register(self, caller: Caller, **details: Any) -> dict[str, Any]:
        answer = caller.post(self.path, self.body(**details))
        assert answer.status_code == 201, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def logged(self, caller_id: str) -> list[dict[str, Any]]:
        return list(self.service.database.access_log.find({"actor": caller_id}))

    def search(self, caller: Caller, **wanted: Any) -> list[dict[str, Any]]:
        answer = ask(caller, **wanted)
        assert answer.status_code == 200, answer.text
        people: list[dict[str, Any]] = answer.json()["people"]
        return people


def ask(caller: Caller, **wanted: Any) -> requests.Response:
    """A search; it takes no idempotency key."""
    headers = {"Authorization": f"Bearer {caller.token}"}
    return requests.post(f"{caller.url}/v1/people/search", json=wanted, headers=headers, timeout=10)


def a_number() -> str:
    """An NHS number that no other test of this file has."""
    for nine in _numbers:
        for last in "0123456789":
            if why_invalid(f"{nine}{last}") is None:
                return f"{nine}{last}"
    raise AssertionError


@pytest.fixture(scope="module", params=["perinatal", "leaving_care"])
def registry(
    request: pytest.FixtureRequest, backends: Backends, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Registry]:
    with running(request.param, backends, tmp_path_factory.mktemp(request.param)) as service:
        if request.param == "perinatal":
            yield Registry(service, "/v1/people", "person_id", "health_visitor")
        else:
            more = {"category": "former_relevant"}
            yield Registry(service, "/v1/care-leavers", "care_leaver_id", "social_worker", more)


# --- no look without a trace ----------------------------------------------------------------------------------------

FAULTY = [
    {"date_of_birth": "2150-01-01"},
    {"date_of_birth": "2005-02-30"},
    {"area": "norfolk"},
    {"occurred_at": "2150-01-01"},
    {"given_name": "Wr\nen"},
    {"date_of_birth": "1905-03-02"},
]
# The latest time that the answer about one in the future gives.
_LATEST = re.compile(r"the latest is [0-9T:-]+Z")


@pytest.mark.parametrize("faulty", FAULTY)
def test_a_faulty_registration_is_answered_the_same_whether_the_number_is_known_or_not(
    registry: Registry, faulty: dict[str, str]
) -> None:
    known, stranger = a_number(), registry.caller()
    registry.register(registry.caller(), nhs_number=known)
    events = registry.service.database.events.count_documents({})
    answers = [
        stranger.post(registry.path, registry.body(nhs_number=number, **faulty)) for number in (known, a_number())
    ]
    assert {answer.status_code for answer in answers} <= {403, 422}
    problems = [_LATEST.sub("", json.dumps({**answer.json(), "instance": None})) for answer in answers]
    assert problems[0] == problems[1]
    assert registry.service.database.events.count_documents({}) == events


@pytest.mark.parametrize("faulty", FAULTY)
def test_a_batch_of_faulty_registrations_does_not_say_which_numbers_are_known(
    registry: Registry, faulty: dict[str, str]
) -> None:
    numbers = [a_number() for _ in range(6)]
    for number in numbers[::2]:
        registry.register(registry.caller(), nhs_number=number)
    orders = [
        {"key": uuid4().hex, "path": registry.path, "body": registry.body(nhs_number=number, **faulty)}
        for number in numbers
    ]
    results = registry.caller().post("/v1/commands", orders).json()["results"]
    assert {result["status"] for result in results} <= {403, 422}
    assert len({_LATEST.sub("", json.dumps({**result["body"], "instance": None})) for result in results}) == 1


def test_nobody_of_several_areas_learns_of_a_number_by_leaving_the_area_out(registry: Registry) -> None:
    known = a_number()
    registry.register(registry.caller(), nhs_number=known)
    both = registry.service.caller("worker-of-two", registry.role, "team-essex", "essex", "norfolk")
    for number in (known, a_number()):
        answer = both.post(registry.path, registry.body(nhs_number=number))
        assert (answer.status_code, code(answer)) == (422, "area-needed")


def test_a_registration_takes_no_version_so_a_version_says_nothing_about_a_number(registry: Registry) -> None:
    known, stranger = a_number(), registry.caller()
    registry.register(registry.caller(), nhs_number=known)
    for number in (known, a_number()):
        answer = stranger.post(registry.path, registry.body(nhs_number=number), headers={"If-Match": '"7"'})
        assert (answer.status_code, code(answer)) == (400, "if-match-invalid")
        (result,) = stranger.post(
            "/v1/commands",
            [{"key": uuid4().hex, "path": registry.path, "if_match": 7, "body": registry.body(nhs_number=number)}],
        ).json()["results"]
        assert result["status"] == 400


def test_a_used_key_says_nothing_about_a_number_alone_or_in_a_batch(registry: Registry) -> None:
    known, key, worker = a_number(), uuid4().hex, registry.caller()
    registry.register(registry.caller(), nhs_number=known)
    assert worker.post(registry.path, registry.body(nhs_number=a_number()), key=key).status_code == 201
    for number in (known, a_number()):
        body = registry.body(nhs_number=number)
        assert code(worker.post(registry.path, body, key=key)) == "key-reused"
        (result,) = worker.post("/v1/commands", [{"key": key, "path": registry.path, "body": body}]).json()["results"]
        assert (result["status"], result["body"]["type"]) == (422, "/problems/key-reused")


def test_whoever_is_told_that_a_number_is_known_is_in_the_access_log_alone_and_in_a_batch(registry: Registry) -> None:
    known = a_number()
    person_id = registry.register(registry.caller(), nhs_number=known)["person_id"]
    for details in ({}, {"given_name": "Robin"}):
        for in_batch in (False, True):
            curious = f"curious-{uuid4().hex[:8]}"
            caller = registry.service.caller(curious, registry.role, "team-norfolk", "norfolk")
            body = registry.body(nhs_number=known, **details)
            if in_batch:
                answer = caller.post("/v1/commands", [{"key": "k", "path": registry.path, "body": body}])
                assert answer.json()["results"][0]["status"] == 409
            else:
                assert caller.post(registry.path, body).status_code == 409
            (entry,) = registry.logged(curious)
            assert (entry["route"], entry["subjects"]) == (f"POST {registry.path}", [person_id])
            assert "Wren" not in str(entry)
            assert known not in str(entry)


# --- a known number with other details ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("details", "differ"),
    [
        ({"given_name": "Robin"}, {"given_name"}),
        ({"family_name": "Sampleford", "date_of_birth": "2005-05-21"}, {"family_name", "date_of_birth"}),
    ],
)
def test_a_known_number_with_other_details_is_refused_and_says_which_differ_but_not_how(
    registry: Registry, details: dict[str, str], differ: set[str]
) -> None:
    known, colleague = a_number(), registry.caller()
    registered = registry.register(registry.caller(), nhs_number=known)
    answer = colleague.post(registry.path, registry.body(nhs_number=known, **details))
    assert (answer.status_code, code(answer)) == (409, "person-details-differ")
    assert faulty_fields(answer) == differ
    for value in ("Wren", "Exampleton", registry.at_birthday, known):
        assert value not in answer.text
    assert answer.json()[registry.id] == registered[registry.id]


def test_whoever_may_not_read_a_person_does_not_learn_the_id_from_a_number_with_other_details(
    registry: Registry,
) -> None:
    known = a_number()
    registered = registry.register(registry.caller(), nhs_number=known)
    answer = registry.caller("norfolk").post(registry.path, registry.body(nhs_number=known, given_name="Robin"))
    assert (answer.status_code, code(answer)) == (409, "person-details-differ")
    assert registered["person_id"] not in answer.text
    assert registered[registry.id] not in answer.text


@pytest.mark.parametrize(
    "details",
    [
        {},
        {"given_name": "louise WREN", "family_name": "  exâmpleton"},
        {"given_name": "Wren"},
        {"family_name": "Example-Ton"},
    ],
)
def test_the_same_person_spelled_otherwise_is_known_by_a_field_of_the_problem(
    registry: Registry, details: dict[str, str]
) -> None:
    known = a_number()
    registered = registry.register(registry.caller(), nhs_number=known)
    answer = registry.caller("norfolk").post(registry.path, registry.body(nhs_number=known, **details))
    assert answer.status_code == 409
    assert code(answer).endswith("-already-known")
    assert answer.json()["person_id"] == registered["person_id"]
    assert answer.json()[registry.id] == registered[registry.id]


def test_numbers_that_differ_by_what_was_pasted_between_are_one(registry: Registry) -> None:
    known = a_number()
    registry.register(registry.caller(), nhs_number=f"{known[:3]}\u00a0{known[3:6]}\u2013{known[6:]}\r\n")
    again = registry.caller().post(registry.path, registry.body(nhs_number=f"\ufeff{known}\u200b"))
    assert code(again).endswith("-already-known")


@pytest.mark.parametrize("name", ["\u202eneW", "Wr\u2028en", "\u3164", "Wr\u200ben"])
def test_a_name_that_hides_something_is_refused_and_the_field_named(registry: Registry, name: str) -> None:
    answer = registry.caller().post(registry.path, registry.body(given_name=name))
    assert (answer.status_code, faulty_fields(answer)) == (422, {"given_name"})
    assert name not in answer.json()["errors"][0]["message"]


def test_who_guesses_at_the_details_of_a_number_is_stopped_and_in_the_log(registry: Registry) -> None:
    known = a_number()
    registry.register(registry.caller(), nhs_number=known)
    guesser = registry.service.caller("guesser", registry.role, "team-norfolk", "norfolk")
    orders = [
        {
            "key": f"guess-{number}",
            "path": registry.path,
            "body": registry.body(nhs_number=known, date_of_birth=f"2003-{number % 12 + 1:02}-{number % 28 + 1:02}"),
        }
        for number in range(MOST_LOOKS + 5)
    ]
    statuses = [result["status"] for result in guesser.post("/v1/commands", orders).json()["results"]]
    # A window may end among the guesses.
    assert statuses[:MOST_LOOKS].count(409) >= MOST_LOOKS // 2
    assert set(statuses) <= {409, 429}
    assert len(registry.logged("guesser")) == len(orders)


# --- a registration in error ----------------------------------------------------------------------------------------


def struck_out(registry: Registry, caller: Caller, registered: dict[str, Any]) -> None:
    body = {"event_id": registered["event_id"], "reason_code": "wrong_person"}
    answer = caller.post(f"{registry.path}/{registered[registry.id]}/retractions", body)
    assert answer.status_code == 201, answer.text


def test_under_the_number_of_a_registration_in_error_nobody_else_is_registered(registry: Registry) -> None:
    number, caller = a_number(), registry.caller()
    registered = registry.register(caller, nhs_number=number)
    struck_out(registry, caller, registered)
    other = registry.body(nhs_number=number, given_name="Robin", family_name="Sampleford")
    answer = registry.caller().post(registry.path, other)
    assert (answer.status_code, code(answer).endswith("registered-in-error")) == (409, True)
    assert registered["person_id"] not in answer.text
    without = {name: value for name, value in other.items() if name != "nhs_number"}
    assert registry.caller().post(registry.path, without).status_code == 201


def test_the_same_person_is_registered_again_after_a_registration_in_error(registry: Registry) -> None:
    number, caller = a_number(), registry.caller()
    first = registry.register(caller, nhs_number=number, family_name="Examplton")
    struck_out(registry, caller, first)
    assert registry.register(caller, nhs_number=number)[registry.id] == first[registry.id]


# --- the search -----------------------------------------------------------------------------------------------------


def found_ids(registry: Registry, caller: Caller, **wanted: Any) -> set[str]:
    return {person["person_id"] for person in registry.search(caller, **wanted)}


def test_a_person_is_found_by_number_and_by_a_name_spelled_about_right(registry: Registry) -> None:
    number, caller = a_number(), registry.caller()
    person_id = registry.register(caller, nhs_number=number, family_name="Thompson")["person_id"]
    eventually(lambda: found_ids(registry, caller, nhs_number=number) == {person_id})
    (person,) = registry.search(caller, nhs_number=number)
    assert (person["given_name"], person["family_name"]) == ("Wren Louise", "Thompson")
    assert person["nhs_number"] == f"{number[:3]} {number[3:6]} {number[6:]}"
    for family_name in ("Thompson", "thomson", "THOMPSEN", "Tompson"):
        assert person_id in found_ids(registry, caller, family_name=family_name, date_of_birth=registry.at_birthday)
    assert person_id not in found_ids(registry, caller, family_name="Brown", date_of_birth=registry.at_birthday)
    assert person_id not in found_ids(registry, caller, family_name="Thompson", date_of_birth="2005-05-21")


def test_of_a_person_elsewhere_the_search_gives_the_id_and_says_to_ask_the_team(registry: Registry) -> None:
    number = a_number()
    registered = registry.register(registry.caller(), nhs_number=number)
    stranger = registry.caller("norfolk")
    eventually(lambda: found_ids(registry, stranger, nhs_number=number))
    (person,) = registry.search(stranger, nhs_number=number)
    known = {"person_id": registered["person_id"], registry.id: registered[registry.id], "signposts": [ASK_THE_TEAM]}
    assert {name: value for name, value in person.items() if value is not None} == known


# The ids and the instant of an entry, in which any four digits may occur by chance.
RANDOM = ("_id", "subjects", "correlation_id", "at")


def test_each_look_is_logged_with_its_actor_and_without_name_and_number(registry: Registry) -> None:
    number = a_number()
    person_id = registry.register(registry.caller(), nhs_number=number)["person_id"]
    looker = registry.service.caller("looker", registry.role, "team-essex")
    eventually(lambda: found_ids(registry, registry.caller(), nhs_number=number))
    registry.search(looker, nhs_number=number)
    registry.search(looker, nhs_number=a_number())
    registry.search(looker, family_name="Nobody", date_of_birth="1950-01-01")
    entries = registry.logged("looker")
    assert [entry["subjects"] for entry in entries] == [[person_id], [], []]
    assert {entry["route"] for entry in entries} == {"POST /v1/people/search"}
    said = [{name: value for name, value in entry.items() if name not in RANDOM} for entry in entries]
    assert not any(secret in str(said) for secret in (number, "Nobody", "1950"))
    assert not any(secret in str(entries) for secret in (number, "Nobody", "1950-01-01"))


def test_too_many_looks_are_refused_until_the_window_is_over(registry: Registry) -> None:
    looker = registry.service.caller("tireless", registry.role, "team-essex")
    answers = [ask(looker, nhs_number="9990000018") for _ in range(2 * MOST_LOOKS + 1)]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert refused
    assert code(refused[0]) == "too-many-looks"
    assert 0 < int(refused[0].headers["Retry-After"]) <= 601
    assert len(registry.logged("tireless")) == len(answers)
    assert ask(registry.caller(), nhs_number="9990000018").status_code == 200


@pytest.mark.parametrize(
    ("wanted", "faulty"),
    [
        ({}, {"family_name", "date_of_birth"}),
        ({"family_name": "Exampleton"}, {"date_of_birth"}),
        ({"nhs_number": "9990000018", "family_name": "Exampleton"}, {"family_name"}),
        ({"nhs_number": "9990000019"}, {"nhs_number"}),
        ({"given_name": "Wren"}, {"given_name", "family_name", "date_of_birth"}),
    ],
)
def test_a_search_says_what_it_needs(registry: Registry, wanted: dict[str, str], faulty: set[str]) -> None:
    answer = ask(registry.caller(), **wanted)
    assert (answer.status_code, faulty_fields(answer)) == (422, faulty)


def test_somebody_whose_registration_was_struck_out_is_not_found(registry: Registry) -> None:
    number, caller = a_number(), registry.caller()
    registered = registry.register(caller, nhs_number=number)
    eventually(lambda: found_ids(registry, caller, nhs_number=number))
    struck_out(registry, caller, registered)
    eventually(lambda: not found_ids(registry, caller, nhs_number=number))


def dependencies_of(registry: Registry) -> Any:
    name = registry.service.name
    return BUILD[name](load_config(registry.service.environment, service=name, role="serve"))


def test_an_erased_person_is_not_found_and_nothing_of_them_is_in_the_index(registry: Registry) -> None:
    number, caller = a_number(), registry.caller()
    registered = registry.register(caller, nhs_number=number)
    eventually(lambda: found_ids(registry, caller, nhs_number=number))
    dependencies = dependencies_of(registry)
    erase(dependencies.store, {"event.subject": registered["person_id"]}, by="dpo-lark", reason_code="court_order")
    assert not found_ids(registry, caller, nhs_number=number)
    stream = f"{dependencies.people.index.aggregate.kind}/{registered[registry.id]}"
    assert set(registry.service.database[COLLECTION].find_one({"_id": stream})) == {"_id", "version"}
    assert list(dependencies.people.index.find_differing(None, dependencies.store.clock.now())) == []
    dependencies.close()


def test_the_index_holds_no_name_date_or_number(registry: Registry) -> None:
    number, caller = a_number(), registry.caller()
    registry.register(caller, nhs_number=number, family_name="Unmistakable")
    eventually(lambda: found_ids(registry, caller, nhs_number=number))
    stored = str(list(registry.service.database[COLLECTION].find())).lower()
    assert not any(secret in stored for secret in (number, "unmistakable", "exampleton", registry.at_birthday))


def test_people_recorded_before_there_was_an_index_are_found_after_a_start(registry: Registry) -> None:
    number, caller = a_number(), registry.caller()
    person_id = registry.register(caller, nhs_number=number)["person_id"]
    eventually(lambda: found_ids(registry, caller, nhs_number=number))
    before = sorted(registry.service.database[COLLECTION].find({"version": {"$exists": True}}), key=str)
    registry.service.database[COLLECTION].drop()
    assert not found_ids(registry, caller, nhs_number=number)
    dependencies_of(registry).close()
    assert found_ids(registry, caller, nhs_number=number) == {person_id}
    after = sorted(registry.service.database[COLLECTION].find({"version": {"$exists": True}}), key=str)
    assert after == before


def test_people_of_a_restored_database_are_found(registry: Registry, tmp_path: Path) -> None:
    number, caller = a_number(), registry.caller()
    person_id = registry.register(caller, nhs_number=number)["person_id"]
    eventually(lambda: found_ids(registry, caller, nhs_number=number))
    dependencies, key_file = dependencies_of(registry), tmp_path / "key"
    key_file.write_bytes(b"k" * 32)
    name = registry.service.name
    sealer = Sealer.fresh(key_file)
    export(dependencies.database, name, tmp_path / "export", clock=dependencies.store.clock, sealer=sealer)
    client = dependencies.database.client
    empty = f"{dependencies.database.name}_restored"
    try:
        restored = client.get_database(empty, codec_options=dependencies.database.codec_options)
        restore(restored, name, tmp_path / "export", key_file)
        environment = {**registry.service.environment, "MONGODB_DATABASE": empty}
        again = BUILD[name](load_config(environment, service=name, role="serve"))
        assert [found.person_id for found in again.people.index.find_by_number(number)] == [person_id]
        again.close()
    finally:
        client.drop_database(empty)
        dependencies.close()


# --- likely duplicates ------------------------------------------------------------------------------------------------


def test_likely_duplicates_are_named_in_the_answer_and_in_the_event_which_carries_ids_only(registry: Registry) -> None:
    caller, born = registry.caller(), "2004-07-09"
    first = registry.register(caller, family_name="Kowalska", date_of_birth=born)
    eventually(lambda: found_ids(registry, caller, family_name="Kowalska", date_of_birth=born))
    key, body = uuid4().hex, registry.body(given_name="Wren", family_name="Kowalski", date_of_birth=born)
    second = caller.post(registry.path, body, key=key)
    duplicates = [{"person_id": first["person_id"], "why": "same_birthday_and_similar_name"}]
    assert (second.status_code, second.json()["possible_duplicates"]) == (201, duplicates)
    event = registry.service.database.events.find_one({"_id": second.json()["event_id"]})["event"]
    assert event["data"]["possible_duplicates"] == duplicates
    assert "Kowalsk" not in str(event)
    # The answer stays the same when it is asked for again, whoever has been registered since.
    registry.register(caller, family_name="Kowalska", date_of_birth=born)
    assert caller.post(registry.path, body, key=key).text == second.text


def test_twins_and_namesakes_of_another_birthday_are_no_duplicates(registry: Registry) -> None:
    caller, born = registry.caller(), "2004-07-10"
    registry.register(caller, given_name="Wren", date_of_birth=born)
    eventually(lambda: found_ids(registry, caller, family_name="Exampleton", date_of_birth=born))
    assert "possible_duplicates" not in registry.register(caller, given_name="Robin", date_of_birth=born)
    assert "possible_duplicates" not in registry.register(caller, given_name="Wren", date_of_birth="2004-07-11")


# --- corrections ------------------------------------------------------------------------------------------------------


def corrected(registry: Registry, caller: Caller, registered: dict[str, Any], **details: Any) -> requests.Response:
    return caller.post(f"{registry.path}/{registered[registry.id]}/corrected", details)


def test_name_birthday_and_number_are_corrected_and_the_former_values_stay_in_the_history(registry: Registry) -> None:
    caller, number = registry.caller(), a_number()
    registered = registry.register(caller, date_of_birth="2005-05-21", family_name="Misspelt")
    details = {"family_name": "Rightly", "date_of_birth": registry.at_birthday, "nhs_number": number}
    answer = corrected(registry, caller, registered, **details)
    assert answer.status_code == 201, answer.text
    event = registry.service.database.events.find_one({"_id": answer.json()["event_id"]})["event"]
    assert event["data"]["details"] == sorted(details)
    assert not any(value in str(event) for value in details.values())
    record = caller.get(f"{registry.path}/{registered[registry.id]}").json()
    assert (record["given_name"], record["family_name"]) == ("Wren Louise", "Rightly")
    assert record["date_of_birth"] == registry.at_birthday
    assert record["nhs_number"] == f"{number[:3]} {number[3:6]} {number[6:]}"
    assert record["history"][0]["private"]["family_name"] == "Misspelt"


def test_the_search_follows_a_correction(registry: Registry) -> None:
    caller, number, former = registry.caller(), a_number(), a_number()
    registered = registry.register(caller, family_name="Beforehand", nhs_number=former)
    person_id = registered["person_id"]
    eventually(lambda: found_ids(registry, caller, nhs_number=former))
    assert corrected(registry, caller, registered, family_name="Afterwards", nhs_number=number).status_code == 201
    eventually(lambda: found_ids(registry, caller, nhs_number=number) == {person_id})
    assert not found_ids(registry, caller, nhs_number=former)
    born = registry.at_birthday
    assert person_id in found_ids(registry, caller, family_name="Afterwards", date_of_birth=born)
    assert person_id not in found_ids(registry, caller, family_name="Beforehand", date_of_birth=born)
    # Registered under the corrected number, they would be a second time on record.
    answer = registry.register(registry.caller(), nhs_number=number, given_name="Robin", date_of_birth="2005-01-01")
    assert answer["possible_duplicates"] == [{"person_id": person_id, "why": "same_number"}]


def test_a_retracted_correction_gives_the_former_details_back(registry: Registry) -> None:
    caller = registry.caller()
    registered = registry.register(caller, family_name="Rightly")
    answer = corrected(registry, caller, registered, family_name="Wrongly")
    struck_out(registry, caller, {**registered, "event_id": answer.json()["event_id"]})
    assert caller.get(f"{registry.path}/{registered[registry.id]}").json()["family_name"] == "Rightly"


def test_a_correction_needs_standing_and_something_that_differs(registry: Registry) -> None:
    caller = registry.caller()
    registered = registry.register(caller)
    stranger = corrected(registry, registry.caller("norfolk"), registered, family_name="Rightly")
    assert stranger.status_code == 403
    for details in ({}, {"family_name": "Exampleton"}):
        nothing = corrected(registry, caller, registered, **details)
        assert (nothing.status_code, code(nothing)) == (422, "nothing-corrected")
    future = corrected(registry, caller, registered, date_of_birth="2150-01-01")
    assert (future.status_code, faulty_fields(future)) == (422, {"date_of_birth"})


def test_a_number_is_not_corrected_to_that_of_somebody_else_and_who_tries_is_logged(registry: Registry) -> None:
    number, caller = a_number(), registry.caller()
    other = registry.register(registry.caller("norfolk"), nhs_number=number)
    registered = registry.register(caller)
    eventually(lambda: found_ids(registry, caller, nhs_number=number))
    trying = registry.service.caller("trying", registry.role, "team-essex")
    faulty = corrected(registry, trying, registered, nhs_number=number, date_of_birth="2150-01-01")
    assert faulty.status_code == 422
    assert registry.logged("trying") == []
    answer = corrected(registry, trying, registered, nhs_number=number)
    assert (answer.status_code, code(answer)) == (409, "number-of-another")
    assert other["person_id"] not in answer.text
    assert [entry["subjects"] for entry in registry.logged("trying")] == [[other["person_id"]]]
