"""Who may do what, from where: each command of `perinatal` on a record, each role, each place. One route, one test.

A place is how the actor's team stands towards the person: of their circle; of their area only; the receiver of a
referral, in another area; elsewhere; or elsewhere under a broken glass. `tests/unit/test_access.py` has the table of
roles and commands.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from pymongo import MongoClient

from deploy.local.backends import Backends
from services.perinatal.bootstrap import build
from services.perinatal.domain import referral
from shared.config.config import Config
from shared.contracts import CATALOGUE
from shared.contracts.access import ROLES, may, may_see
from shared.events.errors import UnknownStream
from shared.kernel.decisions import Actor, Forbidden, Refused
from shared.kernel.tables import BeginRecord
from shared.messaging.incoming import Done
from shared.recording.bootstrap import NO_DOUBTS, RecordingDependencies
from shared.web.exchange import Request
from shared.web.problems import Problem
from tests.contract.test_perinatal_bodies import KINDS, ROUTES, posts
from tests.integration.ledger import an_event, delivery
from tests.unit.records import AGGREGATES, REGISTER, start, tell
from tests.unit.referrals import begin

CIRCLE, AREA, RECEIVER, ELSEWHERE, GLASS = "circle", "area", "receiver", "elsewhere", "glass"
PLACES: Mapping[str, tuple[str, str]] = {
    CIRCLE: ("hv-harwich", "essex"),
    AREA: ("a-team-nearby", "essex"),
    RECEIVER: ("perinatal-mh-far", "norfolk"),
    ELSEWHERE: ("hv-yare", "norfolk"),
    GLASS: ("hv-yare", "norfolk"),
}
VISITOR = Actor("hv-pereira", "health_visitor", PLACES[CIRCLE][0], (PLACES[CIRCLE][1],))

# What may come of a command in each place, in the order of `PLACES`: the standing that is stamped into its event, or a
# refusal. Rules of single records may refuse further: who is consulted, who receives, whose role may not see it.
REFUSED = "refused"
OF_CIRCLE = f"circle {REFUSED}"
BEGUN = ("circle", "circle", "circle", "owner", "owner")
FOLLOWED = (OF_CIRCLE, OF_CIRCLE, REFUSED, REFUSED, REFUSED)
# Both areas of a move act on it: the new one as its receiver, or as the area where the person lives from then on.
BETWEEN = (OF_CIRCLE, OF_CIRCLE, *(f"circle receiver {REFUSED}",) * 3)
TABLE: Mapping[str, tuple[str, ...]] = {
    **{path: FOLLOWED if "<>" in path else BEGUN for path in ROUTES},
    **{path: BETWEEN for path in ROUTES if path.startswith("moves/")},
    "moves": ("circle", "circle", "circle", "none", "none"),
    "consultations": ("circle",) * 5,  # about nobody yet
}
# The record on which a route follows, where it is not just begun.
BEFORE = {
    "pregnancies/<>/booked": ("pregnancy.notified.v1",),
    "pregnancies/<>/bereavement-checked": ("pregnancy.booked.v1", "pregnancy.ended.v1"),
    "concerns/<>/decided": ("injury.reported.v1",),
    "concerns/<>/harm-decided": ("harm.alleged.v1",),
}
# What takes more than a record that was just begun: a holder, a day ahead, another action, a link. The tests of
# these records walk them.
TAKES_MORE = {
    *(f"actions/<>/{verb}" for verb in ("arranged", "done", "replaced", "swept")),
    *("cases/<>/closing-proposed", "cases/<>/leaving-announced", "offers/<>/deferred", "people/<>/unlinked"),
    *("concerns/<>/harm-decided", "people/<>/unprotected", "pregnancies/<>/assessment-completed"),
}
BEGINNINGS = {
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
}


@pytest.fixture(scope="module")
def perinatal(backends: Backends, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RecordingDependencies]:
    """The service's own objects, on an empty database."""
    key = tmp_path_factory.mktemp("perinatal") / "person.key"
    key.write_text("5" * 64)
    name = f"test_{uuid4().hex}"
    config = Config(
        service="perinatal",
        role="serve",
        mongodb_uri=backends.mongodb_uri,
        mongodb_database=name,
        public_url="http://perinatal.example",
        bank_holidays_until=2016,
        person_id_key_file=Path(key),
    )
    dependencies = build(config)
    # The examples are of 2013 and 2014. What is doubtful about that is not what is asked here.
    yield replace(dependencies, doubts=NO_DOUBTS).over(dependencies.store)
    dependencies.close()
    with MongoClient[Any](backends.mongodb_uri) as client:
        client.drop_database(name)


def new_id() -> str:
    return str(uuid4())


def request(actor: Actor) -> Request:
    return Request(actor=actor, correlation_id=new_id(), path={}, key=new_id(), body={}, operation="test")


def actor_of(role: str, place: str) -> Actor:
    team, area = PLACES[place]
    return Actor(f"{place}-{role}", role, team, (area,))


def break_glass(perinatal: RecordingDependencies, person_id: str, actor: Actor) -> None:
    """As the follow-up service says that this actor broke the glass for the person."""
    glass_id = new_id()
    data = {"glass_id": glass_id, "person_id": person_id, "people": [person_id], "reason_code": "emergency_care"}
    said = an_event(
        "glass.broken.v1",
        f"glass/{glass_id}",
        {**data, "until": "2199-01-01T00:00:00.000Z"},
        source="referrals_followup",
        subject=person_id,
        actor=actor.id,
        role=actor.role,
        team=actor.team,
    )
    assert perinatal.glass.receive([delivery(said)]) == [Done()]


