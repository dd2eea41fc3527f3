"""REF-01: a referral that was decided on is sent. From Case S: noted, and nobody can find that it was made."""

from __future__ import annotations

from dataclasses import replace

import pytest

from services.referrals_followup.domain.follow_up import Accept, Acknowledge, Assign, End, Note, Refuse
from shared.contracts import CATALOGUE
from shared.kernel.decisions import Refused
from tests.unit.practice import GP, MANAGER, PERSON, Practice, as_text, chase, london

NOTED = "2013-01-14 09:30"  # a Monday
LEAD, NAMED_GP = "gp-safeguarding-rahman", "named-gp-ferreira"
LADDER = [
    chase("2013-01-16 17:00", "REF-01", "owner", "gp-okafor"),
    chase("2013-01-18 17:00", "REF-01", "practice-lead", "gp-okafor", LEAD),
    chase("2013-01-30 17:00", "REF-01", "named-gp", LEAD, NAMED_GP),
]


@pytest.fixture
def practice() -> Practice:
    return Practice()


def test_a_decision_to_refer_opens_it_and_its_owner_is_who_decided(practice):
    referral = practice.referral()
    referral.was("intended", NOTED)
    assert referral.steps() == ["REF-01"]
    found = referral.the("REF-01")
    assert (found.owner.role, found.owner.team, found.owner.person) == ("gp_practice", "gp-mill-road", "gp-okafor")
    assert (found.state, found.person, found.area, found.standard) == ("open", PERSON, "essex", "REF-01")
    assert found.expects and found.source and found.basis == "DES"


@pytest.mark.parametrize("first", ["sent", "acknowledged", "accepted", "closed", "withdrawn"])
def test_nothing_but_a_decision_opens_it(practice, first):
    referral = practice.referral()
    referral.was(first, NOTED)
    assert "REF-01" not in referral.steps()


@pytest.mark.parametrize(
    ("noted", "due"),
    [
        ("2013-01-14 09:30", "2013-01-16 17:00"),
        ("2013-01-14 23:59", "2013-01-16 17:00"),  # the day counts, not the hour
        ("2013-01-18 16:00", "2013-01-22 17:00"),  # Friday: over the weekend
        ("2013-01-19 11:00", "2013-01-23 17:00"),  # Saturday: day 0 is Monday
        ("2013-03-27 10:00", "2013-04-02 17:00"),  # over Good Friday and Easter Monday
        ("2013-03-28 10:00", "2013-04-03 17:00"),
        ("2013-03-29 10:00", "2013-04-04 17:00"),  # on Good Friday itself
        ("2013-05-03 10:00", "2013-05-08 17:00"),  # over the early May bank holiday
        ("2013-12-23 10:00", "2013-12-27 17:00"),  # over Christmas and Boxing Day
        ("2013-12-25 10:00", "2013-12-31 17:00"),
        ("2013-12-31 10:00", "2014-01-03 17:00"),  # over New Year
        ("2013-07-02 00:30", "2013-07-04 17:00"),  # still 1 July in UTC
    ],
)
def test_it_is_due_at_five_on_the_second_working_day(practice, noted, due):
    referral = practice.referral()
    referral.was("intended", noted)
    assert as_text(referral.the("REF-01").due_at) == due


@pytest.mark.parametrize(
    ("noted", "due"),
    [("2013-10-25 10:00", "2013-10-29T17:00:00+00:00"), ("2014-03-27 10:00", "2014-03-31T16:00:00+00:00")],
)
def test_five_is_five_by_londons_clocks_also_when_they_changed_at_the_weekend(practice, noted, due):
    referral = practice.referral()
    referral.was("intended", noted)
    assert referral.the("REF-01").due_at.isoformat() == due


@pytest.mark.parametrize(
    ("noted", "due"),
    [
        ("2013-01-14 09:30", "2013-01-14 23:59"),
        ("2013-01-19 11:00", "2013-01-19 23:59"),  # a Saturday: urgent does not wait for Monday
        ("2013-12-25 11:00", "2013-12-25 23:59"),
        ("2013-10-27 01:30", "2013-10-27 23:59"),  # the day with twenty-five hours
    ],
)
def test_an_urgent_one_is_due_the_same_day(practice, noted, due):
    referral = practice.referral(urgency="urgent")
    referral.was("intended", noted)
    assert as_text(referral.the("REF-01").due_at) == due


