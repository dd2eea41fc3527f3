"""What `perinatal` says of a care leaver opens or ends obligations: once, for as long as its reasons stand."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest

from services.leaving_care.domain.reactions import find_parenthoods
from shared.contracts import CATALOGUE
from shared.kernel.envelope import Event
from shared.recording.reaction_rules import Reaction
from tests.unit.history import NOW
from tests.unit.published import EventFeed, person, thing

LEAVER, OTHER_LEAVER, PREGNANCY, OTHER_PREGNANCY = 1, 2, 11, 12
HIM, HER, CHILD, TWIN, SAME_AS_HIM, SAME_AS_HER, SAME_AS_CHILD = 21, 22, 23, 24, 31, 32, 33


def follows(*events: Event) -> list[tuple[str, dict[str, Any]]]:
    """Type and data of what follows on the care leaver's stream, the same in whatever order it was heard."""
    first, *others = [find_parenthoods(order) for order in _orders(events)]
    for other in others:
        assert other == first
    for reaction in first:
        ids = {"care_leaver_id": thing(LEAVER), "person_id": person(HIM)}
        assert CATALOGUE.faults(reaction.type, {**ids, **reaction.data}) == {}
    return [(reaction.type, dict(reaction.data)) for reaction in first if reaction.stream.endswith(thing(LEAVER))]


def _orders(events: tuple[Event, ...]) -> list[list[Event]]:
    orders = [list(order) for order in permutations(events)] if len(events) < 6 else [list(events), [*events][::-1]]
    return [*orders, [*events, *events]]


def to_be_parent(pregnancy: int = PREGNANCY) -> tuple[str, dict[str, Any]]:
    return "parenthood.learnt.v1", {"kind": "to_be_parent", "pregnancy_id": thing(pregnancy)}


def child_joined(household: int = HER) -> tuple[str, dict[str, Any]]:
    return "parenthood.learnt.v1", {"kind": "child_joined", "household_person_id": person(household)}


def lost(**about: str) -> tuple[str, dict[str, Any]]:
    return "parenthood.lost.v1", about


@pytest.fixture
def feed() -> EventFeed:
    return EventFeed()


def test_a_care_leaver_who_is_named_as_partner_is_to_be_a_parent(feed: EventFeed) -> None:
    registered, booked, partner = feed.registered(LEAVER, HIM), feed.booked(PREGNANCY, HER), None
    assert follows(registered, booked) == []
    partner = feed.partner(PREGNANCY, HER, HIM)
    assert follows(registered, booked, partner) == [to_be_parent()]
    (reaction,) = find_parenthoods([registered, booked, partner])
    assert reaction.cause == partner.id


@pytest.mark.parametrize("how", ["booked", "notified"])
def test_a_care_leaver_whose_own_pregnancy_becomes_known_is_to_be_a_parent(feed: EventFeed, how: str) -> None:
    assert follows(feed.registered(LEAVER, HER), getattr(feed, how)(PREGNANCY, HER)) == [to_be_parent()]


def test_it_is_learnt_whichever_of_the_two_became_known_first(feed: EventFeed) -> None:
    booked = feed.booked(PREGNANCY, HER)
    assert follows(booked, feed.partner(PREGNANCY, HER, HIM), feed.registered(LEAVER, HIM)) == [to_be_parent()]


def test_a_pregnancy_is_learnt_once_however_often_it_is_said(feed: EventFeed) -> None:
    events = [feed.registered(LEAVER, HER), feed.notified(PREGNANCY, HER), feed.booked(PREGNANCY, HER)]
    assert follows(*events, feed.partner(PREGNANCY, HER, HIM)) == [to_be_parent()]


def test_each_pregnancy_is_learnt_by_itself(feed: EventFeed) -> None:
    events = [feed.registered(LEAVER, HER), feed.booked(PREGNANCY, HER), feed.booked(OTHER_PREGNANCY, HER)]
    assert follows(*events) == [to_be_parent(), to_be_parent(OTHER_PREGNANCY)]


def test_mother_and_partner_who_are_both_care_leavers_each_learn_of_it(feed: EventFeed) -> None:
    events = [feed.registered(LEAVER, HIM), feed.registered(OTHER_LEAVER, HER), feed.booked(PREGNANCY, HER)]
    reactions = find_parenthoods([*events, feed.partner(PREGNANCY, HER, HIM)])
    assert {reaction.stream for reaction in reactions} == {
        f"care-leaver/{thing(LEAVER)}",
        f"care-leaver/{thing(OTHER_LEAVER)}",
    }


def test_nothing_follows_for_somebody_who_is_no_care_leaver(feed: EventFeed) -> None:
    events = [feed.booked(PREGNANCY, HER), feed.partner(PREGNANCY, HER, HIM), feed.joined(HER, HIM, CHILD)]
    assert follows(*events, feed.died(CHILD)) == []


