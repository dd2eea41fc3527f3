"""The races: in each, contestants do one job, one after the other in every round."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tests.bench import histories
from tests.bench.contestants import (
    HANDLER_QUEUE,
    LOOK_AT_PEERS_EVERY,
    QUEUE,
    Contestant,
    Hearing,
    Recording,
    count_heard,
    empty_http,
    fast_http,
    fill_celery,
    fill_evidence,
    fill_plain,
    folded,
    inserted,
    nameko_http,
    ours_http,
    ours_http_and_relay,
    start_celery,
    start_fast_bus,
    start_floor,
    start_ledger,
    start_nameko_bus,
)
from tests.bench.memory import CatchingUp, Remembering
from tests.bench.stored import Asking, Growing, Living, Sweeping
from tests.bench.whole import NamekoToTheEnd, OursInBulk, Visible

OURS, RELAYED = "ours", "ours, relay running"
FLOOR = "floor"
NAMEKO, FAST, CELERY = "nameko, the usual idiom", "FastAPI + FastStream", "Celery"
RECORDING, TOGETHER, SHUFFLED = "recording", "ledger, together", "ledger, shuffled"
VISIBLE, BULK = "from 201 to visible", "bulk to visible"
SWEEP, QUESTIONS, CATCH_UP = "sweep", "manager's list and summary", "catch-up"
GROWTH, LENGTH, MEMORY = "cost as what is stored grows", "cost as a life grows", "memory of serve"
# These have no peers and take minutes, most of it to store what they need: they are run by themselves, in this order.
STORED = (LENGTH, MEMORY, QUESTIONS, SWEEP, GROWTH, CATCH_UP)
# The floor would be done with what the others are given before it could be measured.
FLOORS_SHARE = 5


@dataclass(frozen=True)
class Stored:
    """How much is stored, in lives of 20 events and 10 open follow-ups, and how many events `serve` is to go through.

    1,000 of the lives are due. In as many `rounds` as this the races about it are run.
    """

    rounds: int = 1
    lives: int = 100_000
    due: int = 1_000
    few_to_sweep: int = 2_000
    few_to_ask: int = 1_000
    few_to_grow: int = 5_000
    lives_to_catch_up: int = 10_000
    events: int = 200_000
    few_events: int = 20_000


@dataclass(frozen=True)
class Size:
    """How much is done in a round, and how many rounds there are."""

    rounds: int
    seconds: float
    people: int
    commands: int
    visible_seconds: float
    stored: Stored = Stored()


FULL = Size(rounds=5, seconds=5.0, people=500, commands=10_000, visible_seconds=8.0)
QUICK = Size(rounds=1, seconds=2.0, people=100, commands=0, visible_seconds=0.0)


@dataclass(frozen=True)
class Workers:
    """How many processes suit a peer best on this machine."""

    fast_http: int = 2
    fast_bus: int = 2
    celery: int = 2


def recording(size: Size, workers: Workers) -> list[Contestant]:
    """Recording over HTTP."""
    return [
        Recording(FLOOR, empty_http, size.seconds),
        Recording(OURS, ours_http, size.seconds),
        Recording(RELAYED, ours_http_and_relay, size.seconds),
        Recording(NAMEKO, nameko_http, size.seconds),
        Recording(FAST, fast_http(workers.fast_http), size.seconds),
    ]


def ledger(size: Size, workers: Workers, *, shuffled: bool) -> list[Contestant]:
    """Hearing what waits in a queue. Beside ours, the order makes no difference to anybody but for what is cached."""
    events, people = histories.shuffled if shuffled else histories.together, size.people
    peers = [
        Hearing(NAMEKO, fill_plain(HANDLER_QUEUE), start_nameko_bus, count_heard, events, people, LOOK_AT_PEERS_EVERY),
        Hearing(
            FAST, fill_plain(QUEUE), start_fast_bus(workers.fast_bus), count_heard, events, people, LOOK_AT_PEERS_EVERY
        ),
        Hearing(CELERY, fill_celery, start_celery(workers.celery), count_heard, events, people, LOOK_AT_PEERS_EVERY),
    ]
    return [
        Hearing(FLOOR, fill_evidence, start_floor, inserted, events, people * FLOORS_SHARE),
        Hearing(OURS, fill_evidence, start_ledger, folded, events, people),
        *(peers if shuffled else []),
    ]


def visible(size: Size, peak: float) -> list[Contestant]:
    """At a tenth of the peak, which is in requests a second."""
    return [Visible(OURS, peak / 10, size.visible_seconds)]


def bulk(size: Size) -> list[Contestant]:
    """The whole way, as fast as each can."""
    return [OursInBulk(OURS, size.commands), NamekoToTheEnd(NAMEKO)]


def stored(race: str, size: Stored) -> list[Contestant]:
    """What one of the races about what is stored is run with."""
    contestants: dict[str, Contestant] = {
        QUESTIONS: Asking(OURS, size.lives, size.few_to_ask, size.due),
        SWEEP: Sweeping(OURS, size.lives, size.few_to_sweep, size.due),
        GROWTH: Growing(OURS, size.lives, size.few_to_grow, size.due),
        CATCH_UP: CatchingUp(OURS, size.lives_to_catch_up, size.due),
        LENGTH: Living(OURS),
        MEMORY: Remembering(OURS, size.events, size.few_events),
    }
    return [contestants[race]]


def candidates(size: Size) -> dict[str, Sequence[Contestant]]:
    """The contestants that show how many workers suit each peer: one or two."""
    events, every = histories.shuffled, LOOK_AT_PEERS_EVERY
    tried = (1, 2)
    return {
        "fast_http": [Recording(f"{FAST} x{n}", fast_http(n), size.seconds) for n in tried],
        "fast_bus": [
            Hearing(f"{FAST} x{n}", fill_plain(QUEUE), start_fast_bus(n), count_heard, events, size.people, every)
            for n in tried
        ],
        "celery": [
            Hearing(f"{CELERY} x{n}", fill_celery, start_celery(n), count_heard, events, size.people, every)
            for n in tried
        ],
    }
