"""PBA-01: somebody decides, of this pregnancy and with a reason, whether it needs a pre-birth assessment."""

from __future__ import annotations

import pytest

from shared.contracts.words import PREGNANCY_CONCERNS
from tests.unit.practice import (
    CHILD,
    GP,
    HV,
    MIDWIFE,
    OTHER,
    PA,
    PARTNER,
    PERSON,
    SOCIAL_WORKER,
    TWIN,
    Practice,
    as_text,
    chase,
)

# The sibling of Case S: 16+0 is Sunday 29 December.
EDD = "2014-06-15"
BOOKED = "2013-11-28 10:00"  # a Thursday, 11+4
UNTROUBLED = {"edd": EDD, "mother_age_band": "from_20", "concerns": []}


@pytest.fixture
def practice() -> Practice:
    return Practice()


def booked(practice: Practice, at: str = BOOKED, **said):
    pregnancy = practice.record_of("pregnancy", by=MIDWIFE, **{**UNTROUBLED, **said})
    pregnancy.was("booked", at)
    return pregnancy


def offered(practice: Practice, at: str):
    return practice.record_of("offer", by=MIDWIFE).was("made", at)


def test_a_pregnancy_without_a_trigger_is_asked_about_nothing_but_its_antenatal_review_and_its_end(practice):
    assert booked(practice).steps() == ["DATA-01.birth", "HV-01.antenatal"]


@pytest.mark.parametrize("concern", PREGNANCY_CONCERNS)
def test_each_concern_named_at_the_booking_opens_it(practice, concern):
    assert booked(practice, concerns=[concern]).the("PBA-01").state == "open"


@pytest.mark.parametrize("concern", PREGNANCY_CONCERNS)
def test_each_concern_that_is_noted_later_opens_it(practice, concern):
    pregnancy = booked(practice)
    noted = pregnancy.was("concern_noted", "2013-12-05 10:00", concern=concern)
    assert pregnancy.the("PBA-01").opened_by == noted.id


@pytest.mark.parametrize(
    ("band", "asked"),
    [("under_13", True), ("under_16", True), ("under_18", True), ("under_20", False), ("from_20", False)],
)
@pytest.mark.parametrize("first", ["booked", "notified"])
def test_a_mother_under_eighteen_opens_it_and_an_older_one_does_not(practice, first, band, asked):
    pregnancy = practice.record_of("pregnancy", by=MIDWIFE, **{**UNTROUBLED, "mother_age_band": band})
    pregnancy.was(first, BOOKED)
    assert ("PBA-01" in pregnancy.steps()) == asked


@pytest.mark.parametrize(
    ("band", "asked"), [("under_16", True), ("under_18", True), ("under_20", False), ("from_20", False), (None, False)]
)
def test_a_partner_under_eighteen_opens_it_and_an_older_one_does_not(practice, band, asked):
    pregnancy = booked(practice)
    pregnancy.was("partner_named", "2013-12-05 10:00", partner_id=PARTNER, partner_age_band=band)
    assert ("PBA-01" in pregnancy.steps()) == asked


def test_an_unknown_age_is_a_gap_to_be_filled_and_no_trigger(practice):
    assert booked(practice, mother_age_band=None).steps() == ["DATA-01.age", "DATA-01.birth", "HV-01.antenatal"]


@pytest.mark.parametrize(
    ("on", "asked"),
    [("2014-01-25 10:00", False), ("2014-01-26 10:00", True), ("2014-04-01 10:00", True)],  # 19+6, 20+0, 29+2
)
def test_a_booking_from_twenty_weeks_on_is_late_and_opens_it(practice, on, asked):
    assert ("PBA-01" in booked(practice, on).steps()) == asked


def test_a_late_word_from_a_gp_is_no_late_booking(practice):
    pregnancy = practice.record_of("pregnancy", by=GP, **UNTROUBLED)
    pregnancy.was("notified", "2014-02-26 10:00")
    assert "PBA-01" not in pregnancy.steps()


