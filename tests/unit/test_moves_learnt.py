"""What `perinatal` says of a care leaver's move is told to their adviser: once, for as long as it stands."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations
from typing import Any

import pytest

from services.leaving_care.domain.reactions import REACTIONS, find_moves
from shared.contracts import CATALOGUE
from shared.kernel.envelope import Event
from tests.unit.published import EventFeed, person, thing

LEAVER, OTHER_LEAVER, MOVE, OTHER_MOVE = 1, 2, 11, 12
HIM, HER, CHILD, SAME_AS_HIM = 21, 22, 23, 31


def follows(*events: Event) -> list[dict[str, Any]]:
    """The data of what follows on the care leaver's stream, the same in whatever order it was heard."""
    first, *others = [REACTIONS.rule(order) for order in [*permutations(events), [*events, *events]]]
    for other in others:
        assert other == first
    for reaction in first:
        ids = {"care_leaver_id": thing(LEAVER), "person_id": person(HIM)}
        assert reaction.type == "care_leaver.move_learnt.v1"
        assert CATALOGUE.faults(reaction.type, {**ids, **reaction.data}) == {}
    return [dict(reaction.data) for reaction in first if reaction.stream.endswith(thing(LEAVER))]


def learnt(move: int = MOVE, to_area: str = "norfolk", *, out_of_area: bool = True) -> dict[str, Any]:
    return {"move_id": thing(move), "to_area": to_area, "out_of_area": out_of_area}


@pytest.fixture
def feed() -> EventFeed:
    return EventFeed()


def test_a_move_of_a_care_leaver_is_learnt_whichever_of_the_two_became_known_first(feed: EventFeed) -> None:
    registered, move = feed.registered(LEAVER, HIM), feed.moved(MOVE, HER, CHILD, HIM)
    assert follows(registered, move) == [learnt()]
    (reaction,) = find_moves([registered, move])
    assert reaction.cause == move.id
    assert follows(feed.moved(MOVE, HIM), feed.registered(LEAVER, HIM)) == [learnt()]


def test_nothing_is_learnt_of_a_move_in_which_no_care_leaver_takes_part(feed: EventFeed) -> None:
    assert follows(feed.registered(LEAVER, HIM), feed.moved(MOVE, HER, CHILD)) == []


def test_a_move_into_the_area_that_registered_them_is_not_out_of_area(feed: EventFeed) -> None:
    registered = feed.registered(LEAVER, HIM)
    assert follows(registered, feed.moved(MOVE, HIM, to_area="essex")) == [learnt(to_area="essex", out_of_area=False)]
    theirs = replace(registered, area="norfolk")
    assert follows(theirs, feed.moved(MOVE, HIM)) == [learnt(out_of_area=False)]


def test_each_move_is_learnt_by_itself_and_once(feed: EventFeed) -> None:
    events = [feed.registered(LEAVER, HIM), feed.moved(MOVE, HIM, SAME_AS_HIM), feed.linked(HIM, SAME_AS_HIM)]
    back = feed.moved(OTHER_MOVE, HIM, to_area="essex")
    assert follows(*events, back) == [learnt(), learnt(OTHER_MOVE, "essex", out_of_area=False)]


def test_a_move_of_another_of_their_ids_is_learnt_while_the_link_stands(feed: EventFeed) -> None:
    events = [feed.registered(LEAVER, HIM), feed.moved(MOVE, SAME_AS_HIM)]
    assert follows(*events) == []
    link = feed.linked(SAME_AS_HIM, HIM)
    assert follows(*events, link) == [learnt()]
    assert follows(*events, link, feed.unlinked(HIM, SAME_AS_HIM)) == []


def test_a_move_or_a_registration_that_was_struck_out_leaves_nothing_learnt(feed: EventFeed) -> None:
    registered, move = feed.registered(LEAVER, HIM), feed.moved(MOVE, HIM)
    for wrong in (registered, move):
        assert follows(registered, move, feed.retracted(wrong)) == []


def test_it_is_learnt_though_the_adviser_recorded_the_move_too(feed: EventFeed) -> None:
    ids = {"care_leaver_id": thing(LEAVER), "person_id": person(HIM)}
    registered, stream = feed.registered(LEAVER, HIM), f"care-leaver/{thing(LEAVER)}"
    own = feed.event("care_leaver.moved.v1", stream, to_area="norfolk", out_of_area=True, **ids)
    assert follows(registered, own, feed.moved(MOVE, HIM)) == [learnt()]


def test_two_care_leavers_who_move_together_each_have_it_learnt(feed: EventFeed) -> None:
    events = [feed.registered(LEAVER, HIM), feed.registered(OTHER_LEAVER, HER), feed.moved(MOVE, HER, HIM)]
    assert [reaction.stream for reaction in find_moves(events)] == [
        f"care-leaver/{thing(OTHER_LEAVER)}",
        f"care-leaver/{thing(LEAVER)}",
    ]


def test_leaving_care_hears_of_moves() -> None:
    assert "leaving_care" in CATALOGUE["household.moved.v1"].hearers
    assert "household.moved.v1" in REACTIONS.hears
