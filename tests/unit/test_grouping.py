"""Calls that come while a group is under way share the next one, each with an outcome of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from shared.events.coalescing import Coalescer
from tests.support import eventually


class Lost(Exception):
    pass


class Held:
    """A grouping of texts whose first group waits until it is let go; `groups` are those that were answered."""

    def __init__(self, answer: Callable[[list[str]], Sequence[str | Exception]], most: int = 500) -> None:
        self.groups: list[list[str]] = []
        self.begun, self.let_go = threading.Event(), threading.Event()
        self.answer = answer
        self.grouping: Coalescer[str, str] = Coalescer(self._act, apart=lambda text: text[0], lost=Lost, most=most)

    def _act(self, group: list[str]) -> Sequence[str | Exception]:
        self.groups.append(group)
        self.begun.set()
        assert self.let_go.wait(10)
        return self.answer(group)

    def ask_all(self, *texts: str) -> list[Future[str]]:
        """Ask the first alone and, while it is under way, the others, in this order."""
        with ThreadPoolExecutor(len(texts)) as callers:
            told = [callers.submit(self.grouping.call, texts[0])]
            assert self.begun.wait(10)
            for number, text in enumerate(texts[1:], 1):
                told.append(callers.submit(self.grouping.call, text))
                eventually(lambda number=number: len(self.grouping._waiting) == number)
            self.let_go.set()
        return told


def upper(group: list[str]) -> list[str | Exception]:
    return [text.upper() for text in group]


def test_who_comes_meanwhile_goes_with_the_next_group_and_gets_their_own_answer() -> None:
    held = Held(upper)
    told = held.ask_all("a", "b", "c", "d")
    assert [one.result() for one in told] == ["A", "B", "C", "D"]
    assert held.groups == [["a"], ["b", "c", "d"]]


def test_of_those_that_are_not_apart_one_is_in_a_group_and_the_others_keep_their_order() -> None:
    held = Held(upper)
    told = held.ask_all("x", "a1", "a2", "b1", "a3", "b2")
    assert [one.result() for one in told] == ["X", "A1", "A2", "B1", "A3", "B2"]
    assert held.groups == [["x"], ["a1", "b1"], ["a2", "b2"], ["a3"]]


def test_a_group_is_no_larger_than_may_be() -> None:
    held = Held(upper, most=2)
    told = held.ask_all("x", "a", "b", "c")
    assert [one.result() for one in told] == ["X", "A", "B", "C"]
    assert held.groups == [["x"], ["a", "b"], ["c"]]


def test_an_error_told_of_one_is_raised_to_that_one_only() -> None:
    held = Held(lambda group: [KeyError(text) if text == "b" else text for text in group])
    first, second, third = held.ask_all("a", "b", "c")
    assert (first.result(), third.result()) == ("a", "c")
    with pytest.raises(KeyError, match="b"):
        second.result()


def test_when_a_group_breaks_off_its_leader_learns_why_the_others_that_it_is_lost_and_the_next_goes_on() -> None:
    def answer(group: list[str]) -> list[str | Exception]:
        if "b" in group:
            raise OSError("away")
        return upper(group)

    held = Held(answer, most=2)
    first, leader, other, next_one = held.ask_all("a", "b", "c", "d")
    assert (first.result(), next_one.result()) == ("A", "D")
    assert isinstance(leader.exception(), OSError)
    assert isinstance(other.exception(), Lost)
