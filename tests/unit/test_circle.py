"""The circle: which teams have a live part in somebody's care by one record, and which records have ended."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from services.leaving_care.domain import care_leaver, plan_item
from services.perinatal.domain import condition, referral
from shared.contracts.circle import (
    CARE,
    ENDS,
    NAMED,
    OVER,
    SENT_TO,
    holders_of,
    parts_in,
    teams_of,
    teams_with_part,
)
from shared.kernel.decisions import RETRACTION
from shared.kernel.envelope import Event
from shared.kernel.ids import uuid7
from tests.integration.ledger import MONDAY
from tests.unit.records import MODULES

PERSON = "p_" + "a" * 32
ALL_ROWS = {**{kind: module.ROWS for kind, module in MODULES.items()}} | {
    one.AGGREGATE.kind: one.ROWS for one in (care_leaver, condition, plan_item, referral)
}


def record(stream: str, *entries: tuple[str, str, dict[str, Any]]) -> list[Event]:
    """A record from these entries: type, team, data."""
    return [
        Event(
            id=uuid7(MONDAY),
            source="perinatal",
            type=event_type,
            subject=PERSON,
            occurred_at=MONDAY,
            recorded_at=MONDAY + timedelta(minutes=version),
            stream=stream,
            version=version,
            actor="somebody",
            role="health_visitor",
            team=team,
            area="essex",
            correlation_id="c",
            data=data,
        )
        for version, (event_type, team, data) in enumerate(entries, start=1)
    ]


def retracted(history: list[Event], number: int, team: str = "hv-harwich") -> list[Event]:
    data = {"event_id": history[number].id, "reason_code": "wrong"}
    last = history[-1]
    return [*history, replace(last, id=uuid7(MONDAY), type=RETRACTION, team=team, version=last.version + 1, data=data)]


def parts(history: list[Event]) -> set[tuple[str, str, str | None]]:
    return {(part.team, part.why, part.worker) for part in parts_in(history)}


@pytest.mark.parametrize("kind", ALL_ROWS)
def test_the_events_that_end_a_part_are_those_after_which_a_record_is_over(kind: str) -> None:
    for event_type, row in ALL_ROWS[kind].items():
        next_states = [row.becomes] if isinstance(row.becomes, str) else [*(row.becomes or {}).values()]
        assert (event_type in ENDS) == any(state in OVER for state in next_states), event_type


@pytest.mark.parametrize(
    ("kind", "beginning", "end"),
    [
        ("case", "case.opened.v1", "case.closed.v1"),
        ("pregnancy", "pregnancy.booked.v1", "pregnancy.ended.v1"),
        ("support", "support.started.v1", "support.ended.v1"),
        ("referral", "referral.intended.v1", "referral.withdrawn.v1"),
        ("plan-item", "plan_item.added.v1", "plan_item.completed.v1"),
    ],
)
def test_who_works_on_a_record_is_in_the_circle_until_it_ends(kind: str, beginning: str, end: str) -> None:
    begun = record(f"{kind}/1", (beginning, "hv-harwich", {}))
    assert parts(begun) == {("hv-harwich", CARE[kind], None)}
    assert parts(record(f"{kind}/1", (beginning, "hv-harwich", {}), (end, "hv-harwich", {}))) == set()


def test_a_record_goes_on_when_its_end_is_retracted() -> None:
    ended = record("case/1", ("case.opened.v1", "csc-essex", {}), ("case.closed.v1", "csc-essex", {}))
    assert parts(retracted(ended, 1, "csc-essex")) == {("csc-essex", "open_case", None)}


def test_a_referral_gives_a_part_to_the_team_that_it_was_sent_to() -> None:
    sent = record("referral/1", ("referral.sent.v1", "gp-mill-road", {"to_team": "camhs-essex"}))
    assert parts(sent) == {("gp-mill-road", "referral", None), ("camhs-essex", SENT_TO, None)}


def test_a_retracted_entry_gives_no_part_to_the_team_that_it_named() -> None:
    sent = record(
        "referral/1",
        ("referral.intended.v1", "gp-mill-road", {}),
        ("referral.sent.v1", "gp-mill-road", {"to_team": "camhs-essex"}),
    )
    history = retracted(sent, 1, "gp-mill-road")
    assert "camhs-essex" in teams_of(sent)
    assert teams_of(history) == {"gp-mill-road"}
    assert parts(history) == {("gp-mill-road", "referral", None)}


def test_a_team_still_has_a_part_in_what_its_own_retracted_entry_shows() -> None:
    history = record("concern/1", ("concern.raised.v1", "little-oaks", {}))
    assert teams_of(retracted(history, 0, "partnership-essex")) == {"little-oaks", "partnership-essex"}


def test_who_was_named_last_in_each_role_is_in_the_circle() -> None:
    named = [
        ("practitioner.assigned.v1", "any", {"role": role, "practitioner": worker, "team": team})
        for role, worker, team in (
            ("health_visitor", "hv-pereira", "hv-harwich"),
            ("midwife", "midwife-eider", "midwifery-colne"),
            ("health_visitor", "hv-castro", "hv-yare"),
        )
    ]
    assert parts(record(f"person/{PERSON}", *named)) == {
        ("midwifery-colne", NAMED, "midwife-eider"),
        ("hv-yare", NAMED, "hv-castro"),
    }


def test_an_adviser_who_stopped_is_named_no_longer() -> None:
    assigned = ("adviser.assigned.v1", "leaving-care-essex", {"adviser": "pa-lindqvist", "team": "leaving-care-colne"})
    ended = ("adviser.ended.v1", "leaving-care-essex", {"adviser": "pa-lindqvist", "reason_code": "left"})
    assert ("leaving-care-colne", NAMED, "pa-lindqvist") in parts(record("care-leaver/1", assigned))
    assert parts(record("care-leaver/1", assigned, ended)) == {("leaving-care-essex", "plan", None)}


def test_what_a_service_records_by_itself_gives_nobody_a_part() -> None:
    history = record(
        "pregnancy/1", ("pregnancy.booked.v1", "midwifery-colne", {}), ("pregnancy.care_leaver_learnt.v1", "system", {})
    )
    assert parts(history) == {("midwifery-colne", "pregnancy", None)}


def test_a_concern_or_a_screen_gives_nobody_a_part_in_the_care() -> None:
    assert parts(record("concern/1", ("concern.raised.v1", "little-oaks", {}))) == set()
    assert parts(record("screen/1", ("screen.recorded.v1", "hv-harwich", {}))) == set()


def test_whoever_began_a_record_took_it_on_or_is_named_in_it_holds_it_and_whoever_only_adds_to_it_does_not() -> None:
    case = record(
        "case/1",
        ("case.opened.v1", "front-door-essex", {"people": [PERSON]}),
        ("case.handover_given.v1", "front-door-essex", {"to_team": "childrens-social-care-essex"}),
        ("case.told.v1", "midwifery-colne", {}),
    )
    assert holders_of(case) == {"front-door-essex", "childrens-social-care-essex"}
    assert teams_with_part(case) == holders_of(case)
    closed = record("case/1", ("case.opened.v1", "front-door-essex", {}), ("case.closed.v1", "front-door-essex", {}))
    assert teams_with_part(closed) == set()
    pregnancy = record(
        "pregnancy/1", ("pregnancy.notified.v1", "gp-mill-road", {}), ("pregnancy.booked.v1", "midwifery-colne", {})
    )
    assert holders_of(pregnancy) == {"gp-mill-road", "midwifery-colne"}


def test_of_those_named_for_a_person_the_last_in_each_role_holds_the_record() -> None:
    named = {"role": "health_visitor", "practitioner": "somebody"}
    own = record(
        f"person/{PERSON}",
        ("person.registered.v1", "gp-mill-road", {}),
        ("practitioner.assigned.v1", "hv-harwich", {**named, "team": "hv-harwich"}),
        ("practitioner.assigned.v1", "hv-yare", {**named, "team": "hv-yare"}),
    )
    assert (holders_of(own), teams_with_part(own)) == ({"gp-mill-road", "hv-yare"}, {"hv-yare"})
