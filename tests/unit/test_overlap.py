"""One piece is made while the piece before it is stored."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from services.referrals_followup.ledger.overlap import store_beside

WITHIN = 10.0


def test_pieces_are_stored_in_order_and_all_of_them_when_it_returns() -> None:
    stored: list[int] = []
    store_beside(range(10), stored.append)
    assert stored == list(range(10))


def test_the_next_piece_is_made_while_one_is_stored() -> None:
    made_next = threading.Event()

    def pieces() -> Iterator[int]:
        yield 1
        made_next.set()
        yield 2

    def store(piece: int) -> None:
        assert made_next.wait(WITHIN)

    store_beside(pieces(), store)


def test_at_most_two_pieces_exist_at_a_time() -> None:
    made, stored, most = 0, 0, 0

    def pieces() -> Iterator[int]:
        nonlocal made, most
        for number in range(20):
            made += 1
            most = max(most, made - stored)
            yield number

    def store(_piece: int) -> None:
        nonlocal stored
        stored += 1

    store_beside(pieces(), store)
    assert most <= 2


def test_when_storing_a_piece_fails_no_further_piece_is_stored() -> None:
    stored: list[int] = []

    def store(piece: int) -> None:
        if piece == 2:
            raise ConnectionError
        stored.append(piece)

    with pytest.raises(ConnectionError):
        store_beside(range(10), store)
    assert stored == [0, 1]


def test_when_making_a_piece_fails_the_one_before_is_stored_before_the_error_is_raised() -> None:
    stored: list[int] = []
    failed = threading.Event()

    def pieces() -> Iterator[int]:
        yield 1
        failed.set()
        raise ConnectionError

    def store(piece: int) -> None:
        assert failed.wait(WITHIN)
        stored.append(piece)

    with pytest.raises(ConnectionError):
        store_beside(pieces(), store)
    assert stored == [1]
