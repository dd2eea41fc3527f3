"""The spec of each predicate and due rule compiles, describes and checks it, and names every event that it reads."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from services.referrals_followup.domain.compiling import compile_step, opening_in_words, read_step
from services.referrals_followup.domain.due_rules import DUE_RULES, due_in_words, read_due
from services.referrals_followup.domain.predicates import (
    PREDICATES,
    compile_predicate,
    predicate_in_words,
    read_predicate,
)
from services.referrals_followup.domain.standards import OWN, SIBLINGS
from services.referrals_followup.domain.thread_history import OF_SIBLINGS, PREGNANCY_ENDED, Evidence, ThreadHistory
from services.referrals_followup.standards.loader import load_packs
from shared.config.yamlfile import FaultyFile
from shared.contracts import CATALOGUE
from shared.kernel.envelope import Event
from tests.unit.practice import CALENDAR, CHILD, DIRECTORY, HV, PACKS, PARTNER, PERSON, SOCIAL_WORKER, Practice
from tests.unit.rule_examples import DUE_EXAMPLES, DUE_FAULTS, PREDICATE_EXAMPLES, step, step_with

EVENT_TYPE = re.compile(r"[a-z_]+(\.[a-z_]+)+\.v[0-9]+")
STEPS = [
    (f"{pack['pack']}:{step_id}", content) for pack in PACKS.values() for step_id, content in pack["steps"].items()
]
# No predicate takes it.
NONSENSE = 7.5


class WatchedHistory(ThreadHistory):
    """A thread's history that notes which types of event somebody asked it for."""

    def __init__(self, thread: str, evidence: list[Evidence]) -> None:
        self.asked: set[str] = set()
        super().__init__(thread, evidence)

    def standing_of(self, *types: str) -> tuple[Event, ...]:
        self.asked.update(types)
        return super().standing_of(*types)


@pytest.fixture(scope="module")
def evidence() -> list[Evidence]:
    """A first child, a second pregnancy with a partner and on two records, a move, and much else about the family."""
    practice = Practice()
    practice.birth(CHILD, "2012-06-01")
    pregnancy = practice.record_of("pregnancy", key="7" * 8 + "-0000-4000-8000-000000000000")
    pregnancy.was("pregnancy.booked.v1", "2013-01-14", edd="2013-07-01", mother_age_band="from_20")
    practice.record_of("pregnancy").was("pregnancy.notified.v1", "2013-01-10")
    pregnancy.was("pregnancy.partner_named.v1", "2013-01-15", partner_id=PARTNER)
    pregnancy.was("prebirth.referred.v1", "2013-01-16", by=SOCIAL_WORKER)
    pregnancy.was("pregnancy.concern_noted.v1", "2013-01-17")
    practice.record_of("move").was("household.moved.v1", "2013-02-01", people=[PERSON], by=HV)
    practice.record_of("screen").was("screen.recorded.v1", "2013-02-02")
    practice.record_of("case").was("case.closed.v1", "2013-02-03", people=[PERSON])
    practice.record_of("concern").was("concern.raised.v1", "2013-02-04")
    practice.record_of("concern", person_id=CHILD).was("injury.decided.v1", "2013-02-05")
    pregnancy.was("pregnancy.ended.v1", "2013-07-01", outcome="birth", children=[], parents=[PERSON])
    return [Evidence(event, frozenset(CATALOGUE.refs(event))) for event in practice.events()]


def thread_of(evidence: list[Evidence]) -> str:
    return next(item.event.stream for item in evidence if "7777" in item.event.stream)


def load(folder: Path, content: Mapping[str, Any]) -> None:
    pack = {"pack": "england", "version": "1", "steps": {"PBA-01": content}}
    (folder / "england.yaml").write_text(yaml.safe_dump(pack))
    load_packs(folder, CATALOGUE, DIRECTORY.roles)


def named_in(content: Any) -> Iterator[str]:
    """Every type of event that is named anywhere in the content of a pack."""
    if isinstance(content, str) and EVENT_TYPE.fullmatch(content):
        yield content
    elif isinstance(content, list | Mapping):
        for item in content.values() if isinstance(content, Mapping) else content:
            yield from named_in(item)


def predicates_in(content: Any, is_condition: bool = False) -> Iterator[str]:
    """The name of every predicate in the content of a pack."""
    if isinstance(content, list):
        for item in content:
            yield from predicates_in(item, is_condition)
    elif isinstance(content, Mapping):
        if is_condition:
            yield from content
        for name, item in content.items():
            yield from predicates_in(item, name in ("when", "urgent_when", "not", "all_of", "any_of"))


