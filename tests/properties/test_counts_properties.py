"""Counts over a household, for random histories: no closing lowers them, each pattern is asked about once, and what
nobody has read closes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.kernel.decisions import Actor
from tests.unit.practice import CHILD, FRONT_DOOR, PERSON, TWIN, Practice

BOSSES = [Actor(f"boss-{name}", "manager", "front-door-essex", ("essex",)) for name in ("one", "two")]
CONTACT, CLOSED, REVIEWED, DECIDED = "contact", "closed", "reviewed", "decided"
Fact = tuple[str, int, str, int, int]
facts = st.lists(
    st.tuples(
        st.sampled_from([CONTACT, CONTACT, CLOSED, REVIEWED, DECIDED]),
        st.integers(0, 400),
        st.sampled_from([CHILD, TWIN, PERSON]),
        st.integers(0, 1),  # by whom
        st.sampled_from([0, 0, 0, 30]),  # how late it becomes known, in days
    ),
    min_size=3,
    max_size=10,
)


def play(told: Sequence[Fact]) -> Practice:
    """A family of two children, and these facts, in the order in which they happened."""
    practice = Practice()
    practice.birth(CHILD, "2010-03-01")
    practice.birth(TWIN, "2012-05-01")
    contacts: list[str] = []
    for number, (what, day, person, by, late) in enumerate(sorted(told, key=lambda fact: fact[1])):
        on = date(2013, 1, 7) + timedelta(days=day)
        at, recorded = f"{on} 10:{number:02}", f"{on + timedelta(days=late)} 10:{number:02}"
        # Each fact has ids of its own, which stay the same where another fact is left out.
        key = f"00000000-0000-0000-0000-{(day * 1_000 + by * 100 + len(what) * 7 + late):012}"
        record = practice.record_of("contact", by=FRONT_DOOR, person_id=person, key=key)
        if what == CONTACT:
            record.was("contact.received.v1", at, recorded=recorded)
            contacts.append(key)
        elif what == DECIDED:
            record.was("contact.decided.v1", at, recorded=recorded, by=BOSSES[by])
        elif what == CLOSED:
            case = practice.record_of("case", by=BOSSES[by], person_id=person, people=[person], key=key)
            case.was("case.closed.v1", at, recorded=recorded, agency="childrens_social_care")
        elif contacts:
            child = practice.record_of("person", by=BOSSES[by], key=person)
            child.was("contacts.reviewed.v1", at, recorded=recorded, contacts=list(contacts))
    return practice


def is_open(practice: Practice, step: str = "CSC-02.contacts") -> bool:
    """Whether the step is open about anybody of the household."""
    found = [one for who in (CHILD, TWIN, PERSON) for one in practice.follow_ups(f"person/{who}")]
    return any(one.state == "open" for one in found if one.step == step)


@settings(max_examples=40)
@given(told=facts)
def test_no_closing_lowers_a_count_or_ends_what_it_opened(told: list[Fact]) -> None:
    if is_open(play([fact for fact in told if fact[0] != CLOSED])):
        assert is_open(play(told))


@settings(max_examples=40)
@given(told=facts)
def test_each_pattern_is_asked_about_once_in_a_household(told: list[Fact]) -> None:
    practice = play(told)
    found = [one for who in (CHILD, TWIN, PERSON) for one in practice.follow_ups(f"person/{who}")]
    openings = [one.opened_by for one in found if one.step == "CSC-02.contacts"]
    assert len(openings) == len(set(openings))
    assert sum(one.state == "open" for one in found if one.step == "CSC-02.contacts") <= 1


@settings(max_examples=40)
@given(told=facts, more=st.tuples(st.integers(0, 400), st.sampled_from([CHILD, TWIN, PERSON])))
def test_one_contact_more_that_nobody_has_read_never_closes_anything(told: list[Fact], more: tuple[int, str]) -> None:
    reviewed = [fact[1] for fact in told if fact[0] == REVIEWED]
    later = (CONTACT, max([more[0], *reviewed]) + 1, more[1], 0, 0)
    if is_open(play(told)):
        assert is_open(play([*told, later]))
