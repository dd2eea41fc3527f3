"""A case as data: the facts to record, and the alarms that must, may and must not follow.

Guarantee: each alarm is judged. An alarm is unexpected if nothing allows it or if something forbids it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from fnmatch import fnmatchcase
from pathlib import Path
from string import Template
from typing import Any

from deploy.local.folders import ROOT
from shared.config.yamlfile import load_yaml
from shared.kernel.time import at_london, london_date

CASES = ROOT / "deploy" / "cases"
CASE_S, CASE_T, CASE_U, CASE_V, CASE_W = (CASES / f"case_{letter}" for letter in "stuvw")


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that happened at `at` (UTC). Somebody records it through a service's API; without a `path` nobody does.

    `remember` names parts of the answer. `row` is the missed step that it belongs to. `assumed` is what the source does
    not say.
    """

    at: datetime
    happened: str
    by: str = ""
    service: str = ""
    path: str = ""
    body: Mapping[str, Any] = field(default_factory=dict)
    remember: Mapping[str, str] = field(default_factory=dict)
    row: str | None = None
    assumed: str | None = None

    @property
    def is_recorded(self) -> bool:
        return bool(self.path)

    def fill_in(self, known: Mapping[str, str]) -> tuple[str, dict[str, Any]]:
        """Path and body, with each `$name` replaced by the id of that name."""
        return Template(self.path).substitute(known), {
            name: _fill_in(value, known) for name, value in self.body.items()
        }


def _fill_in(value: Any, known: Mapping[str, str]) -> Any:
    if isinstance(value, str) and value.startswith("$"):
        return Template(value).substitute(known)
    return [_fill_in(part, known) for part in value] if isinstance(value, list) else value


@dataclass(frozen=True, slots=True)
class Alarm:
    """A rung that was chased for the first time: when (London day), under which step, about what, who was told.

    `height` is its place on the ladder, `again` on which days the same rung was chased once more.
    """

    on: date
    step: str
    rung: str
    told: tuple[str, ...]
    thread: str
    person: str | None
    reference: str
    basis: str
    title: str
    height: int = 0
    again: tuple[date, ...] = ()
    closed_on: date | None = None
    closed_because: str | None = None

    @property
    def about(self) -> str:
        """The id of the record that it is about."""
        return self.thread.partition("/")[2]


@dataclass(frozen=True, slots=True)
class Expected:
    """Alarms of a step (`HV-01.*`: of several) from `first` to `last` (London days). A field of None fits any alarm.

    `about` is the name of an id that the case remembers. `told` are all the people whom the chase tells, `among` some.
    """

    step: str
    first: date = date.min
    last: date = date.max
    rung: str | None = None
    about: str | None = None
    told: frozenset[str] | None = None
    among: frozenset[str] = frozenset()
    row: str | None = None
    because: str | None = None

    def fits(self, alarm: Alarm, known: Mapping[str, str]) -> bool:
        return (
            fnmatchcase(alarm.step, self.step)
            and self.first <= alarm.on <= self.last
            and self.rung in (None, alarm.rung)
            and (self.about is None or known.get(self.about) in (alarm.about, alarm.person or ""))
            and (self.told is None or self.told == frozenset(alarm.told))
            and self.among <= frozenset(alarm.told)
        )


@dataclass(frozen=True, slots=True)
class Row:
    """A step that was missed in the case, and the standards that ask for it."""

    id: str
    missed: str
    practice: str


@dataclass(frozen=True, slots=True)
class Case:
    """The facts in order, the days they span, and the alarms that must, may and must not be raised.

    `harm` is the day and the description of the harm that the alarms should have come before. `looked_at` are the days
    for which the demo shows how far the alarms had gone.
    """

    name: str
    begins: datetime
    ends: date
    facts: tuple[Fact, ...]
    must: tuple[Expected, ...]
    may: tuple[Expected, ...]
    must_not: tuple[Expected, ...]
    rows: tuple[Row, ...] = ()
    harm: tuple[date, str] | None = None
    looked_at: tuple[date, ...] = ()

    @property
    def recorded(self) -> tuple[Fact, ...]:
        return tuple(fact for fact in self.facts if fact.is_recorded)

    def until(self, day: date) -> Case:
        """The same case, ended after this London day."""
        return replace(
            self,
            ends=min(day, self.ends),
            facts=tuple(fact for fact in self.facts if london_date(fact.at) <= day),
            must=tuple(expected for expected in self.must if expected.last <= day),
        )


