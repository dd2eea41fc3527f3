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
from tests.unit.said import RouteBody, person, thing

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
def said() -> RouteBody:
    return RouteBody()


def test_a_care_leaver_who_is_named_as_partner_is_to_be_a_parent(said: RouteBody) -> None:
    registered, booked, partner = said.registered(LEAVER, HIM), said.booked(PREGNANCY, HER), None
    assert follows(registered, booked) == []
    partner = said.partner(PREGNANCY, HER, HIM)
    assert follows(registered, booked, partner) == [to_be_parent()]
    (reaction,) = find_parenthoods([registered, booked, partner])
    assert reaction.cause == partner.id


@pytest.mark.parametrize("how", ["booked", "notified"])
def test_a_care_leaver_whose_own_pregnancy_becomes_known_is_to_be_a_parent(said: RouteBody, how: str) -> None:
    assert follows(said.registered(LEAVER, HER), getattr(said, how)(PREGNANCY, HER)) == [to_be_parent()]


def test_it_is_learnt_whichever_of_the_two_became_known_first(said: RouteBody) -> None:
    booked = said.booked(PREGNANCY, HER)
    assert follows(booked, said.partner(PREGNANCY, HER, HIM), said.registered(LEAVER, HIM)) == [to_be_parent()]


def test_a_pregnancy_is_learnt_once_however_often_it_is_said(said: RouteBody) -> None:
    events = [said.registered(LEAVER, HER), said.notified(PREGNANCY, HER), said.booked(PREGNANCY, HER)]
    assert follows(*events, said.partner(PREGNANCY, HER, HIM)) == [to_be_parent()]


def test_each_pregnancy_is_learnt_by_itself(said: RouteBody) -> None:
    events = [said.registered(LEAVER, HER), said.booked(PREGNANCY, HER), said.booked(OTHER_PREGNANCY, HER)]
    assert follows(*events) == [to_be_parent(), to_be_parent(OTHER_PREGNANCY)]


def test_mother_and_partner_who_are_both_care_leavers_each_learn_of_it(said: RouteBody) -> None:
    events = [said.registered(LEAVER, HIM), said.registered(OTHER_LEAVER, HER), said.booked(PREGNANCY, HER)]
    reactions = find_parenthoods([*events, said.partner(PREGNANCY, HER, HIM)])
    assert {reaction.stream for reaction in reactions} == {
        f"care-leaver/{thing(LEAVER)}",
        f"care-leaver/{thing(OTHER_LEAVER)}",
    }


def test_nothing_follows_for_somebody_who_is_no_care_leaver(said: RouteBody) -> None:
    events = [said.booked(PREGNANCY, HER), said.partner(PREGNANCY, HER, HIM), said.joined(HER, HIM, CHILD)]
    assert follows(*events, said.died(CHILD)) == []


def test_two_linked_ids_are_one_person_until_they_are_unlinked(said: RouteBody) -> None:
    events = [said.registered(LEAVER, HIM), said.booked(PREGNANCY, HER), said.partner(PREGNANCY, HER, SAME_AS_HIM)]
    assert follows(*events) == []
    link = said.linked(SAME_AS_HIM, HIM)
    assert follows(*events, link) == [to_be_parent()]
    assert follows(*events, said.retracted(link), link) == []
    unlink = said.unlinked(HIM, SAME_AS_HIM)
    assert follows(*events, link, unlink) == []
    assert follows(*events, link, unlink, said.retracted(unlink)) == [to_be_parent()]
    assert follows(*events, link, unlink, said.linked(HIM, SAME_AS_HIM)) == [to_be_parent()]


def test_links_lead_on_from_one_id_to_the_next(said: RouteBody) -> None:
    events = [said.registered(LEAVER, HIM), said.booked(PREGNANCY, 41)]
    assert follows(*events, said.linked(41, 42), said.linked(43, 42), said.linked(HIM, 43)) == [to_be_parent()]