def kind_of(path: str) -> str:
    return KINDS[path.partition("/")[0]]


def mother(perinatal: RecordingDependencies) -> str:
    """Somebody who lives in Essex, about whom a team in Norfolk has a referral."""
    person_id, sent, records = f"p_{uuid4().hex}", new_id(), perinatal.records
    records.begin(AGGREGATES["person"], person_id, REGISTER, request(VISITOR), "/v1/people")
    command = begin("sent", person_id=person_id, service="camhs", channel="letter", to_team=PLACES[RECEIVER][0])
    records.begin(referral.AGGREGATE, sent, command, request(VISITOR), "/v1/referrals")
    perinatal.views["referral"].refresh([f"referral/{sent}"])
    return person_id


def beginning(kind: str, event_type: str, person_id: str) -> BeginRecord:
    people = {"people": [person_id]} if kind in ("case", "move") else {}
    about = {"person_id": None if kind == "consultation" else person_id}
    return start(kind, event_type, **about, **people)


def record_before(perinatal: RecordingDependencies, path: str, person_id: str) -> str:
    """The id of a record of the circle on which the route may follow."""
    kind, records = kind_of(path), perinatal.records
    if kind == "person":
        return person_id
    record_id = new_id()
    first, *steps = BEFORE.get(path, (BEGINNINGS[kind],))
    records.begin(AGGREGATES[kind], record_id, beginning(kind, first, person_id), request(VISITOR), "/v1")
    for step in steps:
        records.follow(AGGREGATES[kind], record_id, tell(kind, step), request(VISITOR))
    return record_id


def outcome(perinatal: RecordingDependencies, path: str, actor: Actor) -> str:
    """The standing in the event that the actor records by this route; else that it is refused, or not for the role."""
    kind, (event_type, *_), records = kind_of(path), ROUTES[path], perinatal.records
    try:
        posts()[path].admit(actor)
    except Problem as problem:
        return problem.code
    person_id = mother(perinatal)
    if actor.id.startswith(GLASS):
        break_glass(perinatal, person_id, actor)
    try:
        if "<>" in path:
            record_id = record_before(perinatal, path, person_id)
            answer = records.follow(AGGREGATES[kind], record_id, tell(kind, event_type), request(actor))
        else:
            command = beginning(kind, event_type, person_id)
            answer = records.begin(AGGREGATES[kind], new_id(), command, request(actor), "/v1")
    except (Refused, UnknownStream):  # a record that is withheld from the role as a whole is unknown
        return REFUSED
    return stamp(perinatal, answer.body["event_id"])


def stamp(perinatal: RecordingDependencies, event_id: str) -> str:
    document = perinatal.store.collection.find_one({"_id": event_id})
    assert document is not None
    return str(document["event"]["standing"])


@pytest.mark.parametrize("path", sorted(ROUTES))
def test_each_role_may_do_in_each_place_what_the_table_says(perinatal: RecordingDependencies, path: str) -> None:
    command = posts()[path].command
    found = {
        (role, place): outcome(perinatal, path, actor_of(role, place)) for role in sorted(ROLES) for place in PLACES
    }
    wrong = {
        (role, place): found[role, place]
        for role in sorted(ROLES)
        for place, says in zip(PLACES, TABLE[path], strict=True)
        if found[role, place] not in (says.split() if may(role, command) else ["wrong-role"])
    }
    assert wrong == {}
    assert path in TAKES_MORE or {"circle", "receiver"} & set(found.values()), "nobody records it at all"


READ, UNKNOWN = "read", "unknown"


def reading(perinatal: RecordingDependencies, kind: str, role: str, place: str) -> str:
    """What comes of reading a record of the circle: all of it or a part, a refusal, or that it is unknown."""
    actor, person_id = actor_of(role, place), mother(perinatal)
    path = next(path for path in ROUTES if kind_of(path) == kind)
    record_id = record_before(perinatal, path, person_id)
    if place == GLASS:
        break_glass(perinatal, person_id, actor)
    try:
        perinatal.records.present(AGGREGATES[kind], record_id, actor)
    except Forbidden:
        return REFUSED
    except UnknownStream:
        return UNKNOWN
    return READ


def expected_reading(kind: str, role: str, place: str) -> str:
    begun_by = BEGINNINGS.get(kind, "person.registered.v1")
    if place == GLASS and may(role, "glass.break"):
        return READ
    if place in (CIRCLE, AREA):
        return READ if place == CIRCLE or may_see(role, CATALOGUE[begun_by].disclosure) else UNKNOWN
    return REFUSED


@pytest.mark.parametrize("kind", sorted({"person", *BEGINNINGS} - {"move", "consultation"}))
def test_each_role_reads_in_each_place_what_is_theirs_to_read_and_under_the_glass_all(
    perinatal: RecordingDependencies, kind: str
) -> None:
    wrong = {}
    for role in sorted(ROLES):
        for place in PLACES:
            found, expected = reading(perinatal, kind, role, place), expected_reading(kind, role, place)
            if found != expected:
                wrong[role, place] = (found, expected)
    assert wrong == {}
