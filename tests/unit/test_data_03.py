"""DATA-03: an alarm that names what the directory does not list is followed up, until somebody is found."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shared.contracts.urgent import ALARMS
from shared.kernel.decisions import Actor
from tests.unit.practice import GP, PERSON, Practice, as_text

NURSE = Actor("nurse-nightingale", "health_visitor", "night-team", ("essex",))
KINDS = {"injury": "concern", "prebirth": "pregnancy"}
AT = "2014-01-15 03:00"
# The glass is broken in the service that has the directory itself.
RECORDED = ALARMS.keys() - {"glass.broken.v1"}


def alarm(practice: Practice, event_type: str, unknown: str | None) -> None:
    noun = event_type.partition(".")[0]
    event = practice.record_of(KINDS.get(noun, noun), by=NURSE).was(event_type, AT, **ALARMS[event_type])
    practice._events[event.id] = replace(event, unknown=unknown)


@pytest.mark.parametrize("event_type", sorted(RECORDED))
@pytest.mark.parametrize("unknown", ["team", "to_team", None])
def test_every_alarm_asks_who_is_meant_by_an_unknown_name_and_no_other_does(event_type, unknown):
    practice = Practice()
    alarm(practice, event_type, unknown)
    found = [one for one in practice.follow_ups(f"person/{PERSON}") if one.step == "DATA-03.who"]
    assert [as_text(one.due_at) for one in found] == (["2014-01-16 17:00"] if unknown else [])


def test_the_owner_of_that_hour_is_told_at_once_and_the_one_who_takes_it_on_ends_it():
    practice = Practice()
    alarm(practice, "injury.reported.v1", "team")
    told = [one for one in practice.sweep(AT) if one.step == "DATA-03.who"]
    assert [one.rungs for one in told] == [("told",)]
    assert all(one.told for one in told)
    urgent = practice.sweep("2014-01-15 03:02")
    assert "nurse-nightingale" not in {person for one in (*told, *urgent) for person in one.told}


def test_a_consultation_about_a_child_who_is_not_named_asks_too():
    practice = Practice()
    thread = practice.record_of("consultation", by=GP, person_id=None)
    held = thread.was("held", AT, named=False)
    practice._events[held.id] = replace(held, unknown="to_team", subject=None)
    assert "DATA-03.consultation" in thread.steps()
