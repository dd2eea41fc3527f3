"""CL-04: who comes back for support at 21 to 24 gets all of it again, and what age ends is planned before it ends."""

from __future__ import annotations

from itertools import permutations

import pytest

from tests.unit.practice import HV, PA, PACKS, Practice, as_text, chase

DECIDED, REQUESTED = "care_leaver.entitlement_decided.v1", "care_leaver.support_requested.v1"
AT_21, AT_25 = "2014-03-31", "2018-03-31"


@pytest.fixture
def practice() -> Practice:
    return Practice()


@pytest.fixture
def leaver(practice):
    """Registered at 20, with an adviser; the quarter in which they turn 21 ends with March 2014."""
    leaver = practice.record_of("care-leaver", by=PA)
    leaver.was("care_leaver.registered.v1", "2013-01-14 10:00", category="former_relevant", entitlement_review_on=AT_21)
    leaver.was("adviser.assigned.v1", "2013-01-14 12:00", adviser="pa-lindqvist", team="leaving-care-essex")
    return leaver


def decided(leaver, decision, at="2014-03-17 10:00", review_on=AT_25, **when):
    more = {"entitlement_review_on": review_on} if review_on else {}
    return leaver.was(DECIDED, at, decision=decision, decided_by="lc-manager-varga", **more, **when)


def asked(leaver, at="2016-05-09 10:00", review_on=AT_25, **when):
    return leaver.was(REQUESTED, at, how="phone", entitlement_review_on=review_on, **when)


def rounds(leaver, step):
    return [(found.state, as_text(found.due_at)) for found in leaver.all(step)]


def open_steps(practice, leaver):
    return sorted(found.step for found in practice.follow_ups(leaver.name) if found.state == "open")


# --- who comes back -----------------------------------------------------------------------------------------------


def test_who_asks_again_at_23_gets_an_adviser_a_plan_contact_and_a_review(practice, leaver):
    decided(leaver, "declined_support")
    asked(leaver)
    assert rounds(leaver, "CL-04.return") == [("open", "2016-05-23 17:00")]
    assert rounds(leaver, "CL-04.plan") == [("open", "2016-08-09 17:00")]
    assert rounds(leaver, "CL-02.contact") == [("ended", "2013-03-11 17:00"), ("open", "2016-07-04 17:00")]
    assert rounds(leaver, "CL-02.review") == [("ended", "2013-07-14 17:00"), ("open", "2016-11-09 17:00")]
    assert rounds(leaver, "CL-04.yearly") == [("met", "2015-03-17 17:00")]


@pytest.mark.parametrize("ending", ["ends", "declined_support"])
def test_support_that_goes_on_a_year_after_it_was_ended_is_expected_again(practice, leaver, ending):
    decided(leaver, ending)
    assert "CL-02.contact" not in open_steps(practice, leaver)
    decided(leaver, "continues", "2015-03-18 10:00")
    assert [state for state, _ in rounds(leaver, "CL-02.contact")] == ["ended", "open"]
    assert [state for state, _ in rounds(leaver, "CL-02.review")] == ["ended", "open"]


def test_support_that_never_stopped_is_not_started_twice(practice, leaver):
    decided(leaver, "continues")
    decided(leaver, "continues", "2014-04-01 10:00")
    asked(leaver, "2014-06-02 10:00")
    assert len(leaver.all("CL-02.contact")) == len(leaver.all("CL-02.review")) == 1
    decided(leaver, "ends", "2015-03-02 10:00")
    asked(leaver)
    asked(leaver, "2016-05-10 10:00")
    assert [state for state, _ in rounds(leaver, "CL-02.contact")] == ["ended", "open"]


def test_whatever_order_things_become_known_in_the_returner_is_expected_the_same():
    acts = (
        lambda leaver, at: decided(leaver, "declined_support", recorded=at),
        lambda leaver, at: asked(leaver, recorded=at),
        lambda leaver, at: decided(leaver, "ends", "2017-02-06 10:00", recorded=at),
        lambda leaver, at: decided(leaver, "continues", "2017-03-06 10:00", recorded=at),
    )
    found = set()
    for order in permutations(acts):
        practice = Practice()
        leaver = practice.record_of("care-leaver", by=PA)
        leaver.was("care_leaver.registered.v1", "2013-01-14 10:00", category="former_relevant")
        for number, act in enumerate(order):
            act(leaver, f"2018-01-{10 + number} 10:00")
        found.add((tuple(rounds(leaver, "CL-02.contact")), tuple(rounds(leaver, "CL-04.return"))))
    assert [[state for state, _ in contact] for contact, _ in found] == [["ended", "ended", "open"]]


