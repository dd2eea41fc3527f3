"""Where a protected person is shows to those who protect them and to the leads of their area, and to nobody else.

In each pair of worlds the same things happened. Who works with the person, in which team and area, where they moved and
who owns what all differ. Every reader from whom it is hidden gets the same bytes.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from random import Random
from typing import Any
from uuid import uuid4

import pytest

from shared.contracts.access import WHEREABOUTS, WHOM_TO_ASK
from shared.kernel.envelope import Event, from_text, to_text
from tests.integration.ledger import MONDAY, PERSON, Ledger, an_event, item_planned, referral_noted, referral_sent
from tests.integration.recording import Caller, Running, code
from tests.integration.test_withheld import UNKNOWN, WITHHELD_PERSON, Asked, assert_same, questions_of_follow_ups

NOW = from_text("2013-01-21T12:00:00Z")
BOTH = ("essex", "norfolk")
SIGNPOST = WHOM_TO_ASK[WHEREABOUTS]
# Somebody of each team, with a team of each kind in both areas.
OF = {
    "gp_practice": [("gp-okafor", "gp-mill-road", "essex"), ("gp-lindholm", "gp-wensum", "norfolk")],
    "health_visitor": [("hv-sato", "hv-harwich", "essex"), ("hv-castro", "hv-yare", "norfolk")],
    "personal_adviser": [
        ("pa-moreau", "leaving-care-essex", "essex"),
        ("pa-dubois", "leaving-care-norfolk", "norfolk"),
    ],
    "mental_health_service": [
        ("camhs-triage-novak", "camhs-essex", "essex"),
        ("camhs-triage-weber", "camhs-norfolk", "norfolk"),
    ],
}
READERS = ("midwife", "gp_practice", "reviewer", "manager", "personal_adviser", "early_years")
PROTECTS: dict[str, Any] = {"actor": "hv-pereira", "role": "health_visitor", "team": "protecting-team"}


@pytest.fixture(scope="module")
def ledger(whole_ledger: Ledger) -> Ledger:
    return whole_ledger


@pytest.fixture(autouse=True)
def nothing_happened(ledger: Ledger) -> None:
    ledger.forget()
    ledger.clock.set(NOW)


def registered(person: str = PERSON) -> Event:
    data = {"person_id": person, "nhs_number_known": False}
    return an_event("person.registered.v1", f"person/{person}", data, subject=person, **PROTECTS)


def protected(person: str = PERSON, **by: Any) -> Event:
    data = {"person_id": person, "reason": "refuge"}
    stream = f"person/{person}"
    return an_event("person.protected.v1", stream, data, subject=person, version=2, **{**PROTECTS, **by})


def moved(to_area: str = "norfolk", person: str = PERSON, **more: Any) -> Event:
    move_id = str(uuid4())
    data = {"move_id": move_id, "person_id": person, "people": [person], "from_area": "essex", "to_area": to_area}
    data |= {"told_by": "family", "handover_needed": True, "recorded_in": "essex"}
    by = {"actor": "hv-sato", "role": "health_visitor", "team": "hv-harwich", **more}
    return an_event("household.moved.v1", f"move/{move_id}", data, subject=person, **by)


def care_of(random: Random, person: str) -> list[Event]:
    """What happened to the person."""
    noted = [
        referral_noted(
            MONDAY - timedelta(days=random.randrange(1, 30), minutes=random.randrange(600)),
            person=person,
            urgency=random.choice(["routine", "urgent"]),
        )
        for _ in range(4)
    ]
    sent = [referral_sent(one, one.occurred_at + timedelta(hours=2)) for one in random.sample(noted, 2)]
    sent = [replace(one, data={**one.data, "to_team": "camhs-essex"}) for one in sent]
    return [*noted, *sent, *item_planned(person=person)]


def by_others(random: Random, event: Event) -> Event:
    """The same event, by somebody else of the same role, elsewhere, about whomever."""
    actor, team, _ = random.choice(OF[event.role])
    data = dict(event.data)
    if "to_team" in data:
        data["to_team"] = random.choice(OF["mental_health_service"])[1]
    if "adviser" in data:
        data["adviser"], data["team"] = random.choice(OF["personal_adviser"])[:2]
    return replace(event, actor=actor, team=team, data=data)


def moves_of(random: Random, person: str) -> list[Event]:
    found = []
    for _ in range(random.randrange(3)):
        at = MONDAY - timedelta(days=random.randrange(40, 90))
        actor, team, _ = random.choice(OF["health_visitor"])
        begun = moved("essex", person, at=at, actor=actor, team=team)
        begun = replace(begun, data={**begun.data, "from_area": random.choice(["norfolk", "england"])})
        found.append(begun)
        if random.random() < 0.5:
            move_id = begun.data["move_id"]
            said = {"move_id": move_id, "person_id": person, "contexts": ["mental_health"], "channel": "phone"}
            said |= {"to_team": random.choice(OF["health_visitor"])[1], "recorded_in": "essex"}
            by = {"actor": actor, "role": "health_visitor", "team": team, "subject": person}
            later = at + timedelta(days=1)
            found.append(an_event("handover.given.v1", begun.stream, said, at=later, version=2, **by))
    return found


def acts_on(random: Random, views: list[dict[str, Any]], ids: dict[str, str]) -> list[Event]:
    """The same acts on the same follow-ups, by whomever."""
    acts = []
    for view in views:
        actor, team, area = random.choice(OF["gp_practice"])
        data = {"follow_up_id": view["_id"], "thread": view["thread"]}
        act = an_event(
            "follow_up.accepted.v1",
            f"follow-up/{view['_id']}",
            data,
            at=MONDAY + timedelta(days=1),
            source="referrals_followup",
            actor=actor,
            role="gp_practice",
            team=team,
            area=area,
            subject=view["person"],
        )
        acts.append(replace(act, id=ids.setdefault(view["_id"], act.id)))
    return acts


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("role", READERS)
def test_no_answer_about_follow_ups_tells_where_a_protected_person_is(
    service: Running, ledger: Ledger, role: str, seed: int
) -> None:
    random = Random(f"{role}{seed}")
    views = ledger.dependencies.views.collection
    both = (PERSON, WITHHELD_PERSON)
    certain = [event for person in both for event in (registered(person), protected(person))]
    care = [event for person in both for event in care_of(random, person)]
    # Somebody who is not protected is there too, in the same teams.
    other = care_of(Random(3), f"p_{'c' * 32}")
    ids: dict[str, str] = {}
    answers = []
    for world in range(2):
        ledger.forget()
        ledger.clock.set(NOW)
        ledger.hear(*certain, *other, *(by_others(random, event) for event in care))
        known = sorted(views.find({"state": "open", "person": {"$in": both}}), key=lambda view: view["_id"])
        moves = [event for person in both for event in moves_of(random, person)]
        if moves:
            ledger.hear(*moves)
        ledger.hear(*acts_on(random, known[:3], ids))
        ledger.catch_up()
        names = {view["_id"] for view in known[:5]} | {view["reference"] for view in known[:5]}
        questions = questions_of_follow_ups(names)
        asked = [question for some in questions.values() for question in some]
        asked += [("/v1/follow-ups", {"area": area}) for area in BOTH]
        asked += [("/v1/follow-ups", {"team": team, "state": "any"}) for _, team, _ in OF["gp_practice"]]
        asked += [("/v1/follow-ups", {"owner": actor, "state": "any"}) for actor, _, _ in OF["gp_practice"]]
        asked += [("/v1/follow-ups/summary", {"team": team}) for _, team, _ in OF["gp_practice"]]
        asked += [("/v1/follow-ups/summary", {"area": area}) for area in BOTH]
        answers.append(Asked(service, role, areas=BOTH, team="reading-team").ask_all(asked))
        assert world or known
    assert_same(*answers)


def of_reader(service: Running, role: str, team: str, *areas: str) -> Caller:
    return service.caller("somebody", role, team, *(areas or BOTH))


def line_of(caller: Caller, **query: Any) -> dict[str, Any]:
    (line,) = caller.get("/v1/follow-ups", person=PERSON, **query).json()["items"]
    return line


def test_those_who_protect_a_person_and_the_leads_of_their_area_see_where_they_are(
    service: Running, ledger: Ledger
) -> None:
    ledger.hear(registered(), protected(), referral_noted())
    ledger.catch_up()
    for caller in (
        of_reader(service, "health_visitor", "protecting-team"),
        of_reader(service, "safeguarding_lead", "partnership-essex", "essex"),
    ):
        line = line_of(caller)
        assert (line["area"], line["owner"]["team"]) == ("essex", "gp-mill-road")
        circle = caller.get(f"/v1/people/{PERSON}/circle").json()
        assert (circle["areas"], circle["signposts"]) == (["essex"], [])


def test_anybody_else_sees_what_is_expected_and_nothing_of_where_they_are(service: Running, ledger: Ledger) -> None:
    ledger.hear(registered(), protected(), referral_noted(), moved())
    ledger.catch_up()
    for role, team in (("midwife", "midwifery-colne"), ("manager", "hv-yare"), ("reviewer", "practice-review")):
        caller = of_reader(service, role, team)
        page = caller.get("/v1/follow-ups", person=PERSON, state="any").json()
        assert page["signposts"] == [SIGNPOST]
        assert all(one["area"] is one["owner"]["team"] is one["owner"]["person"] is None for one in page["items"])
        assert not any(one["thread"].startswith("move/") for one in page["items"])
        chronology = caller.get(f"/v1/people/{PERSON}/chronology").json()
        assert chronology["signposts"] == [SIGNPOST]
        assert not any(entry["type"] == "household.moved.v1" for entry in chronology["items"])
        assert all(entry["area"] is entry["team"] is entry["actor"] is None for entry in chronology["items"])
        circle = caller.get(f"/v1/people/{PERSON}/circle").json()
        assert (circle["areas"], circle["teams"], circle["signposts"]) == ([], [], [SIGNPOST])


def test_a_team_sees_what_it_owns_and_what_it_recorded_itself(service: Running, ledger: Ledger) -> None:
    ledger.hear(registered(), protected(), referral_noted())
    ledger.catch_up()
    line = line_of(of_reader(service, "gp_practice", "gp-mill-road"), team="gp-mill-road")
    assert (line["area"], line["owner"]["team"]) == (None, "gp-mill-road")
    entries = of_reader(service, "gp_practice", "gp-mill-road").get(f"/v1/people/{PERSON}/chronology").json()["items"]
    assert [entry["team"] for entry in entries if entry["type"] == "referral.intended.v1"] == ["gp-mill-road"]


def test_a_filter_for_a_team_a_worker_or_an_area_finds_no_protected_person(service: Running, ledger: Ledger) -> None:
    ledger.hear(registered(), protected(), referral_noted())
    ledger.catch_up()
    midwife = of_reader(service, "midwife", "midwifery-colne")
    for query in ({"team": "gp-mill-road"}, {"owner": "gp-okafor"}, {"area": "essex"}):
        assert midwife.get("/v1/follow-ups", **query).json()["items"] == []
        as_of = {**query, "person": PERSON, "as_of": to_text(NOW - timedelta(hours=1))}
        assert midwife.get("/v1/follow-ups", **as_of).json()["items"] == []
    assert len(midwife.get("/v1/follow-ups").json()["items"]) == 1
    of_one_area = of_reader(service, "midwife", "midwifery-colne", "essex")
    assert len(of_one_area.get("/v1/follow-ups", area="essex").json()["items"]) == 1


def test_the_summary_counts_protected_people_without_their_area_and_team(service: Running, ledger: Ledger) -> None:
    of_another = referral_noted(at=MONDAY + timedelta(hours=3), person=UNKNOWN)
    ledger.hear(registered(), protected(), referral_noted(), of_another)
    ledger.catch_up()
    rows = of_reader(service, "midwife", "midwifery-colne").get("/v1/follow-ups/summary").json()["rows"]
    counts = {(row["area"], row["team"]): row["open"] for row in rows if row["standard"] == "REF-01"}
    assert counts == {(None, None): 1, ("essex", "gp-mill-road"): 1}
    by_others = ledger.follow_up("REF-01", of_another.stream)
    oldest = {row["area"]: row["oldest"]["reference"] for row in rows if row["standard"] == "REF-01"}
    assert oldest["essex"] == by_others.reference


def test_once_nobody_protects_a_person_everything_shows_as_before(service: Running, ledger: Ledger) -> None:
    ended = an_event(
        "person.unprotected.v1",
        f"person/{PERSON}",
        {"person_id": PERSON, "reason_code": "safe"},
        subject=PERSON,
        version=3,
        **PROTECTS,
    )
    ledger.hear(registered(), protected(), referral_noted(), ended)
    ledger.catch_up()
    midwife = of_reader(service, "midwife", "midwifery-colne")
    assert line_of(midwife)["owner"]["team"] == "gp-mill-road"
    assert midwife.get(f"/v1/people/{PERSON}/circle").json()["signposts"] == []


def test_a_claim_that_somebody_is_protected_hides_nothing(service: Running, ledger: Ledger) -> None:
    ledger.hear(registered(), replace(protected(), standing="none"), referral_noted())
    ledger.catch_up()
    assert line_of(of_reader(service, "midwife", "midwifery-colne"))["owner"]["team"] == "gp-mill-road"


def test_a_refusal_names_nobody_above_the_owner_of_a_protected_person_s_follow_up(
    service: Running, ledger: Ledger
) -> None:
    ledger.hear(registered(), protected(), referral_noted())
    ledger.catch_up()
    follow_up = ledger.follow_up("REF-01")
    manager = of_reader(service, "manager", "some-team")
    answer = manager.post(f"/v1/follow-ups/{follow_up.id}/ended", {"reason_code": "duplicate"})
    assert (answer.status_code, code(answer)) == (403, "not-above-the-owner")
    assert "gp-manager-hale" not in answer.text
    given = {"from_person": "gp-okafor", "to_person": "gp-adeyemi", "preview": True}
    assert manager.post("/v1/reassignments", given).json()["refused"] == []