@pytest.mark.parametrize(
    ("agency", "asked"),
    [
        ("childrens_social_care", True),
        ("early_help", True),
        ("leaving_care", True),
        ("mental_health", True),
        ("midwifery", False),
        ("health_visiting", False),
    ],
)
@pytest.mark.parametrize("opened", ["2012-05-01 10:00", "2014-01-15 10:00"], ids=["before", "during"])
def test_an_agency_that_knows_of_a_risk_opens_it_and_universal_care_does_not(practice, agency, asked, opened):
    practice.record_of("case", by=SOCIAL_WORKER, agency=agency, people=[PERSON]).was("opened", opened)
    assert ("PBA-01" in booked(practice).steps()) == asked


OPENED = ("case", "opened", {"agency": "childrens_social_care", "kind": "child_protection"})
REFERRED = ("concern", "injury.decided.v1", {"decision": "refer"})


def of_an_older_child(practice: Practice, what: tuple, at: str, child: str = CHILD):
    kind, event, said = what
    record = practice.record_of(kind, by=SOCIAL_WORKER, person_id=child, people=[child])
    return record, record.was(event, at, **said)


@pytest.mark.parametrize("at", ["2013-02-01 10:00", "2014-01-15 10:00"], ids=["before", "during"])
@pytest.mark.parametrize("what", [OPENED, REFERRED])
@pytest.mark.parametrize("parents", [{"mother": PERSON}, {"mother": OTHER, "parents": (PERSON,)}], ids=["hers", "his"])
def test_a_case_or_a_suspected_injury_of_an_older_child_of_hers_opens_it(practice, parents, what, at):
    practice.birth(CHILD, "2012-06-20", **parents)
    pregnancy = booked(practice)
    record, fact = of_an_older_child(practice, what, at)
    assert pregnancy.the("PBA-01").state == "open"
    assert pregnancy.the("PBA-01").person == PERSON
    record.retracted(fact, "2014-02-01 10:00")
    assert "open" not in {found.state for found in pregnancy.all("PBA-01")}


def test_a_child_of_the_partner_counts_from_the_day_that_he_is_named(practice):
    practice.birth(CHILD, "2012-06-20", mother=OTHER, parents=(PARTNER,))
    pregnancy = booked(practice)
    of_an_older_child(practice, OPENED, "2013-12-01 10:00")
    assert "PBA-01" not in pregnancy.steps()
    pregnancy.was("partner_named", "2013-12-02 10:00", partner_id=PARTNER)
    assert pregnancy.the("PBA-01").state == "open"


@pytest.mark.parametrize(
    "what",
    [
        ("case", "opened", {"agency": "health_visiting"}),
        ("concern", "injury.decided.v1", {"decision": "consistent_with_account"}),
        ("concern", "concern.raised.v1", {}),
        ("condition", "condition.recorded.v1", {}),
    ],
)
def test_what_else_is_said_of_an_older_child_opens_nothing(practice, what):
    practice.birth(CHILD, "2012-06-20")
    pregnancy = booked(practice)
    of_an_older_child(practice, what, "2014-01-15 10:00")
    assert "PBA-01" not in pregnancy.steps()


def test_a_case_of_somebody_elses_child_or_after_the_birth_opens_nothing(practice):
    practice.birth(CHILD, "2012-06-20", mother=OTHER)
    pregnancy = booked(practice)
    of_an_older_child(practice, OPENED, "2014-01-15 10:00")
    pregnancy.was("ended", "2014-06-14 10:00", outcome="birth", children=[TWIN], parents=[PERSON])
    of_an_older_child(practice, OPENED, "2014-07-15 10:00", TWIN)
    assert "PBA-01" not in pregnancy.steps()


def test_an_older_child_is_the_same_child_under_both_ids(practice):
    practice.birth(CHILD, "2012-06-20")
    pregnancy = booked(practice)
    of_an_older_child(practice, OPENED, "2014-01-15 10:00", TWIN)
    assert "PBA-01" not in pregnancy.steps()
    practice.record_of("person", by=HV, key=CHILD).was("linked", "2014-01-16 10:00", other_person_id=TWIN)
    assert pregnancy.the("PBA-01").state == "open"


