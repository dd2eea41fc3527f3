"""The measurements of a county's load and the results for England, as the tables of `deploy/SCALING.md`.

Everything here is arithmetic on the results of one run. Costs are processor seconds on the machine of that run.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import log
from pathlib import Path
from statistics import linear_regression

from deploy.local.folders import ROOT
from tests.bench import england

PAGE = ROOT / "deploy" / "SCALING.md"
BEGIN, END = "<!-- measured: begin -->\n", "<!-- measured: end -->\n"
# Who was asked for so much answers most of it, and is done soon after.
SHARE_ANSWERED, DONE_WITHIN = 0.95, 5.0
# Below this, what nothing to do costs hides what an event costs.
LEAST_EVENTS = 50
HTTP, LEDGER, MONGOD, RABBITMQ = "perinatal serve http", "referrals_followup serve bus", "mongod", "rabbitmq"
_GIGABYTE = 1e9


@dataclass(frozen=True)
class Measured:
    """One load for some seconds. `cost` is processor seconds of each process for an event, without what it takes when
    there is nothing to do; `busy` how many processors were at work, with it. `late` is how many seconds after the last
    answer all was folded. `p50_ms`, `p95_ms`: from the answer to the follow-up in the lists; None: there was none.
    """

    name: str
    asked: float
    answered: float
    refused: int
    events: int
    stored: int
    cost: Mapping[str, float]
    busy: float
    p50_ms: float | None
    p95_ms: float | None
    late: float

    @property
    def is_measurable(self) -> bool:
        return self.events >= LEAST_EVENTS

    @property
    def keeps_up(self) -> bool:
        answers = not self.is_measurable or self.answered >= SHARE_ANSWERED * self.asked
        return answers and self.late <= DONE_WITHIN and not self.refused

    @property
    def total(self) -> float:
        """Processor seconds of all processes for an event."""
        return sum(self.cost.values())


@dataclass(frozen=True)
class Swept:
    """One sweep: how many it chased, in so many seconds with the letters; processor seconds of each process for one
    chase, until it was folded."""

    chased: int
    letters: int
    seconds: float
    cost: Mapping[str, float]


@dataclass(frozen=True)
class Kept:
    """Bytes before compression, with indexes: for an event that somebody recorded, with all that is kept because of it;
    for a chase or a letter. `a_message` is what is published of an event; `largest` are the collections that make up
    most of `an_event`."""

    an_event: float
    a_chase: float
    a_message: float
    largest: Mapping[str, float]


@dataclass(frozen=True)
class Found:
    """All of one run. `idle` is processors of each process with nothing to do; `megabytes` its memory at the end."""

    at: datetime
    cores: int
    load_average: float
    took: float
    idle: Mapping[str, float]
    loads: Sequence[Measured]
    stored: Sequence[Measured]
    swept: Swept
    kept: Kept
    megabytes: Mapping[str, float]


def exponent(points: Iterable[tuple[float, float]]) -> float | None:
    """By which power of the first the second grows: least squares on logarithms. None for fewer than two points."""
    usable = [(log(x), log(y)) for x, y in points if x > 0 and y > 0]
    return linear_regression(*zip(*usable, strict=True)).slope if len(usable) > 1 else None


def exponents(found: Found) -> list[str]:
    """The line for each thing that grew."""
    loads = [(one.answered, one.total) for one in found.loads if one.is_measurable]
    stored = [(float(one.stored), one.total) for one in found.stored]
    return [
        f"exponent of processor time per event against {what}: "
        + ("not measured" if power is None else f"{power:.2f} ({len(points)} points)")
        for what, points in (("load", loads), ("what is stored", stored))
        for power in [exponent(points)]
    ]


def put_into(page: str, text: str) -> str:
    """The page with this text between its two marks. Raises ValueError when it has none."""
    before, began, rest = page.partition(BEGIN)
    _, ended, after = rest.partition(END)
    if not began or not ended:
        raise ValueError(f"{PAGE.name} has no marks for what is measured")
    return f"{before}{BEGIN}{text}{END}{after}"


def write(found: Found, path: Path = PAGE) -> None:
    """Puts what was found into the page. Raises ValueError when it has no place for it."""
    path.write_text(put_into(path.read_text(), text_of(found)))


def text_of(found: Found) -> str:
    """All tables, in Markdown."""
    return "\n".join(_parts(found)) + "\n"


def _parts(found: Found) -> Iterator[str]:
    yield (
        f"Measured on {found.at:%d %B %Y} on {found.cores} cores, shared by everything below, in {found.took:,.0f} s. "
        f"The load average of the last 15 minutes was {found.load_average:.1f}; what is above {found.cores} means that "
        "others, or too much of a load, made it slower than it is."
    )
    yield "\nA county's busiest hour, so many times:\n"
    yield from _of_loads(found.loads)
    yield "\nThe same load again and again, with so much of a county stored:\n"
    yield from _of_loads(found.stored)
    yield ""
    yield from (f"- {line}" for line in exponents(found))
    yield (
        "\nWhat England's busiest hour takes. A process is full when it uses one processor; MongoDB and RabbitMQ can "
        "use more. Where an event costs less than the measure is fine, nothing is said:\n"
    )
    yield from _of_england(found)
    yield "\nSweeps:\n"
    yield from _of_sweeps(found.swept)
    yield "\nDisk, before compression and on one member, with indexes:\n"
    yield from _of_disk(found.kept)


def _of_loads(measured: Sequence[Measured]) -> Iterator[str]:
    head = "| | asked, answered a second | events | stored | ms of processor an event | processors busy "
    yield f"{head}| to follow-up: p50, p95 | folded after | keeps up |"
    yield "| --- " * 9 + "|"
    for one in measured:
        cost = f"{1_000 * one.total:.1f}" if one.is_measurable else "too few"
        yield (
            f"| {one.name} | {one.asked:,.2f}, {one.answered:,.2f} | {one.events:,} | {one.stored:,} | {cost} "
            f"| {one.busy:.2f} | {_ms(one.p50_ms)}, {_ms(one.p95_ms)} | {one.late:.1f} s "
            f"| {'yes' if one.keeps_up else 'NO'} |"
        )


def _of_england(found: Found) -> Iterator[str]:
    """What an event costs with little to do at once, and at the highest rate that was answered."""
    measurable = [one for one in found.loads if one.is_measurable]
    if not measurable:
        yield "not measured"
        return
    most = max(measurable, key=lambda one: one.answered)
    least = min(measurable, key=lambda one: one.answered)
    busy = england.busy_hour()
    yield (
        f"| process | with nothing to do, processors | ms an event, at {least.answered:,.1f}/s "
        f"| at {most.answered:,.0f}/s | processors for England's {busy:.2f}/s | one is full at | that is England "
        "| memory |"
    )
    yield "| --- " * 8 + "|"
    for name, cost in most.cost.items():
        if cost <= 0 or least.cost[name] <= 0:
            yield f"| {name} | {found.idle[name]:.3f} | too little to tell | | | | | {found.megabytes[name]:,.0f} MB |"
            continue
        limit = (1 - found.idle[name]) / cost
        yield (
            f"| {name} | {found.idle[name]:.3f} | {1_000 * least.cost[name]:.2f} | {1_000 * cost:.2f} "
            f"| {found.idle[name] + busy * least.cost[name]:.3f} | {limit:,.0f}/s | {limit / busy:,.0f} times "
            f"| {found.megabytes[name]:,.0f} MB |"
        )


def _of_sweeps(swept: Swept) -> Iterator[str]:
    a_second = swept.chased / swept.seconds
    yield (
        f"One sweep chased {swept.chased} in {swept.seconds:.1f} s, {swept.letters} letters included: {a_second:.1f} a "
        f"second. A chase took {1_000 * swept.cost[LEDGER]:.1f} ms of processor in `serve bus`, its folding included, "
        f"and {1_000 * sum(swept.cost.values()):.1f} ms in all processes.\n"
    )
    yield (
        "| if all of England were like | chases a year | on a working day | sweeps take, at this rate "
        "| of one processor, were nothing else waited for |"
    )
    yield "| --- " * 5 + "|"
    for sent in england.SENT:
        a_day = sent.chases_a_year / england.WORKING_DAYS.value
        yield (
            f"| {england.load_known_case(sent.case).name} | {sent.chases_a_year:,.0f} | {a_day:,.0f} "
            f"| {_hours(a_day / a_second)} | {_hours(a_day * swept.cost[LEDGER])} |"
        )


def _of_disk(kept: Kept) -> Iterator[str]:
    largest = ", ".join(f"{name} {size:,.0f}" for name, size in kept.largest.items())
    yield (
        f"An event that somebody records: {kept.an_event:,.0f} bytes, with all that is kept because of it ({largest}). "
        f"A chase or a letter: {kept.a_chase:,.0f} bytes. The message of an event: {kept.a_message:,.0f} bytes.\n"
    )
    recorded = england.recorded_a_year() * kept.an_event / _GIGABYTE
    yield "Letters are counted as if each told of one case only; most would tell of many.\n"
    yield "| if all of England were like | recorded, GB a year | chases and letters, GB a year | ten years, GB |"
    yield "| --- " * 4 + "|"
    for sent in england.SENT:
        told = (sent.chases_a_year + 2 * sent.letters_a_year) * kept.a_chase / _GIGABYTE
        name = england.load_known_case(sent.case).name
        yield f"| {name} | {recorded:,.0f} | {told:,.0f} | {10 * (recorded + told):,.0f} |"


def england_needs() -> str:
    """The inputs and what follows from them, in Markdown."""
    rows = [f"| {one.what} | {one.value:,g} | {one.source} |" for one in england.INPUTS]
    a_year, busy = england.recorded_a_year(), england.busy_hour()
    follows = [
        ("cases that are recorded about, at any time", f"{england.cases():,.0f}"),
        ("requests for a case and year", f"{england.recorded_a_case():.1f}"),
        ("requests in England, a year", f"{a_year:,.0f}"),
        ("requests in England, a second of the busiest hour", f"{busy:.2f}"),
        ("requests in a county, a year", f"{england.of_a_county(a_year):,.0f}"),
        ("requests in a county, a second of the busiest hour", f"{england.of_a_county(busy):.4f}"),
    ]
    head = ["| input | | source |", "| --- | --- | --- |"]
    return "\n".join([*head, *rows, "", "| follows | |", "| --- | --- |", *(f"| {w} | {v} |" for w, v in follows)])


def _ms(value: float | None) -> str:
    return "none" if value is None else f"{value:,.0f} ms"


def _hours(seconds: float) -> str:
    return f"{seconds / 3_600:,.1f} h" if seconds >= 3_600 else f"{seconds / 60:,.1f} min"
