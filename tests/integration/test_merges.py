"""Two records of one person are merged by a link, and told apart again, only with standing on both sides."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest

from deploy.local.backends import Backends
from tests.integration.recording import Caller, Running, code, running

MERGED = {"reason": "merge", "confirmed_by": "hv-castro"}
UNDONE = {"reason_code": "mistaken", "confirmed_by": "hv-castro"}


@pytest.fixture(scope="module")
def service(backends: Backends, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running("perinatal", backends, tmp_path_factory.mktemp("perinatal")) as service:
        yield service


@pytest.fixture(scope="module")
def essex(service: Running) -> Caller:
    return service.caller("hv-pereira", "health_visitor", "hv-harwich")


@pytest.fixture(scope="module")
def norfolk(service: Running) -> Caller:
    return service.caller("hv-castro", "health_visitor", "hv-yare", "norfolk")


def registered(caller: Caller) -> str:
    answer = caller.post("/v1/people", {"given_name": "Wren", "family_name": "Exampleton"})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["person_id"])


def record(caller: Caller, own: str, other: str, verb: str, body: dict[str, Any], in_batch: bool = False) -> str:
    """Record the merge or its undoing on the record of `own`; the id of the event."""
    path, said = f"/v1/people/{own}/{verb}", {"other_person_id": other, **body}
    if in_batch:
        orders = [{"key": uuid4().hex, "path": path, "body": said}]
        (result,) = caller.post("/v1/commands", orders).json()["results"]
        assert result["status"] == 201, result
        return str(result["body"]["event_id"])
    answer = caller.post(path, said)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["event_id"])


def standing(service: Running, event_id: str) -> str | None:
    stamp: str | None = service.database.events.find_one({"_id": event_id})["event"].get("standing")
    return stamp


@pytest.mark.parametrize("in_batch", [False, True])
def test_a_merge_and_its_undoing_by_one_side_are_claims_that_the_other_side_confirms(
    service: Running, essex: Caller, norfolk: Caller, in_batch: bool
) -> None:
    own, other = registered(norfolk), registered(essex)
    claims = f"/v1/people/{own}/claims/confirmed"
    for verb, body in (("linked", MERGED), ("unlinked", UNDONE)):
        event_id = record(norfolk, own, other, verb, body, in_batch)
        assert standing(service, event_id) == "none"
        assert norfolk.post(claims, {"event_id": event_id}).status_code == 403
        answer = essex.post(claims, {"event_id": event_id})
        assert answer.status_code == 201, answer.text


def test_a_merge_and_its_undoing_within_one_circle_count_at_once(service: Running, essex: Caller) -> None:
    own, other = registered(essex), registered(essex)
    for verb, body in (("linked", MERGED), ("unlinked", UNDONE)):
        assert standing(service, record(essex, own, other, verb, body)) == "circle"


def test_a_stranger_to_both_neither_merges_nor_undoes(service: Running, essex: Caller) -> None:
    own, other = registered(essex), registered(essex)
    stranger = service.caller("hv-quill", "health_visitor", "hv-fens", "cambridgeshire")
    for verb, body in (("linked", MERGED), ("unlinked", UNDONE)):
        answer = stranger.post(f"/v1/people/{own}/{verb}", {"other_person_id": other, **body})
        assert (answer.status_code, code(answer)) == (403, "wrong-area")


def test_people_who_were_told_apart_are_so_in_the_history(essex: Caller) -> None:
    own, other = registered(essex), registered(essex)
    said = {"others": [other], "confirmed_by": "hv-pereira"}
    assert essex.post(f"/v1/people/{own}/told-apart", said).status_code == 201
    assert essex.post(f"/v1/people/{own}/told-apart", {**said, "others": [own]}).status_code == 422
    history = essex.get(f"/v1/people/{own}").json()["history"]
    assert (history[-1]["type"], history[-1]["data"]["others"]) == ("person.told_apart.v1", [other])
