"""The referral decides: what may follow what, who speaks for the receiver, and what stays private."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest

from services.perinatal.domain import referral
from shared.kernel.decisions import Actor, Forbidden, Invalid, Refused
from shared.kernel.history import Retract
from tests.unit.history import CONDITION, NOW, PERSON, Stream
from tests.unit.referrals import append, begin

GP = Actor("gp-aldous", "gp_practice", "gp-harbour", ("essex",))
COLLEAGUE = Actor("gp-bream", "gp_practice", "gp-harbour", ("essex",))
CAMHS = Actor("camhs-intake", "mental_health_service", "camhs-essex", ("essex",))
ELSEWHERE = Actor("gp-cley", "gp_practice", "gp-marsh", ("norfolk",))
BOTH = Actor("hv-dunlin", "health_visitor", "hv-border", ("essex", "norfolk"))

STEPS = {event_type: row.after for event_type, row in referral.ROWS.items()}
INTEND = begin("intended", person_id=PERSON, service="camhs", reason_code="depression", condition_id=CONDITION)
SEND = begin("sent", person_id=PERSON, service="camhs", channel="letter", reference="REF 12")
PROOF = {"receiver_person": "Duty clinician", "channel": "phone", "reference": "call of 15 January"}


def referred(*commands: tuple[Any, Actor]) -> Stream:
    stream = Stream(referral.AGGREGATE, str(UUID(int=99)))
    for command, actor in commands:
        stream.give(command, actor)
    return stream


def begun_by(command: Any = SEND, actor: Actor = GP) -> Stream:
    return referred((command, actor))


def refusal(stream: Stream, command: Any, actor: Actor) -> Refused:
    with pytest.raises(Refused) as refused:
        stream.give(command, actor)
    return refused.value


def test_a_decision_to_refer_is_not_yet_sent() -> None:
    stream = begun_by(INTEND)
    assert stream.state.status == "intended"
    assert stream.events[0].data["service_kind"] == "health"
    assert stream.events[0].subject == PERSON


def test_a_referral_may_be_sent_as_soon_as_it_is_decided() -> None:
    stream = begun_by(SEND)
    assert stream.state.status == "sent"
    assert stream.events[0].data["evidence"] is True


def test_sending_says_again_whom_the_referral_is_about_and_where_it_goes() -> None:
    stream = begun_by(INTEND)
    sent = stream.give(append("sent", channel="e_referral"), GP)
    assert sent.data["service"] == "camhs"
    assert sent.data["condition_id"] == CONDITION
    assert sent.data["evidence"] is False


def test_the_reference_of_a_sending_stays_private() -> None:
    stream = begun_by(SEND)
    assert stream.private[0] == {"reference": "REF 12"}
    assert "REF 12" not in str(stream.events[0].data)


def test_a_note_stays_private() -> None:
    stream = begun_by(
        begin("intended", person_id=PERSON, service="camhs", reason_code="depression", note="she asked for it")
    )
    assert stream.private[0] == {"note": "she asked for it"}
    assert "note" not in stream.events[0].data


@pytest.mark.parametrize("given", [(), ("channel",), ("receiver_person", "channel"), ("reference",)])
def test_the_sender_cannot_acknowledge_without_the_receivers_person_channel_and_reference(
    given: tuple[str, ...],
) -> None:
    stream = begun_by()
    refused = refusal(stream, append("acknowledged", **{name: PROOF[name] for name in given}), GP)
    assert refused.code == "receiver-needed"
    assert type(refused) is Invalid
    assert set(refused.fields) == set(PROOF) - set(given)


def test_blank_words_are_no_proof_of_an_acknowledgement() -> None:
    refused = refusal(begun_by(), append("acknowledged", **{**PROOF, "receiver_person": "  "}), GP)
    assert set(refused.fields) == {"receiver_person"}


def test_an_acknowledgement_by_the_sender_says_so_and_keeps_the_name_private() -> None:
    stream = begun_by()
    event = stream.give(append("acknowledged", **PROOF), GP)
    assert event.data["reported_by"] == "sender"
    assert event.data["channel"] == "phone"
    assert stream.private[-1] == {"receiver_person": "Duty clinician", "reference": "call of 15 January"}
    assert stream.state.reported_by == "sender"


def test_the_senders_team_is_the_senders_side() -> None:
    assert refusal(begun_by(), append("acknowledged"), COLLEAGUE).code == "receiver-needed"


def test_the_receiver_needs_no_proof_to_acknowledge() -> None:
    event = begun_by().give(append("acknowledged"), CAMHS)
    assert event.data["reported_by"] == "receiver"


def test_a_member_of_the_team_addressed_is_the_receiver_whatever_their_role() -> None:
    manager = Actor("manager-teal", "manager", "camhs-essex", ("essex",))
    addressed = begun_by(begin("sent", person_id=PERSON, service="camhs", to_team="camhs-essex", channel="letter"))
    assert addressed.give(append("acknowledged"), manager).data["reported_by"] == "receiver"
    assert refusal(begun_by(), append("acknowledged"), manager).code == "no-part-in-it"


def test_a_receiving_role_that_sent_the_referral_itself_is_not_its_receiver() -> None:
    other_team = Actor("camhs-intake", "mental_health_service", "camhs-colchester", ("essex",))
    assert refusal(begun_by(SEND, CAMHS), append("acknowledged"), CAMHS).code == "receiver-needed"
    assert refusal(begun_by(SEND, CAMHS), append("acknowledged"), other_team).code == "receiver-needed"


@pytest.mark.parametrize(
    "answer", [append("accepted"), append("rejected", reason_code="threshold"), append("more_info_requested")]
)
def test_the_sender_cannot_answer_their_own_referral_for_the_receiver(answer: Any) -> None:
    worker = Actor("sw-ebb", "social_worker", "csc-essex", ("essex",))
    stream = begun_by(begin("sent", person_id=PERSON, service="childrens_social_care", channel="phone"), worker)
    stream.give(append("acknowledged", **PROOF), worker)
    assert refusal(stream, answer, worker).code == "receiver-only"
    assert type(refusal(stream, answer, Actor("sw-fen", "social_worker", "csc-essex", ("essex",)))) is Forbidden


def test_a_health_visitor_answers_a_referral_to_health_visiting() -> None:
    stream = begun_by(begin("sent", person_id=PERSON, service="health_visiting", channel="email"), GP)
    visitor = Actor("hv-gale", "health_visitor", "hv-essex", ("essex",))
    stream.give(append("acknowledged"), visitor)
    assert stream.state.reported_by == "receiver"
    stream.give(append("accepted"), visitor)
    assert stream.state.status == "accepted"


def test_who_redirected_a_referral_does_not_acknowledge_it_for_the_next_service() -> None:
    stream = referred(
        (SEND, GP), (append("acknowledged"), CAMHS), (append("redirected", to_service="talking_therapies"), CAMHS)
    )
    assert stream.state.service == "talking_therapies"
    assert refusal(stream, append("acknowledged"), CAMHS).code == "receiver-needed"


def test_an_intention_cannot_be_acknowledged() -> None:
    refused = refusal(begun_by(INTEND), append("acknowledged"), CAMHS)
    assert refused.code == "not-from-here"
    assert type(refused) is Refused
    assert "is intended" in refused.message
    assert "referral.sent.v1" in refused.message


def test_nothing_is_triaged_before_it_is_acknowledged() -> None:
    for command in (
        append("accepted"),
        append("rejected", reason_code="below-threshold"),
        append("redirected", to_service="early_help"),
        append("more_info_requested"),
    ):
        assert refusal(begun_by(), command, CAMHS).code == "not-from-here"


def test_a_referral_goes_all_the_way_until_its_outcome_is_back() -> None:
    stream = referred(
        (INTEND, GP),
        (append("sent", channel="letter", reference="REF 12"), GP),
        (append("acknowledged"), CAMHS),
        (append("more_info_requested"), CAMHS),
        (append("more_info_given"), GP),
        (append("accepted"), CAMHS),
        (append("offered"), CAMHS),
        (append("appointment_booked", appointment_on=date(2013, 2, 11)), CAMHS),
        (append("not_attended", how="was_not_brought"), CAMHS),
        (append("appointment_booked", appointment_on=date(2013, 2, 18)), CAMHS),
        (append("appointment_cancelled", by="service"), CAMHS),
        (append("appointment_booked", appointment_on=date(2013, 2, 25)), CAMHS),
        (append("attended"), CAMHS),
        (append("treatment_started"), CAMHS),
        (append("treatment_ended", reason_code="completed"), CAMHS),
        (append("outcome_returned", outcome_code="recovered"), CAMHS),
        (append("closed", reason_code="discharged"), CAMHS),
    )
    assert stream.state.status == "closed"
    assert stream.state.appointment_on == "2013-02-25"
    assert stream.state.outcome_code == "recovered"
    assert [event.version for event in stream.events] == list(range(1, 18))


def test_an_outcome_that_comes_back_after_the_closing_leaves_the_referral_closed() -> None:
    stream = referred(
        (SEND, GP),
        (append("closed", reason_code="moved"), GP),
        (append("outcome_returned", outcome_code="not-seen"), CAMHS),
    )
    assert stream.state.status == "closed"
    assert stream.state.outcome_code == "not-seen"


@pytest.mark.parametrize("how", ["did_not_attend", "was_not_brought", "no_access"])
def test_a_missed_appointment_shows_as_it_was_missed_and_may_be_offered_again(how: str) -> None:
    stream = referred(
        (SEND, GP),
        (append("acknowledged"), CAMHS),
        (append("accepted"), CAMHS),
        (append("not_attended", how=how), CAMHS),
    )
    assert stream.state.status == how
    stream.give(append("offered"), CAMHS)


IN_CARE = ((SEND, GP), (append("acknowledged"), CAMHS), (append("accepted"), CAMHS))
MISS = append("not_attended", how="did_not_attend")


@pytest.mark.parametrize(
    "command",
    [append("miss_contacted", why_code="forgot"), append("misses_reviewed", decision_code="none", referrer_told=True)],
)
def test_a_miss_is_looked_into_by_whoever_was_missed_and_changes_no_state(command: Any) -> None:
    stream = referred(*IN_CARE)
    assert refusal(stream, command, CAMHS).code == "nothing-missed"
    stream.give(MISS, CAMHS)
    assert refusal(stream, command, GP).code == "receiver-only"
    stream.give(command, CAMHS)
    assert stream.state.status == "did_not_attend"
    stream.give(append("attended"), CAMHS)
    stream.give(command, CAMHS)
    assert stream.state.status == "attended"


def test_a_miss_recorded_in_error_leaves_nothing_to_look_into() -> None:
    stream = referred(*IN_CARE, (MISS, CAMHS))
    stream.give(Retract(event_id=stream.events[-1].id, reason_code="wrong-person"), CAMHS)
    assert refusal(stream, append("miss_contacted", why_code="forgot"), CAMHS).code == "nothing-missed"


def test_treatment_starts_after_an_assessment_or_is_declined_and_may_still_start() -> None:
    stream = referred(*IN_CARE, (append("assessed", outcome="treat"), CAMHS))
    assert (stream.state.status, stream.state.assessed) == ("assessed", "treat")
    stream.give(append("treatment_declined"), CAMHS)
    assert stream.state.status == "treatment_declined"
    stream.give(append("treatment_started"), CAMHS)
    assert stream.state.status == "in_treatment"


def test_an_assessment_recorded_late_leaves_the_treatment_under_way() -> None:
    stream = referred(*IN_CARE, (append("treatment_started"), CAMHS), (append("assessed", outcome="treat"), CAMHS))
    assert stream.state.status == "in_treatment"


@pytest.mark.parametrize("command", [append("assessed", outcome="treat"), append("treatment_declined")])
def test_the_sender_neither_assesses_nor_declines_treatment_for_the_receiver(command: Any) -> None:
    assert refusal(referred(*IN_CARE), command, GP).code == "receiver-only"


@pytest.mark.parametrize("answer", [append("rejected", reason_code="threshold"), append("more_info_requested")])
def test_the_referrer_records_what_is_done_instead_and_the_answer_stands(answer: Any) -> None:
    stream = referred((SEND, GP), (append("acknowledged"), CAMHS), (answer, CAMHS))
    before = stream.state.status
    assert (
        refusal(stream, append("alternative_recorded", alternative_code="listening-visits"), CAMHS).code
        == "sender-only"
    )
    stream.give(append("alternative_recorded", alternative_code="listening-visits"), GP)
    assert stream.state.status == before


def test_there_is_no_alternative_to_a_referral_that_nobody_has_answered() -> None:
    assert (
        refusal(begun_by(), append("alternative_recorded", alternative_code="listening-visits"), GP).code
        == "not-from-here"
    )


def test_an_outcome_is_acknowledged_by_the_referrer_once_there_is_one() -> None:
    stream = referred(*IN_CARE, (append("attended"), CAMHS))
    assert refusal(stream, append("outcome_acknowledged"), GP).code == "not-from-here"
    stream.give(append("outcome_returned", outcome_code="recovered"), CAMHS)
    assert refusal(stream, append("outcome_acknowledged"), CAMHS).code == "sender-only"
    stream.give(append("outcome_acknowledged"), GP)
    assert stream.state.status == "outcome_acknowledged"
    stream.give(append("outcome_returned", outcome_code="recovered", to="general_practice"), CAMHS)
    stream.give(append("closed", reason_code="discharged"), CAMHS)
    stream.give(append("outcome_acknowledged"), GP)
    assert stream.state.status == "closed"


def test_a_closing_without_an_outcome_leaves_nothing_to_acknowledge() -> None:
    stream = referred((SEND, GP), (append("closed", reason_code="moved"), GP))
    assert refusal(stream, append("outcome_acknowledged"), GP).code == "no-outcome"


def test_a_withdrawal_names_the_clinician() -> None:
    event = begun_by(INTEND).give(append("withdrawn", reason_code="declined-by-patient", decided_by="gp-aldous"), GP)
    assert event.data["decided_by"] == "gp-aldous"


def test_closing_is_a_fact_and_is_accepted_from_every_state_but_closed() -> None:
    statuses = set().union(*STEPS.values())
    assert STEPS["referral.closed.v1"] == statuses - {"closed"}
    closed = referred((SEND, GP), (append("closed", reason_code="moved"), GP))
    assert refusal(closed, append("closed", reason_code="moved"), GP).code == "not-from-here"


def test_every_state_but_the_last_leads_somewhere() -> None:
    statuses = set().union(*STEPS.values())
    assert {"intended", "sent", "acknowledged", "accepted", "rejected", "redirected", "offered", "booked"} <= statuses
    assert {"attended", "did_not_attend", "was_not_brought", "no_access", "cancelled", "in_treatment"} <= statuses
    assert {"ended", "outcome_returned", "outcome_acknowledged", "closed", "withdrawn"} <= statuses
    assert {"assessed", "treatment_declined"} <= statuses


def test_a_referral_is_begun_once() -> None:
    assert refusal(begun_by(), SEND, GP).code == "already-begun"


def test_what_happened_long_ago_may_be_recorded_today_and_out_of_order() -> None:
    stream = begun_by(SEND)
    earlier = NOW - timedelta(days=30)
    event = stream.give(append("acknowledged", occurred_at=earlier, precision="day"), CAMHS)
    assert event.occurred_at == earlier
    assert event.precision == "day"
    assert stream.state.status == "acknowledged"


def test_the_future_cannot_be_recorded() -> None:
    # The second entry is given at two minutes past NOW; five minutes are tolerated.
    later = NOW + timedelta(minutes=8)
    refused = refusal(begun_by(), append("acknowledged", occurred_at=later), CAMHS)
    assert refused.code == "in-the-future"
    assert type(refused) is Invalid
    assert set(refused.fields) == {"occurred_at"}
    assert begun_by().give(append("acknowledged", occurred_at=NOW + timedelta(minutes=7)), CAMHS)


def test_today_may_be_recorded_as_a_day_before_it_is_over() -> None:
    evening = NOW.replace(hour=23)
    assert begun_by().give(append("acknowledged", occurred_at=evening, precision="day"), CAMHS)
    tomorrow = NOW + timedelta(days=1)
    assert (
        refusal(begun_by(), append("acknowledged", occurred_at=tomorrow, precision="day"), CAMHS).code
        == "in-the-future"
    )


def test_nobody_acts_on_a_referral_of_another_area() -> None:
    refused = refusal(begun_by(), append("closed", reason_code="moved"), ELSEWHERE)
    assert refused.code == "wrong-area"
    assert type(refused) is Forbidden


def test_who_acts_in_two_areas_says_in_which_the_referral_begins() -> None:
    assert set(refusal(referred(), SEND, BOTH).fields) == {"area"}
    command = begin("sent", person_id=PERSON, service="camhs", channel="letter", area="norfolk")
    assert begun_by(command, BOTH).state.area == "norfolk"
    assert refusal(referred(), command, GP).code == "wrong-area"


def test_a_retracted_sending_leaves_the_intention() -> None:
    stream = begun_by(INTEND)
    sent = stream.give(append("sent", channel="letter"), GP)
    retraction = stream.give(Retract(event_id=sent.id, reason_code="wrong-person"), GP)
    assert retraction.type == "record.retracted.v1"
    assert retraction.subject == PERSON
    assert stream.state.status == "intended"
    stream.give(append("sent", channel="email"), GP)


def test_an_entry_is_retracted_once() -> None:
    stream = referred((SEND, GP), (append("acknowledged"), CAMHS))
    entry = stream.events[1].id
    retraction = stream.give(Retract(event_id=entry, reason_code="wrong-person"), CAMHS)
    assert refusal(stream, Retract(event_id=entry, reason_code="wrong-person"), CAMHS).code == "already-retracted"
    assert refusal(stream, Retract(event_id=retraction.id, reason_code="mistake"), CAMHS).code == "not-an-entry"


def test_an_entry_is_struck_out_by_the_team_that_made_it_or_by_a_lead() -> None:
    stream = referred((INTEND, GP))
    strike_out = Retract(event_id=stream.events[0].id, reason_code="wrong-person")
    housing = Actor("housing-hern", "housing", "housing-essex", ("essex",))
    assert refusal(stream, strike_out, housing).code == "not-your-entry"
    stream.give(strike_out, Actor("lead-ibis", "safeguarding_lead", "partnership-essex", ("essex",)))


@pytest.mark.parametrize(
    "command",
    [append("sent", channel="letter"), append("acknowledged", **PROOF), append("closed", reason_code="moved")],
)
def test_who_is_neither_sender_nor_receiver_records_nothing_on_a_referral(command: Any) -> None:
    other = Actor("hv-jay", "health_visitor", "hv-essex", ("essex",))
    stream = begun_by(INTEND) if command.type == "referral.sent.v1" else begun_by(SEND)
    assert type(refusal(stream, command, other)) is Forbidden


def test_only_an_entry_of_this_referral_can_be_retracted() -> None:
    refused = refusal(begun_by(), Retract(event_id=str(UUID(int=12345)), reason_code="wrong-person"), GP)
    assert type(refused) is Invalid
    assert set(refused.fields) == {"event_id"}


def test_nothing_follows_a_referral_whose_beginning_was_retracted() -> None:
    stream = begun_by()
    stream.give(Retract(event_id=stream.events[0].id, reason_code="wrong-person"), GP)
    assert stream.state.status is None
    assert stream.state.person_id == PERSON
    assert refusal(stream, append("acknowledged"), CAMHS).code == "recorded-in-error"
    assert refusal(stream, SEND, GP).code == "already-begun"


def test_every_event_of_a_referral_has_its_place_in_the_table_of_steps() -> None:
    from shared.contracts import perinatal

    said = {event_type.name for event_type in perinatal.TYPES if event_type.name.startswith("referral.")}
    assert set(STEPS) == said


def test_every_service_has_somebody_who_receives() -> None:
    from shared.contracts.access import ROLES
    from shared.contracts.words import CARE_SERVICES

    assert set(referral.RECEIVING_ROLES) == set(CARE_SERVICES)
    assert set().union(*referral.RECEIVING_ROLES.values()) <= ROLES
