"""Which fields name something of the directory, which facts are recorded whomever they name, and what is nearest."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from marshmallow import Schema, fields

from services.referrals_followup.standards.loader import load_packs
from shared.contracts import CATALOGUE
from shared.contracts.fields import Slug
from shared.contracts.urgent import ALARMS, SETTLING, is_recorded_whoever_it_names
from shared.kernel.nearest import find_nearest
from tests.unit.test_standards_file import STANDARDS

# A death ends urgent steps too, whichever they are.
DIED = "person.died.v1"
# Fields of code words that name nothing in the directory.
CODES = {
    "alternative_code",
    "channel",
    "code",
    "decision_code",
    "group_id",
    "name",
    "outcome_code",
    "pack",
    "reason_code",
    "role",
    "service",
    "support_code",
    "trigger_code",
    "why_code",
}
# Whoever made contact with the front door. Most of them are in nobody's directory.
ANYBODY = {"from_team", "from_person"}


def code_words(schema: Schema) -> Iterator[tuple[str, Slug]]:
    for name, declared in schema.fields.items():
        inner = declared.inner if isinstance(declared, fields.List) else declared
        if isinstance(inner, fields.Nested):
            yield from code_words(inner.schema)
        elif isinstance(inner, Slug):
            yield name, inner


def test_every_code_word_of_an_event_says_what_it_names_or_is_known_to_name_nothing() -> None:
    for event_type in CATALOGUE:
        for name, field in code_words(event_type.schema()):
            names = field.metadata.get("names")
            assert names in ("area", "team", "worker", None), f"{event_type.name}.{name}"
            assert (names is None) == (name in CODES | ANYBODY), f"{event_type.name}.{name}"


def urgent_openings() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Each event type that opens an urgent step: the step, the type, and the values that make the step urgent."""
    for pack in load_packs(STANDARDS, CATALOGUE, None):
        for step_id, step in pack["steps"].items():
            is_always = step.get("guarded") or any(rung.get("urgent") for rung in step.get("ladder", ()))
            when = step.get("urgent_when", [])
            if not is_always and not when:
                continue
            values = {} if is_always else dict(one["field_equals"] for one in when)
            opens_on = step.get("opens_on", [])
            if isinstance(opens_on, dict):
                opens_on = opens_on.get("of", [opens_on])
            for opening in opens_on if isinstance(opens_on, list) else [opens_on]:
                yield step_id, opening if isinstance(opening, str) else opening["event"], values


def test_no_unknown_name_refuses_what_can_open_an_urgent_step() -> None:
    openings = list(urgent_openings())
    assert {event_type for _, event_type, _ in openings} >= {"injury.reported.v1", "screen.recorded.v1"}
    for step_id, event_type, values in openings:
        assert is_recorded_whoever_it_names(event_type, values), f"{step_id} opens on {event_type}"


def test_what_settles_an_urgent_step_is_what_meets_or_ends_one_in_the_packs() -> None:
    def types_in(content: Any) -> Iterator[str]:
        for item in content if isinstance(content, list) else [content]:
            yield item if isinstance(item, str) else item["event"]

    found = {DIED}
    for pack in load_packs(STANDARDS, CATALOGUE, None):
        for step in pack["steps"].values():
            is_urgent = any(rung.get("urgent") for rung in step.get("ladder", ())) or step.get("urgent_when")
            if step.get("guarded") or is_urgent:
                found |= {*types_in(step.get("met_by", [])), *types_in(step.get("ended_by", []))}
    assert found == SETTLING


def test_the_facts_that_are_recorded_whomever_they_name_are_in_the_catalogue_and_a_routine_referral_is_not() -> None:
    assert all(event_type in CATALOGUE for event_type in ALARMS)
    assert is_recorded_whoever_it_names("referral.sent.v1", {"urgency": "urgent"})
    assert not is_recorded_whoever_it_names("referral.sent.v1", {"urgency": "routine"})
    assert not is_recorded_whoever_it_names("household.moved.v1", {})


def test_the_nearest_names_are_the_most_alike_first_and_none_is_made_up() -> None:
    known = ["essex", "norfolk", "perinatal-mh-essex", "perinatal-mh-norfolk", "pa-lindqvist"]
    assert find_nearest("norfk", known) == ["norfolk"]
    assert find_nearest("perinatal-mental-health-essex", known)[0] == "perinatal-mh-essex"
    assert find_nearest("pa-lindquist", known) == ["pa-lindqvist"]
    assert find_nearest("zzz", known) == []


def test_of_tens_of_thousands_of_names_the_nearest_are_found_though_few_are_compared() -> None:
    known = [f"worker-{number}" for number in range(60_000)] + ["hv-sato", "pa-lindqvist"]
    assert find_nearest("pa-lindquist", known)[0] == "pa-lindqvist"
    assert find_nearest("hv-satto", known)[0] == "hv-sato"
    assert find_nearest("wroker-4711", known)[0] == "worker-4711"
