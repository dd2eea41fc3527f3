"""CLOSE-02: what is asked before an agency closes its case, and what it leaves unread when it does."""

from __future__ import annotations

import pytest

from services.referrals_followup.domain.follow_up import End
from shared.contracts.words import CLOSING_CHECKS
from shared.kernel.decisions import Actor, Forbidden, Invalid
from shared.kernel.time import london_date
from tests.unit.practice import (
    CHILD,
    DIRECTORY,
    FRONT_DOOR,
    HV,
    OTHER,
    PACKS,
    PERSON,
    SOCIAL_WORKER,
    Practice,
    Thread,
    as_text,
)

TEAM, DIAZ, KRUGER = "childrens-social-care-essex", "sw-manager-diaz", "service-manager-kruger"
BOSS = Actor(DIAZ, "team_manager", TEAM, ("essex",))
UNREAD = "CLOSE-02.unreviewed"


@pytest.fixture
def practice() -> Practice:
    return Practice()


def a_case(practice: Practice, opened: str = "2013-01-07 09:00") -> Thread:
    case = practice.record_of(
        "case", by=SOCIAL_WORKER, people=[PERSON, CHILD], agency="childrens_social_care", authorised_by=DIAZ
    )
    case.was("case.opened.v1", opened)
    return case


def concern(practice: Practice, at: str, child: str = CHILD) -> None:
    practice.record_of("concern", by=HV, person_id=child).was("concern.raised.v1", at)


@pytest.mark.parametrize("version", ["case.closed.v1", "case.closed.v2"])
def test_a_closing_over_a_concern_that_nobody_read_asks_the_manager_at_once_and_then_the_head(practice, version):
    case = a_case(practice)
    concern(practice, "2013-01-09 10:00")
    case.was(version, "2013-01-14 09:30")
    found = case.the(UNREAD)
    assert (found.state, as_text(found.due_at), found.guarded) == ("open", "2013-01-14 09:30", True)
    chases = [one for one in practice.days_pass("2013-01-15 13:00") if one.step == UNREAD]
    assert [(one.at, one.rungs, one.told) for one in chases] == [
        ("2013-01-14 09:30", ("owner",), {DIAZ, KRUGER}),
        ("2013-01-14 13:30", ("head",), {KRUGER, "head-of-service-marlowe"}),
        ("2013-01-15 13:30", ("head",), {KRUGER, "head-of-service-marlowe"}),
    ][:2]


@pytest.mark.parametrize("event", ["injury.reported.v1", "contact.received.v1"])
def test_an_injury_or_a_contact_counts_like_a_concern(practice, event):
    case = a_case(practice)
    kind = "contact" if event.startswith("contact") else "concern"
    practice.record_of(kind, by=FRONT_DOOR, person_id=CHILD).was(event, "2013-01-09 10:00")
    case.was("case.closed.v2", "2013-01-14 09:30")
    assert case.the(UNREAD).state == "open"


def test_what_came_before_the_case_after_the_closing_or_about_others_is_not_asked_about(practice):
    case = a_case(practice)
    concern(practice, "2013-01-04 10:00")
    concern(practice, "2013-01-09 10:00", OTHER)
    case.was("case.closed.v2", "2013-01-14 09:30")
    concern(practice, "2013-01-15 10:00")
    assert case.all(UNREAD) == []


def test_what_was_read_before_the_closing_is_not_asked_about_and_what_came_after_the_reading_is(practice):
    for later, expected in (("2013-01-10 10:00", []), ("2013-01-13 10:00", ["open"])):
        practice = Practice()
        case = a_case(practice)
        concern(practice, later)
        case.was("case.closing_checked.v1", "2013-01-11 10:00", checks=["contacts_read"], missing=["child_seen"])
        case.was("case.closed.v2", "2013-01-14 09:30")
        assert [found.state for found in case.all(UNREAD)] == expected


def test_checks_without_reading_the_contacts_read_nothing(practice):
    case = a_case(practice)
    concern(practice, "2013-01-10 10:00")
    case.was("case.closing_checked.v1", "2013-01-11 10:00", checks=["child_seen"], missing=["contacts_read"])
    case.was("case.closed.v2", "2013-01-14 09:30")
    assert case.the(UNREAD).state == "open"


def test_somebody_who_did_not_close_it_reads_it_again_or_a_case_is_opened_again(practice):
    for closes, by, expected in (
        ("accumulation.reviewed.v1", SOCIAL_WORKER, "open"),
        ("accumulation.reviewed.v1", HV, "met"),
        ("case.opened.v1", SOCIAL_WORKER, "met"),
    ):
        practice = Practice()
        case = a_case(practice)
        concern(practice, "2013-01-09 10:00")
        case.was("case.closed.v2", "2013-01-14 09:30")
        practice.record_of("case", by=by, people=[PERSON, CHILD]).was(closes, "2013-01-15 09:00")
        assert case.the(UNREAD).state == expected


