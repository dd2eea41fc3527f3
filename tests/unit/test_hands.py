"""Each act that closes, delays or hands over a follow-up has a rule about whose hand it takes, or a reason why not.

Each act that names a worker says who agreed to it, or there is a reason why it needs nobody's agreement.
"""

from __future__ import annotations

from services.leaving_care.domain.hands import RULES as OF_LEAVING_CARE
from services.perinatal.domain.hands import RULES
from services.referrals_followup.domain.claims import OF_A_MOVE
from services.referrals_followup.domain.thread_history import HOLDING
from shared.contracts import CATALOGUE
from shared.contracts.access import ACCESS
from shared.contracts.agreed import AGREED
from shared.kernel.decisions import ABOUT_AN_ENTRY
from tests.unit.practice import PACKS
from tests.unit.test_claims import OTHERWISE

# What closes a guarded follow-up without a rule about hands, and what holds it instead.
HELD_OTHERWISE = {
    "contact.received.v1": "only social care records a contact",
    "child.seen.v1": "only clinicians and social workers record that they saw the child",
    "case.opened.v1": "an agency opens its own case",
    "consultation.held.v1": "it answers only beside the examination of a clinician",
    "consultation.linked.v1": "only who consulted says which child was meant",
}

# Workers who are named and need not have agreed, by the field that names them.
ONLY_NAMED = {
    "adviser": "managers of leaving care appoint and end advisers",
    "authorised_by": "a closing is always recorded, and whoever is named is asked about what it leaves",
    "by": "it reports what somebody else saw; whoever reports it answers for that",
    "chair": "the minutes are of the meeting; an action stays open until it is done",
    "holder": "a case is held as its manager says, and the holder is told",
    "next_lead": "a closing is always recorded",
    "owner": "an action or an item stays open, and its owner is asked",
    "practitioner": "rules of their own say who names a practitioner and who takes over",
    "to_holder": "the handover counts once they take the case on",
}


def names_of_closing_events() -> set[str]:
    guarded = [step for pack in PACKS.values() for step in pack["steps"].values() if step.get("guarded")]
    closing = [one for step in guarded for place in ("met_by", "ended_by") for one in step.get(place, ())]
    return {one if isinstance(one, str) else one["event"] for one in closing}


PARTY = "the row asks for the sender or the receiver"
OWN_RECORD = "it begins a record of the team itself, and closes what nobody did before"
ADDED = "it adds what somebody noticed, and closes only a question about the entry itself"
BY_ITSELF = "the service records it by itself, with the standing of what it follows from"
# What closes, delays or hands over a follow-up that is not guarded, without a rule about hands.
HELD_BY_OTHERS = {
    **dict.fromkeys(
        (
            "referral.accepted.v1",
            "referral.alternative_recorded.v1",
            "referral.appointment_booked.v1",
            "referral.appointment_cancelled.v1",
            "referral.assessed.v1",
            "referral.attended.v1",
            "referral.closed.v1",
            "referral.miss_contacted.v1",
            "referral.misses_reviewed.v1",
            "referral.more_info_given.v1",
            "referral.more_info_requested.v1",
            "referral.not_attended.v1",
            "referral.offered.v1",
            "referral.outcome_acknowledged.v1",
            "referral.outcome_returned.v1",
            "referral.rejected.v1",
            "referral.treatment_declined.v1",
            "referral.treatment_ended.v1",
            "referral.treatment_started.v1",
            "consultation.outcome_acknowledged.v1",
            "consultation.rechecked.v1",
        ),
        PARTY,
    ),
    "household.moved.v1": "a move is agreed between two sides",
    "handover.first_contact_made.v1": "the row asks for the receiver",
    **dict.fromkeys(
        ("support.started.v1", "notification.sent.v1", "pregnancy.booked.v1", "pregnancy.notified.v1"), OWN_RECORD
    ),
    "pregnancy.concern_noted.v1": ADDED,
    "parenthood.lost.v1": BY_ITSELF,
}


def names_of_lowering_events() -> set[str]:
    """What closes a step, names its owner, or says when it is due; without the acts on follow-ups themselves."""
    found = {*OTHERWISE, *HOLDING, *OF_A_MOVE, "pregnancy.edd_corrected.v1"}
    for step in (step for pack in PACKS.values() for step in pack["steps"].values()):
        named = [*step.get("met_by", ()), *step.get("ended_by", ()), *step.get("owner", {}).get("latest", ())]
        found.update(one if isinstance(one, str) else one["event"] for one in named)
    own = {entry.name for entry in CATALOGUE if entry.speakers == ("referrals_followup",)}
    return found - own - set(ABOUT_AN_ENTRY)


def test_what_closes_delays_or_hands_over_has_a_rule_or_a_reason() -> None:
    ruled = RULES.keys() | OF_LEAVING_CARE.keys() | AGREED.keys()
    assert names_of_lowering_events() - ruled - HELD_OTHERWISE.keys() - HELD_BY_OTHERS.keys() == set()


def test_no_reason_is_given_for_what_has_a_rule_or_lowers_nothing() -> None:
    ruled = RULES.keys() | OF_LEAVING_CARE.keys() | AGREED.keys()
    assert HELD_BY_OTHERS.keys() <= names_of_lowering_events() - ruled - HELD_OTHERWISE.keys()


def test_each_rule_of_leaving_care_is_about_an_event_of_that_service() -> None:
    assert {name for name in OF_LEAVING_CARE if "leaving_care" not in CATALOGUE[name].speakers} == set()


def test_what_closes_a_guarded_follow_up_has_a_rule_or_a_reason() -> None:
    assert names_of_closing_events() - RULES.keys() - AGREED.keys() - HELD_OTHERWISE.keys() == set()


def test_no_reason_is_given_for_what_has_a_rule_or_closes_nothing_guarded() -> None:
    assert HELD_OTHERWISE.keys() <= names_of_closing_events() - RULES.keys() - AGREED.keys()


def test_each_worker_whom_an_entry_names_agrees_to_it_or_there_is_a_reason() -> None:
    naming = {
        (entry.name, name)
        for entry in CATALOGUE
        if "referrals_followup" not in entry.speakers
        for name, field in entry.schema().fields.items()
        if field.metadata.get("names") == "worker"
    }
    assert AGREED.items() <= naming
    assert {name for _, name in naming - AGREED.items()} == ONLY_NAMED.keys()


def test_each_rule_is_about_an_event_of_the_service() -> None:
    assert {name for name in RULES if "perinatal" not in CATALOGUE[name].speakers} == set()


def test_only_social_care_records_a_contact_and_only_who_can_judge_that_a_child_was_seen() -> None:
    assert ACCESS["contact.record"] == {"front_door", "social_worker"}
    assert ACCESS["concern.decide"] == {"front_door", "social_worker", "health_visitor", "midwife", "gp_practice"}
