"""A follow-up names the requests that would meet it: they are routes of the services, and each standard has its own."""

from __future__ import annotations

import importlib
import re

import pytest

from services.referrals_followup.domain.links import Links
from shared.contracts import CATALOGUE
from shared.contracts.access import ACCESS
from shared.contracts.acts import ACTS, BEGINS
from shared.recording.routes import RecordRoutes
from shared.web.endpoint import Endpoint, endpoints_of
from tests.unit.practice import PACKS

LINKS = Links("https://f.example", "https://p.example", "https://l.example")
ORIGINS = {
    "https://f.example": "referrals_followup",
    "https://p.example": "perinatal",
    "https://l.example": "leaving_care",
}
MODULES = (
    *(f"services.perinatal.api.{name}" for name in ("people", "pregnancies", "care", "referrals", "moves")),
    *(f"services.perinatal.api.{name}" for name in ("concerns", "agencies")),
    *(f"services.leaving_care.api.{name}" for name in ("care_leavers", "plan_items")),
)
ANSWERED_ON_THE_ENTRY = {
    *("record.claim_confirmed.v1", "record.claim_rejected.v1", "record.doubts_confirmed.v1"),
    "person.corrected.v1",
}
"""A follow-up shows in `claims` where each claim is answered; what is doubtful or wrong is mended on its own record."""


def steps_of_records() -> set[tuple[str, str, str, str]]:
    """Kind of record, event type, command and verb of every step."""
    routes = {
        id(one): one
        for module in MODULES
        for one in vars(importlib.import_module(module)).values()
        if isinstance(one, RecordRoutes)
    }
    return {
        (one.aggregate.kind, step.event_type, step.access, step.verb) for one in routes.values() for step in one.steps
    }


def posts_of(service: str) -> dict[str, Endpoint]:
    module = importlib.import_module(f"services.{service}.service")
    (cls,) = (one for one in vars(module).values() if isinstance(one, type) and vars(one).get("name") == service)
    return {re.sub("<[^>]*>", "<>", one.url): one for _, one in endpoints_of(cls) if one.method == "POST"}


def test_every_event_that_meets_a_standard_has_its_request() -> None:
    meeting = {
        matcher if isinstance(matcher, str) else matcher["event"]
        for step in PACKS["england"]["steps"].values()
        for matcher in step.get("met_by", [])
    }
    known = {event_type for _, event_type in ACTS} | BEGINS.keys() | ANSWERED_ON_THE_ENTRY
    lines = {
        f'    ("{kind}", "{event_type}"): Act("{command}", "{verb}"),'
        for kind, event_type, command, verb in steps_of_records()
        if event_type in meeting - known
    }
    assert meeting <= known, f"add to ACTS in shared/contracts/acts.py: {sorted(lines) or sorted(meeting - known)}"


def test_every_step_of_a_record_that_meets_a_standard_is_the_one_that_is_served() -> None:
    served = steps_of_records()
    for (kind, event_type), act in ACTS.items():
        if kind not in ("glass", "objection"):
            assert (kind, event_type, act.command, act.verb) in served


@pytest.mark.parametrize(("kind", "event_type"), sorted(ACTS))
def test_the_address_of_an_act_is_a_route_with_this_command(kind: str, event_type: str) -> None:
    act = ACTS[kind, event_type]
    address = LINKS.act(f"{kind}/<>", act.verb)
    assert address
    origin = address[: address.index("/v1")]
    assert posts_of(ORIGINS[origin])[address.removeprefix(origin)].command == act.command
    assert event_type in CATALOGUE


@pytest.mark.parametrize("event_type", sorted(BEGINS))
def test_the_address_at_which_a_record_begins_is_a_route(event_type: str) -> None:
    kind, command = BEGINS[event_type]
    address = LINKS.records(kind)
    assert address
    origin = address[: address.index("/v1")]
    assert address.removeprefix(origin) in posts_of(ORIGINS[origin])
    assert command in ACCESS