def test_every_predicate_and_every_due_rule_has_an_example() -> None:
    assert set(PREDICATE_EXAMPLES) == set(PREDICATES)
    assert set(DUE_EXAMPLES) == set(DUE_FAULTS) == set(DUE_RULES)
    assert all(spec.name == name for name, spec in PREDICATES.items())


def test_every_predicate_that_a_pack_names_has_a_spec() -> None:
    named = {name for _, content in STEPS for name in predicates_in(content)}
    assert "field_equals" in named
    assert named <= set(PREDICATES)


@pytest.mark.parametrize(("name", "content"), STEPS, ids=[name for name, _ in STEPS])
def test_a_step_reads_every_type_of_event_that_it_names(name: str, content: Mapping[str, Any]) -> None:
    assert set(named_in(content)) <= {reading.event for reading in read_step(content)}


def test_of_an_older_child_packs_read_only_what_the_evidence_looks_up() -> None:
    read = {reading.event for _, content in STEPS for reading in read_step(content) if reading.via == SIBLINGS}
    assert read <= set(OF_SIBLINGS)


@pytest.mark.parametrize("name", PREDICATES)
def test_a_predicate_is_described_in_the_words_of_the_step_that_it_is_in(name: str) -> None:
    words = predicate_in_words({name: PREDICATE_EXAMPLES[name]})
    assert words and "_" not in words
    assert words in opening_in_words(step_with(name, PREDICATE_EXAMPLES[name])["opens_on"])


@pytest.mark.parametrize("name", PREDICATES)
def test_a_pack_is_checked_by_the_specs_of_its_predicates(name: str, tmp_path: Path) -> None:
    load(tmp_path, step_with(name, PREDICATE_EXAMPLES[name]))
    with pytest.raises(FaultyFile) as caught:
        load(tmp_path, step_with(name, NONSENSE))
    assert {fault.where for fault in caught.value.faults} == {"steps.PBA-01.opens_on[0].when[0]"}


@pytest.mark.parametrize("name", PREDICATES)
def test_a_predicate_looks_at_the_types_of_event_that_its_spec_says_and_no_others(
    name: str, evidence: list[Evidence]
) -> None:
    argument = PREDICATE_EXAMPLES[name]
    ((predicate,),) = [matcher.when for matcher in compile_step("PBA-01", step_with(name, argument)).opens_on]
    history = WatchedHistory(thread_of(evidence), evidence)
    assert {predicate(item.event, history) for item in evidence} <= {True, False}
    assert history.asked == {reading.event for reading in read_predicate({name: argument})}


@pytest.mark.parametrize("name", PREDICATES)
def test_a_predicate_decides_without_the_events_of_other_records_that_its_spec_does_not_read(
    name: str, evidence: list[Evidence]
) -> None:
    argument, thread = PREDICATE_EXAMPLES[name], thread_of(evidence)
    far = {reading.event for reading in read_predicate({name: argument}) if reading.via != OWN}
    # The evidence looks up the births of older children itself.
    read = [one for one in evidence if thread in one.refs or one.event.type in {*far, PREGNANCY_ENDED}]
    predicate = compile_predicate({name: argument})
    whole, partial = ThreadHistory(thread, evidence), ThreadHistory(thread, read)
    for event in whole.everything:
        assert predicate(event, partial) == predicate(event, whole)


@pytest.mark.parametrize("form", DUE_RULES)
def test_a_due_rule_is_described_in_the_text_of_its_step(form: str) -> None:
    assert due_in_words(DUE_EXAMPLES[form])
    assert compile_step("PBA-01", step(due=DUE_EXAMPLES[form])).text["due"] == due_in_words(DUE_EXAMPLES[form])


@pytest.mark.parametrize("form", DUE_RULES)
def test_a_pack_is_checked_by_the_specs_of_its_due_rules(form: str, tmp_path: Path) -> None:
    load(tmp_path, step(due=DUE_EXAMPLES[form]))
    with pytest.raises(FaultyFile) as caught:
        load(tmp_path, step(due=DUE_FAULTS[form]))
    assert all(fault.where.startswith("steps.PBA-01.due") for fault in caught.value.faults)


@pytest.mark.parametrize("form", DUE_RULES)
def test_a_due_rule_looks_at_the_types_of_event_that_its_spec_says_and_no_others(
    form: str, evidence: list[Evidence]
) -> None:
    compiled = compile_step("PBA-01", step(due=DUE_EXAMPLES[form]))
    history = WatchedHistory(thread_of(evidence), evidence)
    opening = next(event for event in history.own if event.type == "pregnancy.booked.v1")
    compiled.due(opening, history, CALENDAR)
    assert history.asked == {reading.event for reading in read_due(DUE_EXAMPLES[form])}