@pytest.mark.parametrize(
    ("precision", "urgency", "due"),
    [
        ("day", "routine", "2013-01-16 17:00"),
        ("month", "routine", "2013-02-04 17:00"),  # from Thursday 31 January
        ("day", "urgent", "2013-01-14 23:59"),
        ("month", "urgent", "2013-01-31 23:59"),
    ],
)
def test_known_only_by_its_day_or_month_it_counts_from_the_end_of_that(practice, precision, urgency, due):
    referral = practice.referral(urgency=urgency)
    referral.was("intended", "2013-01-14", precision=precision, recorded="2013-02-01 09:00")
    assert as_text(referral.the("REF-01").due_at) == due


def test_it_says_which_days_did_not_count_and_why(practice):
    referral = practice.referral()
    referral.was("intended", "2013-03-28 10:00")
    skipped = referral.the("REF-01").why["skipped"]
    assert [day.partition(" ")[0] for day in skipped] == ["2013-03-29", "2013-03-30", "2013-03-31", "2013-04-01"]
    assert "Good Friday" in skipped[0] and "Saturday" in skipped[1]


def test_nobody_is_chased_a_minute_before_it_is_due(practice):
    practice.referral().was("intended", NOTED)
    assert practice.sweep("2013-01-16 16:59") == []
    assert practice.sweep("2013-01-16 17:00") == LADDER[:1]
    assert practice.sweep("2013-01-16 17:01") == []


def test_it_escalates_to_the_practices_lead_then_to_the_named_gp_and_goes_on_for_ever(practice):
    practice.referral().was("intended", NOTED)
    again = [
        chase(f"2013-{day} 17:00", "REF-01", "named-gp", LEAD, NAMED_GP) for day in ("02-13", "02-27", "03-13", "03-27")
    ]
    assert practice.days_pass("2013-04-01 00:00") == LADDER + again


def test_the_last_rung_repeats_over_holidays_by_working_days(practice):
    practice.referral().was("intended", "2013-12-09 10:00")
    days = [found.at for found in practice.days_pass("2014-01-31 00:00")]
    assert days == [f"{day} 17:00" for day in ("2013-12-11", "2013-12-13", "2013-12-27", "2014-01-13", "2014-01-27")]


def test_to_be_sent_meets_it(practice):
    referral = practice.referral()
    referral.was("intended", NOTED)
    sent = referral.was("sent", "2013-01-15 12:00")
    found = referral.the("REF-01")
    assert (found.state, found.closed_by, found.closed_actor) == ("met", sent.id, "gp-okafor")
    assert not [found for found in practice.days_pass("2013-01-17 00:00") if found.step == "REF-01"]


OTHERS = sorted(
    entry.name.removeprefix("referral.").removesuffix(".v1")
    for entry in CATALOGUE
    if entry.name.startswith("referral.")
    and entry.name not in ("referral.intended.v1", "referral.sent.v1", "referral.withdrawn.v1")
)


@pytest.mark.parametrize("other", OTHERS)
def test_nothing_that_happens_to_a_referral_but_its_sending_meets_it(practice, other):
    referral = practice.referral()
    referral.was("intended", NOTED)
    referral.was(other, "2013-01-15 12:00")
    assert referral.the("REF-01").state == "open"
    assert practice.days_pass("2013-01-17 00:00")[-1] == LADDER[0]


def test_the_note_never_meets_it(practice):
    referral = practice.referral()
    referral.was("intended", NOTED)
    referral.was("intended", "2013-01-15 09:30")
    practice.act(Note(referral.all("REF-01")[0], "Referral made."), "2013-01-15 10:00")
    assert [found.state for found in referral.all("REF-01")] == ["open", "open"]


def test_the_sending_of_another_referral_of_the_same_person_does_not_meet_it(practice):
    noted, another = practice.referral(), practice.referral()
    noted.was("intended", NOTED)
    another.was("sent", "2013-01-15 12:00")
    assert noted.the("REF-01").state == "open"


