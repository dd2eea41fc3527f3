"""DATA-02: what somebody outside a person's circle records raises at once, and lowers nothing until it is confirmed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from services.referrals_followup.domain.follow_up import FollowUp, Owner
from shared.kernel.decisions import CLAIM_CONFIRMED, CLAIM_REJECTED, RETRACTION, Actor
from shared.kernel.envelope import CIRCLE, NONE, OWNER, RECEIVER, Event
from tests.unit.practice import CHILD, GP, HV, NORFOLK_HV, PERSON, Practice, as_text, london

STRANGER = Actor(id="midwife-elsewhere", role="midwife", team="midwifery-bure", areas=("norfolk",))
THEIRS = "p_" + "9" * 32
DAYS = "2014-01-{} 10:00"
ANSWERS = {CLAIM_CONFIRMED: {}, CLAIM_REJECTED: {"reason_code": "not_so"}}


@pytest.fixture
def practice() -> Practice:
    return Practice()


def record(practice: Practice, event_type: str, stream: str, day: int, by: Actor, standing: str, **data: Any) -> Event:
    at = london(f"2014-01-{day:02} 10:00")
    return practice.record(event_type, stream, data, at, "perinatal", by, standing=standing)


def concern(practice: Practice, number: int, day: int, by: Actor, standing: str) -> Event:
    concern_id = str(UUID(int=number))
    said = {"concern_id": concern_id, "person_id": CHILD, "kind": "neglect", "seen": True}
    return record(practice, "concern.raised.v1", f"concern/{concern_id}", day, by, standing, **said)


def linked(practice: Practice, standing: str, day: int = 8) -> Event:
    said = {"person_id": THEIRS, "other_person_id": PERSON, "reason": "merge", "confirmed_by": "midwife-elsewhere"}
    return record(practice, "person.linked.v1", f"person/{THEIRS}", day, STRANGER, standing, **said)


def answer(practice: Practice, claim: Event, event_type: str, day: int = 9, by: Actor = HV) -> Event:
    said = {"event_id": claim.id, **ANSWERS[event_type], "person_id": claim.subject}
    person_id = said.pop("person_id")
    at = london(f"2014-01-{day:02} 10:00")
    found = practice.record(event_type, claim.stream, said, at, "perinatal", by, standing=CIRCLE)
    assert person_id is not None
    return found


def steps(practice: Practice, thread: str, state: str = "open") -> list[str]:
    return sorted({one.step for one in practice.follow_ups(thread) if one.state == state})


def self_harm(practice: Practice) -> str:
    screen_id = str(UUID(int=77))
    said = {"screen_id": screen_id, "person_id": PERSON, "tool": "epds", "score": 14, "self_harm": True}
    record(practice, "screen.recorded.v1", f"screen/{screen_id}", 6, GP, CIRCLE, **said)
    return f"screen/{screen_id}"


def died(practice: Practice, day: int = 9) -> Event:
    return record(practice, "person.died.v1", f"person/{THEIRS}", day, STRANGER, CIRCLE, person_id=THEIRS, family=[])


def test_a_link_and_a_death_recorded_elsewhere_end_nothing_of_the_mothers(practice):
    screen = self_harm(practice)
    linked(practice, NONE)
    died(practice)
    assert steps(practice, screen) == ["DATA-02.lowers", "MH-03", "MH-03.self-harm"]


def test_once_her_side_confirms_the_link_the_death_is_hers(practice):
    screen = self_harm(practice)
    link = linked(practice, NONE)
    died(practice)
    answer(practice, link, CLAIM_CONFIRMED, 10)
    assert steps(practice, screen) == []


def test_both_sides_of_a_link_from_elsewhere_are_asked_and_the_answer_closes_the_question(practice):
    self_harm(practice)
    link = linked(practice, NONE)
    for person_id in (PERSON, THEIRS):
        assert "DATA-02.claim" in steps(practice, f"person/{person_id}")
    (asked,) = [one for one in practice.follow_ups(f"person/{PERSON}") if one.step == "DATA-02.claim"]
    assert as_text(asked.due_at) == "2014-01-10 17:00"
    answer(practice, link, CLAIM_CONFIRMED)
    assert "DATA-02.claim" not in steps(practice, f"person/{PERSON}")


@pytest.mark.parametrize("standing", [NONE, OWNER, RECEIVER, CIRCLE])
def test_a_third_concern_is_counted_at_once_whoever_raises_it(practice, standing):
    concern(practice, 1, 6, HV, CIRCLE)
    concern(practice, 2, 7, HV, CIRCLE)
    concern(practice, 3, 8, STRANGER, standing)
    found = [one for one in practice.follow_ups(f"person/{CHILD}") if one.step == "SG-02.lead"]
    assert [(one.state, as_text(one.due_at)) for one in found] == [("open", "2014-01-08 23:59")]


def test_a_claim_shows_somebody_elses_accumulation_to_no_further_area(practice):
    concern(practice, 1, 6, HV, CIRCLE)
    concern(practice, 2, 7, HV, CIRCLE)
    concern(practice, 3, 8, STRANGER, OWNER)
    (found,) = [one for one in practice.follow_ups(f"person/{CHILD}") if one.step == "SG-02.lead"]
    assert (found.area, found.areas) == ("essex", ("essex",))


def test_a_rejected_claim_counts_no_longer(practice):
    concern(practice, 1, 6, HV, CIRCLE)
    concern(practice, 2, 7, HV, CIRCLE)
    claim = concern(practice, 3, 8, STRANGER, OWNER)
    answer(practice, claim, CLAIM_REJECTED)
    assert "SG-02.lead" not in steps(practice, f"person/{CHILD}")
    assert "SG-02.lead" in steps(practice, f"person/{CHILD}", "void")


@pytest.mark.parametrize("standing", [NONE, OWNER])
def test_nobody_retracts_an_entry_of_another_team_without_standing(practice, standing):
    screen = self_harm(practice)
    (opened,) = [event for event in practice.events() if event.stream == screen]
    retracted = {"event_id": opened.id, "reason_code": "wrong"}
    record(practice, RETRACTION, screen, 8, STRANGER, NONE, **retracted)
    assert "MH-03.self-harm" in steps(practice, screen)


def test_a_team_takes_back_what_it_claimed_itself(practice):
    concern(practice, 1, 6, HV, CIRCLE)
    concern(practice, 2, 7, HV, CIRCLE)
    claim = concern(practice, 3, 8, STRANGER, OWNER)
    record(practice, RETRACTION, claim.stream, 9, STRANGER, OWNER, event_id=claim.id, reason_code="wrong")
    assert "SG-02.lead" not in steps(practice, f"person/{CHILD}")


@pytest.mark.parametrize(("standing", "state"), [(CIRCLE, "met"), (OWNER, "open"), (NONE, "open")])
def test_a_referral_recorded_elsewhere_does_not_meet_the_expectation_here(practice, standing, state):
    self_harm(practice)
    referral_id = str(UUID(int=88))
    said = {
        "referral_id": referral_id,
        "person_id": PERSON,
        "service": "perinatal_mental_health",
        "service_kind": "health",
        "urgency": "urgent",
        "channel": "phone",
        "evidence": True,
    }
    sent = record(practice, "referral.sent.v1", f"referral/{referral_id}", 7, STRANGER, standing, **said)
    screen = f"screen/{UUID(int=77)}"
    assert {one.state for one in practice.follow_ups(screen) if one.step == "MH-03"} == {state}
    if sent.is_claim:
        assert "DATA-02.referral" in steps(practice, sent.stream)
        answer(practice, sent, CLAIM_CONFIRMED, 8)
        assert "MH-03" in steps(practice, screen, "met")
        assert "DATA-02.referral" in steps(practice, sent.stream, "met")


def test_the_claimant_never_confirms_its_own_claim(practice):
    screen = self_harm(practice)
    link = linked(practice, NONE)
    died(practice)
    answer(practice, link, CLAIM_CONFIRMED, 10, by=STRANGER)
    assert "MH-03.self-harm" in steps(practice, screen)


@pytest.mark.parametrize(("kind", "state"), [(CLAIM_CONFIRMED, "met"), (CLAIM_REJECTED, "open")])
def test_whoever_an_entry_names_answers_it_also_from_the_team_that_claims_it(practice, kind, state):
    screen = self_harm(practice)
    said = {"screen_id": str(UUID(int=77)), "person_id": PERSON, "outcome": "no_further", "assessed_by": "hv-sato"}
    claim = record(practice, "screen.followed_up.v1", screen, 8, HV, NONE, **said)

    def found() -> tuple[str, str]:
        states = {one.step: one.state for one in practice.follow_ups(screen)}
        return states["MH-03.self-harm"], states["DATA-02.lowers"]

    assert found() == ("open", "open")
    answer(practice, claim, kind, 9, by=replace(HV, id="hv-elsewhere"))
    assert found() == ("open", "open")
    answer(practice, claim, kind, 10, by=replace(HV, id="hv-sato"))
    assert found() == (state, "met")


MOVE = str(UUID(int=99))


def moved(practice: Practice, event_type: str, day: int, by: Actor, standing: str, **more: Any) -> Event:
    said = {"move_id": MOVE, "person_id": PERSON, **more}
    return record(practice, event_type, f"move/{MOVE}", day, by, standing, **said)


def claimed_move(practice: Practice) -> Event:
    ends = {"from_area": "essex", "to_area": "norfolk", "people": [PERSON]}
    told = {"told_by": "family", "handover_needed": True, "recorded_in": "norfolk"}
    claim = moved(practice, "household.moved.v1", 8, STRANGER, NONE, **ends, **told)
    taken = {"reported_by": "receiver", "team": "hv-yare", "practitioner": "hv-castro"}
    moved(practice, "handover.acknowledged.v1", 9, STRANGER, NONE, **taken)
    return claim


def test_a_move_told_by_the_new_side_opens_the_move_and_its_own_acknowledgement_hands_nothing_over(practice):
    screen = self_harm(practice)
    claimed_move(practice)
    assert "HV-02.acknowledge" in steps(practice, f"move/{MOVE}")
    assert {one.area for one in practice.follow_ups(screen)} == {"essex"}
    assert {one.areas for one in practice.follow_ups(screen)} == {("essex",)}


def test_what_a_bystander_claims_of_a_move_counts_for_nothing_before_or_after_it_was_agreed_to(practice):
    screen, bystander = self_harm(practice), Actor("midwife-ekwueme", "midwife", "midwifery-colne", ("essex",))
    ends = {"from_area": "essex", "to_area": "norfolk", "people": [PERSON]}
    told = {"told_by": "family", "handover_needed": True}
    taken = {"reported_by": "sender", "team": "midwifery-colne", "practitioner": "midwife-ekwueme"}
    moved(practice, "household.moved.v1", 7, STRANGER, NONE, **ends, **told, recorded_in="norfolk")
    moved(practice, "handover.acknowledged.v1", 8, bystander, NONE, **taken)
    moved(practice, "handover.attempted.v1", 9, HV, CIRCLE, outcome="not_reached", channel="phone", recorded_in="essex")
    before = [(one.step, one.state, one.owner, one.areas) for one in practice.follow_ups(screen)]
    moved(
        practice, "handover.attempted.v1", 10, bystander, NONE, outcome="reached", channel="phone", recorded_in="essex"
    )
    moved(practice, "handover.acknowledged.v1", 11, bystander, NONE, **taken)
    after = [(one.step, one.state, one.owner, one.areas) for one in practice.follow_ups(screen)]
    assert [one for one in after if one[0] != "DATA-02.lowers"] == [one for one in before if one[0] != "DATA-02.lowers"]
    assert "HV-02.acknowledge" in steps(practice, f"move/{MOVE}")


def test_a_part_recorded_by_the_left_side_or_its_confirmation_agrees_to_the_move(practice):
    screen = self_harm(practice)
    claimed_move(practice)
    given = {"contexts": ["mental_health"], "channel": "phone", "recorded_in": "essex"}
    moved(practice, "handover.given.v1", 10, HV, CIRCLE, **given)
    assert steps(practice, f"move/{MOVE}", "met") != []
    assert {one.areas for one in practice.follow_ups(screen)} == {("essex", "norfolk")}


# --- who is asked -----------------------------------------------------------------------------------------------------

THE_LEAD = Owner("safeguarding_lead")


def named(practice: Practice, person_id: str, day: int, by: Actor, standing: str) -> Event:
    said = {"person_id": person_id, "role": "health_visitor", "practitioner": by.id, "team": by.team}
    return record(practice, "practitioner.assigned.v1", f"person/{person_id}", day, by, standing, **said)


def known_in_essex(practice: Practice) -> None:
    concern_id = str(UUID(int=55))
    said = {"concern_id": concern_id, "person_id": PERSON, "kind": "neglect", "seen": True}
    record(practice, "concern.raised.v1", f"concern/{concern_id}", 6, HV, CIRCLE, **said)


def asked(practice: Practice, person_id: str, claim: Event) -> FollowUp:
    about = practice.follow_ups(f"person/{person_id}")
    (found,) = (one for one in about if one.step == "DATA-02.claim" and one.opened_by == claim.id)
    return found


@pytest.mark.parametrize("days", [(5, 6), (6, 5)])
def test_each_side_of_a_link_is_asked_by_its_own_part_and_never_whoever_claims_it(practice, days):
    named(practice, PERSON, days[0], HV, CIRCLE)
    named(practice, THEIRS, days[1], STRANGER, CIRCLE)
    link = linked(practice, NONE)
    assert asked(practice, PERSON, link).owner == Owner("health_visitor", HV.team, HV.id)
    assert asked(practice, THEIRS, link).owner == THE_LEAD


def test_while_nobody_has_a_part_the_lead_of_the_known_area_is_asked_and_no_further_area_sees_it(practice):
    known_in_essex(practice)
    found = asked(practice, PERSON, claimed_move(practice))
    assert (found.owner, found.area, found.areas) == (THE_LEAD, "essex", ("essex",))


def test_an_open_case_is_a_part_that_is_asked_while_no_health_visitor_is_named(practice):
    case_id = str(UUID(int=44))
    said = {"case_id": case_id, "person_id": PERSON, "people": [PERSON], "agency": "childrens_social_care"}
    record(practice, "case.opened.v1", f"case/{case_id}", 6, GP, CIRCLE, kind="child_in_need", **said)
    assert asked(practice, PERSON, claimed_move(practice)).owner == Owner(GP.role, GP.team)


def test_a_name_without_standing_never_moves_an_open_claim(practice):
    named(practice, PERSON, 6, HV, CIRCLE)
    claim = claimed_move(practice)
    named(practice, PERSON, 10, NORFOLK_HV, NONE)
    assert asked(practice, PERSON, claim).owner == Owner("health_visitor", HV.team, HV.id)


def test_a_link_without_standing_never_moves_an_open_claim(practice):
    named(practice, THEIRS, 5, NORFOLK_HV, CIRCLE)
    named(practice, PERSON, 6, HV, CIRCLE)
    claim = claimed_move(practice)
    linked(practice, NONE, 10)
    assert asked(practice, PERSON, claim).owner == Owner("health_visitor", HV.team, HV.id)


def test_the_handover_of_a_claimed_move_is_never_owned_by_whoever_claims_it(practice):
    ends = {"from_area": "essex", "to_area": "norfolk", "people": [PERSON]}
    told = {"told_by": "family", "handover_needed": True, "recorded_in": "norfolk"}
    moved(practice, "household.moved.v1", 8, NORFOLK_HV, NONE, **ends, **told)
    (found,) = (one for one in practice.follow_ups(f"move/{MOVE}") if one.step == "HV-02.acknowledge")
    assert found.owner == Owner("health_visitor")


def test_an_identity_that_somebody_without_standing_corrects_is_followed_up(practice):
    said = {"person_id": PERSON, "details": ["date_of_birth"], "nhs_number_known": False}
    record(practice, "person.corrected.v1", f"person/{PERSON}", 8, STRANGER, NONE, **said)
    assert "DATA-02.claim" in steps(practice, f"person/{PERSON}")
