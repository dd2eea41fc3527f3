"""A claim that would end a record leaves it open. It ends it once it is confirmed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from services.perinatal.domain import case, person, pregnancy, support
from shared.kernel.decisions import CLAIM_CONFIRMED, CLAIM_REJECTED, Aggregate
from shared.kernel.envelope import CIRCLE, NONE, Event
from shared.kernel.ids import uuid7
from tests.integration.ledger import MONDAY
from tests.unit.test_circle import PERSON, record

CASE = {"people": [PERSON], "agency": "childrens_social_care", "kind": "child_in_need"}
ENDS: list[tuple[Aggregate[Any], str, dict[str, Any], str, dict[str, Any]]] = [
    (case.AGGREGATE, "case.opened.v1", CASE, "case.closed.v1", {"reason_code": "done"}),
    (
        support.AGGREGATE,
        "support.started.v1",
        {"kind": "listening_visits"},
        "support.ended.v1",
        {"reason_code": "done"},
    ),
    (
        pregnancy.AGGREGATE,
        "pregnancy.booked.v1",
        {"concerns": []},
        "pregnancy.ended.v1",
        {"outcome": "miscarriage", "children": [], "parents": []},
    ),
    (person.AGGREGATE, "person.registered.v1", {"nhs_number_known": False}, "person.died.v1", {"family": []}),
]


def test_a_holder_who_is_only_claimed_does_not_hold_the_case() -> None:
    holder = {"holder": "hv-pereira", "team": "hv-harwich", "held_as": "employed"}
    named = ("case.holder_named.v1", "hv-harwich", holder)
    other = ("case.holder_named.v1", "midwifery-colne", {**holder, "holder": "midwife-ekwueme"})
    *history, last = record("case/1", ("case.opened.v1", "hv-harwich", CASE), named, other)
    claim = replace(last, standing=NONE)
    assert case.AGGREGATE.fold([*history, claim]).holder == "hv-pereira"
    confirmed = answered([*history, claim], CLAIM_CONFIRMED)
    assert case.AGGREGATE.fold(confirmed).holder == "midwife-ekwueme"


@pytest.fixture(params=ENDS, ids=lambda row: row[3])
def ended(request: pytest.FixtureRequest) -> tuple[Aggregate[Any], list[Event]]:
    """A record that a team began, and that another team claims to have ended."""
    aggregate, begins, said, ends, how = request.param
    first, last = record(f"{aggregate.kind}/1", (begins, "hv-harwich", said), (ends, "midwifery-colne", how))
    return aggregate, [first, replace(last, standing=NONE)]


def answered(history: list[Event], event_type: str, **said: Any) -> list[Event]:
    claim = history[-1]
    data = {"event_id": claim.id, **said}
    answer = replace(
        claim,
        id=uuid7(MONDAY),
        type=event_type,
        team="hv-harwich",
        version=claim.version + 1,
        standing=CIRCLE,
        data=data,
    )
    return [*history, answer]


def test_a_claim_leaves_the_record_open(ended: tuple[Aggregate[Any], list[Event]]) -> None:
    aggregate, history = ended
    assert aggregate.fold(history).status == aggregate.fold(history[:1]).status
    stands = [history[0], replace(history[1], standing=CIRCLE)]
    assert aggregate.fold(stands).status != aggregate.fold(history).status


def test_a_confirmed_claim_ends_it_and_a_rejected_one_does_not(ended: tuple[Aggregate[Any], list[Event]]) -> None:
    aggregate, history = ended
    stands = aggregate.fold([history[0], replace(history[1], standing=CIRCLE)])
    confirmed = aggregate.fold(answered(history, CLAIM_CONFIRMED))
    assert (confirmed.status, confirmed.facts) == (stands.status, stands.facts)
    before = aggregate.fold(history).status
    for more in (answered(history, CLAIM_CONFIRMED, people=[PERSON]), answered(history, CLAIM_REJECTED)):
        assert aggregate.fold(more).status == before


def test_the_fold_goes_on_from_a_state_as_from_the_beginning(ended: tuple[Aggregate[Any], list[Event]]) -> None:
    aggregate, history = ended
    whole = answered(history, CLAIM_CONFIRMED)
    assert aggregate.fold_on(aggregate.fold(history), history, whole[-1]) == aggregate.fold(whole)