@pytest.mark.parametrize("whose", [PERSON, PARTNER])
def test_a_condition_of_either_parent_found_before_or_during_the_pregnancy_opens_it(practice, whose):
    pregnancy = booked(practice)
    pregnancy.was("partner_named", "2013-12-02 10:00", partner_id=PARTNER)
    assert "PBA-01" not in pregnancy.steps()
    found = practice.record_of("condition", by=GP, person_id=whose).was("recorded", "2013-12-05 10:00")
    assert pregnancy.the("PBA-01").opened_by == found.id
    next_one = practice.record_of("pregnancy", by=MIDWIFE, **{**UNTROUBLED, "edd": "2016-06-15"}, person_id=whose)
    next_one.was("booked", "2015-11-28 10:00")
    assert next_one.the("PBA-01").state == "open"


def test_a_condition_or_a_case_of_somebody_else_or_after_the_birth_opens_nothing(practice):
    pregnancy = booked(practice)
    practice.record_of("condition", by=GP, person_id=OTHER).was("recorded", "2013-12-05 10:00")
    pregnancy.was("ended", "2014-06-14 10:00", outcome="birth", children=[CHILD], parents=[PERSON])
    practice.record_of("condition", by=GP).was("recorded", "2014-07-01 10:00")
    practice.record_of("case", by=SOCIAL_WORKER, agency="childrens_social_care", people=[PERSON]).was(
        "opened", "2014-07-01 10:00"
    )
    assert "PBA-01" not in pregnancy.steps()


@pytest.mark.parametrize(
    ("learnt", "said"),
    [
        ("pregnancy.concern_noted.v1", {"concern": "care_leaver"}),
        ("pregnancy.care_leaver_learnt.v1", {"parent_id": PERSON}),
        ("pregnancy.care_leaver_learnt.v1", {"parent_id": PARTNER}),
    ],
)
def test_care_experience_alone_opens_a_question_and_never_an_assessment(practice, learnt, said):
    pregnancy = booked(practice)
    pregnancy.was(learnt, "2013-12-05 10:00", **said)
    assert pregnancy.steps() == ["DATA-01.birth", "HV-01.antenatal", "PBA-01"]
    pregnancy.was("prebirth.screening_decided.v1", "2013-12-10 10:00", outcome="support_offer")
    assert pregnancy.the("PBA-01").state == "met"
    assert pregnancy.steps() == ["DATA-01.birth", "HV-01.antenatal", "PBA-01", "PBA-01.offer"]
    offered(practice, "2013-12-12 10:00")
    # Nobody records an answer to the offer.
    assert {found.step for found in practice.days_pass("2014-05-01 00:00")} == {"MH-06.answer"}


@pytest.mark.parametrize("outcome", ["assess", "support_offer", "early_help", "none"])
def test_whatever_a_named_person_decides_answers_it_and_starts_no_assessment(practice, outcome):
    pregnancy = booked(practice, mother_age_band="under_18")
    decided = pregnancy.was("prebirth.screening_decided.v1", "2013-12-10 10:00", outcome=outcome)
    found = pregnancy.the("PBA-01")
    assert (found.state, found.closed_by, found.closed_actor) == ("met", decided.id, MIDWIFE.id)
    assert not [step for step in pregnancy.steps() if step.startswith("PBA-02")]


@pytest.mark.parametrize(
    ("on", "due"),
    [
        ("2013-11-28 10:00", "2013-12-12 17:00"),  # 11+4: ten working days
        ("2013-12-11 10:00", "2013-12-27 17:00"),  # 13+3: over Christmas, and just before 16+0
        ("2013-12-12 10:00", "2013-12-29 17:00"),  # 13+4: the tenth would be the 30th, so 16+0, a Sunday
        ("2013-12-20 10:00", "2013-12-29 17:00"),  # 14+5
        ("2013-12-28 10:00", "2013-12-29 17:00"),  # 15+6
        ("2013-12-29 10:00", "2014-01-07 17:00"),  # 16+0, a Sunday: five working days from Monday
        ("2013-12-30 10:00", "2014-01-07 17:00"),  # 16+1
        ("2014-03-27 10:00", "2014-04-03 17:00"),  # 28+4: the clocks go forward
    ],
)
def test_it_is_due_after_ten_working_days_or_at_sixteen_weeks_and_after_that_in_five(practice, on, due):
    assert as_text(booked(practice, on, concerns=["homeless"]).the("PBA-01").due_at) == due