def test_an_ending_that_was_a_mistake_leaves_all_as_it_was(practice, leaver):
    ended = decided(leaver, "ends")
    asked(leaver)
    leaver.retracted(ended, "2016-05-10 10:00")
    assert [state for state, _ in rounds(leaver, "CL-02.contact")] == ["open"]
    assert leaver.all("CL-04.yearly") == [] or {one.state for one in leaver.all("CL-04.yearly")} == {"void"}


def test_a_request_that_was_a_mistake_asks_for_nothing(practice, leaver):
    decided(leaver, "declined_support")
    request = asked(leaver)
    leaver.retracted(request, "2016-05-10 10:00")
    assert "CL-02.contact" not in open_steps(practice, leaver)
    assert {one.state for one in leaver.all("CL-04.return")} == {"void"}


def test_who_comes_back_to_the_flat_of_the_authority_is_visited_there_again(practice, leaver):
    leaver.was("accommodation.changed.v1", "2013-02-04 10:00", kind="authority", provided_by_authority=True)
    decided(leaver, "ends")
    asked(leaver)
    assert [state for state, _ in rounds(leaver, "CL-02.visits")] == ["ended", "open"]
    leaver.was("accommodation.changed.v1", "2016-06-06 10:00", kind="own_tenancy", provided_by_authority=False)
    decided(leaver, "ends", "2016-06-07 10:00")
    asked(leaver, "2016-06-08 10:00")
    assert [state for state, _ in rounds(leaver, "CL-02.visits")] == ["ended", "ended"]


def test_who_had_no_adviser_when_support_ended_gets_one_when_it_goes_on(practice, leaver):
    leaver.was("adviser.ended.v1", "2014-02-03 10:00", adviser="pa-lindqvist")
    decided(leaver, "ends")
    decided(leaver, "continues", "2015-03-18 10:00")
    assert [state for state, _ in rounds(leaver, "CL-02.adviser")] == ["ended", "open"]


def test_who_was_still_to_be_assessed_is_assessed_when_support_goes_on(practice):
    leaver = practice.record_of("care-leaver", by=PA)
    leaver.was("care_leaver.registered.v1", "2013-01-14 10:00", category="relevant")
    decided(leaver, "declined_support", "2013-02-04 10:00")
    decided(leaver, "continues", "2013-09-02 10:00")
    assert [state for state, _ in rounds(leaver, "CL-02.assessment")] == ["ended", "open"]
    leaver.was("pathway.assessed.v1", "2013-09-09 10:00")
    decided(leaver, "declined_support", "2013-10-07 10:00")
    decided(leaver, "continues", "2013-12-02 10:00")
    assert [state for state, _ in rounds(leaver, "CL-02.assessment")] == ["ended", "met"]


# What an ending stops, and why a return does not start it again.
NOT_STARTED_AGAIN = {
    "CL-01.review-by": "the day that was agreed has passed; CL-01.revisit asks about the item",
    "CL-02.visit": "it is about the first days in a flat; CL-02.visits starts again",
    "CL-02.settled": "it is about the first weeks in a flat; the review starts again",
    "CL-02.lost": "a contact is due in any case",
    "CL-02.unreached": "a contact is due in any case",
    "CL-03.move-told": "a contact is due in any case",
    "CL-03.authority": "the plan that is made says who is responsible",
    "CL-04.return": "each request opens its own",
    "CL-04.plan": "each request opens its own",
    "CL-04.place": "the next move opens its own",
    "CL-04.yearly": "it is about the time without support",
}


