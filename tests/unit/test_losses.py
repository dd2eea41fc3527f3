"""A loss or a death ends what was routinely expected, in that very fold, and opens one thing: who must be told."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from shared.kernel.envelope import NONE
from tests.unit.practice import (
    CAMHS,
    CHILD,
    GP,
    HV,
    MIDWIFE,
    OTHER,
    PA,
    PACKS,
    PARTNER,
    PERSON,
    SOCIAL_WORKER,
    TWIN,
    Practice,
    as_text,
    london,
)
from tests.unit.test_claims import FAMILY, PATHWAY, Played

LOSSES = ["miscarriage", "termination", "stillbirth"]


@pytest.fixture
def practice() -> Practice:
    return Practice()


def a_watched_pregnancy(practice, skip=()):
    """A pregnancy about which something is expected under every standard of pregnancies; all from one thread."""
    pregnancy = practice.record_of("pregnancy", by=MIDWIFE)
    happened = {
        "pregnancy.booked.v1": {"edd": "2014-08-04", "concerns": ["homeless"]},
        "pregnancy.partner_named.v1": {"partner_id": PARTNER},
        "prebirth.referral_accepted.v1": {"by": SOCIAL_WORKER},
        "prebirth.strategy_decided.v1": {"by": SOCIAL_WORKER, "outcome": "conference"},
    }
    for event_type, said in happened.items():
        if event_type not in skip:
            pregnancy.was(event_type, "2014-02-03 10:00", **said)
    return pregnancy


def lost(pregnancy, outcome="stillbirth", at="2014-03-03 10:00", **more):
    return pregnancy.was("pregnancy.ended.v1", at, outcome=outcome, children=[], parents=[PERSON, PARTNER], **more)


def states(practice, thread):
    return {found.step: found.state for found in practice.follow_ups(thread.name)}


@pytest.mark.parametrize("outcome", LOSSES)
def test_a_loss_ends_all_that_was_expected_of_the_pregnancy_and_opens_one_thing(practice, outcome):
    pregnancy = a_watched_pregnancy(practice)
    expected = states(practice, pregnancy)
    assert set(expected.values()) == {"open"} and len(expected) == 9
    lost(pregnancy, outcome)
    assert states(practice, pregnancy) == {**dict.fromkeys(expected, "ended"), "BEREAVE-01.loss": "open"}


def test_it_says_that_it_ended_in_bereavement_and_who_recorded_it(practice):
    pregnancy = a_watched_pregnancy(practice)
    loss = lost(pregnancy)
    found = pregnancy.the("PBA-04")
    assert (found.closed_reason, found.closed_by, found.closed_actor) == ("bereavement", loss.id, MIDWIFE.id)


@pytest.mark.parametrize("when", ["2014-02-03 10:30", "2014-03-03 10:00"])
def test_what_is_recorded_after_the_loss_ends_at_once_too(practice, when):
    """Whatever the order of recording, and whether it happened before or after, the same is left."""
    pregnancy = practice.record_of("pregnancy", by=MIDWIFE)
    pregnancy.was("pregnancy.booked.v1", "2014-02-03 10:00", edd="2014-08-04", concerns=["homeless"])
    lost(pregnancy, at=when)
    pregnancy.was("pregnancy.partner_named.v1", "2014-02-04 10:00", recorded="2014-03-10 10:00")
    pregnancy.was("prebirth.referral_accepted.v1", "2014-03-05 10:00", recorded="2014-03-11 10:00", by=SOCIAL_WORKER)
    found = states(practice, pregnancy)
    assert {step for step, state in found.items() if state == "open"} == {"BEREAVE-01.loss"}
    assert {"PBA-01", "PBA-02", "PBA-04", "DATA-01.partner", "HV-01.antenatal"} <= set(found)


@pytest.mark.parametrize("outcome", LOSSES)
def test_no_routine_mail_follows_ever(practice, outcome):
    pregnancy = a_watched_pregnancy(practice)
    before = {found.step for found in practice.days_pass("2014-03-03 10:00")}
    assert before  # somebody was chased while there was something to do
    lost(pregnancy, outcome)
    condition = practice.record_of("condition", by=GP)
    condition.was("condition.recorded.v1", "2014-02-10 10:00", recorded="2014-03-04 10:00", code="anxiety")
    notification = practice.record_of("notification", by=HV, condition_id=condition.id)
    notification.was("notification.acknowledged.v1", "2014-03-05 09:00", to_role="health_visitor")
    mails = {found.step for found in practice.days_pass("2016-03-03 00:00")}
    assert mails == {"BEREAVE-01.loss"}


def test_after_who_must_be_told_was_gone_through_nothing_comes_at_all(practice):
    pregnancy = a_watched_pregnancy(practice)
    practice.days_pass("2014-03-03 10:00")
    lost(pregnancy)
    pregnancy.was("bereavement.checked.v1", "2014-03-03 15:00", told=["health_visitor", "personal_adviser"])
    assert practice.days_pass("2016-03-03 00:00") == []


def test_a_loss_that_was_recorded_in_error_never_was(practice):
    pregnancy = a_watched_pregnancy(practice)
    before = states(practice, pregnancy)
    loss = lost(pregnancy)
    pregnancy.retracted(loss, "2014-03-04 10:00")
    assert states(practice, pregnancy) == {**before, "BEREAVE-01.loss": "void"}


def test_the_loss_of_one_pregnancy_ends_nothing_of_another(practice):
    first, second = a_watched_pregnancy(practice), a_watched_pregnancy(practice)
    before = states(practice, second)
    lost(first)
    assert states(practice, second) == before


def test_a_birth_is_no_loss(practice):
    practice.birth(CHILD, "2014-03-03")
    steps = {found.step for found in practice.follow_ups(f"person/{CHILD}")}
    assert steps == {"HV-01.new-birth", "HV-01.six-week", "HV-01.twelve-month", "HV-01.two-year"}


def test_the_midwife_is_not_asked_about_after_a_loss_and_the_mothers_own_care_goes_on(practice):
    """MH steps say `after_loss: continues`: a bereaved mother is not dropped."""
    pregnancy = practice.record_of("pregnancy", by=MIDWIFE)
    pregnancy.was("pregnancy.booked.v1", "2014-02-03 10:00", edd="2014-08-04", mother_age_band="from_20")
    referral = practice.referral(service="perinatal_mental_health")
    referral.was("sent", "2014-02-20 10:00")
    referral.was("assessed", "2014-02-27 10:00", by=CAMHS)
    condition = practice.record_of("condition", by=GP)
    condition.was("condition.recorded.v1", "2014-02-20 10:00", code="depression")
    screen = practice.record_of("screen", by=HV)
    screen.was("screen.recorded.v1", "2014-02-21 10:00", tool="epds", score=14, self_harm=True)
    offer = practice.record_of("offer", by=HV)
    offer.was("offer.declined.v1", "2014-02-20 10:00")
    lost(pregnancy)
    assert states(practice, referral)["MH-02"] == "open"
    assert states(practice, condition) == {"MH-04": "open", "MH-04.midwife": "ended"}
    assert states(practice, screen) == {"MH-03": "open", "MH-03.self-harm": "open"}
    assert states(practice, offer) == {"MH-06.re-offer": "open", "MH-06.fallback": "open"}


# --- the partner who is a care leaver ---------------------------------------------------------------------------------

PARENT_STEPS = ["CL-03.contact", "CL-03.review", "CL-03.support", "CL-03.told"]


def a_father_to_be(practice, pregnancy, key=None):
    leaver = practice.record_of("care-leaver", by=PA, person_id=PARTNER, key=key)
    leaver.was("parenthood.learnt.v1", "2014-02-04 10:00", kind="to_be_parent", pregnancy_id=pregnancy.id)
    return leaver


def of_cl_03(practice, leaver):
    return {step: state for step, state in states(practice, leaver).items() if step.startswith("CL-03")}


@pytest.mark.parametrize("outcome", LOSSES)
def test_what_was_expected_for_the_father_to_be_ends_with_the_pregnancy(practice, outcome):
    pregnancy = a_watched_pregnancy(practice)
    leaver = a_father_to_be(practice, pregnancy)
    assert of_cl_03(practice, leaver) == dict.fromkeys(PARENT_STEPS, "open")
    lost(pregnancy, outcome)
    assert of_cl_03(practice, leaver) == dict.fromkeys(PARENT_STEPS, "ended")
    assert not [found for found in practice.days_pass("2016-03-03 00:00") if found.step.startswith("CL-03")]


def test_it_ends_too_when_only_his_own_service_heard_of_the_loss(practice):
    pregnancy, another = a_watched_pregnancy(practice), a_watched_pregnancy(practice)
    leaver = a_father_to_be(practice, pregnancy)
    leaver.was("parenthood.lost.v1", "2014-03-03 10:00", pregnancy_id=another.id)
    assert of_cl_03(practice, leaver) == dict.fromkeys(PARENT_STEPS, "open")
    leaver.was("parenthood.lost.v1", "2014-03-04 10:00", pregnancy_id=pregnancy.id)
    assert of_cl_03(practice, leaver) == dict.fromkeys(PARENT_STEPS, "ended")


def test_a_move_of_his_is_talked_over_also_after_a_loss(practice):
    pregnancy = a_watched_pregnancy(practice)
    leaver = a_father_to_be(practice, pregnancy)
    leaver.was("care_leaver.moved.v1", "2014-03-04 10:00", out_of_area=False)
    lost(pregnancy, at="2014-03-03 10:00")
    leaver.was("parenthood.lost.v1", "2014-03-05 10:00", pregnancy_id=pregnancy.id)
    assert {found.opened_type: found.state for found in leaver.all("CL-03.contact")} == {
        "parenthood.learnt.v1": "ended",
        "care_leaver.moved.v1": "open",
    }


# --- deaths -----------------------------------------------------------------------------------------------------------


def died(practice, person, at="2014-03-10 10:00", family=(PERSON, PARTNER)):
    return practice.record_of("person", by=HV, key=person).was("person.died.v1", at, family=list(family))


def twins(practice):
    pregnancy = practice.record_of("pregnancy", by=MIDWIFE)
    pregnancy.was("pregnancy.booked.v1", "2013-08-12 10:00", edd="2014-03-03", mother_age_band="from_20")
    leaver = a_father_to_be(practice, pregnancy)
    pregnancy.was(
        "pregnancy.ended.v1", "2014-03-03", outcome="birth", children=[CHILD, TWIN], parents=[PERSON, PARTNER]
    )
    return pregnancy, leaver


def of_child(practice, child):
    return {found.step: found.state for found in practice.follow_ups(f"person/{child}")}


REVIEWS = ["HV-01.new-birth", "HV-01.six-week", "HV-01.twelve-month", "HV-01.two-year"]


def test_when_one_twin_dies_the_other_is_looked_after_as_before(practice):
    pregnancy, leaver = twins(practice)
    died(practice, CHILD)
    assert of_child(practice, CHILD) == {**dict.fromkeys(REVIEWS, "ended"), "BEREAVE-01.death": "open"}
    assert of_child(practice, TWIN) == dict.fromkeys(REVIEWS, "open")
    assert of_cl_03(practice, leaver) == dict.fromkeys(PARENT_STEPS, "open")
    assert states(practice, pregnancy)["HV-01.antenatal"] == "ended"


def test_when_both_twins_have_died_nobody_asks_the_father_to_prepare_for_them(practice):
    _, leaver = twins(practice)
    died(practice, CHILD)
    died(practice, TWIN, "2014-03-12 10:00")
    found = leaver.the("CL-03.support")
    assert (found.state, as_text(found.closed_at)) == ("ended", "2014-03-12 10:00")
    chased = {found.step for found in practice.days_pass("2014-09-10 00:00") if found.at >= "2014-03-12 10:00"}
    assert chased == {"BEREAVE-01.death"}


@pytest.mark.parametrize(
    ("recorded", "until"), [("2014-03-10 10:00", "2014-05-12 00:00"), ("2014-12-01 10:00", "2015-02-02 00:00")]
)
def test_a_death_ends_what_was_and_what_is_yet_to_be_recorded_about_that_person(practice, recorded, until):
    """But not what protects other children: an injury is still referred and decided on."""
    practice.birth(CHILD, "2014-02-03")
    child = practice.record_of("person", by=HV, key=CHILD)
    child.was("person.died.v1", "2014-03-10 10:00", recorded=recorded, family=[PERSON])
    practice.record_of("concern", by=HV, person_id=CHILD).was(
        "injury.reported.v1", "2014-03-09 10:00", recorded=recorded
    )
    child.was("household.adult_joined.v1", "2014-03-09 10:00", recorded=recorded, adult_id=PARTNER)
    found = {step: state for step, state in of_child(practice, CHILD).items() if state == "open"}
    assert found == {"BEREAVE-01.death": "open"}
    left = {"BEREAVE-01.death", "SG-01.immediate", "SG-01.decision"}
    assert {one.step for one in practice.days_pass(until) if one.at > recorded} == left


def test_when_the_mother_dies_the_child_is_looked_after_and_her_own_threads_end(practice):
    practice.birth(CHILD, "2014-02-03")
    referral = practice.referral()
    referral.was("intended", "2014-03-03 10:00")
    died(practice, PERSON, family=[CHILD])
    assert referral.the("REF-01").state == "ended"
    assert of_child(practice, CHILD) == dict.fromkeys(REVIEWS, "open")


def test_a_death_under_the_other_id_of_a_person_ends_it_all_the_same(practice):
    practice.birth(CHILD, "2014-02-03")
    practice.record_of("person", by=HV, key=TWIN).was("person.linked.v1", "2014-02-05 10:00", other_person_id=CHILD)
    died(practice, TWIN)
    assert of_child(practice, CHILD) == dict.fromkeys(REVIEWS, "ended")
    assert of_child(practice, TWIN) == {"BEREAVE-01.death": "open"}


# --- the bereaved family ----------------------------------------------------------------------------------------------

STEPS = PACKS["england"]["steps"]
SOMEBODY_ELSE, DEAD = (f"p_{letter * 32}" for letter in "89")
# What goes on about somebody who died although it is not guarded, and why.
OUTLASTS_A_DEATH = {
    **dict.fromkeys(
        ("CSC-01.decide", "CSC-01.tell", "CSC-01.chase", "CSC-02.closings"), "a contact bears on the others at home"
    ),
    **dict.fromkeys(
        (step for step in STEPS if step.startswith("HV-02.")), "others moved too, and both areas have to know"
    ),
    **dict.fromkeys(
        ("DATA-02.claim", "DATA-02.lowers", "DATA-02.referral", "DATA-02.objection", "DATA-03.who"),
        "a claim or a doubt is answered, whoever died: the death itself may be one",
    ),
    "GLASS-01": "who read what is looked at, whoever died",
}
# What goes on for a bereaved family although it is neither urgent nor guarded, and why.
OUTLASTS_A_LOSS = {
    **dict.fromkeys(
        (step for step in STEPS if step.startswith("MH-")), "a depression is the last thing to fall silent about"
    ),
    **dict.fromkeys((step for step in STEPS if step.startswith("BEREAVE-")), "it is what a loss asks for"),
    "DATA-04.doubt": "a doubt about an entry is answered: the loss itself may be one",
}


def test_whatever_goes_on_after_a_death_is_guarded_or_has_a_reason():
    outlasting = {name for name, step in STEPS.items() if step.get("after_loss") == "never-ends"}
    assert {step for step in outlasting if not STEPS[step].get("guarded")} == OUTLASTS_A_DEATH.keys()


def test_whatever_goes_on_after_a_loss_has_a_reason():
    assert {name for name, step in STEPS.items() if step.get("after_loss") == "continues"} <= OUTLASTS_A_LOSS.keys()


def is_routine(found):
    ends = STEPS[found.step].get("after_loss", "ends") == "ends"
    return ends and not found.guarded and not any(rung.urgent for rung in found.rungs)


@pytest.mark.parametrize("step", [*FAMILY, *PATHWAY])
def test_the_death_of_a_child_holds_what_is_routine_about_a_parent_and_nothing_else(step):
    """Of the child nothing else is known but the birth; no family is named."""
    played = Played(step)
    practice, person = played.practice, played.follow_up.person
    if person is not None:
        practice.birth(DEAD, "2010-05-03", mother=SOMEBODY_ELSE, parents=(person,))
    before = played.follow_up
    child = practice.record_of("person", by=HV, key=DEAD)
    death = child.was("person.died.v1", played.at, family=[])
    held = played.follow_up
    until = date.fromisoformat(played.at[:10]) + timedelta(weeks=4)
    expected = f"{until} 17:00" if person is not None and is_routine(before) else None
    assert (held.state, held.due_at) == ("open", before.due_at)
    assert (as_text(held.held_until) if held.held_until else None) == expected
    if expected:
        practice.sweep(f"{until} 16:59")
        assert practice.acts(held).chases == 0
    child.retracted(death, played.at)
    assert played.follow_up == before


@pytest.fixture
def family(practice):
    """A mother, two children of two fathers, and a referral about each of them."""
    practice.birth(CHILD, "2011-02-03", parents=(PARTNER,))
    practice.birth(DEAD, "2013-06-03", parents=(SOMEBODY_ELSE,))
    referrals = {}
    for person in (PERSON, PARTNER, CHILD, SOMEBODY_ELSE, OTHER):
        referrals[person] = practice.referral(person_id=person)
        referrals[person].was("intended", "2014-03-10 09:00")
    return referrals


HELD = "2014-04-07 17:00"


def held(family, step="REF-01"):
    found = {person: referral.the(step) for person, referral in family.items()}
    return {person for person, one in found.items() if one.held_until and as_text(one.held_until) == HELD}


def test_parents_brothers_and_sisters_are_held_and_nobody_else(practice, family):
    died(practice, DEAD, family=[])
    assert held(family) == {PERSON, CHILD, SOMEBODY_ELSE}
    assert {one.the("REF-01").state for one in family.values()} == {"open"}


def test_whoever_is_named_as_family_is_held_too(practice, family):
    died(practice, DEAD, family=[OTHER])
    assert held(family) == {PERSON, CHILD, SOMEBODY_ELSE, OTHER}


def test_the_death_of_a_parent_holds_the_children_and_their_other_parents(practice, family):
    died(practice, PERSON, family=[])
    assert held(family) == {PARTNER, CHILD, SOMEBODY_ELSE}
    assert family[PERSON].the("REF-01").state == "ended"


def test_it_is_the_same_under_the_other_id_of_the_child(practice, family):
    practice.record_of("person", by=HV, key=TWIN).was("person.linked.v1", "2014-02-05 10:00", other_person_id=DEAD)
    died(practice, TWIN, family=[])
    assert held(family) == {PERSON, CHILD, SOMEBODY_ELSE}


@pytest.mark.parametrize("outcome", LOSSES)
def test_a_loss_holds_what_is_routine_about_both_parents(practice, family, outcome):
    lost(practice.record_of("pregnancy", by=MIDWIFE), outcome, at="2014-03-10 10:00")
    assert held(family) == {PERSON, PARTNER}


def test_it_is_chased_when_the_four_weeks_are_over_and_no_earlier(practice, family):
    died(practice, DEAD, family=[])
    told = [[one for one in practice.sweep(at) if one.step == "REF-01"] for at in ("2014-04-07 16:59", HELD)]
    assert [len(found) for found in told] == [2, 3]


def test_what_opens_later_in_the_four_weeks_waits_until_they_end(practice):
    practice.birth(DEAD, "2013-06-03")
    died(practice, DEAD, family=[])
    referral = practice.referral()
    referral.was("intended", "2014-04-01 09:00")
    assert as_text(referral.the("REF-01").held_until) == HELD
    after = practice.referral()
    after.was("intended", "2014-04-08 09:00")
    assert after.the("REF-01").held_until is None


def test_a_death_that_becomes_known_late_holds_no_longer_than_one_that_was_known(practice, family):
    dead = practice.record_of("person", by=HV, key=DEAD)
    dead.was("person.died.v1", "2014-03-10 10:00", recorded="2014-03-31 10:00", family=[])
    assert held(family) == {PERSON, CHILD, SOMEBODY_ELSE}


def test_an_urgent_referral_goes_on(practice, family):
    referral = practice.referral()
    referral.was("intended", "2014-03-10 09:00", urgency="urgent")
    died(practice, DEAD, family=[])
    assert referral.the("REF-01").held_until is None


def test_a_death_that_is_only_claimed_holds_nothing_about_the_family(practice, family):
    said, at = {"person_id": DEAD, "family": [PERSON]}, london("2014-03-10 10:00")
    practice.record("person.died.v1", f"person/{DEAD}", said, at, "perinatal", HV, standing=NONE)
    assert held(family) == set()


def test_the_pack_says_for_how_long(practice, family):
    practice.adopt("england", "2014-01-01", {"BEREAVE-01.death": {"holds": {"weeks": 6}}})
    died(practice, DEAD, family=[])
    assert as_text(family[PERSON].the("REF-01").held_until) == "2014-04-21 17:00"


# --- an action for an unborn child ------------------------------------------------------------------------------------


def test_an_action_that_goes_on_with_the_child_ends_when_the_child_dies(practice):
    pregnancy = practice.record_of("pregnancy", by=MIDWIFE)
    pregnancy.was("pregnancy.booked.v1", "2013-08-12 10:00", edd="2014-03-03", mother_age_band="from_20")
    action = practice.record_of("action", by=SOCIAL_WORKER)
    action.was("action.decided.v1", "2014-02-03 10:00", pregnancy_id=pregnancy.id)
    pregnancy.was("pregnancy.ended.v1", "2014-03-03", outcome="birth", children=[CHILD, TWIN], parents=[PERSON])
    expected = {found.id for found in practice.follow_ups(action.name) if found.state == "open"}
    assert expected
    died(practice, CHILD)
    assert {found.person for found in practice.follow_ups(action.name)} == {TWIN}
    assert {found.id for found in practice.follow_ups(action.name) if found.state == "open"} == expected
    died(practice, TWIN, "2014-03-12 10:00")
    assert {found.state for found in practice.follow_ups(action.name) if found.id in expected} == {"ended"}