def test_two_linked_ids_are_one_person_until_they_are_unlinked(feed: EventFeed) -> None:
    events = [feed.registered(LEAVER, HIM), feed.booked(PREGNANCY, HER), feed.partner(PREGNANCY, HER, SAME_AS_HIM)]
    assert follows(*events) == []
    link = feed.linked(SAME_AS_HIM, HIM)
    assert follows(*events, link) == [to_be_parent()]
    assert follows(*events, feed.retracted(link), link) == []
    unlink = feed.unlinked(HIM, SAME_AS_HIM)
    assert follows(*events, link, unlink) == []
    assert follows(*events, link, unlink, feed.retracted(unlink)) == [to_be_parent()]
    assert follows(*events, link, unlink, feed.linked(HIM, SAME_AS_HIM)) == [to_be_parent()]


def test_links_lead_on_from_one_id_to_the_next(feed: EventFeed) -> None:
    events = [feed.registered(LEAVER, HIM), feed.booked(PREGNANCY, 41)]
    assert follows(*events, feed.linked(41, 42), feed.linked(43, 42), feed.linked(HIM, 43)) == [to_be_parent()]


def test_a_cause_that_was_retracted_is_none(feed: EventFeed) -> None:
    registered, booked = feed.registered(LEAVER, HIM), feed.booked(PREGNANCY, HER)
    partner = feed.partner(PREGNANCY, HER, HIM)
    for wrong in (registered, booked, partner):
        assert follows(registered, booked, partner, feed.retracted(wrong)) == []
    again = feed.registered(LEAVER, HIM)
    assert follows(registered, booked, partner, feed.retracted(registered), again) == [to_be_parent()]


def test_a_partner_counts_though_the_booking_was_never_heard(feed: EventFeed) -> None:
    assert follows(feed.registered(LEAVER, HIM), feed.partner(PREGNANCY, HER, HIM)) == [to_be_parent()]


def test_a_retraction_counts_only_for_an_entry_of_its_own_record(feed: EventFeed) -> None:
    registered, booked = feed.registered(LEAVER, HER), feed.booked(PREGNANCY, HER)
    stray = feed.event("record.retracted.v1", registered.stream, event_id=booked.id, reason_code="typing-error")
    assert follows(registered, booked, stray) == [to_be_parent()]


def test_a_care_leaver_who_joins_a_household_learns_of_its_child(feed: EventFeed) -> None:
    events = [feed.registered(LEAVER, HIM), feed.joined(HER, HIM, CHILD)]
    assert follows(*events) == [child_joined()]
    assert follows(*events, feed.joined(HER, HIM, CHILD)) == [child_joined()]
    assert follows(*events, feed.retracted(events[1])) == []


def test_a_household_is_learnt_once_under_whichever_of_two_linked_ids(feed: EventFeed) -> None:
    events = [feed.registered(LEAVER, HIM), feed.joined(HER, HIM, CHILD), feed.joined(SAME_AS_HER, HIM)]
    assert follows(*events) == [child_joined(), child_joined(SAME_AS_HER)]
    assert follows(*events, feed.linked(HER, SAME_AS_HER)) == [child_joined()]


@pytest.mark.parametrize("outcome", ["miscarriage", "termination", "stillbirth"])
def test_a_loss_is_told_for_a_pregnancy_that_was_learnt(feed: EventFeed, outcome: str) -> None:
    events = [feed.registered(LEAVER, HER), feed.booked(PREGNANCY, HER), feed.ended(PREGNANCY, HER, outcome)]
    assert follows(*events) == [to_be_parent(), lost(pregnancy_id=thing(PREGNANCY))]
    assert follows(*events, feed.retracted(events[-1])) == [to_be_parent()]
    assert follows(*events[1:]) == []


def test_the_death_of_a_child_is_told_for_the_pregnancy_it_was_born_of(feed: EventFeed) -> None:
    events = [feed.registered(LEAVER, HER), feed.booked(PREGNANCY, HER), feed.ended(PREGNANCY, HER, "birth", CHILD)]
    assert follows(*events) == [to_be_parent()]
    assert follows(*events, feed.died(CHILD)) == [to_be_parent(), lost(pregnancy_id=thing(PREGNANCY))]
    assert follows(*events, feed.died(HIM, CHILD)) == [to_be_parent()]


def test_the_death_of_a_child_is_told_for_the_household_that_was_joined(feed: EventFeed) -> None:
    events = [feed.registered(LEAVER, HIM), feed.joined(HER, HIM, CHILD), feed.died(44), feed.linked(44, CHILD)]
    assert follows(*events) == [child_joined(), lost(household_person_id=person(HER))]
    assert follows(*events[:3]) == [child_joined()]


