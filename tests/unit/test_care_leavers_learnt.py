"""What `leaving_care` says of a parent is learnt with the pregnancy: a fact, once, for as long as its reasons stand."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest

from services.perinatal.domain.reactions import find_care_leavers
from shared.contracts import CATALOGUE
from shared.kernel.envelope import Event
from tests.unit.published import EventFeed, person, thing

LEAVER, OTHER_LEAVER, PREGNANCY, OTHER_PREGNANCY = 1, 2, 11, 12
HIM, HER, SAME_AS_HIM, SAME_AS_HER = 21, 22, 31, 32


def learnt(*events: Event) -> list[tuple[str, dict[str, Any]]]:
    """Stream and data of what follows, the same in whatever order it was heard."""
    orders = permutations(events) if len(events) < 6 else [events, events[::-1]]
    first, *others = [find_care_leavers(order) for order in [*orders, [*events, *events]]]
    for other in others:
        assert other == first
    for reaction in first:
        ids = {"pregnancy_id": thing(PREGNANCY), "person_id": person(HER)}
        assert CATALOGUE.faults(reaction.type, {**ids, **reaction.data}) == {}
    return [(reaction.stream, dict(reaction.data)) for reaction in first]


def of(parent: int, pregnancy: int = PREGNANCY, **more: str) -> tuple[str, dict[str, Any]]:
    return f"pregnancy/{thing(pregnancy)}", {"parent_id": person(parent), **more}


@pytest.fixture
def feed() -> EventFeed:
    return EventFeed()


@pytest.mark.parametrize("how", ["booked", "notified"])
def test_a_mother_who_is_a_care_leaver_is_learnt(feed: EventFeed, how: str) -> None:
    known, registered = getattr(feed, how)(PREGNANCY, HER), feed.registered(LEAVER, HER)
    assert learnt(known, registered) == [of(HER)]
    (reaction,) = find_care_leavers([known, registered])
    assert reaction.cause == registered.id


def test_a_named_partner_who_is_a_care_leaver_is_learnt(feed: EventFeed) -> None:
    events = [feed.registered(LEAVER, HIM), feed.booked(PREGNANCY, HER)]
    assert learnt(*events) == []
    assert learnt(*events, feed.partner(PREGNANCY, HER, HIM)) == [of(HIM)]


def test_both_parents_are_learnt_each_in_each_pregnancy(feed: EventFeed) -> None:
    events = [feed.registered(LEAVER, HIM), feed.registered(OTHER_LEAVER, HER)]
    events += [feed.booked(PREGNANCY, HER), feed.partner(PREGNANCY, HER, HIM), feed.booked(OTHER_PREGNANCY, HER)]
    assert learnt(*events) == [of(HER), of(HIM), of(HER, OTHER_PREGNANCY)]


def test_it_names_the_parent_as_the_pregnancy_does(feed: EventFeed) -> None:
    events = [feed.registered(LEAVER, HIM), feed.booked(PREGNANCY, HER), feed.partner(PREGNANCY, HER, SAME_AS_HIM)]
    assert learnt(*events) == []
    link = feed.linked(HIM, SAME_AS_HIM)
    assert learnt(*events, link) == [of(SAME_AS_HIM)]
    assert learnt(*events, link, feed.partner(PREGNANCY, HER, HIM)) == [of(SAME_AS_HIM)]
    assert learnt(*events, link, feed.unlinked(SAME_AS_HIM, HIM)) == []


def test_one_person_with_two_records_of_a_care_leaver_is_learnt_once(feed: EventFeed) -> None:
    events = [feed.registered(LEAVER, HER), feed.registered(OTHER_LEAVER, SAME_AS_HER), feed.linked(HER, SAME_AS_HER)]
    assert learnt(*events, feed.booked(PREGNANCY, HER)) == [of(HER)]


def test_it_says_which_team_to_contact_as_far_as_that_is_known(feed: EventFeed) -> None:
    events = [
        feed.registered(LEAVER, HER),
        feed.booked(PREGNANCY, HER),
        feed.adviser(LEAVER, HER, "leaving-care-essex"),
    ]
    assert learnt(*events) == [of(HER, contact_team="leaving-care-essex")]
    later = feed.adviser(LEAVER, HER, "leaving-care-norfolk")
    assert learnt(*events, later) == [of(HER, contact_team="leaving-care-norfolk")]
    assert learnt(*events, later, feed.retracted(later)) == [of(HER, contact_team="leaving-care-essex")]
    before, after = find_care_leavers(events), find_care_leavers([*events, later])
    assert [reaction.same for reaction in before] == [reaction.same for reaction in after]


def test_a_reason_that_was_retracted_is_none(feed: EventFeed) -> None:
    registered, booked = feed.registered(LEAVER, HER), feed.booked(PREGNANCY, HER)
    for wrong in (registered, booked):
        assert learnt(registered, booked, feed.retracted(wrong)) == []
    partner = feed.partner(PREGNANCY, HER, HER)
    assert learnt(registered, booked, partner, feed.retracted(booked)) == []
    assert learnt(registered, booked, feed.notified(PREGNANCY, HER), feed.retracted(booked)) == [of(HER)]


def test_care_experience_alone_starts_nothing_but_this_one_fact(feed: EventFeed) -> None:
    events = [feed.registered(LEAVER, HER), feed.booked(PREGNANCY, HER)]
    assert {reaction.type for reaction in find_care_leavers(events)} == {"pregnancy.care_leaver_learnt.v1"}
