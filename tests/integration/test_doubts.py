"""Doubts on the running services: what is impossible is refused, and what is unlikely until the request confirms it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from deploy.local.backends import Backends
from tests.integration.recording import Caller, Running, code, faulty_fields, running

THEN = "2013-11-28"
NAMES = {"given_name": "Wren", "family_name": "Exampleton"}


@pytest.fixture(scope="module")
def service(backends: Backends, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running("perinatal", backends, tmp_path_factory.mktemp("perinatal")) as service:
        yield service


@pytest.fixture(scope="module")
def visitor(service: Running) -> Caller:
    return service.caller("hv-pereira", "health_visitor", "hv-harwich")


@pytest.fixture(scope="module")
def midwife(service: Running) -> Caller:
    return service.caller("midwife-eider", "midwife", "midwives-colne")


def registered(caller: Caller, **more: Any) -> str:
    answer = caller.post("/v1/people", {**NAMES, **more})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["person_id"])


@pytest.fixture
def mother(visitor: Caller) -> str:
    return registered(visitor, date_of_birth="1996-06-21")


def booking(mother: str, edd: str | None = "2014-06-15", **more: Any) -> dict[str, Any]:
    dated = {"edd": edd} if edd else {}
    return {"person_id": mother, "concerns": [], "occurred_at": THEN, **dated, **more}


def doubts(answer: Any) -> list[str]:
    return [one["code"] for one in answer.json().get("doubts", [])]


def private_of(service: Running, answer: Any) -> dict[str, Any]:
    found: dict[str, Any] = service.database.events.find_one({"_id": answer.json()["event_id"]})["private"]["personal"]
    return found


def test_an_unlikely_expected_date_is_recorded_when_the_same_request_confirms_it(
    service: Running, midwife: Caller, mother: str
) -> None:
    key, body = uuid4().hex, booking(mother, "2014-12-15")
    before = service.database.events.count_documents({})
    refused = midwife.post("/v1/pregnancies", body, key=key)
    assert (refused.status_code, code(refused), faulty_fields(refused)) == (422, "please-confirm", {"edd"})
    (doubt,) = refused.json()["doubts"]
    assert (doubt["code"], doubt["field"]) == ("edd-far-out", "edd")
    assert "54 weeks after" in doubt["message"]
    assert "2 to 44 weeks" in doubt["message"]
    assert '"confirms": ["edd-far-out"]' in refused.json()["detail"]
    assert service.database.events.count_documents({}) == before
    recorded = midwife.post("/v1/pregnancies", {**body, "confirms": ["edd-far-out"]}, key=key)
    assert recorded.status_code == 201, recorded.text
    assert private_of(service, recorded) == {"confirms": ["edd-far-out"]}
    assert midwife.post("/v1/pregnancies", body, key=key).json() == recorded.json()
    other = midwife.post("/v1/pregnancies", {**body, "edd": "2014-06-15"}, key=key)
    assert code(other) == "key-reused"


def test_an_expected_date_of_1927_is_refused_whatever_is_confirmed(midwife: Caller, mother: str) -> None:
    refused = midwife.post("/v1/pregnancies", booking(mother, "1927-06-15", confirms=["edd-far-out"]))
    assert (refused.status_code, code(refused), faulty_fields(refused)) == (422, "impossible", {"edd"})
    assert "86 years before" in refused.text
    assert "60 weeks" in refused.text


def test_a_birthday_of_1800_is_refused_with_the_limit_and_one_of_1901_until_it_is_confirmed(visitor: Caller) -> None:
    refused = visitor.post("/v1/people", {**NAMES, "date_of_birth": "1800-03-02"})
    assert (refused.status_code, faulty_fields(refused)) == (422, {"date_of_birth"})
    assert "1900 to 2199" in refused.text
    old = {**NAMES, "date_of_birth": "1901-03-02"}
    assert doubts(visitor.post("/v1/people", old)) == ["born-long-ago"]
    assert visitor.post("/v1/people", {**old, "confirms": ["born-long-ago"]}).status_code == 201


def test_an_unknown_code_is_refused_and_one_without_a_doubt_does_no_harm(
    service: Running, midwife: Caller, mother: str
) -> None:
    refused = midwife.post("/v1/pregnancies", booking(mother, confirms=["edd-odd"]))
    assert (refused.status_code, faulty_fields(refused)) == (422, {"confirms.0"})
    recorded = midwife.post("/v1/pregnancies", booking(mother, confirms=["missed-twice"]))
    assert recorded.status_code == 201
    assert private_of(service, recorded) == {}


def test_a_repeated_request_keeps_its_answer_whatever_was_recorded_since(midwife: Caller, mother: str) -> None:
    keys = [uuid4().hex, uuid4().hex]
    first = midwife.post("/v1/pregnancies", booking(mother), key=keys[0])
    midwife.post("/v1/pregnancies", booking(mother, confirms=["second-live-pregnancy"]), key=keys[1])
    assert midwife.post("/v1/pregnancies", booking(mother), key=keys[0]).json() == first.json()


def test_who_books_what_the_gp_notified_is_led_to_that_record(service: Running, midwife: Caller, mother: str) -> None:
    gp = service.caller("gp-aldous", "gp_practice", "gp-harbour")
    notified = gp.post("/v1/pregnancies/notified", booking(mother, None))
    assert notified.status_code == 201, notified.text
    refused = midwife.post("/v1/pregnancies", booking(mother))
    assert (code(refused), doubts(refused)) == ("please-confirm", ["second-live-pregnancy"])
    go_on = f"{notified.headers['Location']}/booked"
    assert f"POST {go_on}" in refused.json()["errors"][0]["message"]
    assert midwife.post(go_on, {"edd": "2014-06-15", "concerns": [], "occurred_at": THEN}).status_code == 201


def test_a_doubt_points_to_no_record_that_the_actor_may_not_read(
    service: Running, midwife: Caller, mother: str
) -> None:
    assert midwife.post("/v1/pregnancies", booking(mother)).status_code == 201
    for elsewhere in (
        service.caller("midwife-yare", "midwife", "midwives-yare", "norfolk"),
        service.caller("housing-silva", "housing", "housing-essex"),
    ):
        answer = elsewhere.post("/v1/pregnancies/notified", booking(mother))
        assert answer.status_code == 201, answer.text


@pytest.mark.parametrize("linked_by", ["the one", "the other"])
def test_a_second_pregnancy_under_a_linked_id_is_pointed_to(midwife: Caller, mother: str, linked_by: str) -> None:
    other = registered(midwife)
    own, named = (mother, other) if linked_by == "the one" else (other, mother)
    link = {"other_person_id": named, "reason": "merge", "confirmed_by": "midwife-eider"}
    assert midwife.post(f"/v1/people/{own}/linked", link).status_code == 201
    first = midwife.post("/v1/pregnancies", booking(other)).json()["pregnancy_id"]
    refused = midwife.post("/v1/pregnancies", booking(mother))
    assert (doubts(refused), first in refused.text) == (["second-live-pregnancy"], True)
    unlink = {"other_person_id": named, "reason_code": "mistaken", "confirmed_by": "midwife-eider"}
    assert midwife.post(f"/v1/people/{own}/unlinked", unlink).status_code == 201
    assert midwife.post("/v1/pregnancies", booking(mother)).status_code == 201


def test_two_records_of_one_pregnancy_are_joined_and_the_end_on_one_ends_both(midwife: Caller, mother: str) -> None:
    confirmed = {"confirms": ["second-live-pregnancy"]}
    paths = [midwife.post("/v1/pregnancies", booking(mother, **confirmed)).headers["Location"] for _ in range(2)]
    ids = [path.rpartition("/")[2] for path in paths]
    joined = {"other_pregnancy_id": ids[0], "confirmed_by": "midwife-eider"}
    itself = midwife.post(f"{paths[0]}/joined", joined)
    assert (itself.status_code, faulty_fields(itself)) == (422, {"other_pregnancy_id"})
    nobodys = midwife.post(f"{paths[1]}/joined", {**joined, "other_pregnancy_id": str(uuid4())})
    assert (code(nobodys), faulty_fields(nobodys)) == ("unknown-reference", {"other_pregnancy_id"})
    answer = midwife.post(f"{paths[1]}/joined", joined)
    assert answer.status_code == 201, answer.text
    end = {"outcome": "miscarriage", "occurred_at": "2013-12-10"}
    assert midwife.post(f"{paths[0]}/ended", end).status_code == 201
    later = booking(mother, None, occurred_at="2014-03-03")
    assert midwife.post("/v1/pregnancies", later, key=f"{ids[0]}-later").status_code == 201


def test_the_join_of_records_of_two_ids_names_both_and_needs_the_circle_of_both(
    service: Running, midwife: Caller, mother: str
) -> None:
    yare = service.caller("midwife-yare", "midwife", "midwives-yare", "norfolk")
    other = registered(yare)
    here = midwife.post("/v1/pregnancies", booking(mother)).headers["Location"]
    there = yare.post("/v1/pregnancies", booking(other)).json()["pregnancy_id"]
    answer = midwife.post(f"{here}/joined", {"other_pregnancy_id": there, "confirmed_by": "midwife-eider"})
    assert answer.status_code == 201, answer.text
    event = service.database.events.find_one({"_id": answer.json()["event_id"]})["event"]
    assert (event["data"]["other_person_id"], event["standing"]) == (other, "owner")


def test_a_pregnancy_that_ended_or_is_long_over_is_no_second_one(midwife: Caller, mother: str) -> None:
    lost = midwife.post("/v1/pregnancies", booking(mother)).headers["Location"]
    end = {"outcome": "miscarriage", "occurred_at": "2013-12-10"}
    assert midwife.post(f"{lost}/ended", end).status_code == 201
    later = booking(mother, None, occurred_at="2014-03-03")
    assert midwife.post("/v1/pregnancies", later).status_code == 201
    assert doubts(midwife.post("/v1/pregnancies", later)) == ["second-live-pregnancy"]
    # Nobody recorded how the one without an expected date ended.
    assert midwife.post("/v1/pregnancies", {**later, "occurred_at": "2017-07-03"}).status_code == 201


def test_twins_are_no_doubt_and_a_child_of_another_year_is_impossible(midwife: Caller, mother: str) -> None:
    path = midwife.post("/v1/pregnancies", booking(mother)).headers["Location"]
    birth = {"outcome": "birth", "occurred_at": "2014-06-14"}
    older = registered(midwife, date_of_birth="2012-07-09")
    refused = midwife.post(f"{path}/ended", {**birth, "children": [older]})
    assert (code(refused), faulty_fields(refused)) == ("impossible", {"children"})
    days_off = registered(midwife, date_of_birth="2014-06-20")
    refused = midwife.post(f"{path}/ended", {**birth, "children": [days_off]})
    assert (code(refused), doubts(refused)) == ("please-confirm", ["child-born-another-day"])
    twins = [registered(midwife, date_of_birth="2014-06-14"), registered(midwife, date_of_birth="2014-06-15")]
    answer = midwife.post(f"{path}/ended", {**birth, "children": twins})
    assert answer.status_code == 201, answer.text


def test_a_birth_60_weeks_after_the_first_word_of_it_needs_no_expected_date_to_be_impossible(
    midwife: Caller, mother: str
) -> None:
    path = midwife.post("/v1/pregnancies", booking(mother, None)).headers["Location"]
    child = registered(midwife)
    refused = midwife.post(f"{path}/ended", {"outcome": "birth", "children": [child], "occurred_at": "2015-02-01"})
    assert (code(refused), faulty_fields(refused)) == ("impossible", {"occurred_at"})


def test_a_newborn_is_not_reviewed_before_the_birth(midwife: Caller, visitor: Caller, mother: str) -> None:
    path = midwife.post("/v1/pregnancies", booking(mother)).headers["Location"]
    child = registered(midwife)
    review = {"review": "new_birth", "occurred_at": "2014-06-10"}
    assert visitor.post(f"/v1/people/{child}/review-completed", review).status_code == 201
    birth = {"outcome": "birth", "children": [child], "occurred_at": "2014-06-14"}
    assert faulty_fields(midwife.post(f"{path}/ended", birth)) == {"children"}
    other = registered(midwife)
    assert midwife.post(f"{path}/ended", {**birth, "children": [other]}).status_code == 201
    early = visitor.post(f"/v1/people/{other}/review-completed", review)
    assert (code(early), faulty_fields(early)) == ("impossible", {"occurred_at"})
    assert visitor.post(f"/v1/people/{other}/review-completed", {**review, "occurred_at": "2014-06"}).status_code == 201


def test_a_review_says_whether_the_birthday_that_it_was_compared_with_is_known(
    service: Running, visitor: Caller, mother: str
) -> None:
    review = {"review": "two_year", "occurred_at": "2014-06-10"}
    for born, told in ({}, False), ({"date_of_birth": "2012-06-10"}, True):
        answer = visitor.post(f"/v1/people/{registered(visitor, **born)}/review-completed", review)
        assert answer.status_code == 201, answer.text
        event = service.database.events.find_one({"_id": answer.json()["event_id"]})["event"]
        assert event["data"]["birth_known"] is told


def test_a_score_of_0_with_self_harm_is_recorded_and_keeps_its_doubt(
    service: Running, visitor: Caller, mother: str
) -> None:
    said = {"person_id": mother, "tool": "epds", "score": 0, "self_harm": True}
    recorded = visitor.post("/v1/screens", said)
    assert recorded.status_code == 201, recorded.text
    assert private_of(service, recorded) == {"doubts": ["score-and-self-harm"]}
    confirmed = visitor.post("/v1/screens", {**said, "confirms": ["score-and-self-harm"]})
    assert private_of(service, confirmed) == {"confirms": ["score-and-self-harm"]}


@pytest.mark.parametrize("in_bulk", [False, True])
def test_whoever_recorded_a_doubtful_alarm_confirms_it_once(
    service: Running, visitor: Caller, midwife: Caller, mother: str, in_bulk: bool
) -> None:
    said = {"person_id": mother, "tool": "epds", "score": 0, "self_harm": True}
    recorded = visitor.post("/v1/screens", said)
    event_id = recorded.json()["event_id"]
    assert service.database.events.find_one({"_id": event_id})["event"]["doubts"] == "score-and-self-harm"
    shown = visitor.get(recorded.headers["Location"]).json()["history"][0]
    assert shown["private"]["doubts"] == ["score-and-self-harm"]
    path, body = f"{recorded.headers['Location']}/doubts/confirmed", {"event_id": event_id}
    assert code(midwife.post(path, body)) == "not-your-entry"
    if in_bulk:
        (result,) = visitor.post("/v1/commands", [{"key": uuid4().hex, "path": path, "body": body}]).json()["results"]
        assert result["status"] == 201, result
    else:
        assert visitor.post(path, body).status_code == 201
    again = visitor.post(path, body)
    assert (again.status_code, code(again), faulty_fields(again)) == (422, "not-doubtful", {"event_id"})
    sure = visitor.post("/v1/screens", {**said, "score": 5}).json()
    other = visitor.post(f"/v1/screens/{sure['screen_id']}/doubts/confirmed", {"event_id": sure["event_id"]})
    assert code(other) == "not-doubtful"


def test_an_equal_support_at_once_is_pointed_to(visitor: Caller, mother: str) -> None:
    said = {"person_id": mother, "kind": "listening_visits"}
    first = visitor.post("/v1/support", said).json()["support_id"]
    refused = visitor.post("/v1/support", said)
    assert (doubts(refused), first in refused.text) == (["equal-support"], True)
    assert visitor.post("/v1/support", {**said, "kind": "parenting"}).status_code == 201
    assert visitor.post(f"/v1/support/{first}/ended", {"reason_code": "completed"}).status_code == 201
    assert visitor.post("/v1/support", said).status_code == 201


@pytest.mark.parametrize("in_bulk", [False, True])
def test_a_retraction_that_leaves_entries_without_what_they_follow_asks_first(
    visitor: Caller, mother: str, in_bulk: bool
) -> None:
    def retract(path: str, **more: Any) -> tuple[int, dict[str, Any]]:
        body = {"event_id": events[path], "reason_code": "mistake", **more}
        if in_bulk:
            order = {"key": uuid4().hex, "path": f"{path}/retractions", "body": body}
            (result,) = visitor.post("/v1/commands", [order]).json()["results"]
            return result["status"], result["body"]
        answer = visitor.post(f"{path}/retractions", body)
        return answer.status_code, answer.json()

    events: dict[str, str] = {}
    support = visitor.post("/v1/support", {"person_id": mother, "kind": "parenting"})
    path = support.headers["Location"]
    session = visitor.post(f"{path}/session-held", {}).json()["event_id"]
    ended = visitor.post(f"{path}/ended", {"reason_code": "completed"}).json()["event_id"]
    events[path] = support.json()["event_id"]
    status, body = retract(path)
    assert (status, [one["code"] for one in body["doubts"]]) == (422, ["out-of-order"])
    assert session in body["errors"][0]["message"]
    assert ended in body["errors"][0]["message"]
    events[path] = ended
    assert retract(path)[0] == 201
    events[path] = support.json()["event_id"]
    assert retract(path, confirms=["out-of-order"])[0] == 201


def born(midwife: Caller, mother: str, child: str, on: str = "2014-06-14", **more: Any) -> Any:
    """The answer to a birth that names the child."""
    path = midwife.post("/v1/pregnancies", booking(mother, **more)).headers["Location"]
    return midwife.post(f"{path}/ended", {"outcome": "birth", "children": [child], "occurred_at": on})


def test_a_corrected_birthday_is_compared_with_the_birth_on_record(midwife: Caller, mother: str) -> None:
    child = registered(midwife)
    assert born(midwife, mother, child).status_code == 201
    path = f"/v1/people/{child}/corrected"
    days_off = {"date_of_birth": "2014-06-20"}
    assert doubts(midwife.post(path, days_off)) == ["child-born-another-day"]
    years_off = midwife.post(path, {"date_of_birth": "2011-06-14", "confirms": ["child-born-another-day"]})
    assert (code(years_off), faulty_fields(years_off)) == ("impossible", {"date_of_birth"})
    assert midwife.post(path, {**days_off, "confirms": ["child-born-another-day"]}).status_code == 201
    assert midwife.post(path, {"date_of_birth": "2014-06-14"}).status_code == 201


def test_a_corrected_birthday_is_not_after_a_review(visitor: Caller) -> None:
    child = registered(visitor)
    review = {"review": "new_birth", "occurred_at": "2014-06-24"}
    assert visitor.post(f"/v1/people/{child}/review-completed", review).status_code == 201
    refused = visitor.post(f"/v1/people/{child}/corrected", {"date_of_birth": "2014-06-25"})
    assert (code(refused), faulty_fields(refused)) == ("impossible", {"date_of_birth"})
    assert visitor.post(f"/v1/people/{child}/corrected", {"date_of_birth": "2014-06-24"}).status_code == 201


def test_a_child_whom_a_birth_on_another_record_names_is_born_on_that_day(midwife: Caller, mother: str) -> None:
    child = registered(midwife)
    assert born(midwife, mother, child).status_code == 201
    again = born(midwife, mother, child, on="2016-06-14", edd="2016-06-15", occurred_at="2015-11-28")
    assert (code(again), faulty_fields(again)) == ("impossible", {"children"})


def test_a_death_before_the_birth_is_recorded_and_keeps_its_doubt(
    service: Running, midwife: Caller, visitor: Caller, mother: str
) -> None:
    child = registered(midwife)
    assert born(midwife, mother, child).status_code == 201
    died = visitor.post(f"/v1/people/{child}/died", {"family": [], "occurred_at": "2014-06-13"})
    assert died.status_code == 201, died.text
    assert private_of(service, died) == {"doubts": ["out-of-order"]}
    late = {"review": "new_birth", "occurred_at": "2014-06-24"}
    refused = visitor.post(f"/v1/people/{child}/review-completed", late)
    assert (code(refused), faulty_fields(refused)) == ("impossible", {"occurred_at"})


def test_without_an_expected_date_an_end_before_the_first_entry_asks(midwife: Caller, mother: str) -> None:
    path = midwife.post("/v1/pregnancies", booking(mother, None)).headers["Location"]
    end = {"outcome": "miscarriage", "occurred_at": "2013-11-20"}
    assert doubts(midwife.post(f"{path}/ended", end)) == ["out-of-order"]
    long_ago = midwife.post(f"{path}/ended", {**end, "occurred_at": "2012-11-20", "confirms": ["out-of-order"]})
    assert (code(long_ago), faulty_fields(long_ago)) == ("impossible", {"occurred_at"})
    assert midwife.post(f"{path}/ended", {**end, "confirms": ["out-of-order"]}).status_code == 201


def test_a_batch_of_commands_is_doubted_as_single_commands_are(visitor: Caller, midwife: Caller, mother: str) -> None:
    rows = [
        {"key": uuid4().hex, "path": "/v1/pregnancies", "body": booking(mother)},
        {"key": uuid4().hex, "path": "/v1/pregnancies", "body": booking(mother)},
        {"key": uuid4().hex, "path": "/v1/pregnancies", "body": booking(mother, "1927-06-15")},
        {"key": uuid4().hex, "path": "/v1/support", "body": {"person_id": mother, "kind": "parenting"}},
    ]
    results = midwife.post("/v1/commands", rows).json()["results"]
    assert [one["status"] for one in results[:3]] == [201, 422, 422]
    assert [one["code"] for one in results[1]["body"]["doubts"]] == ["second-live-pregnancy"]
    assert results[2]["body"]["type"].endswith("/impossible")
    rows[1]["body"] = booking(mother, confirms=["second-live-pregnancy"])
    again = midwife.post("/v1/commands", rows).json()["results"]
    assert [one["status"] for one in again[:3]] == [201, 201, 422]


def test_an_import_confirms_by_code_for_the_whole_file(
    service: Running, visitor: Caller, mother: str, tmp_path: Path
) -> None:
    actor = {"id": "midwife-eider", "role": "midwife", "team": "midwives-colne", "areas": ["essex"]}
    others = [mother, registered(visitor), registered(visitor)]
    rows = [
        {"key": uuid4().hex, "path": "/v1/pregnancies", "body": booking(person, edd), "actor": actor}
        for person, edd in zip(others, ("2014-06-15", "2014-12-15", "1927-06-15"), strict=True)
    ]
    file = tmp_path / "rows"
    file.write_text("\n".join(map(json.dumps, rows)))

    def refused(*options: str) -> list[tuple[int, str]]:
        with pytest.raises(subprocess.CalledProcessError):
            service.run("import", *options, str(file))
        name = "would-be-refused" if "--dry-run" in options else "refused"
        found = [json.loads(line) for line in (tmp_path / f"rows.{name}").read_text().splitlines()]
        return [(one["row"], one["type"].removeprefix("/problems/")) for one in found]

    assert refused() == [(2, "please-confirm"), (3, "impossible")]
    assert refused("--dry-run", "--confirm", "edd-far-out") == [(3, "impossible")]
    assert refused("--confirm", "edd-far-out") == [(3, "impossible")]
    recorded = service.database.events.find_one(
        {"event.data.person_id": others[1], "event.type": "pregnancy.booked.v1"}
    )
    assert recorded["private"]["personal"] == {"confirms": ["edd-far-out"]}
