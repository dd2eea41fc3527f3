"""What a trouble cost is the longest gap that touches it, whether the gap begins before it or ends after it."""

import pytest

from tests.chaos.gaps import longest_gap


@pytest.mark.parametrize(
    ("begun", "over", "gap"),
    [
        (1.0, 2.0, 1.0),  # all of it lies in what nobody noticed
        (2.5, 3.5, 7.0),  # it began, and only later did anything come
        (6.0, 9.0, 7.0),  # within the gap
        (9.5, 11.0, 7.0),  # the gap ends in it
        (10.5, 12.0, 2.0),
    ],
)
def test_a_gap_counts_for_every_trouble_that_it_touches(begun, over, gap):
    assert longest_gap([12.0, 0.0, 1.0, 2.0, 3.0, 10.0], begun, over) == gap


@pytest.mark.parametrize("times", [[], [5.0], [0.0, 5.0], [5.0, 20.0]])
def test_what_never_began_or_never_went_on_is_an_endless_gap(times):
    assert longest_gap(times, 2.0, 10.0) == float("inf")
