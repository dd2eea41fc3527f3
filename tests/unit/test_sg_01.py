"""SG-01: a child with an injury is seen, the explanation assessed, and who cannot move about is referred at once."""

from __future__ import annotations

import pytest

from shared.contracts.words import MOBILITIES, SITES
from tests.unit.practice import CHILD, GP, HV, NURSERY, Practice, as_text, chase


@pytest.fixture
def practice() -> Practice:
    return Practice()


def injury(practice, at="2014-06-11 10:00", *, by=NURSERY, **said):
    usual = {"seen": True, "mobility": "walking", "site": "limb", "clustered": False}
    record = practice.record_of("concern", by=by, person_id=CHILD)
    record.was("injury.reported.v1", at, **{**usual, **said})
    return record


@pytest.mark.parametrize("mobility", MOBILITIES)
def test_only_of_a_child_that_cannot_move_about_it_is_immediate(practice, mobility):
    steps = injury(practice, mobility=mobility).steps()
    assert ("SG-01.immediate" in steps, "SG-01.paediatric" in steps) == ((mobility == "not_mobile"),) * 2


@pytest.mark.parametrize("site", SITES)
def test_the_sites_of_concern_are_looked_at_by_a_senior(practice, site):
    asked = "SG-01.senior-review" in injury(practice, site=site).steps()
    assert asked == (site in ("ear", "face", "head", "several", "mouth", "eye", "neck", "genitals"))


def test_bruises_in_a_cluster_are_looked_at_by_a_senior_wherever_they_are(practice):
    assert "SG-01.senior-review" in injury(practice, site="trunk", clustered=True).steps()


@pytest.mark.parametrize(
    ("born", "asks"),
    [("2009-06-12", True), ("2009-06-11", False), ("2009-06-10", False), (None, True)],  # the injury: 11 June 2014
)
def test_a_child_under_five_whom_nobody_saw_is_to_be_seen_and_one_of_unknown_age_too(practice, born, asks):
    if born:
        practice.birth(CHILD, born)
    assert ("SG-01.seen" in injury(practice, seen=False).steps()) == asks


def test_who_was_seen_is_not_to_be_seen_again(practice):
    assert injury(practice, seen=True).steps() == ["SG-01.decision-for-another"]


def test_a_concern_without_an_injury_asks_none_of_it(practice):
    record = practice.record_of("concern", by=NURSERY, person_id=CHILD)
    record.was("concern.raised.v1", "2014-06-11 10:00")
    assert record.steps() == []


def test_case_s_a_bruise_that_nobody_saw_alarms_after_a_day_and_social_care_after_two(practice):
    injury(practice, seen=False)
    chases = [one for one in practice.days_pass("2014-06-13 12:00") if one.step == "SG-01.seen"]
    doctor = "named-doctor-banerjee"
    assert chases == [
        chase("2014-06-12 10:00", "SG-01.seen", "owner", "ey-jansen", doctor),
        chase("2014-06-13 10:00", "SG-01.seen", "social-care", "ey-jansen", doctor, "sw-petrov"),
    ]


def test_case_s_a_bruised_ear_on_christmas_eve_is_due_that_day_and_urgent_at_every_rung(practice):
    record = injury(practice, "2014-12-24 11:30", by=GP, site="ear", presented=True)
    found = record.the("SG-01.senior-review")
    assert as_text(found.due_at) == "2014-12-24 23:59"
    assert {rung.urgent for rung in found.rungs} == {True}
    record.was("injury.decided.v1", "2014-12-24 12:00", decision="monitor")
    assert (record.the("SG-01.decision").state, record.the("SG-01.senior-review").state) == ("met", "open")


def test_at_once_means_that_somebody_is_told_that_very_minute(practice):
    injury(practice, "2014-06-14 03:20", mobility="not_mobile")  # a Saturday night
    (told,) = practice.sweep("2014-06-14 03:20")
    assert (told.step, told.told) == ("SG-01.immediate", {"ey-jansen", "named-doctor-banerjee"})


