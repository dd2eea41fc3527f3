"""How large a batch may be follows from how long batches took."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from shared.messaging.batch_limit import MOST, SECONDS, BatchLimit


def after(*batches: tuple[int, float], most: int = MOST) -> int:
    limit = BatchLimit(most)
    for size, seconds in batches:
        limit.note(size, seconds)
    return limit.now


def test_the_first_batch_may_be_as_large_as_any() -> None:
    assert after() == MOST
    assert after(most=1) == 1


def test_a_batch_that_took_too_long_makes_the_next_one_smaller() -> None:
    assert after((MOST, 2 * SECONDS)) == MOST // 2
    assert after((10, 2 * SECONDS)) == 5
    assert after((1, 100 * SECONDS)) == 1


def test_a_full_batch_that_was_handled_quickly_lets_the_next_one_be_larger() -> None:
    assert after((100, 10 * SECONDS), (10, SECONDS / 2)) == 20
    assert after((100, 10 * SECONDS), (10, 0.1)) == 40
    assert after((100, 10 * SECONDS), (10, 0.1), (40, 0.1), (160, 0.1)) == 640


def test_a_batch_that_was_not_full_says_nothing_about_a_full_one() -> None:
    assert after((1, SECONDS)) == MOST
    assert after((1, 0.001)) == MOST


def test_a_limit_of_one_recovers() -> None:
    assert after((1, 2 * SECONDS), (1, 0.01), (4, 0.01), (16, 0.01)) == 64


@given(st.lists(st.tuples(st.integers(1, MOST), st.floats(0, 1_000))), st.integers(1, MOST))
def test_it_stays_between_one_and_the_most(batches: list[tuple[int, float]], most: int) -> None:
    assert 1 <= after(*batches, most=most) <= most