def test_a_withdrawal_ends_it_with_the_clinician_and_the_reason(practice):
    referral = practice.referral()
    referral.was("intended", NOTED)
    referral.was("withdrawn", "2013-01-15 12:00", reason_code="declined-by-patient")
    found = referral.the("REF-01")
    assert (found.state, found.closed_reason, found.closed_actor) == ("ended", "declined-by-patient", "gp-okafor")
    assert practice.days_pass("2014-01-01 00:00") == []


def test_somebody_ends_it_with_a_reason(practice):
    referral = practice.referral()
    referral.was("intended", NOTED)
    practice.act(End(referral.the("REF-01"), "moved-abroad"), "2013-01-15 12:00", by=MANAGER)
    found = referral.the("REF-01")
    assert (found.state, found.closed_reason, found.closed_actor) == ("ended", "moved-abroad", MANAGER.id)
    assert practice.days_pass("2014-01-01 00:00") == []
    with pytest.raises(Refused, match="is ended"):
        practice.act(End(found, "again"), "2013-01-16 12:00", by=MANAGER)


def test_it_never_ends_by_the_clock_alone(practice):
    referral = practice.referral()
    referral.was("intended", NOTED)
    (only,) = practice.sweep("2026-11-02 09:00")
    assert only.rungs == ("owner", "practice-lead", "named-gp")
    assert referral.the("REF-01").state == "open"


def test_an_outage_of_months_leads_to_one_chase_that_names_every_rung_owed(practice):
    practice.referral().was("intended", NOTED)
    assert practice.sweep("2013-06-03 08:00") == [
        chase("2013-06-03 08:00", "REF-01", "owner practice-lead named-gp", "gp-okafor", LEAD, NAMED_GP)
    ]
    assert practice.sweep("2013-06-03 08:01") == []
    # The rung goes on in its own rhythm: 30 January, and every tenth working day since.
    assert practice.days_pass("2013-06-12 00:00") == [chase("2013-06-11 17:00", "REF-01", "named-gp", LEAD, NAMED_GP)]


def test_what_is_recorded_late_is_chased_when_it_becomes_known_and_not_before(practice):
    referral = practice.referral()
    referral.was("intended", NOTED, recorded="2013-01-22 11:00")
    assert as_text(referral.the("REF-01").due_at) == "2013-01-16 17:00"
    assert practice.sweep("2013-01-22 10:59") == []
    assert practice.days_pass("2013-01-22 12:00") == [
        chase("2013-01-22 11:00", "REF-01", "owner practice-lead", "gp-okafor", LEAD)
    ]


def test_a_sending_that_becomes_known_late_stops_the_ladder(practice):
    referral = practice.referral()
    referral.was("intended", NOTED)
    assert practice.days_pass("2013-01-19 00:00") == LADDER[:2]
    referral.was("sent", "2013-01-15 12:00", recorded="2013-01-21 10:00")
    found = referral.the("REF-01")
    assert (found.state, as_text(found.closed_at)) == ("met", "2013-01-15 12:00")
    assert "REF-01" not in {found.step for found in practice.days_pass("2014-01-01 00:00")}


def test_a_sending_that_is_dated_before_the_decision_meets_it_all_the_same(practice):
    referral = practice.referral()
    referral.was("intended", NOTED)
    referral.was("sent", "2013-01-14 08:00", recorded="2013-01-15 10:00")
    assert referral.the("REF-01").state == "met"


def test_a_sending_before_the_decision_does_not_meet_it(practice):
    referral = practice.referral()
    referral.was("sent", "2013-01-10 10:00")
    referral.was("intended", NOTED)
    assert referral.the("REF-01").state == "open"


def test_when_the_sending_was_a_mistake_it_is_open_again_and_the_ladder_goes_on_where_it_was(practice):
    referral = practice.referral()
    referral.was("intended", NOTED)
    assert practice.days_pass("2013-01-17 00:00") == LADDER[:1]
    sent = referral.was("sent", "2013-01-17 12:00")
    assert practice.days_pass("2013-01-21 00:00") == []
    referral.retracted(sent, "2013-01-21 10:00")
    assert referral.the("REF-01").state == "open"
    assert practice.sweep("2013-01-21 10:00") == [
        chase("2013-01-21 10:00", "REF-01", "practice-lead", "gp-okafor", LEAD)
    ]


