"""No answer of a recording service tells where a protected person is, but to those who protect them and their leads.

In each pair of worlds the same entries are recorded, and the same people protected. Areas, teams, workers and whatever
is recorded of moves and accommodation differ. Every other reader gets the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from random import Random
from typing import Any
from uuid import uuid4

import pytest

from deploy.local.backends import Backends
from shared.contracts.access import WHEREABOUTS, WHOM_TO_ASK
from shared.contracts.circle import PROTECTED, UNPROTECTED
from shared.contracts.whereabouts import naming_fields, tell_whereabouts
from shared.events.mongo import open_database
from shared.kernel.envelope import Event
from shared.kernel.ids import uuid7
from shared.recording.protection import ProtectionCopy
from tests.integration.ledger import MONDAY, PERSON, an_event, delivery
from tests.integration.recording import Caller, Running, running
from tests.integration.test_standing import moved, recorded, registered
from tests.integration.test_withheld import (
    KINDS,
    LISTS,
    PATHS,
    Asked,
    assert_same,
    golden_of,
    record_of,
    store_world,
)

BOTH = ("essex", "norfolk")
READERS = ("midwife", "social_worker", "personal_adviser", "housing", "manager")
SIGNPOST = WHOM_TO_ASK[WHEREABOUTS]
CHOICES = {"area": BOTH, "team": ("hv-yare", "hv-harwich"), "worker": ("hv-castro", "hv-sato")}


@pytest.fixture(scope="module")
def services(backends: Backends, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, Running]]:
    with ExitStack() as stack:
        yield {
            name: stack.enter_context(running(name, backends, tmp_path_factory.mktemp(f"protected-{name}")))
            for name in KINDS
        }


def protection(person: str = PERSON) -> Event:
    data = {"person_id": person, "reason": "refuge"}
    by = {"actor": "hv-pereira", "role": "health_visitor", "team": "protecting-team"}
    return an_event(PROTECTED, f"person/{person}", data, subject=person, version=2, **by)


def elsewhere(random: Random, record: list[Event]) -> list[Event]:
    """The same record in whichever area, by others and naming others, with more or less of what tells of a place."""
    area = random.choice(BOTH)
    kept = [one for one in record if not tell_whereabouts(one.type) or one is record[0]]
    places = [one for one in record[1:] if tell_whereabouts(one.type)]
    for one in places * random.randrange(3):
        at = MONDAY + timedelta(minutes=random.randrange(60 * 24 * 30))
        kept.insert(random.randrange(1, len(kept) + 1), replace(one, id=uuid7(at), occurred_at=at, recorded_at=at))
    return [by_others(random, one, area) for one in kept]


def by_others(random: Random, event: Event, area: str) -> Event:
    data = dict(event.data)
    for name in naming_fields(event.type) & data.keys():
        known = data[name]
        kind = "area" if known in BOTH else "worker" if name in ("adviser", "owner") or "_by" in name else "team"
        data[name] = random.choice(CHOICES[kind])
    team = event.team if event.type == PROTECTED else random.choice(CHOICES["team"])
    return replace(event, data=data, team=team, actor=random.choice(CHOICES["worker"]), area=area)


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("role", READERS)
@pytest.mark.parametrize("name", KINDS)
def test_no_answer_about_records_tells_where_a_protected_person_is(
    services: Mapping[str, Running], name: str, role: str, seed: int
) -> None:
    random, service = Random(f"{name}{role}{seed}"), services[name]
    records = []
    for kind, begun_by in KINDS[name].items():
        examples = {one.type: one for one in golden_of(name, kind) if one.type not in (PROTECTED, UNPROTECTED)}
        begun = examples.pop(begun_by)
        records += [record_of(random, {kind: begun, **examples}, kind, "reviewer") for _ in range(2)]
    if name == "perinatal":
        begun = next(one for one in golden_of(name, "person") if one.type == "person.registered.v1")
        records.append([replace(begun, stream=f"person/{PERSON}", subject=PERSON), protection()])
    else:
        database = open_database(service.environment["MONGODB_URI"], service.environment["MONGODB_DATABASE"])
        ProtectionCopy(database).hear([delivery(protection())])
        database.client.close()
    questions: list[tuple[str, Mapping[str, Any]]] = [
        (PATHS[name][one[0].stream.partition("/")[0]].partition("{")[0] + one[0].stream.partition("/")[2], {})
        for one in records
    ]
    lists = [path for path in LISTS[name] if "parked" not in path]
    questions += [(path, query) for path in lists for query in ({}, {"limit": 2}, {"person": PERSON})]
    if name == "leaving_care":
        questions += [("/v1/care-leavers", {"adviser": worker}) for worker in CHOICES["worker"]]
        questions += [("/v1/plan-items", {"owner": worker}) for worker in CHOICES["worker"]]
    answers = []
    for _ in range(2):
        store_world(service, [elsewhere(random, record) for record in records])
        answers.append(Asked(service, role, areas=BOTH, team="reading-team").ask_all(questions))
    assert_same(*answers)


@pytest.fixture(scope="module")
def perinatal(services: Mapping[str, Running]) -> Running:
    return services["perinatal"]


@pytest.fixture
def visitor(perinatal: Running) -> Caller:
    return perinatal.caller("hv-pereira", "health_visitor", "hv-harwich")


@pytest.fixture
def midwife(perinatal: Running) -> Caller:
    return perinatal.caller("midwife-ekwueme", "midwife", "midwifery-colne")


@pytest.fixture
def mother(visitor: Caller) -> str:
    person = registered(visitor)
    recorded(visitor, f"/v1/people/{person}/protected", {"reason": "refuge"})
    return person


def test_a_move_of_a_protected_person_is_unknown_to_everybody_else(
    perinatal: Running, visitor: Caller, midwife: Caller, mother: str
) -> None:
    path = f"/v1/moves/{moved(visitor, mother)['move_id']}"
    lead = perinatal.caller("lead-achterberg", "safeguarding_lead", "partnership-essex")
    for caller in (visitor, lead):
        assert caller.get(path).json()["facts"]["to_area"] == "norfolk"
    assert midwife.get(path).status_code == 404
    other_lead = perinatal.caller("lead-marchetti", "safeguarding_lead", "partnership-norfolk", *BOTH[1:])
    assert other_lead.get(path).status_code == 404


def test_a_record_of_a_protected_person_names_no_team_and_worker_but_one_s_own(
    visitor: Caller, midwife: Caller, mother: str
) -> None:
    named = {"role": "health_visitor", "practitioner": "hv-pereira", "team": "hv-harwich"}
    recorded(visitor, f"/v1/people/{mother}/practitioner", named)
    recorded(midwife, f"/v1/people/{mother}/adult-joined", {"adult_id": registered(visitor), "children": []})
    shown = midwife.get(f"/v1/people/{mother}").json()
    assert shown["area"] is None
    assert shown["signposts"] == [SIGNPOST]
    by = {entry["type"]: (entry["team"], entry["actor"]) for entry in shown["history"]}
    assert by.pop("household.adult_joined.v1") == ("midwifery-colne", "midwife-ekwueme")
    assert set(by.values()) == {(None, None)}
    (entry,) = [entry for entry in shown["history"] if entry["type"] == "practitioner.assigned.v1"]
    assert (entry["data"]["practitioner"], entry["data"]["team"]) == (None, None)
    assert visitor.get(f"/v1/people/{mother}").json()["area"] == "essex"


def test_the_answer_to_a_command_tells_no_more_than_a_reading(visitor: Caller, midwife: Caller, mother: str) -> None:
    named = {"role": "health_visitor", "practitioner": "hv-pereira", "team": "hv-harwich"}
    path = f"/v1/people/{mother}"
    recorded(visitor, f"{path}/practitioner", named)
    joined = {"adult_id": registered(visitor), "children": []}
    answer = recorded(midwife, f"{path}/adult-joined", joined)
    assert answer["area"] is None
    assert midwife.get(path).headers["ETag"] == f'"{answer["version"]}"'
    assert recorded(visitor, f"{path}/adult-joined", joined)["area"] == "essex"


def test_a_team_sees_all_of_what_it_recorded_itself(visitor: Caller, midwife: Caller, mother: str) -> None:
    sent = {"stage": "sent", "person_id": mother, "service": "perinatal_mental_health", "urgency": "routine"}
    referral = recorded(midwife, "/v1/referrals", {**sent, "channel": "letter", "to_team": "perinatal-mh-essex"})
    (entry,) = midwife.get(f"/v1/referrals/{referral['referral_id']}").json()["history"]
    assert (entry["team"], entry["data"]["to_team"]) == ("midwifery-colne", "perinatal-mh-essex")


def test_a_refusal_does_not_tell_in_which_area_a_record_is(perinatal: Running, visitor: Caller, mother: str) -> None:
    elsewhere = perinatal.caller("midwife-ncube", "midwife", "midwifery-bure", "norfolk")
    for answer in (
        elsewhere.get(f"/v1/people/{mother}"),
        elsewhere.post(f"/v1/people/{mother}/died", {"family": []}),
        elsewhere.get(f"/v1/moves/{moved(visitor, mother)['move_id']}"),
    ):
        assert answer.status_code in (403, 404)
        assert "essex" not in answer.text


def test_a_move_of_a_mother_does_not_show_where_her_protected_child_is(
    visitor: Caller, midwife: Caller, mother: str
) -> None:
    other = registered(visitor)
    ends = {"person_id": other, "people": [other, mother], "from_area": "essex", "to_area": "norfolk"}
    move = recorded(visitor, "/v1/moves", {**ends, "told_by": "family", "handover_needed": True})
    assert midwife.get(f"/v1/moves/{move['move_id']}").status_code == 404


def test_whoever_no_longer_is_protected_shows_as_before(visitor: Caller, midwife: Caller, mother: str) -> None:
    recorded(visitor, f"/v1/people/{mother}/unprotected", {"reason_code": "safe"})
    shown = midwife.get(f"/v1/people/{mother}").json()
    assert (shown["area"], shown["signposts"]) == ("essex", [])


def test_a_retracted_protection_hides_nothing_in_the_copy_either(services: Mapping[str, Running]) -> None:
    service = services["leaving_care"]
    database = open_database(service.environment["MONGODB_URI"], service.environment["MONGODB_DATABASE"])
    person = f"p_{uuid4().hex}"
    begun = protection(person)
    data = {"event_id": begun.id, "reason_code": "wrong-patient"}
    taken_back = an_event("record.retracted.v1", begun.stream, data, subject=person, version=3)
    copy = ProtectionCopy(database)
    copy.hear([delivery(taken_back), delivery(begun), delivery(begun)])
    ((first, second),) = copy.read([person])
    assert (first.type, second.type) == (PROTECTED, "record.retracted.v1")
    database.client.close()


def test_nobody_protects_a_protected_person_so_that_they_see_where_they_are(
    visitor: Caller, midwife: Caller, mother: str
) -> None:
    recorded(midwife, f"/v1/people/{mother}/adult-joined", {"adult_id": registered(visitor), "children": []})
    recorded(midwife, f"/v1/people/{mother}/protected", {"reason": "witness"})
    assert midwife.get(f"/v1/people/{mother}").json()["area"] is None
    assert visitor.get(f"/v1/people/{mother}").json()["area"] == "essex"


def test_nobody_else_takes_a_protection_back_by_a_retraction(visitor: Caller, midwife: Caller, mother: str) -> None:
    entries = visitor.get(f"/v1/people/{mother}").json()["history"]
    (protected,) = [entry for entry in entries if entry["type"] == PROTECTED]
    body = {"event_id": protected["event_id"], "reason_code": "wrong-patient"}
    midwife.post(f"/v1/people/{mother}/retractions", body)
    midwife.post(f"/v1/people/{mother}/unprotected", {"reason_code": "safe"})
    assert midwife.get(f"/v1/people/{mother}").json()["area"] is None
