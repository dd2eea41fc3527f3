"""A case as data: the facts to record, and the alarms that must, may and must not follow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from pathlib import Path
from string import Template
from typing import Any

from deploy.local.folders import ROOT
from shared.kernel.time import at_london, london_date
from shared.yamlfile import load_yaml

CASE_S = ROOT / "tests" / "data" / "case_s"


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that somebody records through a service's API at `at` (UTC). `remember` names parts of the answer."""

    at: datetime
    happened: str
    by: str
    service: str
    path: str
    body: Mapping[str, Any]
    remember: Mapping[str, str]

    def filled(self, known: Mapping[str, str]) -> tuple[str, dict[str, Any]]:
        """Path and body, with `$name` replaced by what was remembered under that name."""
        body = {
            name: Template(value).substitute(known) if isinstance(value, str) and value.startswith("$") else value
            for name, value in self.body.items()
        }
        return Template(self.path).substitute(known), body


@dataclass(frozen=True, slots=True)
class Expected:
    """An alarm that must be raised: the first chase of this rung, on this London day, telling these people."""

    row: str
    step: str
    rung: str
    on: date
    told: frozenset[str]


@dataclass(frozen=True, slots=True)
class Case:
    """The facts in order, the days they span, and what must (`must`) or may (`may`: steps) be raised."""

    name: str
    begins: datetime
    ends: date
    facts: tuple[Fact, ...]
    must: tuple[Expected, ...]
    may: frozenset[str]

    def until(self, day: date) -> Case:
        """The same case, left after this London day."""
        return replace(
            self,
            ends=min(day, self.ends),
            facts=tuple(fact for fact in self.facts if london_date(fact.at) <= day),
            must=tuple(expected for expected in self.must if expected.on <= day),
        )


def load_case(folder: Path = CASE_S) -> Case:
    """The case of a folder with `case.yaml` and `expected.yaml`. Times in it are London's."""
    case = load_yaml(folder / "case.yaml").value
    expected = load_yaml(folder / "expected.yaml").value
    return Case(
        name=case["case"],
        begins=_instant(case["begins"]),
        ends=date.fromisoformat(case["ends"]),
        facts=tuple(
            Fact(
                at=_instant(fact["at"]),
                happened=fact["happened"],
                by=fact["by"],
                service=fact["service"],
                path=fact["post"],
                body=fact["body"],
                remember=fact.get("remember", {}),
            )
            for fact in case["facts"]
        ),
        must=tuple(
            Expected(item["row"], item["step"], item["rung"], date.fromisoformat(item["on"]), frozenset(item["told"]))
            for item in expected["must_raise"]
        ),
        may=frozenset(item["step"] for item in expected["may_raise"]),
    )


def _instant(text: str) -> datetime:
    day, _, clock = text.partition("T")
    return at_london(date.fromisoformat(day), time.fromisoformat(clock))
