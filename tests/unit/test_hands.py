"""Each act that closes a guarded follow-up has a rule about whose hand it takes, or a reason why it needs none."""

from __future__ import annotations

from services.perinatal.domain.hands import RULES
from shared.contracts import CATALOGUE
from shared.contracts.access import ACCESS
from tests.unit.practice import PACKS

# What closes a guarded follow-up without a rule about hands, and what holds it instead.
HELD_OTHERWISE = {
    "contact.received.v1": "only social care records a contact",
    "child.seen.v1": "only clinicians and social workers record that they saw the child",
    "screen.followed_up.v1": "the row asks for a clinician other than who recorded the score",
    "injury.decided.v1": "the row asks for a clinician or lead other than who reported the injury",
    "accumulation.lead_named.v1": "the row asks for a clinician or lead",
    "accumulation.reviewed.v1": "the row asks for a clinician or lead",
    "harm.decided.v1": "the row asks for a clinician or lead",
    "contacts.reviewed.v1": "only managers and leads review contacts, and the step asks for one who decided on none",
    "closing.reread.v1": "only managers and leads read a closing again, and the step asks for one who closed nothing",
    "case.opened.v1": "an agency opens its own case",
    "consultation.held.v1": "it answers only beside the examination of a clinician",
    "consultation.linked.v1": "only who consulted says which child was meant",
}


def names_of_closing_events() -> set[str]:
    guarded = [step for pack in PACKS.values() for step in pack["steps"].values() if step.get("guarded")]
    closing = [one for step in guarded for place in ("met_by", "ended_by") for one in step.get(place, ())]
    return {one if isinstance(one, str) else one["event"] for one in closing}


def test_what_closes_a_guarded_follow_up_has_a_rule_or_a_reason() -> None:
    assert names_of_closing_events() - RULES.keys() - HELD_OTHERWISE.keys() == set()


def test_no_reason_is_given_for_what_has_a_rule_or_closes_nothing_guarded() -> None:
    assert HELD_OTHERWISE.keys() <= names_of_closing_events() - RULES.keys()


def test_each_rule_is_about_an_event_of_the_service() -> None:
    assert {name for name in RULES if "perinatal" not in CATALOGUE[name].speakers} == set()


def test_only_social_care_records_a_contact_and_only_who_can_judge_that_a_child_was_seen() -> None:
    assert ACCESS["contact.record"] == {"front_door", "social_worker"}
    assert ACCESS["concern.decide"] == {"front_door", "social_worker", "health_visitor", "midwife", "gp_practice"}
