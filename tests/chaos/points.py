"""Named crash points, at which a process kills itself between two steps of the product that must survive it.

Product code has none of this: `install` wraps the named function. Deaths are counted in a file, so that a point that
has killed often enough kills no more. Nothing dies before the run is armed.
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
    """In which processes, and after (or `before`) which call. A call whose last argument is empty does not count."""

    processes: tuple[str, ...]
    target: str
    before: bool = False


POINTS: Mapping[str, Point] = {
    "after-append-before-answer": Point(SERVES, "shared.events.recorder:GroupCommit.insert"),
    "after-batch-append-before-answer": Point(SERVES, "shared.events.recorder:MongoRecorder.insert_all"),
    "after-publish-before-marking": Point(RELAYS, "shared.relay.position:Position.list_confirmed", before=True),
    "after-manifest-before-marking": Point(RELAYS, "shared.relay.relay:Relay._mark_published", before=True),
    "after-evidence-before-follow-ups": Point(BUS, "services.referrals_followup.ledger.evidence:EvidenceStore.keep"),
    "after-follow-ups-before-commit": Point(BUS, "services.referrals_followup.ledger.views:FollowUpViews._write_in"),
    "after-follow-ups-before-ack": Point(BUS, "services.referrals_followup.ledger.views:FollowUpViews.refresh_for"),
    "between-chunks-of-threads": Point(BUS, "services.referrals_followup.ledger.views:FollowUpViews._write_until_done"),
    "after-chase-before-digest": Point(
        BUS, "services.referrals_followup.chasing.composing:DigestComposer._digests_to", before=True
    ),
    "after-smtp-before-recorded": Point(BUS, "services.referrals_followup.chasing.smtp:SmtpChannel._deliver"),
}


@dataclass(frozen=True, slots=True)
class Dying:
    """How likely a process dies at a point, and how often in all processes together.

    With `process`, only that process dies. Deaths that did not come by chance come at the end of the run.
    """

    probability: float
    most: int
    process: str | None = None


class Deaths:
    """The folder in which the processes of one run note their deaths. It outlives each of them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def arm(self, share: float) -> None:
        """Lets each point use this share of its deaths so far. With 0 none kills, with 1 each visit kills."""
        written = self._folder / "armed.new"
        written.write_text(str(share))
        written.replace(self._folder / "armed")

    def share(self) -> float:
        """The share of its deaths that each point may use so far."""
        armed = self._folder / "armed"
        return float(armed.read_text()) if armed.exists() else 0.0

    def note(self, point: str, process: str) -> None:
        self._append("deaths", f"{point} {process}\n")

    def by_point(self) -> Counter[str]:
        """How often a process has died at each point."""
        return Counter(line.split()[0] for line in self._lines("deaths"))

    def mailing(self, digest: str, what: str) -> None:
        """Notes `sending` before the mail server is asked, and `settled` when the outcome is recorded."""
        self._append("mailing", f"{digest} {what}\n")

    def while_mailing(self) -> int:
        """How often sending began and its outcome was never recorded, because a process died in between."""
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
    """Puts `wrapper(function)` in the place of `module:attribute` or `module:Class.attribute`."""
    module, _, path = target.partition(":")
    owner: Any = importlib.import_module(module)
    *inner, name = path.split(".")
    for part in inner:
        owner = getattr(owner, part)
    original = getattr(owner, name)
    setattr(owner, name, functools.wraps(original)(wrapper(original)))


def install(process: str, dying: Mapping[str, Dying], deaths: Deaths, seed: int) -> None:
    """Wraps the points of this process. Each new process draws its own chances, which follow from the seed."""
    chance = random.Random(f"{seed} {process} {sum(deaths.by_point().values())}")
    for name, how in dying.items():
        point = POINTS[name]
        if process in point.processes and how.process in (None, process):
            replace_function(point.target, functools.partial(_mortal, name, point, how, process, deaths, chance))


def note_mailing(deaths: Deaths) -> None:
    """Notes for each digest that sending began, and that its outcome was recorded."""

    def noted(settle: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(sender: Any, channel: Any, entry: Any, contents: Any) -> Any:
            deaths.mailing(entry.digest.id, "sending")
            failure = settle(sender, channel, entry, contents)
            if failure is None:
                deaths.mailing(entry.digest.id, "settled")
            return failure

        return wrapped

    replace_function("services.referrals_followup.chasing.sending:DigestSender._settle", noted)


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
        share = deaths.share()
        by_chance = chance.random() < how.probability
        if (by_chance or share == 1) and deaths.by_point()[name] < ceil(how.most * share):
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
