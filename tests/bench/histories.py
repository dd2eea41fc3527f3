"""What is recorded of made-up people: twenty events each, valid by their contracts, the same for the same seed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import cache
from hashlib import md5
from pathlib import Path
from random import Random
from typing import Any

from shared.contracts import CATALOGUE
from shared.kernel.envelope import Event
from shared.kernel.ids import derived_id
from tests.integration.ledger import MONDAY, an_event

GOLDEN = Path(__file__).parents[1] / "data" / "golden"
FIRST_REFERRAL = [
    *("intended", "sent", "acknowledged", "more_info_requested", "more_info_given", "accepted"),
    *("appointment_booked", "not_attended", "miss_contacted", "appointment_booked", "attended", "assessed"),
    *("treatment_started", "treatment_ended", "outcome_returned", "outcome_acknowledged", "closed"),
]
SECOND_REFERRAL = ["intended", "sent"]
EVENTS_EACH = 1 + len(FIRST_REFERRAL) + len(SECOND_REFERRAL)
REFERRALS_OF_LONG_LIFE = 6
EVENTS_OF_LONG_LIFE = 1 + REFERRALS_OF_LONG_LIFE * len(FIRST_REFERRAL)
BEGAN = MONDAY - timedelta(days=90)


def lives(people: int) -> list[list[Event]]:
    """The events of each person, in order: registered, a referral from its decision to its end, and a second one."""
    return [list(life(number)) for number in range(people)]


def together(people: int) -> list[Event]:
    """The events of all people, one person after the other."""
    return [event for life in lives(people) for event in life]


def shuffled(people: int, seed: int = 1) -> list[Event]:
    """The same events in a random order."""
    events = together(people)
    Random(seed).shuffle(events)
    return events


def long_lives_shuffled(people: int, seed: int = 1) -> list[Event]:
    """The events of people with several referrals each, in a random order."""
    events = [event for number in range(people) for event in long_life(number, REFERRALS_OF_LONG_LIFE)]
    Random(seed).shuffle(events)
    return events


def message(event: Event) -> bytes:
    """The event as the relay publishes it."""
    return json.dumps(event.to_cloudevent(), separators=(",", ":"), ensure_ascii=False).encode()


def life(number: int) -> Iterator[Event]:
    person = f"p_{md5(str(number).encode()).hexdigest()}"
    at = BEGAN + timedelta(minutes=number)
    yield _event("person.registered.v1", f"person/{person}", 1, at, person)
    for which, steps in enumerate((FIRST_REFERRAL, SECOND_REFERRAL)):
        referral = derived_id("bench", f"{number}/{which}")
        for version, step in enumerate(steps, start=1):
            at += timedelta(days=1)
            yield _event(f"referral.{step}.v1", f"referral/{referral}", version, at, person, referral_id=referral)


def long_life(number: int, referrals: int) -> Iterator[Event]:
    """The events of somebody with so many referrals, each from its decision to its end, one after the other."""
    person = f"p_{md5(f'long {number}'.encode()).hexdigest()}"
    at = BEGAN
    yield _event("person.registered.v1", f"person/{person}", 1, at, person)
    for which in range(referrals):
        referral = derived_id("bench", f"long {number}/{which}")
        for version, step in enumerate(FIRST_REFERRAL, start=1):
            at += timedelta(hours=1)
            yield _event(f"referral.{step}.v1", f"referral/{referral}", version, at, person, referral_id=referral)


def new_referral(number: int) -> Event:
    """The first event of a referral of somebody of whom nothing else is said. It opens a follow-up."""
    person = f"p_{md5(f'new {number}'.encode()).hexdigest()}"
    referral = derived_id("bench", f"new {number}")
    at = BEGAN + timedelta(minutes=number)
    return _event("referral.intended.v1", f"referral/{referral}", 1, at, person, referral_id=referral)


def _event(kind: str, stream: str, version: int, at: datetime, person: str, **ids: str) -> Event:
    data = {name: value for name, value in _golden(kind).items() if name != "condition_id"}
    return an_event(kind, stream, {**data, "person_id": person, **ids}, at=at, version=version, subject=person)


@cache
def _golden(kind: str) -> dict[str, Any]:
    data: dict[str, Any] = json.loads((GOLDEN / f"{kind}.json").read_text())["data"]
    faults = CATALOGUE.faults(kind, data)
    assert not faults, faults
    return data
