"""What a trouble cost is the longest gap that came to its end in it; a gap may begin a moment before."""

import pytest

from tests.chaos.gaps import longest_gap


@pytest.mark.parametrize(
    ("begun", "over", "gap"),
    [
        (1.0, 2.0, 1.0),
        (2.5, 10.0, 7.0),  # the gap begins and ends in it
        (9.5, 11.0, 7.0),  # the gap began before
        (10.5, 12.0, 2.0),
        (4.0, 9.0, 5.0),  # nothing came in all that time; what the gap was in the end counts for the next one
    ],
)
def test_a_gap_counts_for_the_trouble_in_which_it_ends(begun, over, gap):
    assert longest_gap([12.0, 0.0, 1.0, 2.0, 3.0, 10.0], begun, over) == gap


@pytest.mark.parametrize("times", [[], [5.0], [0.0, 5.0], [5.0, 20.0]])
def test_a_gap_without_a_beginning_or_an_end_is_endless(times):
    assert longest_gap(times, 2.0, 10.0) == float("inf")