def test_a_cause_that_was_retracted_is_none(said: RouteBody) -> None:
    registered, booked = said.registered(LEAVER, HIM), said.booked(PREGNANCY, HER)
    partner = said.partner(PREGNANCY, HER, HIM)
    for wrong in (registered, booked, partner):
        assert follows(registered, booked, partner, said.retracted(wrong)) == []
    again = said.registered(LEAVER, HIM)
    assert follows(registered, booked, partner, said.retracted(registered), again) == [to_be_parent()]


def test_a_partner_counts_though_the_booking_was_never_heard(said: RouteBody) -> None:
    assert follows(said.registered(LEAVER, HIM), said.partner(PREGNANCY, HER, HIM)) == [to_be_parent()]


def test_a_retraction_counts_only_for_an_entry_of_its_own_record(said: RouteBody) -> None:
    registered, booked = said.registered(LEAVER, HER), said.booked(PREGNANCY, HER)
    stray = said.event("record.retracted.v1", registered.stream, event_id=booked.id, reason_code="typing-error")
    assert follows(registered, booked, stray) == [to_be_parent()]


def test_a_care_leaver_who_joins_a_household_learns_of_its_child(said: RouteBody) -> None:
    events = [said.registered(LEAVER, HIM), said.joined(HER, HIM, CHILD)]
    assert follows(*events) == [child_joined()]
    assert follows(*events, said.joined(HER, HIM, CHILD)) == [child_joined()]
    assert follows(*events, said.retracted(events[1])) == []


def test_a_household_is_learnt_once_under_whichever_of_two_linked_ids(said: RouteBody) -> None:
    events = [said.registered(LEAVER, HIM), said.joined(HER, HIM, CHILD), said.joined(SAME_AS_HER, HIM)]
    assert follows(*events) == [child_joined(), child_joined(SAME_AS_HER)]
    assert follows(*events, said.linked(HER, SAME_AS_HER)) == [child_joined()]


@pytest.mark.parametrize("outcome", ["miscarriage", "termination", "stillbirth"])
def test_a_loss_is_told_for_a_pregnancy_that_was_learnt(said: RouteBody, outcome: str) -> None:
    events = [said.registered(LEAVER, HER), said.booked(PREGNANCY, HER), said.ended(PREGNANCY, HER, outcome)]
    assert follows(*events) == [to_be_parent(), lost(pregnancy_id=thing(PREGNANCY))]
    assert follows(*events, said.retracted(events[-1])) == [to_be_parent()]
    assert follows(*events[1:]) == []


def test_the_death_of_a_child_is_told_for_the_pregnancy_it_was_born_of(said: RouteBody) -> None:
    events = [said.registered(LEAVER, HER), said.booked(PREGNANCY, HER), said.ended(PREGNANCY, HER, "birth", CHILD)]
    assert follows(*events) == [to_be_parent()]
    assert follows(*events, said.died(CHILD)) == [to_be_parent(), lost(pregnancy_id=thing(PREGNANCY))]
    assert follows(*events, said.died(HIM, CHILD)) == [to_be_parent()]


def test_the_death_of_a_child_is_told_for_the_household_that_was_joined(said: RouteBody) -> None:
    events = [said.registered(LEAVER, HIM), said.joined(HER, HIM, CHILD), said.died(44), said.linked(44, CHILD)]
    assert follows(*events) == [child_joined(), lost(household_person_id=person(HER))]
    assert follows(*events[:3]) == [child_joined()]


def test_what_was_lost_follows_what_was_learnt(said: RouteBody) -> None:
    events = [said.registered(LEAVER, HER), said.ended(PREGNANCY, HER, "miscarriage"), said.booked(PREGNANCY, HER)]
    learnt, gone = find_parenthoods(events)
    assert (learnt.follows, gone.follows) == (None, learnt.type)


def born(said: RouteBody, ago: timedelta, *children: int) -> Event:
    """A birth so long before now."""
    return replace(said.ended(PREGNANCY, HER, "birth", *children), occurred_at=NOW - ago, precision="day")


