"""Named crash points: between two steps of the product that must not be told apart by a death, a process kills itself.

Nothing of this is in product code: `install` wraps the function named. Deaths are counted in a file, so that a point
that has killed often enough lets its next life pass; nothing dies before the run is armed.
"""

from __future__ import annotations

import functools
import importlib
import os
import random
import signal
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Any

SERVES = ("perinatal.serve", "perinatal.http", "leaving_care.serve")
RELAYS = ("perinatal.relay", "leaving_care.relay", "referrals_followup.relay")
BUS = ("referrals_followup.bus",)


@dataclass(frozen=True, slots=True)
class Point:
    """Where: in which processes, and after (or `before`) which call. A call whose last argument is empty is none."""

    processes: tuple[str, ...]
    target: str
    before: bool = False


POINTS: Mapping[str, Point] = {
    "after-append-before-answer": Point(SERVES, "shared.events.group_commit:GroupCommit.insert"),
    "after-batch-append-before-answer": Point(SERVES, "shared.events.recorder:MongoRecorder.insert_all"),
    "after-publish-before-marking": Point(RELAYS, "shared.relay.relay:Relay._mark_published", before=True),
    "after-evidence-before-follow-ups": Point(BUS, "services.referrals_followup.ledger.evidence:EvidenceStore.keep"),
    "after-follow-ups-before-commit": Point(BUS, "services.referrals_followup.ledger.views:FollowUpViews._write_in"),
    "after-follow-ups-before-ack": Point(BUS, "services.referrals_followup.ledger.evidence:EvidenceStore.mark_folded"),
    "after-chase-before-digest": Point(BUS, "services.referrals_followup.chasing.digests:_letters", before=True),
    "after-smtp-before-recorded": Point(BUS, "services.referrals_followup.chasing.smtp:Mailer.send"),
}


@dataclass(frozen=True, slots=True)
class Dying:
    """How likely a visit of a point is the last, and how many deaths there may be at it in all its processes.

    With `process` they are in that one alone.
    """

    probability: float
    most: int
    process: str | None = None


class Deaths:
    """The folder in which the processes of one run note what becomes of them; it outlives each of them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def arm(self, share: float) -> None:
        """Let each point kill up to this share of its times by now; with 0 none kills any more."""
        written = self._folder / "armed.new"
        written.write_text(str(share))
        written.replace(self._folder / "armed")

    def allowed(self, most: int) -> int:
        """How many of so many deaths there may have been by now."""
        armed = self._folder / "armed"
        return ceil(most * float(armed.read_text())) if armed.exists() else 0

    def note(self, point: str, process: str) -> None:
        self._append("deaths", f"{point} {process}\n")

    def by_point(self) -> Counter[str]:
        """How often a process has died at each point."""
        return Counter(line.split()[0] for line in self._lines("deaths"))

    def mailing(self, letter: str, what: str) -> None:
        """`sending` before a mail server is asked, `settled` when what came of it is recorded."""
        self._append("mailing", f"{letter} {what}\n")

    def while_mailing(self) -> int:
        """How often sending began and what came of it was never recorded: a part died in between."""
        told = Counter(line.split()[1] for line in self._lines("mailing"))
        return told["sending"] - told["settled"]

    def _append(self, name: str, line: str) -> None:
        file = os.open(self._folder / name, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.write(file, line.encode())
        os.fsync(file)
        os.close(file)

    def _lines(self, name: str) -> list[str]:
        path = self._folder / name
        return path.read_text().splitlines() if path.exists() else []


def replace_function(target: str, wrapper: Callable[[Callable[..., Any]], Callable[..., Any]]) -> None:
    """Put `wrapper(function)` in the place of `module:attribute` or `module:Class.attribute`."""
    module, _, path = target.partition(":")
    owner: Any = importlib.import_module(module)
    *inner, name = path.split(".")
    for part in inner:
        owner = getattr(owner, part)
    original = getattr(owner, name)
    setattr(owner, name, functools.wraps(original)(wrapper(original)))


def install(process: str, dying: Mapping[str, Dying], deaths: Deaths, seed: int) -> None:
    """Wrap the points that this process has. Each life draws its own chances, which follow from the seed."""
    chance = random.Random(f"{seed} {process} {sum(deaths.by_point().values())}")
    for name, how in dying.items():
        point = POINTS[name]
        if process in point.processes and how.process in (None, process):
            replace_function(point.target, functools.partial(_mortal, name, point, how, process, deaths, chance))


def note_mailing(deaths: Deaths) -> None:
    """Note of each letter that sending began, and that what came of it was recorded."""

    def noted(send: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(dependencies: Any, letter: Any, *more: Any) -> Any:
            deaths.mailing(letter.id, "sending")
            answer = send(dependencies, letter, *more)
            deaths.mailing(letter.id, "settled")
            return answer

        return wrapped

    replace_function("services.referrals_followup.chasing.digests:_send", noted)


def _mortal(
    name: str,
    point: Point,
    how: Dying,
    process: str,
    deaths: Deaths,
    chance: random.Random,
    original: Callable[..., Any],
) -> Callable[..., Any]:
    def visit(args: tuple[Any, ...]) -> None:
        if args and hasattr(args[-1], "__len__") and not args[-1]:
            return
        if chance.random() < how.probability and deaths.by_point()[name] < deaths.allowed(how.most):
            deaths.note(name, process)
            os.kill(os.getpid(), signal.SIGKILL)

    def wrapped(*args: Any, **named: Any) -> Any:
        if point.before:
            visit(args)
        answer = original(*args, **named)
        if not point.before:
            visit(args)
        return answer

    return wrapped
