"""The access table is closed: it knows every role, gives none a place by accident, and its words are others' too."""

from __future__ import annotations

import pytest

from services.perinatal.domain.referral import RECEIVING_ROLES
from shared.contracts.access import ACCESS, DISCLOSURE, ROLES, SYSTEM, may, may_see, require_area
from shared.contracts.catalogue import DISCLOSURE_CLASSES
from shared.kernel.decisions import Actor, Refused

READS = {command for command in ACCESS if command.endswith(".read")}
# Practice and DESIGN 1: who may take part in a referral, on which side.
SENDER_ONLY = {"referral.note", "referral.mark_sent", "referral.withdraw", "referral.answer_question"}
RECEIVER_ONLY = {
    "referral.triage",
    "referral.offer",
    "referral.book",
    "referral.record_attendance",
    "referral.start_treatment",
    "referral.end_treatment",
    "referral.return_outcome",
}


@pytest.mark.parametrize("command", sorted(ACCESS))
def test_a_command_names_known_roles_and_somebody_may_give_it(command: str) -> None:
    assert ACCESS[command]
    assert ACCESS[command] <= ROLES


def test_every_role_may_do_something_but_the_system_has_no_token() -> None:
    assert frozenset().union(*ACCESS.values()) == ROLES
    assert SYSTEM not in ROLES


@pytest.mark.parametrize("command", sorted(ACCESS.keys() - READS))
def test_a_reviewer_only_reads(command: str) -> None:
    assert not may("reviewer", command)


@pytest.mark.parametrize("command", sorted(READS))
def test_a_reviewer_may_read_everything(command: str) -> None:
    assert may("reviewer", command)


@pytest.mark.parametrize("command", sorted(SENDER_ONLY))
def test_a_mental_health_service_does_not_speak_for_the_sender(command: str) -> None:
    assert not may("mental_health_service", command)


@pytest.mark.parametrize("command", sorted(RECEIVER_ONLY))
def test_every_service_that_receives_referrals_may_answer_them(command: str) -> None:
    # Whether this very actor is the receiver of this very referral is for the domain to say.
    assert all(may(role, command) for roles in RECEIVING_ROLES.values() for role in roles)


@pytest.mark.parametrize("role", sorted(ROLES))
def test_only_managers_and_safeguarding_leads_assign_and_end_follow_ups(role: str) -> None:
    leads = role in {"manager", "safeguarding_lead"}
    assert may(role, "follow_up.assign") == leads
    assert may(role, "follow_up.end") == leads


@pytest.mark.parametrize("role", sorted(ROLES))
def test_every_role_has_disclosure_classes_of_the_catalogue(role: str) -> None:
    assert DISCLOSURE[role] <= set(DISCLOSURE_CLASSES)
    assert may_see(role, "operational")


def test_health_roles_do_not_see_what_leaving_care_records_nor_the_reverse() -> None:
    assert not any(may_see(role, "leaving_care") for role in ("health_visitor", "midwife", "gp_practice"))
    assert not may_see("personal_adviser", "health")
    assert not may_see("nobody", "operational")


def test_an_actor_acts_inside_their_areas_only() -> None:
    actor = Actor("hv-17", "health_visitor", "hv-chelmsford", ("essex",))
    require_area(actor, "essex")
    with pytest.raises(Refused) as refused:
        require_area(actor, "norfolk")
    assert (refused.value.status, refused.value.code) == (403, "wrong-area")
