"""No doubt refuses an act that can raise an urgent or guarded step: each such act, with all doubts at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from pymongo.database import Database

from services.perinatal.bootstrap import build
from services.perinatal.service import PerinatalService
from shared.config.config import Config
from shared.contracts import CATALOGUE
from shared.contracts.urgent import ALARMS
from shared.contracts.words import DOUBTS
from shared.kernel.decisions import Actor
from shared.kernel.doubts import Doubt
from shared.recording.bulk import Bulk, Order, Result
from shared.recording.doubts import DoubtCheck
from shared.web.endpoint import endpoints_of
from shared.web.exchange import Request
from shared.web.problems import problem_of

VISITOR = Actor("hv-pereira", "health_visitor", "hv-harwich", ("essex",))
WORKER = Actor("sw-ebb", "social_worker", "csc-essex", ("essex",))
DOOR = Actor("mash-fen", "front_door", "mash-essex", ("essex",))
NAMES = {"given_name": "Wren", "family_name": "Exampleton"}
CONSULTED = {
    "named": False,
    "side": "caller",
    "mentions": ["bruise"],
    "advice": "record_and_watch",
    "to_team": "mash-essex",
}
URGENT = {"person_id": "$person", "service": "camhs", "urgency": "urgent"}

# Each act that can raise an urgent or guarded step: who, where and what. `$name` is the id of such a record.
ACTS: Mapping[str, tuple[Actor, str, dict[str, Any]]] = {
    "screen.recorded.v1": (
        VISITOR,
        "/v1/screens",
        {"person_id": "$person", "tool": "epds", "score": 0, "self_harm": True},
    ),
    "concern.raised.v1": (VISITOR, "/v1/concerns", {"person_id": "$person", "kind": "neglect", "seen": True}),
    "injury.reported.v1": (
        VISITOR,
        "/v1/injuries",
        {
            "person_id": "$person",
            "kind": "bruise",
            "site": "ear",
            "mobility": "not_mobile",
            "seen": True,
            "clustered": False,
            "presented": False,
        },
    ),
    "harm.alleged.v1": (
        VISITOR,
        "/v1/alleged-harm",
        {
            "person_id": "$person",
            "kind": "hit",
            "told_by": "relative",
            "when": "week",
            "injury": "none_seen",
            "access_continues": True,
        },
    ),
    "child.not_found.v1": (
        VISITOR,
        "/v1/concerns/$concern/child-not-found",
        {"how": "visit", "place": "home", "reason": "nobody_answered", "by": "nobody-knows-them"},
    ),
    "case.closed.v1": (WORKER, "/v1/cases/$case/closed", {"reason_code": "needs_met"}),
    "case.closed.v2": (
        WORKER,
        "/v1/cases/$case/closure",
        {"reason": "needs_met", "authorised_by": "nobody-knows-them"},
    ),
    "consultation.held.v1": (VISITOR, "/v1/consultations", CONSULTED),
    "consultation.account_added.v1": (
        DOOR,
        "/v1/consultations/$consultation/account",
        {"side": "consultant", "mentions": []},
    ),
    "consultation.linked.v1": (VISITOR, "/v1/consultations/$consultation/linked", {"person_id": "$person"}),
    "consultation.referred.v1": (VISITOR, "/v1/consultations/$consultation/referred", {"person_id": "$person"}),
    "notification.sent.v1": (
        VISITOR,
        "/v1/notifications",
        {"person_id": "$person", "to_role": "midwife", "about": "injury", "channel": "phone"},
    ),
    "contact.received.v1": (
        DOOR,
        "/v1/contacts",
        {"person_id": "$person", "from_team": "ambulance-service", "channel": "phone"},
    ),
    "prebirth.referral_accepted.v1": (WORKER, "/v1/pregnancies/$pregnancy/prebirth-accepted", {}),
    "person.died.v1": (WORKER, "/v1/people/$person/died", {"family": []}),
    "referral.intended.v1": (
        VISITOR,
        "/v1/referrals",
        {**URGENT, "stage": "intended", "reason_code": "self-harm"},
    ),
    "referral.sent.v1": (VISITOR, "/v1/referrals", {**URGENT, "stage": "sent", "channel": "phone"}),
}
EVERY_DOUBT = [
    Doubt(code, "occurred_at", lambda entry: "is doubtful", impossible)
    for code in DOUBTS
    for impossible in (False, True)
]
EVERYTHING = {event_type.name: EVERY_DOUBT for event_type in CATALOGUE}


@pytest.fixture
def service(database: Database[dict[str, Any]], mongodb_uri: str, tmp_path: Path) -> Iterator[PerinatalService]:
    (tmp_path / "person.key").write_text("5" * 64)
    config = Config(
        service="perinatal",
        role="import",
        mongodb_uri=mongodb_uri,
        mongodb_database=database.name,
        public_url="http://perinatal.example",
        bank_holidays_until=2030,
        person_id_key_file=tmp_path / "person.key",
    )
    service = PerinatalService()
    service.dependencies = build(config)
    yield service
    service.dependencies.close()


def doubting(service: PerinatalService) -> PerinatalService:
    """The service with every doubt about everything."""
    other = PerinatalService()
    doubtful = replace(service.dependencies, doubts=DoubtCheck(EVERYTHING))
    other.dependencies = doubtful.over(doubtful.store)
    return other


def recorded(service: PerinatalService, actor: Actor, path: str, body: dict[str, Any]) -> Mapping[str, Any]:
    (result,) = Bulk(service).give([Order(actor, uuid4().hex, path, body)], str(uuid4()))
    assert result.is_recorded, result.body
    return result.body


def ids(service: PerinatalService) -> dict[str, str]:
    """A person, and a consultation and a pregnancy to go on with."""
    person = recorded(service, VISITOR, "/v1/people", NAMES)["person_id"]
    consultation = recorded(service, VISITOR, "/v1/consultations", CONSULTED)["consultation_id"]
    pregnancy = recorded(service, WORKER, "/v1/pregnancies/notified", {"person_id": person, "concerns": []})
    concern = recorded(service, VISITOR, "/v1/concerns", {"person_id": person, "kind": "neglect", "seen": True})[
        "concern_id"
    ]
    case = {"person_id": person, "people": [person], "agency": "childrens_social_care", "kind": "assessment"}
    return {
        "$case": recorded(service, WORKER, "/v1/cases", case)["case_id"],
        "$person": person,
        "$concern": concern,
        "$consultation": consultation,
        "$pregnancy": pregnancy["pregnancy_id"],
    }


def orders(service: PerinatalService) -> list[Order]:
    found = []
    for actor, path, body in ACTS.values():
        names = ids(service)
        for name, value in names.items():
            path = path.replace(name, value)
        filled = {name: names.get(value, value) if isinstance(value, str) else value for name, value in body.items()}
        found.append(Order(actor, uuid4().hex, path, filled))
    return found


def singly(service: PerinatalService, order: Order) -> int:
    """The status of the act by its own route."""
    parts = order.path.split("/")
    for name, endpoint in endpoints_of(PerinatalService):
        pattern = endpoint.url.split("/")
        path = {one.strip("<>"): given for one, given in zip(pattern, parts, strict=False) if one.startswith("<")}
        is_same = all(one == given or one.startswith("<") for one, given in zip(pattern, parts, strict=False))
        if endpoint.method == "POST" and len(pattern) == len(parts) and is_same and "<" not in pattern[-1]:
            body = endpoint.loaded(order.body)
            request = Request(order.actor, str(uuid4()), path, body=body, key=order.key, operation=endpoint.operation)
            try:
                return int(getattr(service, name)(request).status)
            except Exception as error:
                problem = problem_of(error)
                assert problem is not None
                return problem.status
    raise AssertionError(f"no route for {order.path}")


def doubts_of(database: Database[dict[str, Any]], since: int) -> list[list[str]]:
    found = list(database.events.find().sort("_id", 1).skip(since))
    for one in found:
        kept = one["private"]["personal"].get("doubts", [])
        assert one["event"].get("doubts", "").split() == kept, "what waits is published"
    return [one["private"]["personal"].get("doubts", []) for one in found]


def test_the_acts_are_all_that_can_raise_an_urgent_or_guarded_step() -> None:
    # The glass is broken in the service that follows up.
    assert set(ACTS) == ALARMS.keys() - {"glass.broken.v1"}


def test_no_doubt_refuses_such_an_act_by_its_own_route(
    service: PerinatalService, database: Database[dict[str, Any]]
) -> None:
    given, doubtful = orders(service), doubting(service)
    before = database.events.count_documents({})
    assert [singly(doubtful, order) for order in given] == [201] * len(given)
    assert doubts_of(database, before) == [sorted(DOUBTS)] * len(given)


def test_no_doubt_refuses_such_an_act_in_bulk(service: PerinatalService, database: Database[dict[str, Any]]) -> None:
    given, doubtful = orders(service), doubting(service)
    before = database.events.count_documents({})
    results: list[Result] = Bulk(doubtful).give(given, str(uuid4()))
    assert [result.status for result in results] == [201] * len(given), [result.body for result in results]
    assert doubts_of(database, before) == [sorted(DOUBTS)] * len(given)


def test_every_other_act_is_refused_by_such_doubts(service: PerinatalService) -> None:
    names, doubtful = ids(service), doubting(service)
    for path, body in (
        ("/v1/people", NAMES),
        ("/v1/offers", {"person_id": names["$person"], "what": "counselling"}),
        (
            "/v1/referrals",
            {**URGENT, "person_id": names["$person"], "urgency": "routine", "stage": "sent", "channel": "phone"},
        ),
    ):
        order = Order(VISITOR, uuid4().hex, path, body)
        assert singly(doubtful, order) == 422
        (result,) = Bulk(doubtful).give([order], str(uuid4()))
        assert (result.status, result.body["type"]) == (422, "/problems/impossible")
