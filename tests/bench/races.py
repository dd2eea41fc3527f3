"""The races: in each, contestants do one job, one after the other in every round."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from shared.kernel.envelope import Event
from shared.messaging.topology import EVIDENCE
from tests.bench import histories
from tests.bench.contestants import (
    HANDLER_QUEUE,
    LOOK_AT_PEERS_EVERY,
    QUEUE,
    Contestant,
    Hearing,
    HearingOurs,
    Recording,
    are_heard,
    are_inserted,
    empty_http,
    fast_http,
    fill_celery,
    fill_evidence,
    fill_plain,
    nameko_http,
    ours_http,
    ours_http_and_relay,
    start_celery,
    start_fast_bus,
    start_floor,
    start_nameko_bus,
)
from tests.bench.idle import Idling
from tests.bench.memory import CatchingUp, Remembering
from tests.bench.stored import Asking, Growing, Living, Sweeping
from tests.bench.whole import NamekoToTheEnd, OursInBulk, Visible

OURS, RELAYED = "ours", "ours, relay running"
FLOOR = "floor"
NAMEKO, FAST, CELERY = "nameko, the usual idiom", "FastAPI + FastStream", "Celery"
RECORDING, TOGETHER, SHUFFLED = "recording", "ledger, together", "ledger, shuffled"
BACKLOG = "ledger, shuffled, 2,000 people"
VISIBLE, BULK = "from 201 to visible", "bulk to visible"
SWEEP, QUESTIONS, CATCH_UP = "sweep", "manager's list and summary", "catch-up"
GROWTH, LENGTH, MEMORY = "cost as what is stored grows", "cost as a life grows", "memory of serve"
IDLE = "idle stack"
# These have no peers and take minutes, most of it to store what they need: they are run by themselves, in this order.
STORED = (IDLE, LENGTH, MEMORY, QUESTIONS, SWEEP, GROWTH, CATCH_UP)
# The floor would be done with what the others are given before it could be measured.
FLOORS_SHARE = 5
# Of a backlog of many batches, the peers and the floor get a share: they do as much for each event, however many wait.
SHARE_OF_BACKLOG = 20


@dataclass(frozen=True)
class Stored:
    """How much is stored, in lives of 20 events and 10 open follow-ups, and how many events `serve` is to go through.

    1,000 of the lives are due. In as many `rounds` as this the races about it are run. For `quiet_seconds` nothing is
    asked of the whole stack.
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
    quiet_seconds: float = 120.0


@dataclass(frozen=True)
class Size:
    """How much is done in a round, and how many rounds there are."""

    rounds: int
    seconds: float
    people: int
    people_of_backlog: int
    commands: int
    visible_seconds: float
    stored: Stored = Stored()


FULL = Size(rounds=5, seconds=5.0, people=500, people_of_backlog=2_000, commands=10_000, visible_seconds=8.0)
QUICK = Size(rounds=1, seconds=2.0, people=100, people_of_backlog=0, commands=0, visible_seconds=0.0)


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
    fill, every = fill_plain(HANDLER_QUEUE), LOOK_AT_PEERS_EVERY
    peers = [
        Hearing(NAMEKO, HANDLER_QUEUE, fill, start_nameko_bus, are_heard, events, people, every),
        *_hearing_peers(workers, events, people),
    ]
    return [
        Hearing(FLOOR, EVIDENCE, fill_evidence, start_floor, are_inserted, events, people * FLOORS_SHARE),
        HearingOurs(OURS, events, people),
        *(peers if shuffled else []),
    ]


def backlog(size: Size, workers: Workers) -> list[Contestant]:
    """Hearing a backlog of at least 20 batches, beside one live event a second."""
    events, share = histories.long_lives_shuffled, size.people_of_backlog // SHARE_OF_BACKLOG
    return [
        Hearing(FLOOR, EVIDENCE, fill_evidence, start_floor, are_inserted, events, share * FLOORS_SHARE),
        HearingOurs(OURS, events, size.people_of_backlog, beside_live=True),
        *_hearing_peers(workers, events, share),
    ]


def _hearing_peers(workers: Workers, events: Callable[[int], list[Event]], people: int) -> list[Contestant]:
    fast, celery, every = start_fast_bus(workers.fast_bus), start_celery(workers.celery), LOOK_AT_PEERS_EVERY
    return [
        Hearing(FAST, QUEUE, fill_plain(QUEUE), fast, are_heard, events, people, every),
        Hearing(CELERY, QUEUE, fill_celery, celery, are_heard, events, people, every),
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
        IDLE: Idling(OURS, size.quiet_seconds),
        MEMORY: Remembering(OURS, size.events, size.few_events),
    }
    return [contestants[race]]


def candidates(size: Size) -> dict[str, Sequence[Contestant]]:
    """The contestants that show how many workers suit each peer: one or two."""
    tried = (1, 2)
    fast, celery = zip(*(_hearing_peers(Workers(n, n, n), histories.shuffled, size.people) for n in tried), strict=True)
    return {
        "fast_http": [Recording(FAST, fast_http(n), size.seconds) for n in tried],
        "fast_bus": fast,
        "celery": celery,
    }
