"""The access table is closed: it knows every role, gives none a place by accident, and its words are others' too."""

from __future__ import annotations

import pytest

from services.leaving_care.domain import care_leaver, plan_item
from services.perinatal.domain import condition, referral
from services.perinatal.domain.referral import RECEIVING_ROLES
from shared.contracts.access import ACCESS, DISCLOSURE, ROLES, SYSTEM, may, may_see, require_area
from shared.contracts.catalogue import DISCLOSURE_CLASSES
from shared.kernel.decisions import Actor, Forbidden, Refused
from tests.unit.records import AGGREGATES

READS = {command for command in ACCESS if command.endswith((".read", ".search"))}
# Who may take part in a referral, on which side.
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

# The whole table once more, by role, as the practice has it: `noun: verbs`.
WHO_MAY = {
    "early_years": """
        action: read record
        chronology: read
        concern: raise read
        contact: chase
        consultation: read record
        follow_up: accept acknowledge note read reopen
        move: read record
        notification: acknowledge read record
        person: correct read register search
        commands: record
        claim: answer
        doubts: confirm
        record: retract
                referral: acknowledge answer answer_question book close end_treatment mark_sent note offer read
            record_attendance return_outcome review_misses start_treatment triage withdraw
        objection: raise
        standards: read
    """,
    "front_door": """
        accumulation: review
        case: manage read record
        action: read record
        chronology: read
        concern: decide look raise read
        consultation: answer read record
        contact: chase read record
        follow_up: accept acknowledge note read reopen
        household: record
        glass: break
        move: read record
        notification: acknowledge read record
        person: correct protect read register search
        prebirth: assess decide
        pregnancy: notify read
        commands: record
        claim: answer
        doubts: confirm
        record: retract
                referral: acknowledge book close end_treatment offer read record_attendance return_outcome
            review_misses start_treatment triage
        objection: raise
        standards: read
    """,
    "gp_practice": """
        bereavement: check
        case: read
        action: read record
        chronology: read
        concern: decide look raise read
        contact: chase
        condition: read record
        consultation: read record
        follow_up: accept acknowledge note read reopen
        household: record
        glass: break
        move: read record
        notification: acknowledge read record
        offer: read record
        person: correct link protect read record_death register search
        prebirth: refer
        pregnancy: book notify read record
        commands: record
        claim: answer
        doubts: confirm
        record: retract
                referral: acknowledge answer answer_question book close end_treatment mark_sent note offer read
            record_attendance return_outcome review_misses start_treatment triage withdraw
        screen: read record
        objection: raise
        standards: read
        support: read
    """,
    "health_visitor": """
        accumulation: review
        bereavement: check
        case: manage read record
        action: read record
        chronology: read
        concern: decide look raise read
        contact: chase
        condition: read record
        consultation: read record
        follow_up: accept acknowledge note read reopen
        handover: record
        household: record
        glass: break
        move: read record
        notification: acknowledge read record
        offer: read record
        parent: check
        person: correct link protect read record_death register search
        practitioner: assign
        prebirth: decide refer
        pregnancy: book notify read record
        commands: record
        claim: answer
        doubts: confirm
        record: retract
                referral: acknowledge answer answer_question assess book close end_treatment mark_sent note offer
            read record_attendance return_outcome review_misses start_treatment triage withdraw
        review: record
        screen: read record
        objection: raise
        standards: read
        support: read record
    """,
    "housing": """
        action: read record
        chronology: read
        concern: raise read
        contact: chase
        consultation: read record
        follow_up: accept acknowledge note read reopen
        household: record
        move: read record
        notification: acknowledge read record
        person: correct read register search
        pregnancy: notify
        commands: record
        claim: answer
        doubts: confirm
        record: retract
                referral: acknowledge answer answer_question book close end_treatment mark_sent note offer read
            record_attendance return_outcome review_misses start_treatment triage withdraw
        objection: raise
        standards: read
    """,
    "manager": """
        adviser: assign
        care_leaver: correct decide read record register search
        case: manage oversee read
        action: read record
        chronology: read
        concern: read
        condition: read
        consultation: read
        closings: review
        contacts: review
        contact: read
        directory: change read
        follow_up: accept acknowledge assign end note read reopen
        glass: break
        move: read
        notification: read
        offer: read
        person: correct link protect read search
        plan_item: add arrange end read record
        practitioner: assign
        pregnancy: read
        commands: record
        claim: answer
        doubts: confirm
        record: retract
        referral: read
        screen: read
        objection: raise
        standards: read
        support: read
    """,
    "mental_health_service": """
        case: manage read record
        action: read record
        chronology: read
        concern: raise read
        contact: chase
        condition: read record
        consultation: read record
        follow_up: accept acknowledge note read reopen
        glass: break
        notification: acknowledge read record
        offer: read record
        person: read search
        plan_item: read record
        pregnancy: read
        commands: record
        claim: answer
        doubts: confirm
        record: retract
                referral: acknowledge assess book close end_treatment offer read record_attendance return_outcome
            review_misses start_treatment triage
        screen: read record
        objection: raise
        standards: read
        support: read record
    """,
    "midwife": """
        bereavement: check
        case: manage read record
        action: read record
        chronology: read
        concern: decide look raise read
        contact: chase
        condition: read record
        consultation: read record
        follow_up: accept acknowledge note read reopen
        handover: record
        household: record
        glass: break
        move: read record
        notification: acknowledge read record
        offer: read record
        parent: check
        person: correct link protect read record_death register search
        practitioner: assign
        prebirth: decide refer
        pregnancy: book notify read record
        commands: record
        claim: answer
        doubts: confirm
        record: retract
                referral: acknowledge answer answer_question book close end_treatment mark_sent note offer read
            record_attendance return_outcome review_misses start_treatment triage withdraw
        review: record
        screen: read record
        objection: raise
        standards: read
        support: read record
    """,
    "operator": """
        chronology: read
        directory: read
        follow_up: accept acknowledge note read reopen
        parked: discard inspect replay
        standards: read
    """,
    "personal_adviser": """
        care_leaver: correct decide read record register search
        action: read record
        chronology: read
        concern: raise read
        contact: chase
        consultation: read record
        follow_up: accept acknowledge note read reopen
        glass: break
        notification: acknowledge read record
        person: read search
        plan_item: add arrange end read record
        commands: record
        claim: answer
        doubts: confirm
        record: retract
                referral: acknowledge book close end_treatment offer read record_attendance return_outcome
            review_misses start_treatment triage
        objection: raise
        standards: read
    """,
    "reviewer": """
        care_leaver: read search
        case: read
        action: read
        chronology: read
        concern: read
        condition: read
        consultation: read
        contact: read
        directory: read
        follow_up: read
        move: read
        notification: read
        offer: read
        person: read search
        plan_item: read
        pregnancy: read
        referral: read
        screen: read
        standards: read
        support: read
    """,
    "safeguarding_lead": """
        accumulation: review
        bereavement: check
        care_leaver: read search
        case: manage oversee read
        action: read record
        chronology: read
        concern: read
        condition: read
        consultation: read
        closings: review
        contacts: review
        contact: read
        directory: change read
        follow_up: accept acknowledge assign end note read reopen
        glass: break review
        move: read
        notification: read
        offer: read
        parked: discard inspect replay
        person: correct link protect read record_death search
        plan_item: read
        practitioner: assign
        pregnancy: read
        commands: record
        claim: answer
        doubts: confirm
        record: retract
        referral: read
        screen: read
        objection: answer raise
        standards: read
        support: read
    """,
    "team_manager": """
        action: read record
        case: manage oversee read record
        chronology: read
        claim: answer
        commands: record
        doubts: confirm
        follow_up: accept acknowledge assign note read reopen
        person: read
        record: retract
        standards: read
    """,
    "social_worker": """
        accumulation: review
        bereavement: check
        care_leaver: correct read record register search
        case: manage read record
        action: read record
        chronology: read
        concern: decide look raise read
        consultation: answer read record
        contact: chase read record
        follow_up: accept acknowledge note read reopen
        household: record
        glass: break
        move: read record
        notification: acknowledge read record
        offer: read record
        parent: check
        person: correct link protect read record_death register search
        plan_item: add read
        practitioner: assign
        prebirth: assess decide refer
        pregnancy: notify read record
        commands: record
        claim: answer
        doubts: confirm
        record: retract
                referral: acknowledge answer answer_question assess book close end_treatment mark_sent note offer
            read record_attendance return_outcome review_misses start_treatment triage withdraw
        objection: raise
        standards: read
        support: read
    """,
    "hospital": """
        action: read record
        chronology: read
        concern: look raise read
        contact: chase
        doubts: confirm
        follow_up: accept acknowledge note read reopen
        notification: acknowledge read record
        person: read register search
        commands: record
        record: retract
        standards: read
    """,
    "police": """
        action: read record
        chronology: read
        concern: look raise read
        contact: chase
        doubts: confirm
        follow_up: accept acknowledge note read reopen
        notification: acknowledge read record
        person: read register search
        commands: record
        record: retract
        standards: read
    """,
    "school": """
        action: read record
        chronology: read
        concern: look raise read
        contact: chase
        doubts: confirm
        follow_up: accept acknowledge note read reopen
        notification: acknowledge read record
        person: read register search
        commands: record
        record: retract
        standards: read
    """,
}


