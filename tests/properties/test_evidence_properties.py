"""The evidence on a real MongoDB: for a thread it reads enough, and for an event it looks at enough threads.

Links and retractions name other people than those whose follow-ups they change.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from pymongo import MongoClient
from pymongo.database import Database

from services.referrals_followup.domain.compiling import read_step
from services.referrals_followup.domain.due_rules import DUE_RULES
from services.referrals_followup.domain.ledger import fold
from services.referrals_followup.domain.predicates import PREDICATES
from services.referrals_followup.domain.rules_history import Adoption, RulesHistory
from services.referrals_followup.domain.standards import OWN, SIBLINGS
from services.referrals_followup.ledger.evidence import EvidenceStore
from shared.contracts import CATALOGUE
from shared.events.mongo import open_database
from shared.kernel.envelope import Event
from tests.properties.families import HISTORY, START, evidence_of, kind_of_record, lives, threads_of
from tests.properties.test_practice_properties import acted_on_and_later
from tests.unit.practice import CALENDAR, CHILD, HV, PARTNER, PERSON, TWIN, Practice
from tests.unit.rule_examples import DUE_EXAMPLES, PREDICATE_EXAMPLES, step, step_with


@pytest.fixture(scope="module")
def new_store(backends: Any, mongo_client: MongoClient[dict[str, Any]]) -> Iterator[Callable[[], EvidenceStore]]:
    names: list[str] = []

    def make() -> EvidenceStore:
        names.append(f"test_{uuid4().hex}")
        database: Database[dict[str, Any]] = open_database(backends.mongodb_uri, names[-1])
        store = EvidenceStore(database, CATALOGUE)
        store.ensure_indexes()
        return store

    yield make
    for name in names:
        mongo_client.drop_database(name)


shared_store = settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])


@shared_store
@given(history=acted_on_and_later())
def test_a_fold_of_what_is_read_for_a_thread_equals_the_fold_of_everything_there_is(new_store, history):
    events = [*history[0], *history[1]]
    store = new_store()
    store.keep(events)
    threads = threads_of(events)
    everything = evidence_of(events)
    for thread, read in store.read_threads(threads, HISTORY.relevant).items():
        assert fold(HISTORY, thread, read) == fold(HISTORY, thread, everything)


@shared_store
@given(events=lives(most=8))
def test_every_thread_that_an_event_changes_is_among_those_it_is_said_to_touch(new_store, events: list[Event]):
    store = new_store()
    before: dict[str, Any] = {}
    for number, event in enumerate(events, 1):
        kept = store.keep([event])
        known = evidence_of(events[:number])
        after = {thread: fold(HISTORY, thread, known) for thread in threads_of(events)}
        changed = {thread for thread, found in after.items() if found != before.get(thread, [])}
        assert changed <= set(store.threads_touched_by(kept, HISTORY.relevant))
        before = after


@pytest.mark.parametrize("last", ["death", "birth"])
def test_a_death_reaches_every_thread_about_parents_brothers_and_sisters_although_nobody_names_them(
    new_store, last: str
) -> None:
    practice = Practice()
    births = [practice.birth(CHILD, "2011-02-03", parents=(PARTNER,)), practice.birth(TWIN, "2013-06-03")]
    referrals = [practice.referral(person_id=person) for person in (PERSON, PARTNER, CHILD)]
    for referral in referrals:
        referral.was("intended", "2014-03-10 09:00")
    death = practice.record_of("person", by=HV, key=TWIN).was("person.died.v1", "2014-03-10 10:00", family=[])
    (birth,) = (one for one in practice.events() if one.stream == births[1].name and one.type == "pregnancy.ended.v1")
    late = death if last == "death" else birth
    store = new_store()
    store.keep([event for event in practice.events() if event.id != late.id])
    touched = store.threads_touched_by(store.keep([late]), HISTORY.relevant)
    bereaved = [referrals[0].name, referrals[2].name]
    assert set(bereaved) <= set(touched)
    everything = evidence_of(practice.events())
    for thread, read in store.read_threads([referral.name for referral in referrals], HISTORY.relevant).items():
        (found,) = (one for one in fold(HISTORY, thread, read) if one.step == "REF-01")
        assert [found] == [one for one in fold(HISTORY, thread, everything) if one.step == "REF-01"]
        assert (found.held_until is not None) == (thread in bereaved)


STEPS = {
    **{name: step_with(name, PREDICATE_EXAMPLES[name]) for name in PREDICATES},
    **{form: step(due=DUE_EXAMPLES[form]) for form in DUE_RULES},
}


@pytest.mark.parametrize("rule", STEPS)
def test_a_thread_is_folded_when_an_event_arrives_that_a_predicate_or_a_due_rule_of_its_step_reads(
    new_store, rule: str
) -> None:
    """Of the thread itself, of a record about the same person, or of an older child, as the reading says."""
    adopted = Adoption(START, "england", "1", {"steps": {"PBA-01": STEPS[rule]}}, CALENDAR, "adoption")
    relevant = RulesHistory.of([adopted]).relevant
    practice = Practice()
    practice.birth(CHILD, "2012-06-01")
    pregnancy = practice.record_of("pregnancy")
    pregnancy.was("pregnancy.booked.v1", "2013-01-14")
    store = new_store()
    store.keep(practice.events())
    for reading in read_step(STEPS[rule]):
        record = pregnancy
        if reading.via != OWN:
            kind = kind_of_record(CATALOGUE[reading.event])
            record = practice.record_of(kind, **({"person_id": CHILD} if reading.via == SIBLINGS else {}))
        event = record.was(reading.event, "2013-02-01")
        kept = store.keep([event])
        assert pregnancy.name in store.threads_touched_by(kept, relevant)
        (read,) = store.read_threads([pregnancy.name], relevant).values()
        assert event.id in {item.event.id for item in read}