def test_what_asks_for_it_later_has_a_clock_of_its_own(practice):
    pregnancy = booked(practice)
    pregnancy.was("concern_noted", "2014-01-13 10:00", concern="domestic_abuse")  # 18+1
    assert as_text(pregnancy.the("PBA-01").due_at) == "2014-01-20 17:00"


def test_without_a_delivery_date_somebody_is_asked_for_it_at_once(practice):
    pregnancy = booked(practice, "2013-12-20 10:00", edd=None, mother_age_band="under_18")
    found = pregnancy.the("PBA-01")
    assert (found.gap, as_text(found.due_at)) == ("edd", "2014-01-08 17:00")
    chases = [one for one in practice.days_pass("2014-01-08 17:00") if one.step == "PBA-01"]
    assert chases == [
        chase("2013-12-20 10:00", "PBA-01", "data-gap", "midwife-ekwueme"),
        chase("2014-01-08 17:00", "PBA-01", "owner", "midwife-ekwueme"),
    ]


def test_a_delivery_date_that_becomes_known_or_is_corrected_moves_the_due_date(practice):
    pregnancy = booked(practice, "2013-12-20 10:00", edd=None, mother_age_band="under_18")
    first = pregnancy.was("edd_corrected", "2013-12-23 10:00", edd=EDD)
    found = pregnancy.the("PBA-01")
    assert (found.gap, as_text(found.due_at)) == (None, "2013-12-29 17:00")
    pregnancy.was("edd_corrected", "2013-12-24 10:00", edd="2014-05-15")  # a scan: 19+1 when she was booked
    assert as_text(pregnancy.the("PBA-01").due_at) == "2013-12-31 17:00"
    pregnancy.retracted(first, "2013-12-24 11:00")
    assert as_text(pregnancy.the("PBA-01").due_at) == "2013-12-31 17:00"


def test_what_the_first_pregnancy_got_never_satisfies_the_second(practice):
    first = booked(practice, "2011-12-01 10:00", edd="2012-07-01", mother_age_band="under_16")
    first.was("prebirth.screening_decided.v1", "2011-12-05 10:00", outcome="assess")
    first.was("prebirth.referral_accepted.v1", "2011-12-06 10:00", by=SOCIAL_WORKER)
    shared = ["midwife", "health_visitor", "gp_practice"]
    first.was("prebirth.assessment_completed.v1", "2012-03-12 10:00", by=SOCIAL_WORKER, shared_with=shared)
    first.was("ended", "2012-07-02 10:00", outcome="birth", children=[CHILD], parents=[PERSON])
    assert {found.state for found in practice.follow_ups(first.name) if found.standard.startswith("PBA")} == {"met"}
    second = booked(practice)
    assert second.the("PBA-01").state == "open"  # the first one's assessment alone is a reason to ask
    first.was("prebirth.screening_decided.v1", "2013-12-01 10:00", outcome="none")
    assert second.the("PBA-01").state == "open"
    assert [found.rungs for found in practice.days_pass("2013-12-31 00:00") if found.step == "PBA-01"] == [
        ("owner",),
        ("named-midwife",),
        ("designated-nurse",),
    ]


def test_a_decision_about_this_pregnancy_says_nothing_about_the_next(practice):
    first = booked(practice, concerns=["homeless"])
    first.was("prebirth.screening_decided.v1", "2013-12-05 10:00", outcome="none")
    first.was("ended", "2014-06-14 10:00", outcome="birth", children=[CHILD], parents=[PERSON])
    second = booked(practice, "2015-11-26 10:00", edd="2016-06-15", concerns=["homeless"])
    assert (first.the("PBA-01").state, second.the("PBA-01").state) == ("met", "open")