def _spoken(table: str) -> set[str]:
    commands: set[str] = set()
    noun = ""
    for word in table.split():
        if word.endswith(":"):
            noun = word.removesuffix(":")
        else:
            commands.add(f"{noun}.{word}")
    return commands


@pytest.mark.parametrize("role", sorted(ROLES))
@pytest.mark.parametrize("command", sorted(ACCESS))
def test_a_role_may_give_a_command_or_may_not(role: str, command: str) -> None:
    assert may(role, command) == (command in _spoken(WHO_MAY[role]))


@pytest.mark.parametrize("role", ["police", "school", "hospital"])
def test_a_narrow_role_notifies_acknowledges_and_reports_what_it_did_and_no_more(role: str) -> None:
    assert DISCLOSURE[role] == {"operational"}
    assert may(role, "notification.record") and may(role, "notification.acknowledge")
    assert may(role, "concern.raise") and may(role, "concern.look")
    for command in ("concern.decide", "contact.record", "contact.read", "case.read", "glass.break", "claim.answer"):
        assert not may(role, command)


def test_whoever_may_begin_a_record_may_read_it() -> None:
    for begins, reads in (("concern.raise", "concern.read"), ("consultation.record", "consultation.read")):
        assert ACCESS[begins] <= ACCESS[reads]
    assert ACCESS["move.record"] <= ACCESS["move.read"]
    assert ACCESS["notification.record"] <= ACCESS["notification.read"]


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
def test_only_managers_and_safeguarding_leads_assign_and_end_follow_ups(
    role: str,
) -> None:
    leads = role in {"manager", "safeguarding_lead"}
    assert may(role, "follow_up.assign") == (leads or role == "team_manager")
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
    assert (type(refused.value), refused.value.code) == (Forbidden, "wrong-area")


def test_every_kind_of_record_has_the_command_that_reads_it() -> None:
    """By it the answer to a command is cut to what the actor may read."""
    kinds = {*AGGREGATES, *(module.AGGREGATE.kind for module in (care_leaver, condition, plan_item, referral))}
    assert {f"{kind.replace('-', '_')}.read" for kind in kinds} <= READS