@dataclass(frozen=True, slots=True)
class Judgement:
    """Each expected alarm with the alarm that meets it, if any; the allowed alarms, each with what allows it; and the
    unexpected ones, each with what forbids it, if anything does."""

    pairs: tuple[tuple[Expected, Alarm | None], ...]
    allowed: tuple[tuple[Alarm, Expected], ...]
    unexpected: tuple[tuple[Alarm, Expected | None], ...]

    @property
    def missing(self) -> list[Expected]:
        return [expected for expected, alarm in self.pairs if alarm is None]

    @property
    def is_as_expected(self) -> bool:
        return not self.missing and not self.unexpected

    def row_of(self, alarm: Alarm) -> str | None:
        """The missed step that the alarm is about, if the alarm was expected or allowed."""
        return next((by.row for found, by in self._list_matches() if found is alarm), None)

    def _list_matches(self) -> Iterator[tuple[Alarm, Expected]]:
        yield from ((alarm, expected) for expected, alarm in self.pairs if alarm is not None)
        yield from self.allowed


def judge(case: Case, alarms: Sequence[Alarm], known: Mapping[str, str]) -> Judgement:
    """Compares the alarms with what the case expects. `known` has the ids that the case remembers, by their names."""
    left = list(alarms)
    pairs: list[tuple[Expected, Alarm | None]] = []
    for expected in case.must:
        raised = next((alarm for alarm in left if expected.fits(alarm, known)), None)
        pairs.append((expected, raised))
        if raised:
            left.remove(raised)
    allowed, unexpected = [], []
    for alarm in left:
        forbidding = next((forbidden for forbidden in case.must_not if forbidden.fits(alarm, known)), None)
        allowing = next((expected for expected in case.may if expected.fits(alarm, known)), None)
        if allowing is not None and forbidding is None:
            allowed.append((alarm, allowing))
        else:
            unexpected.append((alarm, forbidding))
    return Judgement(tuple(pairs), tuple(allowed), tuple(unexpected))


def find_case(letter: str) -> Path:
    """The folder of a case by its letter, as `s`. Raises ValueError, which lists the letters, for another one."""
    letters = sorted(folder.name.removeprefix("case_") for folder in CASES.glob("case_*"))
    if letter.lower() not in letters:
        raise ValueError(f"there is no case {letter}; the cases are: {', '.join(letters)}")
    return CASES / f"case_{letter.lower()}"


def load_case(folder: Path = CASE_S) -> Case:
    """The case of a folder with `case.yaml` and `expected.yaml`. Times in it are London's."""
    case = load_yaml(folder / "case.yaml").value
    expected = load_yaml(folder / "expected.yaml").value
    facts = [fact for item in case["facts"] for fact in _facts(item)]
    harm = case.get("harm")
    return Case(
        name=case["case"],
        begins=_instant(case["begins"]),
        ends=date.fromisoformat(case["ends"]),
        facts=tuple(sorted(facts, key=lambda fact: fact.at)),
        must=tuple(_expected(item) for item in expected["must_raise"]),
        may=tuple(_expected(item) for item in expected["may_raise"]),
        must_not=tuple(_expected(item) for item in expected["must_not_raise"]),
        rows=tuple(Row(name, row["missed"], row["practice"]) for name, row in expected.get("rows", {}).items()),
        harm=(date.fromisoformat(harm["on"]), harm["what"]) if harm else None,
        looked_at=tuple(date.fromisoformat(day) for day in case.get("looked_at", ())),
    )


def _facts(item: Mapping[str, Any]) -> Iterator[Fact]:
    """The fact, or each of its repetitions: `every` so many days or weeks, at the same time of day, `times` times."""
    day, clock = _day_and_clock(item["at"])
    every = timedelta(**item["every"]) if "every" in item else timedelta()
    for number in range(item.get("times", 1)):
        yield Fact(
            at=at_london(day + number * every, clock),
            happened=item["happened"],
            by=item.get("by", ""),
            service=item.get("service", ""),
            path=item.get("post", ""),
            body=item.get("body", {}),
            remember=item.get("remember", {}),
            row=item.get("row"),
            assumed=item.get("assumed"),
        )


def _expected(item: Mapping[str, Any]) -> Expected:
    on = item.get("on")
    first, last = item.get("from", on), item.get("to", on)
    return Expected(
        step=item["step"],
        first=date.fromisoformat(first) if first else date.min,
        last=date.fromisoformat(last) if last else date.max,
        rung=item.get("rung"),
        about=item.get("about"),
        told=frozenset(item["told"]) if "told" in item else None,
        among=frozenset(item.get("among", ())),
        row=item.get("row"),
        because=item.get("because"),
    )


def _day_and_clock(text: str) -> tuple[date, time]:
    day, _, clock = text.partition("T")
    return date.fromisoformat(day), time.fromisoformat(clock)


def _instant(text: str) -> datetime:
    return at_london(*_day_and_clock(text))