def test_a_further_trigger_opens_it_again_after_a_decision_and_not_before(practice):
    pregnancy = booked(practice, mother_age_band="under_18")
    pregnancy.was("concern_noted", "2013-12-02 10:00", concern="homeless")
    assert [as_text(found.due_at) for found in pregnancy.all("PBA-01")] == ["2013-12-12 17:00"]
    pregnancy.was("prebirth.screening_decided.v1", "2013-12-05 10:00", outcome="none")
    pregnancy.was("concern_noted", "2014-01-13 10:00", concern="domestic_abuse")
    assert [(found.state, as_text(found.due_at)) for found in pregnancy.all("PBA-01")] == [
        ("met", "2013-12-12 17:00"),
        ("open", "2014-01-20 17:00"),
    ]


def test_of_two_triggers_one_that_was_a_mistake_leaves_the_question_to_the_other(practice):
    pregnancy = booked(practice)
    first = pregnancy.was("concern_noted", "2013-12-02 10:00", concern="homeless")
    second = pregnancy.was("concern_noted", "2013-12-03 10:00", concern="learning_difficulty")
    before = pregnancy.the("PBA-01")
    pregnancy.retracted(first, "2013-12-04 10:00")
    found = pregnancy.the("PBA-01")
    assert (found.id, found.state, found.opened_by) == (before.id, "open", second.id)
    pregnancy.retracted(second, "2013-12-04 11:00")
    assert pregnancy.the("PBA-01").state == "void"


@pytest.mark.parametrize("outcome", ["miscarriage", "termination", "stillbirth"])
def test_a_loss_ends_it_and_only_who_must_be_told_is_asked(practice, outcome):
    pregnancy = booked(practice, mother_age_band="under_18")
    pregnancy.was("ended", "2013-12-03 10:00", outcome=outcome)
    found = pregnancy.the("PBA-01")
    assert (found.state, found.closed_reason) == ("ended", "bereavement")
    assert {one.step for one in practice.days_pass("2014-12-31 00:00")} == {"BEREAVE-01.loss"}


TOLD_LATE = pytest.mark.parametrize(
    ("told", "said"),
    [
        ("concern_noted", {"concern": "domestic_abuse"}),
        ("care_leaver_learnt", {"parent_id": PARTNER}),
        ("partner_named", {"partner_id": PARTNER, "partner_age_band": "under_18"}),
    ],
)


def born_and_then_told(practice, told, happened, said):
    pregnancy = booked(practice)
    born = pregnancy.was("ended", "2014-06-14 10:00", outcome="birth", children=[CHILD], parents=[PERSON])
    pregnancy.was(told, happened, recorded="2014-07-01 10:00", **said)
    return pregnancy, born


@TOLD_LATE
def test_what_happened_after_the_birth_asks_for_no_decision_before_it(practice, told, said):
    pregnancy, _ = born_and_then_told(practice, told, "2014-07-01 10:00", said)
    assert "PBA-01" not in pregnancy.steps()
    assert [found for found in practice.days_pass("2015-07-01 00:00") if found.step == "PBA-01"] == []


@TOLD_LATE
def test_what_happened_before_the_birth_and_is_told_after_it_was_a_question_that_the_birth_ended(practice, told, said):
    pregnancy, born = born_and_then_told(practice, told, "2014-03-03 10:00", said)
    found = pregnancy.the("PBA-01")
    assert (found.state, found.closed_by) == ("ended", born.id)
    assert [found for found in practice.days_pass("2015-07-01 00:00") if found.step == "PBA-01"] == []