def test_when_the_decision_was_a_mistake_it_is_void_and_stays_in_sight(practice):
    referral = practice.referral()
    noted = referral.was("intended", NOTED)
    practice.days_pass("2013-01-17 00:00")
    referral.retracted(noted, "2013-01-17 12:00")
    found = referral.the("REF-01")
    assert (found.state, found.closed_reason) == ("void", "opening recorded in error")
    assert practice.days_pass("2014-01-01 00:00") == []


def test_a_chase_changes_nothing_but_what_is_still_owed(practice):
    referral = practice.referral()
    referral.was("intended", NOTED)
    before = referral.the("REF-01")
    practice.days_pass("2013-06-01 00:00")
    assert referral.the("REF-01") == before


def test_acknowledging_never_stops_the_ladder(practice):
    referral = practice.referral()
    referral.was("intended", NOTED)
    practice.act(Acknowledge(referral.the("REF-01"), "On it."), "2013-01-15 10:00")
    assert practice.days_pass("2013-01-31 00:00") == LADDER


def test_who_accepts_it_is_told_from_then_on(practice):
    referral = practice.referral()
    referral.was("intended", NOTED)
    colleague = replace(GP, id="gp-adeyemi")
    practice.act(Accept(referral.the("REF-01")), "2013-01-15 10:00", by=colleague)
    assert practice.days_pass("2013-01-17 00:00") == [chase("2013-01-16 17:00", "REF-01", "owner", "gp-adeyemi")]


def test_who_refuses_it_gives_it_back(practice):
    referral = practice.referral()
    referral.was("intended", NOTED)
    found = referral.the("REF-01")
    practice.act(Assign(found, "gp-adeyemi", "gp-mill-road"), "2013-01-15 10:00", by=MANAGER)
    assert practice.owner(found).person == "gp-adeyemi"
    practice.act(Refuse(found, "not-mine"), "2013-01-15 11:00")
    assert practice.owner(found) == found.owner
    assert practice.days_pass("2013-01-17 00:00") == LADDER[:1]


def test_whoever_is_given_an_overdue_one_is_told_then_and_by_the_next_rungs(practice):
    referral = practice.referral()
    referral.was("intended", NOTED)
    assert practice.days_pass("2013-01-17 00:00") == LADDER[:1]
    practice.act(Assign(referral.the("REF-01"), "gp-adeyemi", "gp-mill-road"), "2013-01-17 10:00", by=MANAGER)
    assert practice.days_pass("2013-01-19 00:00") == [
        chase("2013-01-17 10:00", "REF-01", "owner", "gp-adeyemi"),
        chase("2013-01-18 17:00", "REF-01", "practice-lead", "gp-adeyemi", LEAD),
    ]


def test_to_be_given_one_before_it_is_due_is_no_reason_to_be_chased(practice):
    referral = practice.referral()
    referral.was("intended", NOTED)
    practice.act(Assign(referral.the("REF-01"), "gp-adeyemi", "gp-mill-road"), "2013-01-15 10:00", by=MANAGER)
    assert practice.days_pass("2013-01-17 00:00") == [chase("2013-01-16 17:00", "REF-01", "owner", "gp-adeyemi")]


def test_every_rung_of_an_urgent_one_is_urgent(practice):
    for urgency in ("routine", "urgent"):
        referral = practice.referral(urgency=urgency)
        referral.was("intended", NOTED)
        assert {rung.urgent for rung in referral.the("REF-01").rungs} == {urgency == "urgent"}


def test_each_referral_has_its_own(practice):
    first, second = practice.referral(), practice.referral(urgency="urgent")
    first.was("intended", NOTED)
    second.was("intended", NOTED)
    assert first.the("REF-01").id != second.the("REF-01").id
    assert first.the("REF-01").due_at == london("2013-01-16 17:00") > second.the("REF-01").due_at