def test_a_decision_about_another_injury_of_the_same_child_says_nothing_of_this_one(practice):
    first, second = injury(practice, mobility="not_mobile"), injury(practice, mobility="not_mobile")
    first.was("injury.decided.v1", "2014-06-11 11:00", decision="refer", senior=True)
    first.was("child.seen.v1", "2014-06-11 11:00", clinician=True)
    states = {found.step: found.state for found in practice.follow_ups(first.name)}
    assert states == {"SG-01.decision-for-another": "met", "SG-01.paediatric": "met", "SG-01.immediate": "open"}
    assert {found.state for found in practice.follow_ups(second.name)} == {"open"}


@pytest.mark.parametrize(
    ("event", "said"),
    [("contact.received.v1", {}), ("referral.sent.v1", {"service": "childrens_social_care"})],
)
def test_an_injury_of_an_immobile_baby_stays_open_until_the_referral_itself_is_recorded(practice, event, said):
    record = injury(practice, mobility="not_mobile")
    record.was("injury.decided.v1", "2014-06-11 10:30", decision="refer", senior=True)
    assert (record.the("SG-01.decision-for-another").state, record.the("SG-01.immediate").state) == ("met", "open")
    kind = event.partition(".")[0]
    sent = practice.record_of(kind, by=NURSERY, person_id=CHILD).was(event, "2014-06-11 10:45", **said)
    assert (record.the("SG-01.immediate").state, record.the("SG-01.immediate").closed_by) == ("met", sent.id)


SEEN = ("child.seen.v1", {"clinician": True})
DISCUSSED = ("consultation.held.v1", {"named": True})


def happens(practice, record, act, at):
    event_type, said = act
    thread = record if event_type.startswith("child") else practice.record_of("consultation", by=HV, person_id=CHILD)
    return thread.was(event_type, at, **said)


@pytest.mark.parametrize("acts", [(SEEN, DISCUSSED), (DISCUSSED, SEEN), (SEEN, ("consultation.linked.v1", {}))])
def test_a_clinicians_examination_and_a_discussion_with_social_care_meet_it_in_any_order(practice, acts):
    record = injury(practice, mobility="not_mobile")
    happens(practice, record, acts[0], "2014-06-11 11:00")
    assert record.the("SG-01.immediate").state == "open"
    done = happens(practice, record, acts[1], "2014-06-11 12:00")
    found = record.the("SG-01.immediate")
    assert (found.state, found.closed_by) == ("met", done.id)


@pytest.mark.parametrize(
    "acts",
    [
        (("child.seen.v1", {"clinician": False}), DISCUSSED),
        (SEEN, ("consultation.held.v1", {"named": False})),
        (SEEN, ("injury.decided.v1", {"decision": "discuss"})),
    ],
)
def test_neither_half_is_enough(practice, acts):
    record = injury(practice, mobility="not_mobile")
    for event_type, said in acts:
        where = record if event_type.split(".")[0] in ("child", "injury") else None
        (where or practice.record_of("consultation", by=HV, person_id=CHILD)).was(
            event_type, "2014-06-11 12:00", **said
        )
    assert record.the("SG-01.immediate").state == "open"


def test_a_discussion_from_before_the_injury_says_nothing_of_it(practice):
    practice.record_of("consultation", by=HV, person_id=CHILD).was(DISCUSSED[0], "2014-06-01 10:00", **DISCUSSED[1])
    record = injury(practice, mobility="not_mobile")
    happens(practice, record, SEEN, "2014-06-11 11:00")
    assert record.the("SG-01.immediate").state == "open"


def test_the_reporters_own_word_is_no_senior_review(practice):
    record = injury(practice, by=GP, site="ear")
    record.was("injury.decided.v1", "2014-06-11 11:00", decision="monitor", senior=True)
    assert record.the("SG-01.senior-review").state == "open"
    record.was("injury.decided.v1", "2014-06-11 12:00", by=HV, decision="monitor", senior=True)
    assert record.the("SG-01.senior-review").state == "met"


def test_when_it_turns_out_how_old_the_child_is_nobody_is_asked_to_see_a_school_child(practice):
    record = injury(practice, seen=False)
    assert practice.sweep("2014-06-12 10:00")
    practice.birth(CHILD, "2008-01-01")
    found = record.the("SG-01.seen")
    assert (found.state, practice.acts(found).chases) == ("void", 1)