@pytest.mark.parametrize(("decided", "state"), [("2013-12-03 10:00", "open"), ("2013-12-09 10:00", "met")])
@pytest.mark.parametrize("is_recorded_first", [True, False])
def test_when_a_decision_was_made_counts_and_not_when_it_was_recorded(practice, is_recorded_first, decided, state):
    pregnancy = booked(practice)
    for is_decision in (is_recorded_first, not is_recorded_first):
        if is_decision:
            pregnancy.was("prebirth.screening_decided.v1", decided, recorded="2013-12-10 10:00", outcome="none")
        else:
            pregnancy.was("concern_noted", "2013-12-05 10:00", recorded="2013-12-10 10:00", concern="homeless")
    assert pregnancy.the("PBA-01").state == state


# --- what was decided is not done ---------------------------------------------------------------------------------


def decided_on(practice: Practice, outcome: str):
    """On Tuesday 10 December, by the midwife."""
    pregnancy = booked(practice, mother_age_band="under_18")
    pregnancy.was("prebirth.screening_decided.v1", "2013-12-10 10:00", outcome=outcome)
    return pregnancy


def chases(practice: Practice, step: str, until: str):
    return [found for found in practice.days_pass(until) if found.step == step]


@pytest.mark.parametrize(
    ("outcome", "step"),
    [("assess", "PBA-01.refer"), ("support_offer", "PBA-01.offer"), ("early_help", "PBA-01.offer"), ("none", None)],
)
def test_each_decision_asks_for_what_was_decided_and_nothing_else(practice, outcome, step):
    found = [one for one in decided_on(practice, outcome).steps() if one.startswith("PBA-")]
    assert found == (["PBA-01", step] if step else ["PBA-01"])


def test_a_decision_to_assess_is_chased_until_it_is_referred(practice):
    pregnancy = decided_on(practice, "assess")
    told = [
        chase("2013-12-12 17:00", "PBA-01.refer", "owner", "midwife-ekwueme"),
        chase("2013-12-17 17:00", "PBA-01.refer", "named-midwife", "midwife-ekwueme", "named-midwife-oyelaran"),
        chase("2013-12-24 17:00", "PBA-01.refer", "named-midwife", "midwife-ekwueme", "named-midwife-oyelaran"),
    ]
    assert chases(practice, "PBA-01.refer", "2013-12-27 09:00") == told
    referred = pregnancy.was("prebirth.referred.v1", "2013-12-27 10:00")
    found = pregnancy.the("PBA-01.refer")
    assert (found.state, found.closed_by) == ("met", referred.id)
    assert chases(practice, "PBA-01.refer", "2014-06-01 00:00") == []


def test_a_referral_for_an_assessment_is_chased_until_it_is_accepted(practice):
    pregnancy = decided_on(practice, "assess")
    pregnancy.was("prebirth.referred.v1", "2013-12-11 10:00")
    everybody = ("midwife-ekwueme", "sw-petrov", "service-manager-kruger")
    assert chases(practice, "PBA-01.accept", "2013-12-30 09:00") == [
        chase("2013-12-12 17:00", "PBA-01.accept", "owner", "midwife-ekwueme", "sw-petrov"),
        chase("2013-12-17 17:00", "PBA-01.accept", "service-manager", *everybody),
        chase("2013-12-24 17:00", "PBA-01.accept", "service-manager", *everybody),
    ]
    accepted = pregnancy.was("prebirth.referral_accepted.v1", "2013-12-30 10:00", by=SOCIAL_WORKER)
    found = pregnancy.the("PBA-01.accept")
    assert (found.state, found.closed_by, found.closed_actor) == ("met", accepted.id, SOCIAL_WORKER.id)
    assert chases(practice, "PBA-01.accept", "2014-06-01 00:00") == []


def test_the_team_that_it_was_referred_to_hears_of_it(practice):
    pregnancy = booked(practice)
    pregnancy.was("prebirth.referred.v1", "2013-12-11 10:00", to_team="front-door-essex")
    assert chases(practice, "PBA-01.accept", "2013-12-13 00:00") == [
        chase("2013-12-12 17:00", "PBA-01.accept", "owner", "midwife-ekwueme", "fd-laurent")
    ]


