"""Back-tests: what a changed pack would have raised in a period, beside what the packs in force raise. Pure.

Both sides are folded from the same evidence and told by the same directory, so an unchanged pack differs in nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from services.referrals_followup.domain.follow_up import VOID, Acts, FollowUp, Owner, Rung, owner_of, timed
from services.referrals_followup.domain.rules_history import NATIONAL, Adoption, RulesHistory
from shared.kernel.calendar import WorkingCalendar
from shared.kernel.time import due, london_date

CANDIDATE = "back-test"

# The people whom a rung of a follow-up would tell at an instant, by the directory of today.
FindRecipients = Callable[[FollowUp, Rung, Owner, datetime], tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Period:
    """From `start` up to and with `end`, both aware UTC."""

    start: datetime
    end: datetime

    def has(self, at: datetime) -> bool:
        return self.start <= at <= self.end


@dataclass(frozen=True, slots=True)
class Telling:
    """One rung of a ladder that falls due: when, and whom it tells."""

    at: datetime
    rung: str
    people: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Raised:
    """A follow-up with all that it tells in the period."""

    follow_up: FollowUp
    tellings: tuple[Telling, ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """One follow-up that tells something else under the changed pack; None where one side does not have it."""

    follow_up: FollowUp
    was: Raised | None
    would_be: Raised | None


@dataclass
class Totals:
    """What was and what would be: follow-ups asked and told by step, and tellings by week and worker."""

    asked: dict[str, list[int]] = field(default_factory=lambda: defaultdict(lambda: [0, 0]))
    told: dict[str, list[int]] = field(default_factory=lambda: defaultdict(lambda: [0, 0]))
    load: dict[tuple[str, str], list[int]] = field(default_factory=lambda: defaultdict(lambda: [0, 0]))

    def count(self, raised: Iterable[Raised], side: int, period: Period) -> None:
        for one in raised:
            if period.has(one.follow_up.opened_recorded_at):
                self.asked[one.follow_up.step][side] += 1
            self.told[one.follow_up.step][side] += len(one.tellings)
            for telling in one.tellings:
                for person in telling.people:
                    self.load[week_of(telling.at), person][side] += 1


def week_of(at: datetime) -> str:
    """The week of an instant in London, as `2013-W03`."""
    year, week, _ = london_date(at).isocalendar()
    return f"{year}-W{week:02}"


def substitute(rules: RulesHistory, pack: Mapping[str, Any], since: datetime) -> RulesHistory:
    """The rules as if this pack had come into force at `since` (UTC), in place of each of its versions in force later.

    Calendars stay those that were adopted. The first version of a pack also holds for what was recorded before it, so
    a pack that was first adopted later is replaced from then on.
    """
    name, version, content = pack["pack"], pack["version"], {"steps": pack["steps"]}
    before = [one for one in rules.adoptions if one.pack == name and one.at < since]
    adoptions = [
        replace(one, version=version, content=content) if one.pack == name and one.at >= since else one
        for one in rules.adoptions
    ]
    is_in_force = bool(before) and before[-1].content["steps"] == content["steps"]
    if not is_in_force and (before or all(one.pack != name for one in adoptions)):
        adoptions.append(Adoption(since, name, version, content, _calendar(rules, before), CANDIDATE))
    return RulesHistory.of(adoptions)


def _calendar(rules: RulesHistory, before: list[Adoption]) -> WorkingCalendar:
    """The calendar of the version that is replaced; of a new pack, that of the nation."""
    return before[-1].calendar if before else rules.calendar(NATIONAL)


def raise_in(
    pairs: Iterable[tuple[FollowUp, Acts]],
    calendar: Callable[[str], WorkingCalendar],
    period: Period,
    find_recipients: FindRecipients,
) -> dict[str, Raised]:
    """The follow-ups by id, each with what it tells in the period. `calendar` gives that of an area."""
    return {
        follow_up.id: Raised(
            follow_up, tuple(_tellings(follow_up, acts, calendar(follow_up.area), period, find_recipients))
        )
        for follow_up, acts in pairs
        if follow_up.state != VOID or follow_up.closed_recorded_at is not None
    }


def _tellings(
    follow_up: FollowUp, acts: Acts, calendar: WorkingCalendar, period: Period, find_recipients: FindRecipients
) -> Iterator[Telling]:
    owner = owner_of(follow_up, acts)
    closed = follow_up.closed_recorded_at
    found = sorted(
        ((at, rung) for rung in timed(follow_up, acts) for at in _instants(rung, follow_up, calendar, period.end)),
        key=lambda pair: pair[0],
    )
    for at, rung in found:
        if period.has(at) and (closed is None or at < closed):
            yield Telling(at, rung.name, find_recipients(follow_up, rung, owner, at))


def _instants(rung: Rung, follow_up: FollowUp, calendar: WorkingCalendar, end: datetime) -> Iterator[datetime]:
    last = min(end, follow_up.closed_recorded_at or end)
    at = max(rung.at, follow_up.held_until or rung.at)
    while at <= last:
        yield at
        if rung.repeat is None:
            return
        at = due(rung.repeat, at, "minute", calendar).at


def compare(was: Mapping[str, Raised], would_be: Mapping[str, Raised]) -> Iterator[Difference]:
    """The follow-ups of one thread that tell something else, in the order in which they opened."""
    known = {key: one.follow_up for key, one in (*would_be.items(), *was.items())}
    for key in sorted(known, key=lambda one: (known[one].opened_at, one)):
        one, other = was.get(key), would_be.get(key)
        if (one.tellings if one else ()) != (other.tellings if other else ()):
            yield Difference(known[key], one, other)