def test_what_was_lost_follows_what_was_learnt(feed: EventFeed) -> None:
    events = [feed.registered(LEAVER, HER), feed.ended(PREGNANCY, HER, "miscarriage"), feed.booked(PREGNANCY, HER)]
    learnt, gone = find_parenthoods(events)
    assert (learnt.follows, gone.follows) == (None, learnt.type)


def born(feed: EventFeed, ago: timedelta, *children: int) -> Event:
    """A birth so long before now."""
    return replace(feed.ended(PREGNANCY, HER, "birth", *children), occurred_at=NOW - ago, precision="day")


@pytest.mark.parametrize("number", [4 * 365, 5 * 365])
def test_a_pregnancy_that_had_ended_before_a_care_leaver_was_registered_makes_nobody_a_parent_to_be(
    feed: EventFeed, number: int
) -> None:
    registered, booked = feed.registered(LEAVER, HIM), feed.booked(PREGNANCY, HER)
    partner, birth = feed.partner(PREGNANCY, HER, HIM), born(feed, timedelta(days=number), CHILD, TWIN)
    assert follows(registered, booked, partner) == [to_be_parent()]
    assert follows(registered, booked, partner, birth) == [child_joined(CHILD), child_joined(TWIN)]
    (first, _) = find_parenthoods([registered, booked, partner, birth])
    assert first.cause == birth.id
    assert follows(registered, booked, partner, birth, feed.retracted(birth)) == [to_be_parent()]


def test_a_child_of_five_when_a_care_leaver_was_registered_is_none_that_the_adviser_is_told_of(feed: EventFeed) -> None:
    events = [feed.registered(LEAVER, HER), feed.booked(PREGNANCY, HER), born(feed, timedelta(days=5 * 365 + 2), CHILD)]
    assert follows(*events, feed.died(CHILD)) == []


def test_a_loss_before_a_care_leaver_was_registered_is_neither_learnt_nor_lost(feed: EventFeed) -> None:
    lost_before = feed.ended(PREGNANCY, HER, "stillbirth")
    events = [lost_before, feed.registered(LEAVER, HER), feed.booked(PREGNANCY, HER)]
    assert follows(*events) == []
    assert follows(*events, feed.retracted(lost_before)) == [to_be_parent()]


def test_a_pregnancy_that_ended_after_the_registration_was_learnt_of_though_it_became_known_late(
    feed: EventFeed,
) -> None:
    events = [feed.registered(LEAVER, HER), feed.ended(PREGNANCY, HER, "birth", CHILD), feed.booked(PREGNANCY, HER)]
    assert follows(*events) == [to_be_parent()]


def test_a_young_child_is_learnt_of_once_under_whichever_id_and_lost_when_it_dies(feed: EventFeed) -> None:
    events = [feed.registered(LEAVER, HIM), feed.partner(PREGNANCY, HER, HIM), born(feed, timedelta(days=900), CHILD)]
    joined = feed.joined(SAME_AS_CHILD, HIM)
    assert follows(*events, joined) == [child_joined(CHILD), child_joined(SAME_AS_CHILD)]
    assert len(follows(*events, joined, feed.linked(CHILD, SAME_AS_CHILD))) == 1
    assert follows(*events, feed.died(CHILD)) == [child_joined(CHILD), lost(household_person_id=person(CHILD))]


def test_each_of_two_care_leavers_is_told_by_when_they_were_registered_themselves(feed: EventFeed) -> None:
    before = feed.registered(LEAVER, HIM)
    birth = feed.ended(PREGNANCY, HER, "birth", CHILD)
    events = [before, birth, feed.registered(OTHER_LEAVER, HER), feed.partner(PREGNANCY, HER, HIM)]
    kinds = {
        reaction.stream: reaction.data["kind"] for reaction in find_parenthoods([*events, feed.booked(PREGNANCY, HER)])
    }
    assert kinds == {
        f"care-leaver/{thing(LEAVER)}": "to_be_parent",
        f"care-leaver/{thing(OTHER_LEAVER)}": "child_joined",
    }


def test_a_reaction_carries_ids_and_codes_only(feed: EventFeed) -> None:
    def fields(reaction: Reaction) -> set[str]:
        return set(reaction.data)

    events = [feed.registered(LEAVER, HIM), feed.booked(PREGNANCY, HIM), feed.joined(HER, HIM, CHILD), feed.died(CHILD)]
    assert [fields(reaction) for reaction in find_parenthoods(events)] == [
        {"kind", "pregnancy_id"},
        {"kind", "household_person_id"},
        {"household_person_id"},
    ]