@pytest.mark.parametrize("number", [4 * 365, 5 * 365])
def test_a_pregnancy_that_had_ended_before_a_care_leaver_was_registered_makes_nobody_a_parent_to_be(
    said: RouteBody, number: int
) -> None:
    registered, booked = said.registered(LEAVER, HIM), said.booked(PREGNANCY, HER)
    partner, birth = said.partner(PREGNANCY, HER, HIM), born(said, timedelta(days=number), CHILD, TWIN)
    assert follows(registered, booked, partner) == [to_be_parent()]
    assert follows(registered, booked, partner, birth) == [child_joined(CHILD), child_joined(TWIN)]
    (first, _) = find_parenthoods([registered, booked, partner, birth])
    assert first.cause == birth.id
    assert follows(registered, booked, partner, birth, said.retracted(birth)) == [to_be_parent()]


def test_a_child_of_five_when_a_care_leaver_was_registered_is_none_that_the_adviser_is_told_of(said: RouteBody) -> None:
    events = [said.registered(LEAVER, HER), said.booked(PREGNANCY, HER), born(said, timedelta(days=5 * 365 + 2), CHILD)]
    assert follows(*events, said.died(CHILD)) == []


def test_a_loss_before_a_care_leaver_was_registered_is_neither_learnt_nor_lost(said: RouteBody) -> None:
    lost_before = said.ended(PREGNANCY, HER, "stillbirth")
    events = [lost_before, said.registered(LEAVER, HER), said.booked(PREGNANCY, HER)]
    assert follows(*events) == []
    assert follows(*events, said.retracted(lost_before)) == [to_be_parent()]


def test_a_pregnancy_that_ended_after_the_registration_was_learnt_of_though_it_became_known_late(
    said: RouteBody,
) -> None:
    events = [said.registered(LEAVER, HER), said.ended(PREGNANCY, HER, "birth", CHILD), said.booked(PREGNANCY, HER)]
    assert follows(*events) == [to_be_parent()]


def test_a_young_child_is_learnt_of_once_under_whichever_id_and_lost_when_it_dies(said: RouteBody) -> None:
    events = [said.registered(LEAVER, HIM), said.partner(PREGNANCY, HER, HIM), born(said, timedelta(days=900), CHILD)]
    joined = said.joined(SAME_AS_CHILD, HIM)
    assert follows(*events, joined) == [child_joined(CHILD), child_joined(SAME_AS_CHILD)]
    assert len(follows(*events, joined, said.linked(CHILD, SAME_AS_CHILD))) == 1
    assert follows(*events, said.died(CHILD)) == [child_joined(CHILD), lost(household_person_id=person(CHILD))]


def test_each_of_two_care_leavers_is_told_by_when_they_were_registered_themselves(said: RouteBody) -> None:
    before = said.registered(LEAVER, HIM)
    birth = said.ended(PREGNANCY, HER, "birth", CHILD)
    events = [before, birth, said.registered(OTHER_LEAVER, HER), said.partner(PREGNANCY, HER, HIM)]
    kinds = {
        reaction.stream: reaction.data["kind"] for reaction in find_parenthoods([*events, said.booked(PREGNANCY, HER)])
    }
    assert kinds == {
        f"care-leaver/{thing(LEAVER)}": "to_be_parent",
        f"care-leaver/{thing(OTHER_LEAVER)}": "child_joined",
    }


def test_a_reaction_carries_ids_and_codes_only(said: RouteBody) -> None:
    def fields(reaction: Reaction) -> set[str]:
        return set(reaction.data)

    events = [said.registered(LEAVER, HIM), said.booked(PREGNANCY, HIM), said.joined(HER, HIM, CHILD), said.died(CHILD)]
    assert [fields(reaction) for reaction in find_parenthoods(events)] == [
        {"kind", "pregnancy_id"},
        {"kind", "household_person_id"},
        {"household_person_id"},
    ]
