"""Lists and summaries that are asked for again: as long as a tag stays the same, the answer is the same.

Readers ask for lists and summaries again and again. Meanwhile, facts and links arrive, people act, sweeps chase,
messages are parked and discarded, threads cannot be folded, and time goes on and back.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from copy import copy
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from random import Random
from typing import Any
from uuid import uuid4

import pytest
from pymongo.database import Database

from services.referrals_followup.api.queries import FollowUpQueries
from services.referrals_followup.api.schemas import FollowUpList, FollowUpsQuery, ScopeQuery, SummaryAnswer
from services.referrals_followup.api.tags import AnswerTags, Prepared, ShownPeople
from services.referrals_followup.domain.follow_up import Accept, Acknowledge, End, Refuse
from shared.kernel.decisions import Actor, Refused
from shared.messaging.incoming import Delivery, Park
from shared.messaging.topology import EVIDENCE
from shared.runtime.clock import MovableClock
from shared.web.exchange import Request
from tests.bench.histories import shuffled
from tests.integration.ledger import (
    MONDAY,
    PERSON,
    Ledger,
    an_event,
    config,
    item_planned,
    referral_noted,
    referral_sent,
    unfoldable,
)
from tests.integration.profiler import A_FEW, profiled

MANAGER = Actor("gp-manager-hale", "manager", "gp-mill-road", ("essex",))
READERS = (
    MANAGER,
    replace(MANAGER, areas=("essex", "norfolk")),
    Actor("lead-marchetti", "safeguarding_lead", "safeguarding-essex", ("essex",)),
    Actor("housing-silva", "housing", "housing-essex", ("essex",)),
    Actor("pa-lindqvist", "personal_adviser", "leaving-care-essex", ("essex", "norfolk")),
)
LISTS = (
    {},
    {"limit": 3, "sort": "-opened_at"},
    {"state": "any", "sort": "-standard"},
    {"overdue_by_days": 0},
    {"overdue_by_days": 5, "state": "any"},
    {"team": "gp-mill-road"},
    {"standard": "REF-01"},
    {"person": PERSON},
    {"inherited": "true"},
)
SUMMARIES = ({}, {"area": "essex"}, {"team": "gp-mill-road"}, {"standard": "REF-01"})
LINKED = f"p_{'9' * 32}"


@pytest.fixture
def ledger(database: Database[dict[str, Any]], mongodb_uri: str) -> Iterator[Ledger]:
    ledger = Ledger(config(database, mongodb_uri), MovableClock(MONDAY))
    yield ledger
    ledger.close()


QUESTIONS = [(actor, "list", query) for actor in READERS for query in LISTS] + [
    (actor, "summary", query) for actor in READERS for query in SUMMARIES
]


def prepare(queries: FollowUpQueries, actor: Actor, what: str, query: dict[str, Any]) -> Prepared:
    if what == "list":
        return queries.prepare_page(actor, FollowUpsQuery().load(query))
    return queries.prepare_summary(actor, ScopeQuery().load(query))


def tags_of(queries: FollowUpQueries, actor: Actor = MANAGER) -> tuple[str | None, str | None]:
    """Those of the list and of the summary, without a filter."""
    of_summary = prepare(queries, actor, "summary", {}).find_tag()  # settles the notes, which changes the tag of a list
    return prepare(queries, actor, "list", {}).find_tag(), of_summary


def made_of(what: str, question: Prepared) -> str:
    """The answer as it is sent, with the instants of its evidence cut to the minute."""
    body = {"list": FollowUpList, "summary": SummaryAnswer}[what]().dump(question.make())
    evidence = body["evidence"]
    evidence["sources"] = {name: until and until[:16] for name, until in evidence["sources"].items()}
    evidence["complete_until"] = evidence["complete_until"] and evidence["complete_until"][:16]
    return json.dumps(body)


class Changes:
    """What can happen between two requests."""

    def __init__(self, ledger: Ledger, random: Random) -> None:
        self._ledger = ledger
        self._random = random
        self._events = shuffled(12)
        self.noted = [referral_noted(MONDAY - timedelta(days=number)) for number in range(5)]
        self._parked = 0
        often = (self._facts, self._own_facts, self._act, self._time)
        seldom = (
            *(self._sweep, self._time_back, self._positions, self._park_somebody, self._park_something, self._discard),
            *(self._unfold, self._refold, self._link, self._settle, self._rebuild, self._recount, self._nothing),
        )
        self.all: tuple[Callable[[], object], ...] = (*often, *often, *seldom)

    def _nothing(self) -> None:
        """Somebody only asks again."""

    def _facts(self) -> None:
        size = self._random.randint(1, 40)
        self._ledger.hear(*self._events[:size])
        del self._events[:size]

    def _own_facts(self) -> None:
        area = self._random.choice(["essex", "norfolk"])
        noted = referral_noted(self._ledger.clock.now(), area=area)
        self.noted.append(noted)
        self._ledger.hear(*self._random.choice([[noted], [noted, *item_planned(self._ledger.clock.now())]]))
        sent = self._random.choice(self.noted)
        self._ledger.hear(sent, referral_sent(sent, sent.occurred_at + timedelta(hours=1)))

    def _act(self) -> None:
        found = list(self._ledger.dependencies.views.collection.find({"state": "open"}, {"areas": 1}).sort("_id"))
        if not found:
            return
        view, act = self._random.choice(found), self._random.choice([Accept, Acknowledge, _end, _refuse])
        actor = replace(READERS[2], areas=tuple(view["areas"]))
        request = Request(actor, str(uuid4()), {"follow_up": view["_id"]}, key=uuid4().hex)
        try:
            self._ledger.dependencies.acts.record(request, act)
        except Refused:
            return  # not disclosed to the lead, or ended already
        if self._random.random() < 0.7:
            self._ledger.catch_up()

    def _sweep(self) -> None:
        self._ledger.catch_up()
        self._ledger.sweep()
        self._ledger.catch_up()

    def _time(self) -> None:
        moved = timedelta(seconds=self._random.choice([1, 20, 59, 400, 3_000, 4_000, 30_000, 90_000, 900_000]))
        self._ledger.clock.set(self._ledger.clock.now() + moved)

    def _time_back(self) -> None:
        self._ledger.clock.set(self._ledger.clock.now() - timedelta(minutes=self._random.choice([1, 50, 3_000])))

    def _positions(self) -> None:
        self._ledger.catch_up(*self._random.choice([(), ("perinatal",), ("leaving_care",)]))

    def _park_somebody(self) -> None:
        self._park(self._random.choice([PERSON, LINKED]))

    def _park_something(self) -> None:
        self._park(self._random.choice(self.noted).stream)

    def _park(self, name: str) -> None:
        self._parked += 1
        message = Delivery(EVIDENCE, f'{{"subject": "{name}", broken'.encode(), message_id=f"poison-{self._parked}")
        self._ledger.dependencies.parked.park([(message, Park("not JSON"))])

    def _discard(self) -> None:
        for waiting in self._ledger.dependencies.parked.parked():
            self._ledger.dependencies.parked.discard(waiting.id, "operator-kowalski", "read by telephone", uuid4().hex)

    def _unfold(self) -> None:
        thread = self._random.choice(self.noted).stream
        with unfoldable(thread):
            self._ledger.dependencies.views.refresh([thread])

    def _refold(self) -> None:
        self._ledger.dependencies.views.refresh([noted.stream for noted in self.noted])

    def _link(self) -> None:
        told = {"person_id": PERSON, "other_person_id": LINKED, "reason": "merge", "confirmed_by": "gp-okafor"}
        at = self._ledger.clock.now()
        self._ledger.hear(an_event("person.linked.v1", f"person/{PERSON}", told, at=at, subject=PERSON))

    def _settle(self) -> None:
        self._ledger.dependencies.views.totals.settle(self._ledger.clock.now())

    def _rebuild(self) -> None:
        self._ledger.dependencies.views.rebuild()

    def _recount(self) -> None:
        self._ledger.dependencies.views.totals.recount(self._ledger.clock.now())


def _end(follow_up: Any) -> End:
    return End(follow_up, "no-longer-needed")


def _refuse(follow_up: Any) -> Refuse:
    return Refuse(follow_up, "not-ours")


@pytest.mark.parametrize("seed", range(3))
def test_the_same_tag_means_the_same_answer(ledger: Ledger, seed: int) -> None:
    random = Random(seed)
    changes, questions = Changes(ledger, random), random.sample(QUESTIONS, 12)
    ledger.hear(*shuffled(4), *changes.noted)
    answers: dict[str, str] = {}
    again = 0
    for _ in range(50):
        random.choice(changes.all)()
        for actor, what, query in questions:
            question = prepare(ledger.dependencies.queries, actor, what, query)
            tag = question.find_tag()
            made = made_of(what, question)
            if tag in answers:
                again += 1
                assert answers[tag] == made, (actor, what, query)
            elif tag is not None:
                answers[tag] = made
    assert again > 30
    assert len(set(answers.values())) > 50


def test_a_tag_stays_the_same_until_something_changes_in_an_area_of_the_reader(ledger: Ledger) -> None:
    queries, norfolk = ledger.dependencies.queries, replace(MANAGER, areas=("norfolk",))
    ledger.hear(*shuffled(3))
    before, there = tags_of(queries), tags_of(queries, norfolk)
    assert tags_of(queries) == before
    ledger.hear(referral_noted(area="norfolk"))
    assert tags_of(queries) == before
    assert not {*tags_of(queries, norfolk)} & {*there}
    ledger.hear(referral_noted())
    assert not {*tags_of(queries)} & {*before}


def test_a_move_changes_the_tags_in_the_area_that_is_left_and_in_the_new_one(ledger: Ledger) -> None:
    queries, norfolk = ledger.dependencies.queries, replace(MANAGER, areas=("norfolk",))
    ledger.hear(referral_noted())
    before = {*tags_of(queries), *tags_of(queries, norfolk)}
    move_id = str(uuid4())
    said = {"person_id": PERSON, "move_id": move_id, "people": [PERSON], "from_area": "essex", "to_area": "norfolk"}
    moved = {**said, "told_by": "family", "handover_needed": False}
    ledger.hear(an_event("household.moved.v1", f"move/{move_id}", moved, subject=PERSON))
    assert not {*tags_of(queries), *tags_of(queries, norfolk)} & before


def test_a_chase_or_an_act_changes_the_tag_although_no_sum_changes(ledger: Ledger) -> None:
    queries = ledger.dependencies.queries
    ledger.hear(referral_noted(MONDAY - timedelta(days=10)))
    ledger.catch_up()
    before = tags_of(queries)
    ledger.sweep()
    ledger.catch_up()
    assert ledger.chases()
    chased = tags_of(queries)
    assert chased[0] != before[0]
    follow_up = ledger.follow_up("REF-01")
    request = Request(MANAGER, str(uuid4()), {"follow_up": follow_up.id}, key=uuid4().hex)
    ledger.dependencies.acts.record(request, Acknowledge)
    ledger.catch_up()
    assert tags_of(queries)[0] != chased[0]


def test_time_changes_the_tag_of_a_list_at_midnight_and_of_a_summary_when_something_falls_due(ledger: Ledger) -> None:
    queries = ledger.dependencies.queries
    ledger.hear(referral_noted())
    due_at = ledger.follow_up("REF-01").due_at
    ledger.catch_up("perinatal", "leaving_care", "referrals_followup")
    found = []
    for moved in (-timedelta(hours=2), -timedelta(milliseconds=1), timedelta(0), timedelta(hours=5)):
        ledger.clock.set(due_at + moved)
        found.append(tags_of(queries))
    ledger.clock.set(due_at + timedelta(hours=7, minutes=1))
    found.append(tags_of(queries))
    lists, summaries = zip(*found, strict=True)
    assert [before == after for before, after in pairwise(lists)] == [True, True, True, False]
    assert [before == after for before, after in pairwise(summaries)] == [True, False, True, True]


def test_the_tag_follows_the_evidence_by_the_minute_and_what_is_parked(ledger: Ledger) -> None:
    queries = ledger.dependencies.queries
    noted = referral_noted()
    ledger.hear(noted)
    ledger.catch_up()
    before = tags_of(queries)
    ledger.clock.set(MONDAY + timedelta(seconds=59))
    ledger.catch_up()
    assert tags_of(queries) == before
    ledger.clock.set(MONDAY + timedelta(seconds=60))
    ledger.catch_up()
    later = tags_of(queries)
    assert not {*later} & {*before}
    with unfoldable(noted.stream):
        ledger.dependencies.views.refresh([noted.stream])
    assert not {*tags_of(queries)} & {*later}
    ledger.dependencies.views.refresh([noted.stream])
    assert tags_of(queries) == later


def test_the_tag_of_a_reader_stays_the_same_whatever_changes_in_what_they_may_not_see(ledger: Ledger) -> None:
    queries, housing = ledger.dependencies.queries, READERS[3]
    ledger.hear(*shuffled(3), referral_noted())
    ledger.catch_up()
    before, managers = tags_of(queries, housing), tags_of(queries)
    ledger.hear(referral_noted(), *item_planned(), *shuffled(5))
    ledger.sweep()
    ledger.catch_up()
    assert tags_of(queries, housing) == before
    assert not {*tags_of(queries)} & {*managers}


def test_while_a_parked_message_names_people_a_list_has_no_tag(ledger: Ledger) -> None:
    message = Delivery(EVIDENCE, f'{{"subject": "{PERSON}", broken'.encode(), message_id="poison")
    ledger.dependencies.parked.park([(message, Park("not JSON"))])
    of_list, of_summary = tags_of(ledger.dependencies.queries)
    assert (of_list, of_summary is None) == (None, False)


def test_another_reader_question_directory_or_address_has_another_tag(ledger: Ledger) -> None:
    queries, links = ledger.dependencies.queries, ledger.dependencies.links
    found = [prepare(queries, *question).find_tag() for question in QUESTIONS]
    assert len(set(found)) == len(QUESTIONS)
    assert prepare(queries, replace(MANAGER, id="somebody-else"), *QUESTIONS[0][1:]).find_tag() == found[0]
    directory = ledger.dependencies.directory
    other = copy(directory)
    member = next(iter(directory.people.values()))
    other.people = {**directory.people, member.id: replace(member, role="housing")}
    version = ledger.dependencies.views.totals.version(["essex"])
    evidence = ledger.dependencies.known.report().evidence
    makers = (
        AnswerTags(directory, links),
        AnswerTags(other, links),
        AnswerTags(directory, replace(links, public_url="http://elsewhere.example")),
        AnswerTags(directory, links),
    )
    made = [maker.make("list", MANAGER, {}, version, evidence) for maker in makers]
    assert made[0] == made[3]
    assert len(set(made)) == 3


def test_a_tag_is_found_without_reading_a_follow_up(ledger: Ledger) -> None:
    ledger.hear(*shuffled(5))
    tags_of(ledger.dependencies.queries)
    with profiled(ledger.dependencies.database) as seen:
        prepare(ledger.dependencies.queries, MANAGER, "list", {"overdue_by_days": 0, "state": "any"}).find_tag()
        tags_of(ledger.dependencies.queries)
    read = [(asked["keysExamined"], asked["docsExamined"]) for asked in seen if asked["ns"].endswith(".follow_ups")]
    assert read
    assert all(keys < A_FEW and documents == 0 for keys, documents in read)


def test_a_note_from_before_it_named_areas_counts_for_every_area(ledger: Ledger) -> None:
    queries, notes = ledger.dependencies.queries, ledger.dependencies.database.totals_notes
    before = tags_of(queries)
    ledger.hear(referral_noted(area="norfolk"))
    notes.update_many({}, {"$unset": {"areas": ""}})
    ledger.dependencies.views.totals.settle(ledger.clock.now())
    assert not {*tags_of(queries)} & {*before}


def test_only_whom_the_last_answers_showed_is_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.referrals_followup.api.tags.MOST_REMEMBERED", 2)
    shown = ShownPeople()
    for tag in ("a", "b", "a", "c"):
        shown.remember(tag, [tag])
    assert [shown.find(tag) for tag in ("a", "b", "c")] == [["a"], None, ["c"]]
