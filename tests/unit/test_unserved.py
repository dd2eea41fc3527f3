"""A request for an address that is not served is told who serves it, or what is like it. Nothing of it is repeated."""

from __future__ import annotations

import importlib
import time

import pytest

from shared.config.config import SERVICES
from shared.contracts.paths import SERVED_BY
from shared.web.endpoint import endpoints_of
from shared.web.unserved import problem_of_unserved

AN_ID = "4bfb0e3c-8a57-4f0e-9c0e-0d7c1f6f6a52"


def urls_of(service: str) -> set[str]:
    module = importlib.import_module(f"services.{service}.service")
    (cls,) = (one for one in vars(module).values() if isinstance(one, type) and vars(one).get("name") == service)
    return {endpoint.url for _, endpoint in endpoints_of(cls)}


ROUTES = {service: urls_of(service) for service in SERVICES}


def detail(path: str, service: str) -> str:
    problem = problem_of_unserved(path, ROUTES[service])
    assert (problem.status, problem.code) == (404, "no-such-route")
    return problem.detail


def test_the_table_has_the_first_part_of_every_address() -> None:
    for service, urls in ROUTES.items():
        served = {url.split("/")[2] for url in urls} - {"commands", "parked"}
        assert {one for one, by in SERVED_BY.items() if by == service} <= served
        assert served <= SERVED_BY.keys(), f"add to shared/contracts/paths.py: {sorted(served - SERVED_BY.keys())}"


@pytest.mark.parametrize(("first", "service"), sorted(SERVED_BY.items()))
def test_an_address_of_another_service_names_that_service(first: str, service: str) -> None:
    for other in ROUTES.keys() - {service}:
        assert f"the service {service}:" in detail(f"/v1/{first}", other)
    assert "the service" not in detail(f"/v1/{first}/{AN_ID}/no/such", service)


@pytest.mark.parametrize(
    ("path", "nearest"),
    [
        ("/v1/referals", "/v1/referrals"),
        ("/referrals", "/v1/referrals"),
        (f"/v1/referrals/{AN_ID}/withdraw", "/v1/referrals/<referral_id>/withdrawn"),
        (f"/v1/pregnancy/{AN_ID}", "/v1/pregnancies/<pregnancy_id>"),
    ],
)
def test_a_mistyped_address_is_answered_with_the_nearest(path: str, nearest: str) -> None:
    said = detail(path, "perinatal")
    assert nearest in said
    assert AN_ID not in said


def test_nothing_of_the_address_is_repeated() -> None:
    assert "wren" not in detail("/v1/people/wren-exampleton", "perinatal").lower()


def test_a_long_address_is_answered_at_once() -> None:
    began = time.perf_counter()
    for number in range(20):
        detail(f"/v1/{'referrals/' * 9000}{number}", "perinatal")
    assert (time.perf_counter() - began) / 20 < 0.05
