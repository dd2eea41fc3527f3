"""`python -m tests.bench.run`: the counts, then the races round by round, then which bars are met.

The exit status is 1 when a count differs from the accepted one (`--accept` accepts it). Seconds do not matter to it.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

import requests
from pymongo.errors import PyMongoError
from rich.console import Console
from rich.table import Table

from deploy.local.folders import ROOT
from shared.runtime.observability import configure_logging
from tests.bench import bars, chart, counts, races
from tests.bench.contestants import WHOLE, Contestant
from tests.bench.ground import PEERS, Ground, Stuck, ground

RESULTS = Path(__file__).with_name("results")
CHART = Path(__file__).with_name("chart.svg")
PACKAGES = ("nameko", "kombu", "eventlet", "pika", "pymongo", "mongoengine", "marshmallow")
PEERS_LOCK = Path(__file__).with_name("peers") / "requirements.txt"
PEER_PACKAGES = ("celery", "fastapi", "faststream", "uvicorn", "nameko", "pymongo")

Rounds = dict[str, list[dict[str, dict[str, float]]]]

console = Console()


def main(argv: Sequence[str]) -> int:
    """Raises what starting the backends raises."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.run")
    parser.add_argument("--quick", action="store_true", help="the counts, and one short round")
    parser.add_argument("--accept", action="store_true", help="agree on the counts as they are now")
    parser.add_argument("--race", action="append", choices=list(_RACES), help="this race only; may be repeated")
    parser.add_argument("--stored", action="store_true", help="the races about what is stored, and not the others")
    parser.add_argument("--rounds", type=int, help="so many rounds")
    parser.add_argument("--against", type=Path, help="race ours against the services of this other working copy, too")
    said = parser.parse_args(argv)
    configure_logging("bench", "bench", "error")
    size = races.QUICK if said.quick else races.FULL
    with ground() as place:
        differing = _count(place, accept=said.accept)
        wanted = said.race or [race for race in _RACES if (race in races.STORED) == said.stored]
        beside_peers = not set(wanted) <= set(races.STORED)
        workers = _calibrated(place) if beside_peers and not said.quick else races.Workers()
        rounds: Rounds = defaultdict(list)
        for number in range(said.rounds or (size.rounds if beside_peers else size.stored.rounds)):
            _run_round(place, size, workers, wanted, rounds, number + 1, said.against)
            if not said.quick and not said.rounds and not said.against:
                rounds = _kept(rounds, workers if beside_peers else None, differing)
    _show(rounds)
    for line in differing:
        console.print(f"[bold red]changed[/] {line}")
    return 1 if differing else 0


def _count(place: Ground, *, accept: bool) -> list[str]:
    began = time.monotonic()
    found = counts.measured(place.backends)
    if accept:
        counts.accept(found)
    differing = counts.changed(found, counts.accepted())
    console.print(f"counts: {len(found)} acts, {len(differing)} changes, {time.monotonic() - began:.0f} s")
    return differing


def _calibrated(place: Ground) -> races.Workers:
    """How many workers each peer is best with, by one round of each."""
    best: dict[str, int] = {}
    for peer, tried in races.candidates(races.QUICK).items():
        found = [_figures(place, contestant) for contestant in tried]
        rates = [figures.get(WHOLE, figures.get("rate", 0.0)) for figures in found]
        best[peer] = 1 + rates.index(max(rates))
        console.print(f"{peer}: {best[peer]} workers suit it best ({', '.join(f'{rate:,.0f}/s' for rate in rates)})")
    return races.Workers(**best)


def _run_round(
    place: Ground,
    size: races.Size,
    workers: races.Workers,
    wanted: Sequence[str],
    rounds: Rounds,
    number: int,
    against: Path | None,
) -> None:
    """Adds the figures of one round of each race to `rounds`."""
    for race in wanted:
        found: dict[str, dict[str, float]] = {}
        for contestant in _RACES[race](size, workers, rounds):
            copies = {contestant.name: ROOT}
            if against and contestant.name == races.OURS and race != races.IDLE:
                copies[f"{contestant.name}, at {against.name}"] = against.absolute()
            for called, root in copies.items():
                figures = _figures(place, contestant, root)
                if figures:
                    found[called] = figures
                    told = ", ".join(f"{name} {figure:,.2f}" for name, figure in figures.items())
                    console.print(f"round {number}, {race}, {called}: {told}", highlight=False, soft_wrap=True)
        if found:
            rounds[race].append(found)