@pytest.mark.parametrize("outcome", ["support_offer", "early_help"])
def test_support_that_was_decided_on_is_chased_until_it_is_offered(practice, outcome):
    pregnancy = decided_on(practice, outcome)
    assert chases(practice, "PBA-01.offer", "2014-01-08 09:00") == [
        chase("2013-12-24 17:00", "PBA-01.offer", "owner", "midwife-ekwueme"),
        chase("2013-12-31 17:00", "PBA-01.offer", "named-midwife", "midwife-ekwueme", "named-midwife-oyelaran"),
    ]
    made = offered(practice, "2014-01-08 10:00")
    found = pregnancy.the("PBA-01.offer")
    assert (found.state, found.closed_by) == ("met", made.id)
    assert chases(practice, "PBA-01.offer", "2014-06-01 00:00") == []


def test_an_offer_that_leaving_care_makes_the_mother_counts_and_one_to_the_father_does_not(practice):
    pregnancy = decided_on(practice, "support_offer")
    pregnancy.was("partner_named", "2013-12-10 11:00", partner_id=PARTNER)
    for person, state in ((PARTNER, "open"), (PERSON, "met")):
        leaver = practice.record_of("care-leaver", by=PA, person_id=person)
        leaver.was("support_offer.made.v1", "2013-12-16 10:00")
        assert pregnancy.the("PBA-01.offer").state == state


def test_who_decides_anew_is_asked_only_for_what_was_decided_last(practice):
    pregnancy = decided_on(practice, "assess")
    anew = pregnancy.was("prebirth.screening_decided.v1", "2013-12-11 10:00", outcome="early_help")
    found = pregnancy.the("PBA-01.refer")
    assert (found.state, found.closed_by) == ("ended", anew.id)
    assert pregnancy.the("PBA-01.offer").opened_by == anew.id


@pytest.mark.parametrize(
    ("outcome", "step"), [("assess", "PBA-01.refer"), ("assess", "PBA-01.accept"), ("early_help", "PBA-01.offer")]
)
def test_a_loss_ends_what_was_decided(practice, outcome, step):
    pregnancy = decided_on(practice, outcome)
    if step == "PBA-01.accept":
        pregnancy.was("prebirth.referred.v1", "2013-12-10 11:00")
    pregnancy.was("ended", "2013-12-11 10:00", outcome="miscarriage")
    found = pregnancy.the(step)
    assert (found.state, found.closed_reason) == ("ended", "bereavement")
    assert {one.step for one in practice.days_pass("2014-12-31 00:00")} == {"BEREAVE-01.loss"}


def test_the_midwife_who_booked_owns_it_until_another_is_named(practice):
    pregnancy = booked(practice, mother_age_band="under_18")
    owner = pregnancy.the("PBA-01").owner
    assert (owner.role, owner.team, owner.person) == ("midwife", "midwifery-colne", "midwife-ekwueme")
    named = {"role": "midwife", "practitioner": "named-midwife-oyelaran", "team": "midwifery-colne"}
    practice.record_of("person", by=MIDWIFE, **named).was("practitioner.assigned.v1", "2013-12-02 10:00")
    assert pregnancy.the("PBA-01").owner.person == "named-midwife-oyelaran"


def test_before_a_booking_the_duty_midwife_of_the_area_is_told_and_not_the_gp_who_said_so(practice):
    pregnancy = practice.record_of("pregnancy", by=GP, **{**UNTROUBLED, "mother_age_band": "under_18"})
    pregnancy.was("notified", BOOKED)
    assert [found for found in practice.days_pass("2013-12-13 00:00") if found.step == "PBA-01"] == [
        chase("2013-12-12 17:00", "PBA-01", "owner", "midwife-ekwueme")
    ]


def test_a_health_visitors_word_or_a_note_is_no_decision(practice):
    pregnancy = booked(practice, mother_age_band="under_18")
    practice.record_of("review", by=HV).was("accumulation.reviewed.v1", "2013-12-05 10:00")
    pregnancy.was("prebirth.referred.v1", "2013-12-05 10:00")
    assert pregnancy.the("PBA-01").state == "open"
