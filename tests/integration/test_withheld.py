"""What a reader may not see: pairs of worlds that differ in nothing else give every reader the same bytes.

In each pair the same things are withheld by class, so that the signposts are the same. All else about them differs: how
much there is, when it happened, whose it is, whether it was met, retracted, acknowledged or chased. Every GET of the
three services is asked, over real HTTP. A new GET fails here until it is.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID, uuid4

import pytest
import requests

from deploy.local.backends import Backends
from services.leaving_care.api.views import VIEWS as OF_LEAVING_CARE
from services.perinatal.api.views import VIEWS as OF_PERINATAL
from shared.contracts import CATALOGUE
from shared.contracts.access import may_see, signposts_to
from shared.contracts.circle import PROTECTED, UNPROTECTED
from shared.events.documents import document_of, sealed
from shared.events.mongo import open_database
from shared.events.store import EventStore
from shared.kernel.decisions import RETRACTION
from shared.kernel.envelope import Event, from_text, to_text
from shared.kernel.ids import uuid7
from shared.recording.views import ViewOf, Views
from shared.runtime.clock import MovableClock
from tests.integration.ledger import (
    MONDAY,
    PERSON,
    Ledger,
    an_event,
    item_planned,
    referral_noted,
    referral_sent,
)
from tests.integration.recording import Running, running

NOW = from_text("2013-01-21T12:00:00Z")
UNKNOWN, WITHHELD_PERSON = f"p_{'f' * 32}", f"p_{'b' * 32}"
SAME_REQUEST = "5c0f6f2e-8a4b-4d1e-9f7a-2b3c4d5e6f70"
GOLDEN = Path(__file__).parents[1] / "data" / "golden"
READERS = {
    "gp_practice": "gp-mill-road",
    "personal_adviser": "leaving-care-colne",
    "mental_health_service": "camhs-essex",
    "early_years": "little-oaks",
    "housing": "housing-essex",
}


@dataclass(frozen=True)
class Asked:
    """Who asks: each answer is its status, its headers but for the date, and its bytes."""

    service: Running
    role: str
    session: requests.Session = field(default_factory=requests.Session)
    areas: tuple[str, ...] = ()
    team: str | None = None

    def ask(self, path: str, **query: Any) -> tuple[int, Mapping[str, str], bytes]:
        team = self.team or READERS.get(self.role, "some-team")
        caller = self.service.caller("somebody", self.role, team, *self.areas)
        sent = {"Authorization": f"Bearer {caller.token}", "X-Correlation-Id": SAME_REQUEST}
        answer = self.session.get(caller.url + path, params=query, headers=sent, timeout=10)
        headers = {name: value for name, value in answer.headers.items() if name != "Date"}
        return answer.status_code, headers, answer.content

    def ask_all(self, questions: Iterable[tuple[str, Mapping[str, Any]]]) -> dict[str, Any]:
        """The answers to these questions, each with all its pages."""
        answers = {}
        for path, query in questions:
            cursor: dict[str, Any] = {}
            while True:
                answer = self.ask(path, **query, **cursor)
                answers[f"{path} {query} {cursor}"] = answer
                following = json.loads(answer[2]).get("next")
                if not isinstance(following, str):  # the `next` of a record is what may be done
                    break
                cursor = {"cursor": following}
        return answers


def paths_of(service: Running) -> set[str]:
    """The paths that the service answers a GET under."""
    document = requests.get(f"{service.url}/openapi.json", timeout=10).json()
    return {path for path, operations in document["paths"].items() if path.startswith("/v1/") and "get" in operations}


def assert_same(answers: Mapping[str, Any], others: Mapping[str, Any]) -> None:
    """Fails with the first question whose answers differ."""
    for question, answer in answers.items():
        assert (question, others.get(question)) == (question, answer)
    assert answers.keys() == others.keys()


def is_withheld(role: str, event_type: str) -> bool:
    return not may_see(role, CATALOGUE[event_type].disclosure)


# --- the follow-up service ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def ledger(whole_ledger: Ledger) -> Ledger:
    return whole_ledger


def of_class(random: Random, disclosure: str, person: str) -> list[Event]:
    """A record of this class about the person: whenever, whose ever, perhaps met or retracted since."""
    at = MONDAY - timedelta(minutes=random.randrange(1, 60 * 24 * 60))
    later = at + timedelta(minutes=random.randrange(1, 60 * 24 * 5))
    if disclosure == "leaving_care":
        events = list(item_planned(at, person=person))
    elif disclosure == "health":
        noted = referral_noted(
            at, person=person, actor=random.choice(["gp-adeyemi", "gp-hale"]), team=random.choice(["gp-a", "gp-b"])
        )
        events = [noted, *([referral_sent(noted, later)] if random.random() < 0.5 else [])]
    else:
        contact_id = str(uuid4())
        said = {"contact_id": contact_id, "person_id": person, "from_team": "a-school", "from_person": "a-teacher"}
        said |= {"channel": "letter"}
        by = {"actor": "fd-laurent", "role": "front_door", "team": random.choice(["fd-a", "fd-b"])}
        events = [an_event("contact.received.v1", f"contact/{contact_id}", said, at=at, subject=person, **by)]
    if random.random() < 0.3:
        data = {"event_id": events[-1].id, "reason_code": "wrong-patient"}
        last = {"version": 9, "subject": person, "source": events[-1].source, "team": "records-office"}
        events.append(an_event(RETRACTION, events[-1].stream, data, at=later, **last))
    return events


def acts_on(random: Random, ledger: Ledger, known: set[str]) -> list[Event]:
    """People and sweeps act on some of the follow-ups that are not `known`."""
    acts = []
    for view in ledger.dependencies.views.collection.find({"_id": {"$nin": sorted(known)}}):
        for version in range(1, random.randrange(1, 4)):
            data: dict[str, Any] = {"follow_up_id": view["_id"], "thread": view["thread"]}
            kind = random.choice(["acknowledged", "noted", "ended"])
            data |= {"reason_code": "not-needed"} if kind == "ended" else {}
            by = {
                "source": "referrals_followup",
                "actor": "lead-achterberg",
                "role": "safeguarding_lead",
                "team": "partnership-essex",
            }
            at = MONDAY + timedelta(minutes=random.randrange(60 * 24))
            acts.append(
                an_event(f"follow_up.{kind}.v1", f"follow-up/{view['_id']}", data, at=at, version=version, **by)
            )
    return acts


def questions_of_follow_ups(names: Iterable[str]) -> dict[str, list[tuple[str, Mapping[str, Any]]]]:
    """What is asked under each path of the follow-up service."""
    people = (PERSON, WITHHELD_PERSON, UNKNOWN)
    past = [{"as_of": to_text(MONDAY + timedelta(hours=hours))} for hours in (-24 * 30, -24 * 10, -24, 1, 24 * 5)]
    lists: list[dict[str, Any]] = [
        {},
        {"limit": 2},
        {"state": "any", "sort": "-opened_at", "limit": 3},
        {"state": "any", "sort": "standard"},
        {"overdue_by_days": 3},
        {"standard": "REF-01", "state": "any"},
        {"step": "CL-01.arrange"},
        {"team": "leaving-care-essex"},
        {"owner": "pa-lindqvist"},
        {"inherited": "false"},
        *({"person": person} for person in people),
        *({"person": person, "state": "any", "step": "REF-01"} for person in people),
        *({"person": PERSON, "state": "any", **then} for then in past),
        *({"team": "gp-mill-road", "state": "any", **then} for then in past),
    ]
    chronologies: list[dict[str, Any]] = [{}, {"limit": 2}, *past]
    return {
        "/v1/follow-ups": [("/v1/follow-ups", query) for query in lists],
        "/v1/follow-ups/summary": [
            ("/v1/follow-ups/summary", query) for query in ({}, {"team": "gp-mill-road"}, {"standard": "CL-01"})
        ],
        "/v1/follow-ups/{follow_up}": [
            (f"/v1/follow-ups/{name}", query) for name in sorted(names) for query in ({}, past[-1])
        ],
        "/v1/people/{person_id}/chronology": [
            (f"/v1/people/{person}/chronology", query) for person in people for query in chronologies
        ],
        "/v1/people/{person_id}/circle": [(f"/v1/people/{person}/circle", {}) for person in people],
        "/v1/directory/teams": [("/v1/directory/teams", {})],
        "/v1/directory/workers/{worker}": [
            (f"/v1/directory/workers/{worker}", {}) for worker in ("pa-lindqvist", "gp-okafor", "hv-pereira")
        ],
        # These name no person: what is in force, and messages that no part of is shown, for two roles alone.
        "/v1/standards": [("/v1/standards", {})],
        "/v1/parked": [("/v1/parked", {})],
        "/v1/parked/{parked_id}": [("/v1/parked/nothing", {})],
    }


def test_every_get_of_the_follow_up_service_is_asked(service: Running) -> None:
    assert paths_of(service) == set(questions_of_follow_ups([]))


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("role", READERS)
def test_answers_about_follow_ups_depend_on_what_is_withheld_by_its_signposts_alone(
    service: Running, ledger: Ledger, role: str, seed: int
) -> None:
    random = Random(f"{role}{seed}")
    classes = ["health", "leaving_care", "social_care"]
    withheld = [one for one in classes if not may_see(role, one)]
    registered = {"person_id": PERSON, "nhs_number_known": False}
    seen = [an_event("person.registered.v1", f"person/{PERSON}", registered, subject=PERSON)]
    seen += [event for one in {*classes} - {*withheld} for _ in range(3) for event in of_class(random, one, PERSON)]
    if "health" in withheld:
        seen += [referral_noted(team=READERS[role], actor="somebody")]
    both = (PERSON, WITHHELD_PERSON)
    always = [event for one in withheld for person in both for event in of_class(Random(7), one, person)]
    more = [
        event
        for _ in range(random.randrange(1, 8))
        for event in of_class(random, random.choice(withheld), random.choice(both))
    ]
    views = ledger.dependencies.views.collection

    def begin_world() -> None:
        ledger.forget()
        ledger.clock.set(NOW)
        ledger.hear(*seen)

    begin_world()
    known = {view["_id"] for view in views.find()}
    ledger.hear(*random.sample([*always, *more], len(always) + len(more)))
    ledger.hear(*acts_on(random, ledger, known))
    ledger.catch_up()
    names = {view["_id"]: view["reference"] for view in views.find({"_id": {"$nin": sorted(known)}})}
    some = {*random.sample(sorted(names), 5), *random.sample(sorted(names.values()), 5), *known}
    asked = [question for questions in questions_of_follow_ups(some).values() for question in questions]
    with_more = Asked(service, role).ask_all(asked)
    begin_world()
    ledger.hear(*always)
    ledger.catch_up()
    without = Asked(service, role).ask_all(asked)
    assert_same(without, with_more)
    of_person = {"person": WITHHELD_PERSON}
    told = json.loads(without[f"/v1/follow-ups {of_person} {{}}"][2])
    assert (told["items"], told["signposts"]) == ([], signposts_to(withheld))


# --- the recording services ---------------------------------------------------------------------------------------

KINDS = {
    "perinatal": {
        "person": "person.registered.v1",
        "condition": "condition.recorded.v1",
        "referral": "referral.sent.v1",
        "pregnancy": "pregnancy.booked.v1",
        "screen": "screen.recorded.v1",
        "support": "support.started.v1",
        "offer": "offer.made.v1",
        "move": "household.moved.v1",
        "concern": "concern.raised.v1",
        "consultation": "consultation.held.v1",
        "notification": "notification.sent.v1",
        "contact": "contact.received.v1",
        "case": "case.opened.v1",
        "action": "action.decided.v1",
    },
    "leaving_care": {"care-leaver": "care_leaver.registered.v1", "plan-item": "plan_item.added.v1"},
}
VIEWS: Mapping[str, Mapping[str, ViewOf]] = {"perinatal": OF_PERINATAL, "leaving_care": OF_LEAVING_CARE}
OF_RECORDING = {*READERS} - {"gp_practice"}
PATHS = {
    "perinatal": {
        "person": "/v1/people/{person_id}",
        "condition": "/v1/conditions/{condition_id}",
        "referral": "/v1/referrals/{referral_id}",
        "pregnancy": "/v1/pregnancies/{pregnancy_id}",
        "screen": "/v1/screens/{screen_id}",
        "support": "/v1/support/{support_id}",
        "offer": "/v1/offers/{offer_id}",
        "move": "/v1/moves/{move_id}",
        "concern": "/v1/concerns/{concern_id}",
        "consultation": "/v1/consultations/{consultation_id}",
        "notification": "/v1/notifications/{notification_id}",
        "contact": "/v1/contacts/{contact_id}",
        "case": "/v1/cases/{case_id}",
        "action": "/v1/actions/{action_id}",
    },
    "leaving_care": {
        "care-leaver": "/v1/care-leavers/{care_leaver_id}",
        "plan-item": "/v1/plan-items/{plan_item_id}",
    },
}
LISTS = {
    "perinatal": ("/v1/referrals", "/v1/pregnancies", "/v1/parked", "/v1/parked/{parked_id}"),
    "leaving_care": ("/v1/care-leavers", "/v1/plan-items", "/v1/parked", "/v1/parked/{parked_id}"),
}


@pytest.fixture(scope="module")
def recording(backends: Backends, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, Running]]:
    with ExitStack() as stack:
        yield {
            name: stack.enter_context(running(name, backends, tmp_path_factory.mktemp(f"withheld-{name}")))
            for name in KINDS
        }


def golden_of(service: str, kind: str) -> list[Event]:
    """The examples of the events of this kind of record."""
    found = [json.loads(path.read_text()) for path in sorted(GOLDEN.glob("*.v1.json"))]
    return [
        Event.from_cloudevent(one) for one in found if one["source"] == service and one["stream"].startswith(f"{kind}/")
    ]


def record_of(random: Random, examples: Mapping[str, Event], kind: str, role: str) -> list[Event]:
    """A record with its beginning, two entries of each type that the role may read, and one of each that it may not."""
    record_id = str(UUID(int=random.getrandbits(128), version=4))
    begun = examples[kind]
    known = [event for event in examples.values() if event.type != begun.type]
    kept = [event for event in known if not is_withheld(role, event.type)] * 2
    random.shuffle(kept)
    events = [begun, *kept, *(event for event in known if is_withheld(role, event.type))]
    return [_of_record(random, event, kind, record_id, begun) for event in events]


def _of_record(random: Random, event: Event, kind: str, record_id: str, begun: Event) -> Event:
    said = json.dumps(dict(event.data)).replace(event.stream.partition("/")[2], record_id)
    said = said.replace(event.subject or "-", PERSON)
    at = MONDAY + timedelta(minutes=random.randrange(60 * 24 * 5))
    return replace(
        event,
        id=uuid7(at),
        data=json.loads(said),
        stream=f"{kind}/{record_id}",
        subject=PERSON,
        area="essex",
        team="hv-harwich",
        occurred_at=at,
        recorded_at=at,
    )


PROTECTION = (PROTECTED, UNPROTECTED)


def varied(random: Random, record: list[Event], role: str) -> list[Event]:
    """The same record with what is withheld of it elsewhere, at other times, more often, and in part retracted.

    Whether the person is protected is the same: a signpost tells of it.
    """
    kept = [event for event in record if not is_withheld(role, event.type) or event.type in PROTECTION]
    others = [event for event in record if event not in kept]
    if is_withheld(role, record[0].type):
        kept, others = record[:1], record[1:]
    for event in others * random.randrange(1, 4):
        at = MONDAY + timedelta(minutes=random.randrange(60 * 24 * 30))
        moved = replace(event, id=uuid7(at), occurred_at=at, recorded_at=at, actor="somebody-else", team="hv-yare")
        kept.insert(random.randrange(1, len(kept) + 1), moved)
        if random.random() < 0.4:
            data = {"event_id": moved.id, "reason_code": "wrong-patient"}
            kept.append(replace(moved, id=uuid7(at), type=RETRACTION, data=data))
    return kept


def store_world(service: Running, records: Iterable[list[Event]]) -> None:
    """Nothing but these records is recorded in the service."""
    database = open_database(service.environment["MONGODB_URI"], service.environment["MONGODB_DATABASE"])
    database.events.delete_many({})
    for record in records:
        numbered = (replace(event, version=version) for version, event in enumerate(record, start=1))
        documents = [sealed(document_of(event, private={"personal": {}}, relay={})) for event in numbered]
        database.events.insert_many(documents)
    store = EventStore(database, source=service.name, clock=MovableClock(NOW), catalogue=CATALOGUE)
    for kind, view in VIEWS[service.name].items():
        database[view.document._meta["collection"]].delete_many({})
        views = Views(view.document, kind=kind, fold=view.fold, database=database, store=store)
        views.refresh(record[0].stream for record in records)
    database.client.close()


@pytest.mark.parametrize("name", KINDS)
def test_every_get_of_a_recording_service_is_asked(recording: Mapping[str, Running], name: str) -> None:
    assert paths_of(recording[name]) == {*PATHS[name].values(), *LISTS[name]}


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("role", sorted(OF_RECORDING))
@pytest.mark.parametrize("name", KINDS)
def test_answers_about_records_depend_on_what_is_withheld_by_its_signposts_alone(
    recording: Mapping[str, Running], name: str, role: str, seed: int
) -> None:
    random, service = Random(f"{name}{role}{seed}"), recording[name]
    records = []
    for kind, begun_by in KINDS[name].items():
        examples = {event.type: event for event in golden_of(name, kind)}
        begun = examples.pop(begun_by)
        records += [record_of(random, {kind: begun, **examples}, kind, role) for _ in range(3)]
    questions: list[tuple[str, Mapping[str, Any]]] = [
        (PATHS[name][record[0].stream.partition("/")[0]].partition("{")[0] + record[0].stream.partition("/")[2], {})
        for record in records
    ]
    questions += [(path.replace("{parked_id}", "nothing"), {}) for path in LISTS[name]]
    lists = [path for path in LISTS[name] if "parked" not in path]
    questions += [(path, query) for path in lists for query in ({"limit": 2}, {"person": PERSON}, {"person": UNKNOWN})]
    store_world(service, records)
    one = Asked(service, role).ask_all(questions)
    store_world(service, [varied(random, record, role) for record in records])
    other = Asked(service, role).ask_all(questions)
    assert_same(one, other)
    statuses = {status for status, _, _ in one.values()}
    assert statuses <= {200, 403, 404}
    assert 200 in statuses or name == "leaving_care"
