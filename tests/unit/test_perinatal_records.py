"""The rules of the records that a table of states does not say: who is named, who may speak, what stays private."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from services.perinatal.domain.screen import score_fault
from shared.contracts.words import LOSSES, SCREENS, SCREENS_WITH_SELF_HARM_ITEM
from shared.kernel.decisions import Actor, Forbidden, Invalid
from shared.kernel.history import Retract
from tests.unit.history import PERSON, Stream
from tests.unit.records import (
    AGGREGATES,
    BOTH,
    CHILD,
    COLLEAGUE,
    DOOR,
    MIDWIFE,
    NORFOLK,
    OTHER,
    PREGNANCY,
    TWIN,
    VISITOR,
    WITH_PROOF,
    WORKER,
    record,
    refusal,
    start,
    tell,
)

EMPTY_ID = "00000000-0000-0000-0000-000000000063"


def begun(kind: str, event_type: str, actor: Actor = VISITOR, **more: Any) -> Stream:
    stream = Stream(AGGREGATES[kind], EMPTY_ID)
    stream.give(start(kind, event_type, **more), actor)
    return stream


def refused_beginning(kind: str, event_type: str, actor: Actor = VISITOR, **more: Any) -> Any:
    return refusal(Stream(AGGREGATES[kind], EMPTY_ID), start(kind, event_type, **more), actor)


# --- any record


def test_an_entry_is_about_the_person_of_the_record_and_carries_its_id() -> None:
    stream = record("screen", "screen.recorded.v1", "screen.followed_up.v1")
    for event in stream.events:
        assert event.subject == PERSON
        assert (event.data["person_id"], event.data["screen_id"]) == (PERSON, EMPTY_ID)


def test_private_texts_and_what_was_looked_up_are_not_published() -> None:
    stream = record("pregnancy", "pregnancy.booked.v1")
    command = tell("pregnancy", "prebirth.screening_decided.v1", private={"reason": "She asked for it."})
    event = stream.give(command, MIDWIFE)
    assert stream.private[-1] == {"reason": "She asked for it."}
    assert "reason" not in event.data
    named = stream.give(
        tell(
            "pregnancy", "pregnancy.partner_named.v1", known={"nhs_number_known": False, "born_on": date(1994, 11, 3)}
        ),
        MIDWIFE,
    )
    assert (named.data["partner_known"], named.data["partner_age_band"]) == (False, "under_20")
    assert "born_on" not in {**named.data, **stream.private[-1]}


def test_an_entry_that_a_service_tells_by_itself_names_its_cause() -> None:
    stream = record("pregnancy", "pregnancy.booked.v1")
    command = tell("pregnancy", "pregnancy.care_leaver_learnt.v1")
    caused = type(command)(type=command.type, data=command.data, caused_by="0144cf60-0018-7c1a-9d2e-5b6f7a8c9d0e")
    assert stream.give(caused, VISITOR).causation_id == "0144cf60-0018-7c1a-9d2e-5b6f7a8c9d0e"


def test_who_lives_in_another_area_by_a_move_is_gone_on_with_from_there_and_the_record_keeps_its_area() -> None:
    stream = record("pregnancy", "pregnancy.booked.v1")
    event = stream.give(tell("pregnancy", "pregnancy.concern_noted.v1"), NORFOLK)
    assert event.area == "essex"
    stranger = Actor("hv-yare", "health_visitor", "hv-yare-team", ("norfolk",))
    assert refusal(stream, tell("pregnancy", "pregnancy.concern_noted.v1"), stranger).code == "wrong-area"


# --- people


def test_a_person_is_not_linked_to_themselves() -> None:
    stream = record("person", "person.registered.v1")
    refused = refusal(stream, tell("person", "person.linked.v1", other_person_id=PERSON))
    assert (type(refused), set(refused.fields)) == (Invalid, {"other_person_id"})


def test_only_what_is_linked_is_unlinked_and_a_retracted_link_is_none() -> None:
    stream = record("person", "person.registered.v1")
    unlink = tell("person", "person.unlinked.v1")
    assert refusal(stream, unlink).code == "not-linked"
    linked = stream.give(tell("person", "person.linked.v1"), VISITOR)
    assert stream.state.links == {OTHER}
    stream.give(Retract(event_id=linked.id, reason_code="mistaken"), VISITOR)
    assert refusal(stream, unlink).code == "not-linked"
    stream.give(tell("person", "person.linked.v1"), VISITOR)
    stream.give(unlink, VISITOR)
    assert stream.state.links == frozenset()


def test_who_died_is_not_among_their_own_family() -> None:
    stream = record("person", "person.registered.v1")
    assert set(refusal(stream, tell("person", "person.died.v1", family=[OTHER, PERSON])).fields) == {"family"}


@pytest.mark.parametrize("adult", [PERSON, CHILD])
def test_an_adult_joins_others(adult: str) -> None:
    stream = record("person", "person.registered.v1")
    refused = refusal(stream, tell("person", "household.adult_joined.v1", adult_id=adult))
    assert set(refused.fields) == {"adult_id"}


def test_an_antenatal_review_says_of_which_pregnancy() -> None:
    stream = record("person", "person.registered.v1")
    antenatal = {"review": "antenatal"}
    assert set(refusal(stream, tell("person", "review.completed.v1", **antenatal)).fields) == {"pregnancy_id"}
    assert stream.give(tell("person", "review.completed.v1", **antenatal, pregnancy_id=PREGNANCY), VISITOR)


def test_a_person_who_was_registered_keeps_whether_the_number_is_known_whatever_is_told() -> None:
    stream = record("person", "person.registered.v1", "practitioner.assigned.v1", "person.died.v1")
    assert (stream.state.status, stream.state.nhs_number_known) == ("died", False)


# --- pregnancies


def test_the_age_of_the_mother_is_a_band_and_absent_when_unknown() -> None:
    known = begun("pregnancy", "pregnancy.booked.v1", known={"born_on": date(1996, 3, 2)})
    assert known.events[0].data["mother_age_band"] == "under_18"
    assert "mother_age_band" not in begun("pregnancy", "pregnancy.notified.v1").events[0].data


def test_the_source_of_a_date_comes_with_the_date() -> None:
    assert set(refused_beginning("pregnancy", "pregnancy.booked.v1", edd=None).fields) == {"edd"}
    assert begun("pregnancy", "pregnancy.booked.v1", edd_source=None)


def test_a_partner_is_not_the_mother() -> None:
    stream = record("pregnancy", "pregnancy.booked.v1")
    refused = refusal(stream, tell("pregnancy", "pregnancy.partner_named.v1", partner_id=PERSON))
    assert set(refused.fields) == {"partner_id"}


def test_the_parents_of_a_birth_are_the_mother_and_every_partner_named_so_far() -> None:
    stream = record("pregnancy", "pregnancy.booked.v1", "pregnancy.partner_named.v1", "pregnancy.partner_named.v1")
    stream.give(tell("pregnancy", "pregnancy.partner_named.v1", partner_id=TWIN, relation="partner"), MIDWIFE)
    ended = stream.give(tell("pregnancy", "pregnancy.ended.v1"), MIDWIFE)
    assert ended.data["parents"] == [PERSON, OTHER, TWIN]
    assert stream.state.family == {PERSON, OTHER, TWIN, CHILD}


def test_a_partner_named_in_error_is_no_parent() -> None:
    stream = record("pregnancy", "pregnancy.booked.v1")
    wrong = stream.give(tell("pregnancy", "pregnancy.partner_named.v1"), MIDWIFE)
    stream.give(Retract(event_id=wrong.id, reason_code="wrong-person"), MIDWIFE)
    assert stream.give(tell("pregnancy", "pregnancy.ended.v1"), MIDWIFE).data["parents"] == [PERSON]


def test_a_birth_of_twins_names_both_and_one_of_whom_one_is_stillborn_the_one() -> None:
    for children in ([CHILD, TWIN], [CHILD]):
        stream = record("pregnancy", "pregnancy.booked.v1")
        assert (
            stream.give(tell("pregnancy", "pregnancy.ended.v1", children=children), MIDWIFE).data["children"]
            == children
        )


@pytest.mark.parametrize("children", [[], None, [CHILD, CHILD], [PERSON], [CHILD, OTHER]])
def test_a_birth_names_at_least_one_child_each_once_and_no_parent(children: Any) -> None:
    stream = record("pregnancy", "pregnancy.booked.v1", "pregnancy.partner_named.v1")
    refused = refusal(stream, tell("pregnancy", "pregnancy.ended.v1", children=children))
    assert (type(refused), set(refused.fields)) == (Invalid, {"children"})


@pytest.mark.parametrize("outcome", LOSSES)
def test_a_loss_names_no_child(outcome: str) -> None:
    stream = record("pregnancy", "pregnancy.booked.v1")
    refused = refusal(stream, tell("pregnancy", "pregnancy.ended.v1", outcome=outcome))
    assert set(refused.fields) == {"children"}
    lost = stream.give(tell("pregnancy", "pregnancy.ended.v1", outcome=outcome, children=None), MIDWIFE)
    assert lost.data["children"] == []
    assert stream.state.outcome == outcome


def test_how_it_ended_stays_whatever_is_decided_or_recorded_later() -> None:
    stream = record("pregnancy", "pregnancy.booked.v1", "pregnancy.ended.v1", "prebirth.screening_decided.v1")
    assert stream.state.outcome == "birth"


def test_an_end_recorded_in_error_is_undone_and_the_pregnancy_is_live_again() -> None:
    stream = record("pregnancy", "pregnancy.booked.v1", "pregnancy.ended.v1")
    stream.give(Retract(event_id=stream.events[-1].id, reason_code="wrong-person"), VISITOR)
    assert (stream.state.status, stream.state.outcome) == ("booked", None)
    assert stream.give(tell("pregnancy", "pregnancy.edd_corrected.v1"), MIDWIFE)


def test_a_pregnancy_has_the_antenatal_review_alone_and_takes_it_as_said() -> None:
    stream = record("pregnancy", "pregnancy.booked.v1")
    assert set(refusal(stream, tell("pregnancy", "review.offered.v1", review="six_week")).fields) == {"review"}
    offered = stream.give(tell("pregnancy", "review.offered.v1", review=None), VISITOR)
    assert (offered.data["review"], offered.data["pregnancy_id"]) == ("antenatal", EMPTY_ID)


def test_a_completed_assessment_is_recorded_though_nobody_recorded_its_start() -> None:
    stream = record("pregnancy", "pregnancy.booked.v1", "prebirth.assessment_completed.v1")
    assert stream.state.status == "booked"


# --- screens and support


@pytest.mark.parametrize("tool", sorted(SCREENS))
def test_a_score_lies_within_the_range_of_its_tool(tool: str) -> None:
    highest = SCREENS[tool]
    assert score_fault(tool, 0) is None
    assert score_fault(tool, highest) is None
    assert score_fault(tool, highest + 1)
    assert score_fault(tool, -1)
    assert begun("screen", "screen.recorded.v1", tool=tool, score=highest)
    refused = refused_beginning("screen", "screen.recorded.v1", tool=tool, score=highest + 1)
    assert (type(refused), set(refused.fields)) == (Invalid, {"score"})


@pytest.mark.parametrize("tool", sorted(SCREENS))
def test_self_harm_is_true_only_of_a_tool_with_such_an_item(tool: str) -> None:
    assert begun("screen", "screen.recorded.v1", tool=tool, score=1, self_harm=False)
    if tool in SCREENS_WITH_SELF_HARM_ITEM:
        assert begun("screen", "screen.recorded.v1", tool=tool, score=1, self_harm=True)
    else:
        refused = refused_beginning("screen", "screen.recorded.v1", tool=tool, score=1, self_harm=True)
        assert set(refused.fields) == {"self_harm"}


@pytest.mark.parametrize(
    ("said", "fault"),
    [({"tool": "epds"}, "score"), ({"score": 9}, "tool"), ({"tool": "gad2", "score": 7}, "score")],
)
def test_the_repeated_score_of_a_review_comes_with_its_tool_and_within_its_range(said: Any, fault: str) -> None:
    stream = record("support", "support.started.v1")
    assert set(refusal(stream, tell("support", "support.reviewed.v1", **said)).fields) == {fault}
    assert stream.give(tell("support", "support.reviewed.v1", tool="epds", score=9), VISITOR)


# --- offers


def test_what_is_offered_again_is_the_same_whatever_was_started_instead() -> None:
    stream = record("offer", "offer.made.v1", "offer.declined.v1", "offer.fallback_started.v1")
    assert stream.state.facts["what"] == "listening_visits"
    assert stream.give(tell("offer", "offer.made.v1", what=None), VISITOR).data["what"] == "counselling"
    assert set(refusal(stream, tell("offer", "offer.made.v1", what="housing")).fields) == {"what"}


@pytest.mark.parametrize(("private", "given"), [({"persons_view": "I am fine."}, True), ({}, False)])
def test_an_end_says_whether_the_person_was_asked_and_keeps_their_words(private: Any, given: bool) -> None:
    stream = record("offer", "offer.made.v1")
    ended = stream.give(tell("offer", "offer.ended.v1", private=private), VISITOR)
    assert ended.data["view_given"] is given
    assert stream.private[-1] == private


# --- moves


def test_a_move_names_who_moved_and_two_areas() -> None:
    refused = refused_beginning("move", "household.moved.v1", people=[OTHER], to_area="essex")
    assert (type(refused), set(refused.fields)) == (Invalid, {"people", "to_area"})


def test_a_move_is_recorded_in_either_of_its_areas_and_belongs_to_the_one_that_was_left() -> None:
    for actor in (VISITOR, NORFOLK, BOTH):
        assert begun("move", "household.moved.v1", actor).events[0].area == "essex"
    elsewhere = Actor("hv-wash", "health_visitor", "hv-wash", ("lincolnshire",))
    assert refused_beginning("move", "household.moved.v1", elsewhere).code == "wrong-area"
    assert set(refused_beginning("move", "household.moved.v1", BOTH, area="norfolk").fields) == {"area"}
    assert begun("move", "household.moved.v1", BOTH, area="essex")


def test_the_new_area_acknowledges_for_itself_with_its_team_and_practitioner() -> None:
    stream = record("move", "household.moved.v1", "handover.given.v1")
    data = stream.give(tell("move", "handover.acknowledged.v1"), NORFOLK).data
    assert (data["reported_by"], data["team"], data["practitioner"]) == ("receiver", "hv-yare-team", "hv-yare")


def test_the_new_area_may_say_that_another_team_takes_over() -> None:
    stream = record("move", "household.moved.v1")
    data = stream.give(tell("move", "handover.acknowledged.v1", team="hv-broads"), NORFOLK).data
    assert data["team"] == "hv-broads"
    assert "practitioner" not in data


def test_who_records_a_move_into_their_own_area_is_its_receiver() -> None:
    stream = begun("move", "household.moved.v1", NORFOLK)
    stream.give(tell("move", "handover.given.v1"), VISITOR)
    assert stream.give(tell("move", "handover.acknowledged.v1"), NORFOLK).data["reported_by"] == "receiver"


@pytest.mark.parametrize("sender", [VISITOR, COLLEAGUE, MIDWIFE])
def test_the_area_that_was_left_acknowledges_with_team_person_channel_and_reference(sender: Actor) -> None:
    stream = record("move", "household.moved.v1")
    refused = refusal(stream, tell("move", "handover.acknowledged.v1"), sender)
    assert (refused.code, set(refused.fields)) == (
        "receiver-needed",
        {"team", "receiver_person", "channel", "reference"},
    )
    said = tell("move", "handover.acknowledged.v1", team="hv-broads", channel="phone", private=WITH_PROOF)
    assert stream.give(said, sender).data["reported_by"] == "sender"
    assert stream.private[-1] == WITH_PROOF


def test_a_team_of_both_areas_that_sends_is_not_its_own_receiver() -> None:
    stream = begun("move", "household.moved.v1", BOTH)
    assert refusal(stream, tell("move", "handover.acknowledged.v1"), BOTH).code == "receiver-needed"
    other_team = Actor("hv-egret", "health_visitor", "hv-egret-team", ("essex", "norfolk"))
    assert stream.give(tell("move", "handover.acknowledged.v1"), other_team).data["reported_by"] == "receiver"


def test_the_first_contact_is_the_new_areas_to_record() -> None:
    stream = record("move", "household.moved.v1")
    refused = refusal(stream, tell("move", "handover.first_contact_made.v1"))
    assert (type(refused), refused.code) == (Forbidden, "receiver-only")


# --- consultations


def test_a_consultation_without_a_child_is_about_nobody() -> None:
    stream = record("consultation", "consultation.held.v1", "consultation.account_added.v1")
    assert [event.subject for event in stream.events] == [None, None]
    assert all("person_id" not in event.data for event in stream.events)
    assert stream.state.person_id is None


@pytest.mark.parametrize("said", [{"named": True}, {"named": False, "person_id": CHILD}])
def test_a_child_is_named_or_not(said: Any) -> None:
    assert set(refused_beginning("consultation", "consultation.held.v1", **said).fields) == {"person_id"}


def test_once_linked_a_consultation_is_about_the_child_until_the_link_is_struck_out() -> None:
    stream = record("consultation", "consultation.held.v1", "consultation.linked.v1")
    assert stream.state.person_id == CHILD
    event = stream.give(tell("consultation", "consultation.rechecked.v1"), DOOR)
    assert (event.subject, event.data["person_id"]) == (CHILD, CHILD)
    refused = refusal(stream, tell("consultation", "consultation.referred.v1", person_id=TWIN))
    assert set(refused.fields) == {"person_id"}


def test_a_link_to_the_wrong_child_that_was_struck_out_names_nobody() -> None:
    stream = record("consultation", "consultation.held.v1", "consultation.linked.v1")
    struck_out = stream.give(Retract(event_id=stream.events[-1].id, reason_code="wrong-child"), VISITOR)
    assert struck_out.subject == CHILD
    assert stream.state.person_id is None
    assert stream.give(tell("consultation", "consultation.referred.v1", person_id=TWIN), VISITOR).subject == TWIN


def test_the_written_outcome_is_given_by_the_consulted_and_acknowledged_by_the_caller() -> None:
    stream = record("consultation", "consultation.held.v1")
    for event_type in ("consultation.outcome_given.v1", "consultation.rechecked.v1"):
        assert refusal(stream, tell("consultation", event_type), COLLEAGUE).code == "consulted-only"
    for other in (DOOR, WORKER):
        refused = refusal(stream, tell("consultation", "consultation.outcome_acknowledged.v1"), other)
        assert (type(refused), refused.code) == (Forbidden, "caller-only")
    assert stream.give(tell("consultation", "consultation.outcome_acknowledged.v1"), COLLEAGUE)


def test_a_consultation_that_the_consulted_recorded_is_acknowledged_by_the_caller_too() -> None:
    stream = begun("consultation", "consultation.held.v1", DOOR, side="consultant")
    acknowledge = tell("consultation", "consultation.outcome_acknowledged.v1")
    assert refusal(stream, acknowledge, DOOR).code == "caller-only"
    assert stream.give(tell("consultation", "consultation.outcome_given.v1"), DOOR)
    assert stream.give(acknowledge, VISITOR)


# --- notifications and cases


def test_a_notification_is_acknowledged_by_the_role_or_the_team_that_it_went_to() -> None:
    team = Actor("clerk-orr", "gp_practice", "gp-harbour", ("essex",))
    addressed = {"to_team": "gp-harbour"}
    assert record("notification", "notification.sent.v1").give(
        tell("notification", "notification.acknowledged.v1"), MIDWIFE
    )
    stream = begun("notification", "notification.sent.v1", **addressed)
    assert stream.give(tell("notification", "notification.acknowledged.v1"), team).data["reported_by"] == "receiver"


def test_the_sender_of_a_notification_needs_the_receivers_person_channel_and_reference() -> None:
    stream = begun("notification", "notification.sent.v1", pregnancy_id=PREGNANCY)
    refused = refusal(stream, tell("notification", "notification.acknowledged.v1"), COLLEAGUE)
    assert set(refused.fields) == {"receiver_person", "channel", "reference"}
    assert refusal(stream, tell("notification", "notification.acknowledged.v1"), WORKER).code == "no-part-in-it"
    proof = tell("notification", "notification.acknowledged.v1", channel="phone", private=WITH_PROOF)
    data = stream.give(proof, COLLEAGUE).data
    assert (data["reported_by"], data["to_role"], data["pregnancy_id"]) == ("sender", "midwife", PREGNANCY)


def test_a_midwife_who_notifies_a_midwife_is_not_the_receiver() -> None:
    stream = begun("notification", "notification.sent.v1", MIDWIFE)
    assert refusal(stream, tell("notification", "notification.acknowledged.v1"), MIDWIFE).code == "receiver-needed"


def test_the_closing_of_a_case_says_again_whose_it_was_and_about_whom() -> None:
    closed = record("case", "case.opened.v1", "case.closed.v1").events[-1]
    assert (closed.data["agency"], closed.data["people"]) == ("childrens_social_care", [PERSON, CHILD])