def _figures(place: Ground, contestant: Contestant, root: Path = ROOT) -> dict[str, float]:
    """The figures of a round; none when the contestant got stuck, which is printed."""
    try:
        with place.field(root) as field:
            return dict(contestant.run(field))
    except (Stuck, subprocess.SubprocessError, requests.RequestException, PyMongoError) as stuck:
        console.print(f"[bold red]stuck[/] {contestant.name}: {stuck}", highlight=False, soft_wrap=True)
        return {}


def _visible(size: races.Size, workers: races.Workers, rounds: Rounds) -> list[Contestant]:
    peaks = [found[races.OURS]["rate"] for found in rounds.get(races.RECORDING, []) if races.OURS in found]
    return races.visible(size, median(peaks)) if peaks and size.visible_seconds else []


def _stored(race: str, size: races.Size, workers: races.Workers, rounds: Rounds) -> list[Contestant]:
    return races.stored(race, size.stored)


_RACES: dict[str, Callable[[races.Size, races.Workers, Rounds], list[Contestant]]] = {
    races.RECORDING: lambda size, workers, rounds: races.recording(size, workers),
    races.TOGETHER: lambda size, workers, rounds: races.ledger(size, workers, shuffled=False),
    races.SHUFFLED: lambda size, workers, rounds: races.ledger(size, workers, shuffled=True),
    races.BACKLOG: lambda size, workers, rounds: races.backlog(size, workers) if size.people_of_backlog else [],
    races.VISIBLE: _visible,
    races.BULK: lambda size, workers, rounds: races.bulk(size) if size.commands else [],
    **{race: partial(_stored, race) for race in races.STORED},
}


def _show(rounds: Rounds) -> None:
    figures = Table("race", "contestant", "a second", "least", "most", "p95", title="Figures: medians over the rounds")
    for race, name, found in rows(rounds):
        if race in races.STORED:
            continue  # its rounds are printed, each figure by its name
        p95 = [one["p95_ms"] for one in found if "p95_ms" in one]
        for label, rates in chart.rates_of(race, found):
            spread = (f"{median(rates):,.0f}", f"{min(rates):,.0f}", f"{max(rates):,.0f}")
            figures.add_row(label, name, *spread, f"{median(p95):,.1f} ms" if p95 else "")
    console.print(figures)
    table = Table("race", "bar", "median", "least", "most", "", title="Bars: of ours, or ours over theirs in a round")
    for verdict in bars.judge(rounds):
        values = [_figure(value, verdict.bar.unit) for value in (verdict.middle, verdict.least, verdict.most)]
        table.add_row(verdict.bar.race, verdict.bar.what, *values, verdict.word)
    console.print(table)


def rows(rounds: Mapping[str, Any]) -> list[tuple[str, str, list[dict[str, float]]]]:
    """Race, contestant, and the figures of each round in which it was not stuck."""
    return [
        (race, name, [found[name] for found in all_found if name in found])
        for race, all_found in rounds.items()
        for name in dict.fromkeys(name for found in all_found for name in found)
    ]


def _figure(value: float | None, unit: str) -> str:
    return "" if value is None else f"{value:,.2f}{unit}" if unit == "x" else f"{value:,.0f}{unit}"


def _kept(rounds: Rounds, workers: races.Workers | None, differing: Sequence[str]) -> Rounds:
    """What is kept after each round, so that a run that is broken off leaves what it found: with the rounds of the
    races that were run earlier on the same day."""
    at = datetime.now(UTC)
    file = RESULTS / f"{at.date()}.json"
    earlier: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {}
    rounds = defaultdict(list, {**earlier.get("rounds", {}), **rounds})
    kept = {
        "at": at.isoformat(timespec="seconds"),
        "cores": os.cpu_count(),
        "load": os.getloadavg(),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in PACKAGES},
        "peers": _peer_versions(),
        "workers": vars(workers) if workers else earlier.get("workers"),
        "counts_changed": list(differing),
        "bars": [verdict.to_json() for verdict in bars.judge(rounds)],
        "rounds": rounds,
    }
    RESULTS.mkdir(exist_ok=True)
    file.write_text(json.dumps(kept, indent=1) + "\n")
    CHART.write_text(chart.draw([row for row in rows(rounds) if row[0] not in races.STORED], at.date().isoformat()))
    return rounds


def _peer_versions() -> dict[str, str]:
    pinned = dict(line.split(" ")[0].split("==") for line in PEERS_LOCK.read_text().splitlines() if "==" in line)
    return {name: pinned[name] for name in PEER_PACKAGES} if PEERS.exists() else {}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
