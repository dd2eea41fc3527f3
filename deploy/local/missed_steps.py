"""What a replayed case missed: the facts and alarms of each missed step, and how far the alarms had gone by a day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from deploy.local.case import Alarm, Case, Fact, Judgement, Row

OWNER = "owner"


@dataclass(frozen=True, slots=True)
class Standing:
    """A missed step on one day: the highest rung reached, the number of chases, and whether anything was open."""

    chases: int
    furthest: Alarm | None
    is_open: bool


@dataclass(frozen=True, slots=True)
class MissedStep:
    """A missed step of a case: its facts, and the alarms about it in the order in which they were raised."""

    row: Row
    facts: tuple[Fact, ...]
    alarms: tuple[Alarm, ...]

    @property
    def first(self) -> Alarm | None:
        return self.alarms[0] if self.alarms else None

    def lead_days(self, harm: date) -> int | None:
        """Days from the first alarm to the harm."""
        return (harm - self.first.on).days if self.first else None

    def by(self, day: date) -> Standing:
        """The standing at the end of that London day."""
        raised = [alarm for alarm in self.alarms if alarm.on <= day]
        repeats = sum(again <= day for alarm in raised for again in alarm.again)
        return Standing(
            chases=len(raised) + repeats,
            furthest=max(raised, key=lambda alarm: (alarm.height, alarm.on), default=None),
            is_open=any(alarm.closed_on is None or alarm.closed_on > day for alarm in raised),
        )


def list_missed_steps(case: Case, judgement: Judgement, alarms: Sequence[Alarm]) -> list[MissedStep]:
    """One for each row of the case. Alarms that nobody expected are in none."""
    by_row = [(judgement.row_of(alarm), alarm) for alarm in alarms]
    return [
        MissedStep(
            row=row,
            facts=tuple(fact for fact in case.facts if fact.row == row.id),
            alarms=tuple(sorted((alarm for name, alarm in by_row if name == row.id), key=lambda alarm: alarm.on)),
        )
        for row in case.rows
    ]


def day_text(day: date) -> str:
    """`16 Jan 2013`."""
    return f"{day.day} {day:%b %Y}"


def standing_text(standing: Standing) -> str:
    """In words: the highest rung reached, the people it told and the number of chases."""
    furthest = standing.furthest
    if furthest is None:
        return "nothing was raised"
    chases = "1 chase" if standing.chases == 1 else f"{standing.chases} chases"
    state = "open" if standing.is_open else "closed"
    return f"{furthest.step}, {furthest.rung}: {', '.join(furthest.told)} ({chases}; {state})"
