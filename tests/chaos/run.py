"""`python -m tests.chaos.run [--seed N] [--events N]`: one run; its verdict is the last line and the exit status."""

from __future__ import annotations

import argparse
import random
import sys
import threading
import time

from tests.chaos.arena import Arena, arena
from tests.chaos.clients import Client
from tests.chaos.points import POINTS, Dying
from tests.chaos.process import Plan
from tests.chaos.reference import ENDS
from tests.chaos.rest import come_to_rest, is_at_rest
from tests.chaos.troubles import Troubles
from tests.chaos.variants import VARIANTS
from tests.chaos.verdict import Verdict, conclude, judge

CLIENTS = 8
DAYS = 62
# The load takes as long as it needs; what is left of the whole is for the rest, and no more than `REST_SECONDS`. With a
# minute and a half to start and to judge, a run takes at most 15 minutes.
LOAD_SECONDS, REST_SECONDS, WHOLE_SECONDS = 690.0, 300.0, 810.0


def chaos(seed: int, events: int, variant: str | None = None) -> Verdict:
    """Records so many events while processes are killed, lets the system come to rest, and judges the result.

    `variant` names a deliberate fault. Raises NotReady when the stack does not start.
    """
    each = max(1, round(4 * events / 20_000))
    plan = Plan(seed, {name: Dying(min(0.5, 1_000 / events), each) for name in POINTS}, variant)
    # Under a great load a sweep takes longer than a second, and those that wait would hold up the rest.
    with arena(plan, sweep_seconds=1 if events < 1_000 else 5) as ours:
        begun = time.monotonic()
        had = _burden(ours, events)
        print(f"recorded {len(ours.ledger.accepted)} in {time.monotonic() - begun:.0f} s", flush=True)
        rested_by = min(time.monotonic() + REST_SECONDS, begun + WHOLE_SECONDS)
        _let_everything_fall_due(ours, each, (rested_by - time.monotonic()) / 2)
        come_to_rest(ours, ENDS, rested_by - time.monotonic())
        print(f"at rest after {time.monotonic() - begun:.0f} s", flush=True)
        verdict = judge(ours.left())
        print(f"judged after {time.monotonic() - begun:.0f} s", flush=True)
        verdict.faults += ours.faults
        for what, times in sorted(had.items()):
            print(f"{what}: {times}")
        for point in POINTS:
            print(f"died {point}: {ours.deaths.by_point()[point]}")
        if ours.ledger.unexpected:
            print(f"answers 500, asked again: {ours.ledger.unexpected}")
        return verdict


def _let_everything_fall_due(ours: Arena, each: int, within: float) -> None:
    """The last days pass, and the points kill until each has had its deaths, or there is nothing left to die at."""
    ours.deaths.arm(1)
    ours.clock.set(ENDS)
    ours.wait(
        "the last deaths",
        lambda: all(ours.deaths.by_point()[point] >= each for point in POINTS) or is_at_rest(ours),
        within,
    )


def _burden(ours: Arena, events: int) -> dict[str, int]:
    """Runs the load and the troubles."""
    ours.wait_until_queues_are_saved()
    crowd = ours.crowd()
    accepted, go = ours.ledger.accepted, threading.Event()
    load_by = time.monotonic() + LOAD_SECONDS

    def enough() -> bool:
        return len(accepted) >= events or time.monotonic() > load_by

    clients = [Client(number, ours.seed, ours.caller, crowd, enough, go) for number in range(CLIENTS)]
    loaded = threading.Event()
    troubles = Troubles(ours, events, DAYS, lambda: 1.0 if loaded.is_set() else len(accepted) / events, go)
    for thread in (*clients, troubles):
        thread.start()
    for thread in clients:
        thread.join()
    loaded.set()
    troubles.join()
    troubles.end()
    if len(accepted) < events:
        ours.faults.append(f"only {len(accepted)} events were recorded in {LOAD_SECONDS:.0f} s")
    return dict(troubles.had)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.run")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1_000_000))
    parser.add_argument("--events", type=int, default=20_000)
    parser.add_argument("--variant", choices=sorted(VARIANTS), help="a deliberate fault, of which the run must fail")
    said = parser.parse_args()
    print(f"seed {said.seed}: --seed {said.seed} chooses the same stories, troubles and crash points", flush=True)
    return conclude(lambda: chaos(said.seed, said.events, said.variant))


if __name__ == "__main__":
    sys.exit(main())
