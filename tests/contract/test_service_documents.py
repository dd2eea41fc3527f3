"""The OpenAPI document of each service is valid, and says of every route what the route itself says."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from shared.config.config import SERVICES
from shared.contracts.access import ACCESS
from shared.web.openapi import OPERATIONS
from tests.contract.edges import edge_of, routes_of

REFUSALS = {"400", "401", "403", "414", "422", "431", "500", "503"}
REFUSALS_OF_A_POST = {"408", "409", "412", "413", "415"}


def operations_of(service: str) -> dict[str, dict[str, Any]]:
    """The operations of a document, by method and path."""
    paths = edge_of(service)["document"]["paths"]
    return {f"{method.upper()} {path}": found for path, methods in paths.items() for method, found in methods.items()}


def route_and_operation(service: str) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    operations = operations_of(service)
    return [(route, operations[re.sub("<([^>]+)>", r"{\1}", url)]) for url, route in routes_of(service).items()]


def schema(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


@pytest.mark.parametrize("service", SERVICES)
def test_the_document_of_a_service_is_valid_openapi_3_1(service: str) -> None:
    document = edge_of(service)["document"]
    assert document["openapi"] == "3.1.0"
    assert document["info"]["title"] == service
    OpenAPIV31SpecValidator(document).validate()


@pytest.mark.parametrize("service", SERVICES)
def test_every_route_is_in_the_document_and_nothing_else_but_the_operations(service: str) -> None:
    routes = {re.sub("<([^>]+)>", r"{\1}", url) for url in routes_of(service)}
    assert operations_of(service).keys() == routes | {f"GET {path}" for path in OPERATIONS}
    assert len(routes) == len(edge_of(service)["routes"])


@pytest.mark.parametrize("service", SERVICES)
def test_a_route_is_described_with_its_command_and_the_roles_that_may_give_it(service: str) -> None:
    for route, operation in route_and_operation(service):
        assert operation["operationId"] == route["operation"]
        assert operation["summary"]
        assert operation["x-command"] == route["command"]
        assert operation["x-roles"] == sorted(ACCESS[route["command"]])
        assert operation["security"] == [{"bearer": []}]


@pytest.mark.parametrize("service", SERVICES)
def test_a_route_is_described_with_every_answer_and_every_refusal(service: str) -> None:
    for route, operation in route_and_operation(service):
        refusals = REFUSALS | {str(status) for status in route["errors"]}
        refusals |= REFUSALS_OF_A_POST if route["method"] == "POST" else set()
        refusals |= {"404", "405"} if route["parts"] else set()
        responses = operation["responses"]
        unchanged = {"304"} if route["conditional"] else set()
        assert responses.keys() == refusals | route["answers"].keys() | unchanged, route["operation"]
        assert all("content" not in responses[status] for status in unchanged)
        for status in refusals:
            assert responses[status] == {"$ref": f"#/components/responses/Problem{status}"}
        for status, name in route["answers"].items():
            assert responses[status]["content"]["application/json"]["schema"] == schema(name)


@pytest.mark.parametrize("service", SERVICES)
def test_a_route_is_described_with_its_path_query_headers_and_body(service: str) -> None:
    for route, operation in route_and_operation(service):
        declared: dict[str, list[str]] = {"path": [], "query": [], "header": []}
        for parameter in operation["parameters"]:
            declared[parameter["in"]].append(parameter["name"])
        keyed = route["method"] == "POST" and route["keyed"]
        assert declared["path"] == route["parts"]
        assert sorted(declared["query"]) == route["query"]
        own = ["Idempotency-Key", "If-Match"] if keyed else ["If-None-Match"] if route["conditional"] else []
        assert declared["header"] == [*own, "X-Correlation-Id"]
        content = operation.get("requestBody", {}).get("content", {})
        if route["command"] != "commands.record":
            assert content == ({"application/json": {"schema": schema(route["body"])}} if route["body"] else {})


@pytest.mark.parametrize("service", SERVICES)
def test_many_commands_are_described_as_an_array_and_as_lines(service: str) -> None:
    for route, operation in route_and_operation(service):
        if route["command"] == "commands.record":
            array = {"type": "array", "maxItems": 1000, "items": schema("Line")}
            described = {"application/json": {"schema": array}, "application/x-ndjson": {"schema": schema("Line")}}
            assert operation["requestBody"] == {"required": True, "content": described}


@pytest.mark.parametrize("service", SERVICES)
def test_no_two_operations_have_one_id(service: str) -> None:
    ids = Counter(operation["operationId"] for operation in operations_of(service).values())
    assert [name for name, times in ids.items() if times > 1] == []


@pytest.mark.parametrize("service", SERVICES)
def test_no_two_schemas_have_one_name(service: str) -> None:
    # apispec numbers the second one, and warns.
    assert edge_of(service)["warnings"] == []
