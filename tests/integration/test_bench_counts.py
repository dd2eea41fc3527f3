"""What one act costs in round trips is agreed on. Seconds depend on the machine; these do not."""

from __future__ import annotations

from deploy.local.backends import Backends
from tests.bench.counts import accepted, changed, measured


def test_recording_relaying_folding_sweeping_and_asking_cost_the_round_trips_that_are_agreed_on(
    backends: Backends,
) -> None:
    differing = changed(measured(backends), accepted())
    assert not differing, "\n".join([*differing, "If that is meant: make bench-quick ARGS=--accept"])
