"""The table of role x command holds at the edge of every service, cell by cell, for every route there is."""

from __future__ import annotations

import pytest

from shared.config.config import SERVICES
from shared.contracts.access import ACCESS, ROLES
from shared.web.openapi import OPERATIONS
from tests.contract.edges import edge_of, routes_of


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("role", sorted(ROLES))
def test_a_role_is_refused_by_exactly_the_routes_whose_command_is_not_for_it(service: str, role: str) -> None:
    routes = routes_of(service)
    refused = {url for url, route in routes.items() if route["cells"][role] == [403, "wrong-role"]}
    assert refused == {url for url, route in routes.items() if role not in ACCESS[route["command"]]}


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("role", sorted(ROLES))
def test_whoever_is_not_refused_comes_as_far_as_the_body(service: str, role: str) -> None:
    let_in = ([418, "reached"], [400, "malformed-json"], [422, "invalid"], [403, "wrong-role"])
    others = {url: route["cells"][role] for url, route in routes_of(service).items()}
    assert {url: cell for url, cell in others.items() if cell not in let_in} == {}


@pytest.mark.parametrize("service", SERVICES)
def test_every_route_asks_for_a_token(service: str) -> None:
    assert {url for url, route in routes_of(service).items() if route["nobody"] != [401, "no-token"]} == set()


@pytest.mark.parametrize("service", SERVICES)
def test_every_route_has_a_command_of_the_table_but_for_the_operations(service: str) -> None:
    found = edge_of(service)
    assert {route["command"] for route in found["routes"]} <= ACCESS.keys()
    open_to_all = {
        path
        for path, methods in found["document"]["paths"].items()
        for each in methods.values()
        if not each["security"]
    }
    assert open_to_all == set(OPERATIONS)
    # Another kind of entrypoint would pass the edge by.
    assert found["others"] == []


def test_every_command_of_the_table_is_asked_for_by_some_route() -> None:
    asked = {route["command"] for service in SERVICES for route in routes_of(service).values()}
    assert asked == set(ACCESS)