def test_each_step_that_an_ending_stops_starts_again_with_support_or_says_why_not():
    steps = PACKS["england"]["steps"]

    def reads(content, event, decisions):
        """Whether such an event is among these, with a decision among its conditions."""
        found = [one for one in content if isinstance(one, dict) and one.get("event") == event]
        return any(decision in str(one.get("when")) for one in found for decision in decisions)

    stopped = {step for step, one in steps.items() if reads(one.get("ended_by", []), DECIDED, ("ends",))}
    started = {
        step
        for step in stopped
        if isinstance(steps[step]["opens_on"], list) and reads(steps[step]["opens_on"], DECIDED, ("continues",))
    }
    assert stopped - started == {step for step in NOT_STARTED_AGAIN if step != "CL-04.yearly"}


# --- what age changes ---------------------------------------------------------------------------------------------


def test_the_entitlement_is_asked_about_at_21_and_again_in_the_quarter_before_25(practice, leaver):
    decided(leaver, "continues")
    assert rounds(leaver, "CL-02.entitlement") == [("met", f"{AT_21} 17:00"), ("open", f"{AT_25} 17:00")]
    assert as_text(leaver.all("CL-02.entitlement")[-1].visible_from) == "2017-12-31 17:00"
    decided(leaver, "ends", "2018-03-05 10:00", review_on=None)
    assert [state for state, _ in rounds(leaver, "CL-02.entitlement")] == ["met", "met"]


def test_who_comes_back_is_asked_about_25(practice, leaver):
    decided(leaver, "declined_support")
    assert [state for state, _ in rounds(leaver, "CL-02.entitlement")] == ["met"]
    asked(leaver)
    assert rounds(leaver, "CL-02.entitlement")[1:] == [("open", f"{AT_25} 17:00")]


def test_what_is_planned_is_asked_before_21_and_before_25(practice, leaver):
    leaver.was("care_leaver.ending_planned.v1", "2014-03-03 10:00", topics=["housing"], agreed=True)
    decided(leaver, "continues")
    assert rounds(leaver, "CL-04.age") == [("met", f"{AT_21} 17:00"), ("open", f"{AT_25} 17:00")]


def test_a_corrected_birthday_moves_both_questions(practice, leaver):
    leaver.was(
        "care_leaver.corrected.v1", "2013-05-13 10:00", details=["date_of_birth"], entitlement_review_on="2014-06-30"
    )
    for step in ("CL-02.entitlement", "CL-04.age"):
        assert rounds(leaver, step) == [("ended", f"{AT_21} 17:00"), ("open", "2014-06-30 17:00")]


def test_a_corrected_birthday_asks_nothing_about_who_went_without_support(practice, leaver):
    decided(leaver, "declined_support")
    leaver.was(
        "care_leaver.corrected.v1", "2014-05-12 10:00", details=["date_of_birth"], entitlement_review_on="2018-06-30"
    )
    assert "open" not in [state for state, _ in rounds(leaver, "CL-02.entitlement")]


# --- who went without ---------------------------------------------------------------------------------------------


def test_who_declined_is_reminded_each_year_until_25_and_then_no_more(practice, leaver):
    decided(leaver, "declined_support")
    for at in ("2015-03-09", "2016-03-08", "2017-03-07"):
        leaver.was("care_leaver.reminded.v1", f"{at} 10:00", how="letter", entitlement_review_on=AT_25)
    assert rounds(leaver, "CL-04.yearly") == [
        ("met", "2015-03-17 17:00"),
        ("met", "2016-03-09 17:00"),
        ("met", "2017-03-08 17:00"),
        ("open", "2018-03-07 17:00"),
    ]
    leaver.was("care_leaver.reminded.v1", "2018-02-20 10:00", how="letter")
    assert {state for state, _ in rounds(leaver, "CL-04.yearly")} == {"met"}


def test_the_last_offer_is_made_before_the_quarter_of_25_has_ended(practice, leaver):
    decided(leaver, "declined_support", "2017-06-05 10:00")
    assert rounds(leaver, "CL-04.yearly") == [("open", f"{AT_25} 17:00")]


def test_who_has_support_is_not_reminded(practice, leaver):
    leaver.was("care_leaver.reminded.v1", "2013-03-09 10:00", how="letter", entitlement_review_on=AT_21)
    assert leaver.all("CL-04.yearly") == []


# --- what is left over --------------------------------------------------------------------------------------------


def items_of(practice, leaver, *kinds):
    return [practice.plan_item(care_leaver_id=leaver.id, kind=kind) for kind in kinds]