def test_it_ends_neither_for_a_routine_reason_nor_by_whoever_closed_the_case_and_is_void_with_the_closing(practice):
    case = a_case(practice)
    concern(practice, "2013-01-09 10:00")
    closing = case.was("case.closed.v2", "2013-01-14 09:30")
    with pytest.raises(Invalid, match="guarded"):
        practice.act(End(case.the(UNREAD), "recorded_elsewhere"), "2013-01-14 12:00", by=BOSS)
    case.retracted(closing, "2013-01-15 09:00")
    assert [found.state for found in case.all(UNREAD)] in ([], ["void"])


def test_a_concern_that_becomes_known_late_is_asked_about_when_it_does(practice):
    case = a_case(practice)
    case.was("case.closed.v2", "2013-01-14 09:30")
    assert case.all(UNREAD) == []
    practice.record_of("concern", by=HV, person_id=CHILD).was(
        "concern.raised.v1", "2013-01-09 10:00", recorded="2013-02-01 10:00"
    )
    assert case.the(UNREAD).state == "open"


def test_the_death_of_a_child_does_not_end_it(practice):
    case = a_case(practice)
    concern(practice, "2013-01-09 10:00")
    case.was("case.closed.v2", "2013-01-14 09:30")
    practice.record_of("person", by=HV).was("person.died.v1", "2013-01-15 12:00")
    assert case.the(UNREAD).state == "open"


def test_a_case_that_closes_without_a_proposal_and_without_checks_asks_for_them_at_once(practice):
    case = a_case(practice)
    case.was("case.closed.v2", "2013-01-14 09:30")
    assert as_text(case.the("CLOSE-02.checks").due_at) == "2013-01-14 09:30"
    case.was("case.closing_checked.v1", "2013-01-14 15:00", checks=list(CLOSING_CHECKS), missing=[])
    assert case.the("CLOSE-02.checks").state == "met"


def test_a_case_that_closes_before_the_proposed_day_makes_the_checks_due_at_once(practice):
    case = a_case(practice)
    case.was("case.closing_proposed.v1", "2013-01-08 09:00", close_on="2013-02-08")
    assert as_text(case.the("CLOSE-02.checks").due_at) == "2013-02-08 17:00"
    case.was("case.closed.v1", "2013-01-14 09:30")
    assert as_text(case.the("CLOSE-02.checks").due_at) == "2013-01-14 09:30"


def test_a_case_whose_checks_were_made_closes_in_peace_when_everybody_was_told(practice):
    case = a_case(practice)
    case.was("case.holder_named.v1", "2013-01-07 10:00", holder="sw-petrov", team=TEAM)
    case.was("case.closing_proposed.v1", "2013-01-08 09:00", close_on="2013-01-14")
    case.was("case.closing_checked.v1", "2013-01-10 09:00", checks=list(CLOSING_CHECKS), missing=[])
    told = ["parents", "referrer", "health_visitor", "gp_practice"]
    case.was("case.closed.v2", "2013-01-14 09:30", told=told, reason="needs_met")
    assert practice.days_pass("2014-01-01 00:00") == []


def test_a_closing_with_a_reason_hands_on_what_is_open_like_any_other(practice):
    case = a_case(practice)
    pregnancy = practice.record_of("pregnancy", by=HV)
    pregnancy.was("pregnancy.booked.v1", "2013-01-08 10:00", edd="2013-08-15", mother_age_band="under_18")
    closing = case.was("case.closed.v2", "2013-01-14 09:30")
    assert pregnancy.the("CLOSE-01.pregnancy").opened_by == closing.id
    assert {found.opened_by for found in pregnancy.all("CLOSE-01")} == {closing.id}


def test_the_holder_of_the_case_tells_of_the_closing(practice):
    case = a_case(practice)
    case.was("case.holder_named.v1", "2013-01-07 10:00", holder="sw-petrov", team=TEAM)
    case.was("case.closed.v2", "2013-01-14 09:30", by=BOSS)
    assert case.the("CLOSE-02.told").owner.person == "sw-petrov"


def test_nobody_ends_the_reading_again_who_closed_the_case(practice):
    case = a_case(practice)
    concern(practice, "2013-01-09 10:00")
    case.was("case.closed.v2", "2013-01-14 09:30", by=BOSS)
    found = case.the(UNREAD)
    line = DIRECTORY.line_of(found, london_date(found.due_at))
    with pytest.raises(Forbidden):
        practice.act(End(found, "not_needed_after_review", line=line), "2013-01-14 12:00", by=BOSS)


def test_every_step_that_reads_the_first_version_of_a_closing_reads_the_second_too():
    for step_id, step in PACKS["england"]["steps"].items():
        assert "case.closed.v1" not in str(step) or "case.closed.v2" in str(step), step_id
