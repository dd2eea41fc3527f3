"""Nobody is chased for a recorded act, however late it is published; and an intention is never an act."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import combinations
from typing import Any

import pytest

from deploy.local.case import load_case
from deploy.local.folders import fresh_name
from deploy.local.replay import Replay
from deploy.local.stack import local_stack
from shared.kernel.envelope import from_text
from tests.e2e.world import World, world_on

GP, TRIAGE = "gp-okafor", "camhs-triage-novak"
RECEIVER = {"receiver_person": TRIAGE, "channel": "phone", "reference": "called back at ten"}


@pytest.fixture(scope="module")
def world(stack_environment: dict[str, str]) -> Iterator[World]:
    with (
        local_stack(
            fresh_name("test"),
            replay_clock=_at("2013-01-14 09:00"),
            without=("perinatal.relay",),
            environment=stack_environment,
        ) as stack,
        world_on(stack, Replay(stack, load_case())) as world,
    ):
        yield world


@pytest.fixture(autouse=True)
def _with_a_relay(world: World) -> None:
    """Whatever the test before left behind."""
    world.start_relay()


@pytest.fixture(scope="module")
def mother(world: World) -> str:
    body = {"given_name": "Tamsin", "family_name": "Underwillow", "date_of_birth": "1996-06-21"}
    found: str = world.record(GP, "/v1/people", body)["person_id"]
    return found


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def _note_referral(world: World, mother: str, note: str = "for the next surgery") -> str:
    """A referral to CAMHS that was decided on, and nothing more; its id."""
    body = {
        "stage": "intended",
        "person_id": mother,
        "service": "camhs",
        "to_team": "camhs-essex",
        "reason_code": "depression",
        "note": note,
    }
    found: str = world.record(GP, "/v1/referrals", body)["referral_id"]
    return found


def _sent(world: World, referral: str) -> None:
    world.record(GP, f"/v1/referrals/{referral}/sent", {"channel": "email", "reference": "sent items, 15 January"})


def _followed_up(world: World, step: str, referral: str) -> dict[str, Any]:
    found = world.follow_up(step, referral)
    assert found, f"nothing is expected of {referral} under {step}"
    return found


def test_an_act_recorded_while_the_relay_was_down_is_never_chased(world: World, mother: str) -> None:
    world.move_to(_at("2013-01-14 09:30"))
    sent_in_time, only_noted = _note_referral(world, mother), _note_referral(world, mother)
    world.move_to(_at("2013-01-14 12:00"))
    world.kill_relay()

    world.move_to(_at("2013-01-15 10:00"))
    _sent(world, sent_in_time)
    world.move_to(_at("2013-01-16 18:00"))
    sweep = world.sweep()
    assert sweep["as_of"] < _at("2013-01-16 17:00") < sweep["now"]
    unheard = _followed_up(world, "REF-01", sent_in_time)
    assert (unheard["state"], unheard["chases"], unheard["evidence"]["stale"]) == ("open", 0, True)
    assert from_text(unheard["due_at"]) < sweep["now"]
    assert _followed_up(world, "REF-01", only_noted)["chases"] == 0

    world.start_relay()
    world.wait_until_told()
    for day in (16, 18):
        world.move_to(_at(f"2013-01-{day} 18:00"))
        assert world.sweep()["as_of"] == _at(f"2013-01-{day} 18:00")
        met = _followed_up(world, "REF-01", sent_in_time)
        assert (met["state"], met["chases"], met["evidence"]["stale"]) == ("met", 0, False)
    assert [entry["type"] for entry in met["history"]] == ["referral.intended.v1", "referral.sent.v1"]
    assert not [text for _, _, text in world.mails() if met["reference"] in text]
    chased = _followed_up(world, "REF-01", only_noted)
    assert (chased["state"], chased["chases"]) == ("open", 2)
    assert [text for to, _, text in world.mails() if chased["reference"] in text and "okafor" in to]


def test_the_operator_is_told_once_about_a_source_that_two_sweeps_find_silent(world: World) -> None:
    def list_mails_to_the_operator() -> list[tuple[str, str]]:
        return [(to, text) for to, subject, text in world.mails() if subject == "[Followthrough] silent: perinatal"]

    world.move_to(_at("2013-02-04 09:00"))
    world.kill_relay()
    world.move_to(_at("2013-02-04 09:04"))
    assert world.sweep()["silent"] == {}
    world.move_to(_at("2013-02-04 09:06"))
    assert world.sweep()["silent"] == {"perinatal": _at("2013-02-04 09:00")}
    assert list_mails_to_the_operator() == []
    for minute in (7, 8):
        world.move_to(_at(f"2013-02-04 09:0{minute}"))
        world.sweep()
        ((to, text),) = list_mails_to_the_operator()
    assert to == "marta.kowalski@operations.example"
    assert "perinatal has not reported its position since Mon 04 Feb 2013, 09:00" in text

    world.start_relay()
    world.wait_until_told()
    assert world.sweep()["silent"] == {}
    assert len(list_mails_to_the_operator()) == 1


def test_a_note_does_not_meet_the_follow_up_of_a_referral_but_sending_it_does(world: World, mother: str) -> None:
    world.move_to(_at("2013-03-04 09:00"))
    referral = _note_referral(world, mother, note="Letter sent to CAMHS today, they have confirmed it by phone")
    body = {"person_id": mother, "code": "depression", "note": "referred to CAMHS"}
    world.record(GP, "/v1/conditions", body)
    refused = world.post(TRIAGE, f"/v1/referrals/{referral}/acknowledged", {})
    assert refused.status_code == 409
    world.move_to(_at("2013-03-06 18:00"))
    world.sweep()
    chased = _followed_up(world, "REF-01", referral)
    assert (chased["state"], chased["chases"]) == ("open", 1)

    seen = {"note": "I have sent it"}
    answer = world.post(GP, f"/v1/follow-ups/{chased['id']}/acknowledged", seen, service="referrals_followup")
    assert answer.status_code == 201
    world.move_to(_at("2013-03-08 18:00"))
    world.sweep()
    chased = _followed_up(world, "REF-01", referral)
    assert (chased["state"], chased["chases"], chased["acknowledged_by"]) == ("open", 2, GP)
    assert world.follow_up("REF-02", referral) is None

    _sent(world, referral)
    world.move_to(_at("2013-03-08 18:01"))
    assert _followed_up(world, "REF-01", referral)["state"] == "met"
    assert _followed_up(world, "REF-02", referral)["state"] == "open"


def test_the_sender_cannot_acknowledge_without_the_receivers_person_channel_and_reference(
    world: World, mother: str
) -> None:
    world.move_to(_at("2013-04-08 09:00"))
    referral = _note_referral(world, mother)
    _sent(world, referral)
    for named in range(len(RECEIVER)):
        for names in combinations(RECEIVER, named):
            answer = world.post(GP, f"/v1/referrals/{referral}/acknowledged", {name: RECEIVER[name] for name in names})
            assert answer.status_code == 422
            assert {error["field"] for error in answer.json()["errors"]} == set(RECEIVER) - set(names)
    assert world.post(GP, f"/v1/referrals/{referral}/acknowledged", {**RECEIVER, "reference": " "}).status_code == 422
    world.move_to(_at("2013-04-08 10:00"))
    assert _followed_up(world, "REF-02", referral)["state"] == "open"

    reported = world.record(GP, f"/v1/referrals/{referral}/acknowledged", RECEIVER)
    assert (reported["state"], reported["reported_by"]) == ("acknowledged", "sender")
    world.move_to(_at("2013-04-08 11:00"))
    assert _followed_up(world, "REF-02", referral)["state"] == "met"


def test_the_receiver_needs_no_proof_to_acknowledge(world: World, mother: str) -> None:
    world.move_to(_at("2013-05-07 09:00"))
    referral = _note_referral(world, mother)
    _sent(world, referral)
    reported = world.record(TRIAGE, f"/v1/referrals/{referral}/acknowledged", {})
    assert (reported["state"], reported["reported_by"]) == ("acknowledged", "receiver")
    world.move_to(_at("2013-05-07 10:00"))
    met = _followed_up(world, "REF-02", referral)
    assert (met["state"], met["closed_actor"]) == ("met", TRIAGE)