def test_when_support_ends_the_manager_is_asked_once_about_all_items_and_none_is_chased(practice, leaver):
    counselling, housing = items_of(practice, leaver, "counselling", "accommodation")
    counselling.was("added", "2014-01-20 10:00")
    housing.was("added", "2014-01-20 10:00")
    decided(leaver, "ends")
    leaver.was("care_leaver.ending_planned.v1", "2014-03-18 10:00", topics=["housing"], agreed=True)
    assert {found.state for item in (counselling, housing) for found in practice.follow_ups(item.name)} == {"ended"}
    told = practice.days_pass("2014-04-01 00:00")
    assert [one for one in told if one.at > "2014-03-18"] == [
        chase("2014-03-31 17:00", "CL-04.items", "owner", "lc-manager-varga")
    ]
    housing.was("ended", "2014-04-02 10:00")
    assert leaver.the("CL-04.items").state == "open"
    counselling.was("completed", "2014-04-03 10:00")
    assert leaver.the("CL-04.items").state == "met"


def test_a_plan_without_items_that_are_left_asks_the_manager_nothing(practice, leaver):
    (done,) = items_of(practice, leaver, "counselling")
    done.was("added", "2014-01-20 10:00")
    done.was("completed", "2014-02-20 10:00")
    decided(leaver, "ends")
    assert leaver.all("CL-04.items") == []


def test_the_items_of_who_comes_back_are_expected_again(practice, leaver):
    counselling, done = items_of(practice, leaver, "counselling", "health")
    for item in (counselling, done):
        item.was("added", "2014-01-20 10:00")
    done.was("completed", "2014-02-20 10:00")
    decided(leaver, "ends")
    asked(leaver)
    for step in ("CL-01.arrange", "CL-01.revisit", "CL-01.fallback"):
        assert [state for state, _ in rounds(counselling, step)] == ["ended", "open"], step
        assert "open" not in [state for state, _ in rounds(done, step)]
    assert leaver.the("CL-04.items").state == "ended"


def test_an_item_that_was_arranged_or_taken_up_is_only_revisited(practice, leaver):
    (counselling,) = items_of(practice, leaver, "counselling")
    counselling.was("added", "2014-01-20 10:00")
    counselling.was("arranged", "2014-01-21 10:00")
    counselling.was("taken_up", "2014-01-22 10:00")
    decided(leaver, "ends")
    decided(leaver, "continues", "2015-03-18 10:00")
    found = practice.follow_ups(counselling.name)
    assert [one.step for one in found if one.state == "open"] == ["CL-01.revisit"]


# --- their children, and where they live --------------------------------------------------------------------------


def test_the_ending_of_a_parents_support_is_told_to_whoever_holds_the_childs_case(practice, leaver):
    leaver.was("parenthood.learnt.v1", "2013-06-03 10:00", kind="to_be_parent", pregnancy_id=leaver.id)
    decided(leaver, "ends")
    told = practice.sweep("2014-03-17 23:59")
    assert chase("2014-03-17 23:59", "CL-04.child", "owner", "pa-lindqvist") in told
    about_them = practice.record_of("notification", by=HV)
    about_them.was("sent", "2014-03-18 10:00", about="leaving_care")
    assert leaver.the("CL-04.child").state == "met"


def test_the_ending_of_the_support_of_who_is_no_parent_is_told_to_nobody(practice, leaver):
    decided(leaver, "ends")
    assert leaver.all("CL-04.child") == []


def test_a_move_out_of_the_area_is_told_to_the_authority_there_if_they_agree(practice, leaver):
    leaver.was("care_leaver.moved.v1", "2013-06-03 10:00", to_area="norfolk", out_of_area=False)
    assert leaver.all("CL-04.place") == []
    leaver.was("care_leaver.moved.v1", "2013-09-02 10:00", to_area="norfolk", out_of_area=True)
    assert rounds(leaver, "CL-04.place") == [("open", "2013-09-09 17:00")]
    leaver.was("care_leaver.authority_told.v1", "2013-09-04 10:00", authority="norfolk", agreed=False)
    assert rounds(leaver, "CL-04.place") == [("ended", "2013-09-09 17:00")]
