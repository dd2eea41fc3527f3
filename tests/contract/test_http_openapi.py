"""The OpenAPI document of a service is valid, and complete without anything written by hand."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import cache
from typing import Any

from openapi_spec_validator import OpenAPIV31SpecValidator

from shared.contracts.access import ACCESS
from tests.contract.toy import ROOT

EVERY_PROBLEM = {400, 401, 403, 404, 405, 408, 409, 412, 413, 414, 415, 422, 431, 500, 503}
PRINT = """
import json
from shared.web.endpoint import endpoints_of
from shared.web.openapi import document_of
from tests.contract.toy_service import ToyService
print(json.dumps(document_of(ToyService, endpoints_of(ToyService))))
"""


@cache
def document() -> dict[str, Any]:
    printed = subprocess.run([sys.executable, "-c", PRINT], cwd=ROOT, capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(printed.stdout)
    return found


def operation(path: str, method: str) -> dict[str, Any]:
    found: dict[str, Any] = document()["paths"][path][method]
    return found


def test_the_document_is_valid_openapi_3_1() -> None:
    assert document()["openapi"] == "3.1.0"
    OpenAPIV31SpecValidator(document()).validate()


def test_every_endpoint_and_every_operation_is_in_it() -> None:
    found = {(path, method) for path, methods in document()["paths"].items() for method in methods}
    assert found == {
        ("/v1/things", "post"),
        ("/v1/things", "get"),
        ("/v1/things/{thing_id}", "get"),
        ("/v1/things/{thing_id}/fail", "post"),
        ("/v1/things/{thing_id}/wait", "post"),
        ("/openapi.json", "get"),
        ("/docs", "get"),
        ("/health/live", "get"),
        ("/health/ready", "get"),
        ("/metrics", "get"),
    }


def test_a_post_shows_its_headers_path_body_answers_and_problems() -> None:
    post = operation("/v1/things/{thing_id}/fail", "post")
    parameters = {(parameter["in"], parameter["name"]): parameter["required"] for parameter in post["parameters"]}
    assert parameters == {
        ("path", "thing_id"): True,
        ("header", "Idempotency-Key"): True,
        ("header", "If-Match"): False,
        ("header", "X-Correlation-Id"): False,
    }
    assert post["requestBody"]["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/FailBody"}
    assert {int(status) for status in post["responses"]} == {201, *EVERY_PROBLEM}
    assert post["responses"]["412"] == {"$ref": "#/components/responses/Problem412"}


def test_every_answer_shows_the_header_that_names_its_request() -> None:
    answers = list(document()["components"]["responses"].values())
    answers += [answer for status, answer in operation("/v1/things", "post")["responses"].items() if status == "201"]
    assert all(answer["headers"]["X-Correlation-Id"]["required"] for answer in answers)


def test_a_list_shows_each_field_of_its_query() -> None:
    names = {
        parameter["name"] for parameter in operation("/v1/things", "get")["parameters"] if parameter["in"] == "query"
    }
    assert names == {"limit", "cursor", "team"}


def test_roles_and_security_are_those_of_the_access_table() -> None:
    post = operation("/v1/things", "post")
    assert post["x-roles"] == sorted(ACCESS["referral.note"])
    assert post["security"] == [{"bearer": []}]
    assert document()["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"
    assert operation("/metrics", "get")["security"] == []


def test_bodies_show_what_is_required_and_refuse_the_unknown() -> None:
    thing = document()["components"]["schemas"]["ThingBody"]
    assert thing["required"] == ["name"]
    assert thing["additionalProperties"] is False
    assert thing["properties"]["born_on"] == {"type": "string", "format": "date"}


def test_patterns_are_those_of_json_schema() -> None:
    assert document()["components"]["schemas"]["ThingBody"]["properties"]["code"]["pattern"].endswith("$")
