"""The HTTP edge, spoken to from outside: who is let in, what is accepted, and what every refusal looks like."""

from __future__ import annotations

import json
import socket
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pymongo import MongoClient
from pymongo.database import Database

from deploy.local.backends import Backends
from tests.contract.toy import Toy, faults, problem

Client = MongoClient[dict[str, Any]]
GOOD = {"name": "a thing"}


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory, backends: Backends, mongo_client: Client) -> Iterator[Toy]:
    database = f"toy_{uuid.uuid4().hex}"
    toy = Toy(tmp_path_factory.mktemp("toy"), mongodb_uri=backends.mongodb_uri, database=database).start()
    yield toy
    assert toy.stop() == 0
    mongo_client.drop_database(database)


def raw(toy: Toy, request: bytes) -> bytes:
    """What comes back until the server closes."""
    with socket.create_connection(("127.0.0.1", toy.port), timeout=20) as sock:
        sock.sendall(request)
        return b"".join(iter(lambda: sock.recv(65536), b""))


def test_a_good_request_is_answered_with_its_version_and_place(toy: Toy) -> None:
    response = toy.post("/v1/things", json={**GOOD, "occurred_at": "2013-01"})
    assert response.status_code == 201
    assert response.headers["Content-Type"] == "application/json"
    assert response.headers["ETag"] == '"1"'
    assert response.headers["Location"] == "/v1/things/t1"
    assert response.headers["Cache-Control"] == "no-store"
    assert response.json()["recorded_by"] == "hv-17"
    assert response.json()["recorded_at"] == "2013-01-01T00:00:00.000Z"
    assert response.json()["precision"] == "month"


def test_a_year_is_a_time_that_is_known_by_its_year(toy: Toy) -> None:
    answered = toy.post("/v1/things", json={**GOOD, "occurred_at": "2012"}).json()
    assert (answered["recorded_at"], answered["precision"]) == ("2012-01-01T00:00:00.000Z", "year")


def test_key_version_and_correlation_reach_the_method(toy: Toy) -> None:
    correlation = str(uuid.uuid4())
    headers = toy.headers() | {"Idempotency-Key": "k-1", "If-Match": '"7"', "X-Correlation-Id": correlation}
    answered = toy.post("/v1/things", json=GOOD, headers=headers).json()
    assert (answered["key"], answered["expected_version"]) == ("k-1", 7)
    assert answered["correlation_id"] == correlation


def test_a_correlation_id_that_is_no_uuid_is_replaced(toy: Toy) -> None:
    response = toy.post("/v1/things", json=GOOD, headers=toy.headers() | {"X-Correlation-Id": "Jane Doe"})
    assert uuid.UUID(response.headers["X-Correlation-Id"])


# Who is let in.


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", "Basic dXNlcjpwYXNz"])
def test_no_token_is_401_and_says_how_to_come_back(toy: Toy, header: str | None) -> None:
    headers = {} if header is None else {"Authorization": header}
    response = toy.post("/v1/things", json=GOOD, headers=headers)
    problem(response, 401, "no-token")
    assert response.headers["WWW-Authenticate"].startswith("Bearer realm=")


def test_an_expired_token_is_401_although_it_was_accepted_before(toy: Toy) -> None:
    response = toy.get("/v1/things", headers=toy.headers(exp=time.time() - 60))
    problem(response, 401, "token-expired")
    assert 'error="invalid_token"' in response.headers["WWW-Authenticate"]


def test_a_token_signed_by_another_key_is_401(toy: Toy) -> None:
    foreign = {"Authorization": f"Bearer {toy.token(Ed25519PrivateKey.generate())}"}
    problem(toy.get("/v1/things", headers=foreign), 401, "token-invalid")


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "someone-else"},
        {"aud": "elsewhere"},
        {"exp": "never"},
        {"role": "system"},
        {"role": "queen"},
        {"role": None},
        {"role": ["manager"]},
        {"sub": ""},
        {"sub": "Jane Doe"},
        {"sub": "jane@example.org"},
        {"team": 5},
        {"areas": "essex"},
        {"areas": [""]},
        {"areas": None},
    ],
)
def test_a_token_with_other_claims_is_401(toy: Toy, claims: dict[str, Any]) -> None:
    problem(toy.get("/v1/things", headers=toy.headers(**claims)), 401, "token-invalid")


@pytest.mark.parametrize("token", ["x", "a.b.c", "é.è.ê", "e30.e30.", "." * 50])
def test_a_token_that_is_none_is_401(toy: Toy, token: str) -> None:
    headers = {"Authorization": f"Bearer {token}".encode()}
    problem(requests.get(f"{toy.url}/v1/things", headers=headers, timeout=20), 401, "token-invalid")


def test_an_unsigned_token_is_401(toy: Toy) -> None:
    head, body, _ = toy.token().split(".")
    none = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0"
    for token in (f"{head}.{body}.", f"{none}.{body}."):
        problem(toy.get("/v1/things", headers={"Authorization": f"Bearer {token}"}), 401, "token-invalid")


def test_a_role_that_the_table_does_not_name_is_403_before_the_body_is_looked_at(toy: Toy) -> None:
    response = toy.post("/v1/things", data="{", headers=toy.headers(role="personal_adviser"))
    assert "personal_adviser" in problem(response, 403, "wrong-role")["detail"]


# What is accepted.


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"\xff\xfe",
        b'{"name": NaN}',
        b'{"name": "a", "name": "b"}',
        b'{"name": "\\ud800"}',
        b"[" * 1900,
        b'{"count": ' + b"9" * 1900 + b"0e}",
        b'["a"]',
        b'"a"',
        b"null",
        b'{"name": "a"} x',
    ],
)
def test_malformed_json_is_400(toy: Toy, body: bytes) -> None:
    response = toy.post("/v1/things", data=body, headers=toy.headers() | {"Content-Type": "application/json"})
    problem(response, 400, "malformed-json")


def test_an_empty_body_is_an_empty_object(toy: Toy) -> None:
    named = faults(toy.post("/v1/things", data=b"", headers=toy.headers() | {"Content-Type": "application/json"}))
    assert named == {"name": "Missing data for required field."}


@pytest.mark.parametrize("content_type", [None, "text/plain", "application/xml", "application/json; charset=latin-1"])
def test_another_content_type_is_415(toy: Toy, content_type: str | None) -> None:
    response = toy.post("/v1/things", data=json.dumps(GOOD), headers=toy.headers() | {"Content-Type": content_type})
    problem(response, 415, "wrong-content-type")


def test_json_with_a_charset_is_accepted(toy: Toy) -> None:
    headers = toy.headers() | {"Content-Type": "Application/JSON; charset=UTF-8"}
    assert toy.post("/v1/things", data=json.dumps(GOOD), headers=headers).status_code == 201


def test_every_bad_field_is_named_at_once_and_no_value_is_repeated(toy: Toy) -> None:
    response = toy.post(
        "/v1/things",
        json={
            "count": "Elm Row",
            "is_urgent": "yes",
            "born_on": "2013-02-30",
            "nhs_number": "9434765918",
            "occurred_at": "yesterday at Elm Row",
            "contact": {"phones": ["1", 5555123]},
            "colour": "crimson",
        },
    )
    named = faults(response)
    assert set(named) == {
        "name",
        "count",
        "is_urgent",
        "born_on",
        "nhs_number",
        "occurred_at",
        "contact.phones.1",
        "colour",
    }
    assert named["name"] == "Missing data for required field."
    assert named["colour"] == "Unknown field."
    assert not any(value in response.text for value in ("Elm Row", "yes", "9434765918", "5555123", "crimson", "02-30"))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", 5),
        ("name", ""),
        ("name", "   "),
        ("name", "a" * 101),
        ("name", "a\x00b"),
        ("name", None),
        ("count", True),
        ("count", 1.5),
        ("count", 11),
        ("count", -1),
        ("count", 10**30),
        ("is_urgent", 1),
        ("born_on", "20130114"),
        ("born_on", 20130114),
        ("born_on", "0013-01-14"),
        ("nhs_number", 9434765919),
        ("nhs_number", "943476591"),
        ("contact", []),
        ("contact", {"phones": "1"}),
        ("occurred_at", "2013-01-14T09:30:00"),
        ("occurred_at", "2013-01-14 09:30:00Z"),
        ("occurred_at", "2013-13"),
        ("occurred_at", "2013-01-14T09:30:00+99:00"),
        ("occurred_at", "0001-01-01T00:00:00+10:00"),
        ("occurred_at", 1358155800),
    ],
)
def test_a_value_of_the_wrong_kind_is_a_fault_of_its_field(toy: Toy, field: str, value: Any) -> None:
    named = faults(toy.post("/v1/things", json={**GOOD, field: value}))
    assert {name.partition(".")[0] for name in named} == {field}


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_over_the_limit_is_413_and_the_client_hears_it(toy: Toy, chunked: bool) -> None:
    body = json.dumps({"name": "a" * 3_000_000}).encode()
    data = iter([body[at : at + 8192] for at in range(0, len(body), 8192)]) if chunked else body
    response = toy.post("/v1/things", data=data, headers=toy.headers() | {"Content-Type": "application/json"})
    problem(response, 413, "body-too-large")
    assert response.headers["Connection"] == "close"


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_of_just_the_limit_is_read(toy: Toy, chunked: bool) -> None:
    body = json.dumps(GOOD).encode().ljust(2000)
    headers = toy.headers() | {"Content-Type": "application/json"}
    assert (
        toy.post("/v1/things", data=iter([body[:7], body[7:]]) if chunked else body, headers=headers).status_code == 201
    )
    over = body + b" "
    response = toy.post("/v1/things", data=iter([over[:7], over[7:]]) if chunked else over, headers=headers)
    problem(response, 413, "body-too-large")


@pytest.mark.parametrize(
    ("chunks", "status"), [(b"zz\r\nab\r\n0\r\n\r\n", b"400"), (b"\r\n", b"400"), (b"a" * 9000, b"413")]
)
def test_malformed_chunks_are_refused(toy: Toy, chunks: bytes, status: bytes) -> None:
    head = f"POST /v1/things HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {toy.token()}\r\nIdempotency-Key: k\r\n"
    request = f"{head}Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n".encode() + chunks
    assert raw(toy, request).startswith(b"HTTP/1.1 " + status)


def test_a_body_that_breaks_off_records_nothing_and_harms_nobody(toy: Toy) -> None:
    head = f"POST /v1/things HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {toy.token()}\r\nIdempotency-Key: k\r\n"
    with socket.create_connection(("127.0.0.1", toy.port), timeout=20) as sock:
        sock.sendall(f"{head}Content-Type: application/json\r\nContent-Length: 50\r\n\r\n{{".encode())
        sock.shutdown(socket.SHUT_WR)
        assert sock.recv(65536).startswith(b"HTTP/1.1 400 ")
    assert toy.post("/v1/things", json=GOOD).status_code == 201


def test_an_endpoint_without_a_body_accepts_none_and_an_empty_one(toy: Toy) -> None:
    (toy.folder / "let-go").touch()
    assert toy.post("/v1/things/t1/wait").status_code == 201
    assert toy.post("/v1/things/t1/wait", json={}).status_code == 201
    assert faults(toy.post("/v1/things/t1/wait", json={"a": 1})) == {"a": "Unknown field."}


# Headers, query and path.


def test_a_post_without_an_idempotency_key_is_400(toy: Toy) -> None:
    headers = {"Authorization": f"Bearer {toy.token()}"}
    response = toy.post("/v1/things", json=GOOD, headers=headers)
    assert set(faults(response, 400, "idempotency-key-missing")) == {"Idempotency-Key"}


@pytest.mark.parametrize("key", ["k" * 201, "a b", "é"])
def test_an_idempotency_key_that_is_none_is_400(toy: Toy, key: str) -> None:
    response = toy.post("/v1/things", json=GOOD, headers=toy.headers() | {"Idempotency-Key": key.encode()})
    problem(response, 400, "idempotency-key-invalid")


@pytest.mark.parametrize("tag", ["7", 'W/"7"', "*", '"x"', '"7", "8"', '"9999999999"'])
def test_an_if_match_that_is_no_version_is_400(toy: Toy, tag: str) -> None:
    response = toy.post("/v1/things", json=GOOD, headers=toy.headers() | {"If-Match": tag})
    problem(response, 400, "if-match-invalid")


def test_a_query_is_checked_like_a_body(toy: Toy) -> None:
    named = faults(toy.get("/v1/things?limit=0&limits=5"))
    assert set(named) == {"limit", "limits"}
    assert set(faults(toy.get("/v1/things?limit=1&limit=2"))) == {"limit"}
    assert toy.get("/v1/things?team=a&team=b").status_code == 200
    assert set(faults(toy.get("/v1/things/t1?verbose=1"))) == {"verbose"}
    problem(toy.get("/v1/things?" + "&".join(["a=1"] * 60)), 400, "malformed-query")


def test_a_list_goes_on_from_its_cursor_and_refuses_another(toy: Toy) -> None:
    first = toy.get("/v1/things?limit=2").json()
    second = toy.get(f"/v1/things?limit=2&cursor={first['next']}").json()
    assert [row["id"] for row in first["rows"] + second["rows"]] == ["t1", "t2", "t3", "t4"]
    for cursor in ("x", "e30", "W10", "WyJhIl0", "é", "W3siYXQiOjV9XQ"):
        assert set(faults(toy.get("/v1/things", params={"cursor": cursor}), 422, "bad-cursor")) == {"cursor"}


def test_an_unknown_route_is_a_404_problem(toy: Toy) -> None:
    for path in ("/", "/v1/thing", "/v1//things", "/v1/things/a/b/c", "/v1/things/%2e%2e/x", "/%ff%fe"):
        problem(toy.get(path), 404, "no-such-route")


def test_a_method_that_the_path_does_not_know_is_405_and_says_which_it_knows(toy: Toy) -> None:
    response = requests.delete(f"{toy.url}/v1/things", headers=toy.headers(), timeout=20)
    problem(response, 405, "method-not-allowed")
    assert response.headers["Allow"] == "GET, HEAD, POST"
    problem(requests.post(f"{toy.url}/metrics", timeout=20), 405, "method-not-allowed")


def test_head_has_the_headers_of_get_and_no_body(toy: Toy) -> None:
    response = requests.head(f"{toy.url}/v1/things", headers=toy.headers(), timeout=20)
    assert response.status_code == 200
    assert int(response.headers["Content-Length"]) > 2
    assert response.content == b""


@pytest.mark.parametrize("request_line", [b"Jane Doe was here", b"GET / HTTP/9.9", b"GET"])
def test_what_is_not_http_is_refused_without_an_echo(toy: Toy, request_line: bytes) -> None:
    answer = raw(toy, request_line + b"\r\n\r\n")
    assert b"application/problem+json" in answer
    assert b"Jane" not in answer


@pytest.mark.parametrize(
    ("path", "headers", "status", "code"),
    [
        (f"/{'a' * 9000}", "", 414, "address-too-long"),
        ("/", f"X: {'a' * 9000}", 431, "headers-too-large"),
        ("/", "\r\n".join([f"X: {'a' * 4000}"] * 20), 431, "headers-too-large"),
        ("/", "\r\n".join(["X: a"] * 200), 431, "headers-too-large"),
        ("/", "Content-Length: -5", 400, "not-http"),
        ("/", "Content-Length: Jane", 400, "not-http"),
        ("/", "Content-Length: 1_0", 400, "not-http"),
        ("/", "Content-Length: 2\r\nContent-Length: 3", 400, "not-http"),
        ("/", "Content-Length: 2\r\nTransfer-Encoding: chunked", 400, "not-http"),
        ("/", "Transfer-Encoding: gzip, chunked", 400, "not-http"),
    ],
)
def test_a_head_that_is_too_large_or_unclear_is_answered_with_a_problem(
    toy: Toy, path: str, headers: str, status: int, code: str
) -> None:
    answer = raw(toy, f"POST {path} HTTP/1.1\r\nHost: x\r\n{headers}\r\n\r\n".encode())
    head, _, body = answer.decode().partition("\r\n\r\n")
    assert head.startswith(f"HTTP/1.1 {status} ")
    assert "Content-Type: application/problem+json" in head
    document = json.loads(body)
    assert (document["status"], document["type"]) == (status, f"/problems/{code}")
    assert f"X-Correlation-Id: {document['instance'].removeprefix('urn:uuid:')}" in head


# What goes wrong inside.


@pytest.mark.parametrize(
    ("how", "status", "code"),
    [
        ("refused", 409, "not-now"),
        ("refused-field", 422, "not-so"),
        ("unknown-stream", 404, "not-found"),
        ("stale", 412, "stale-version"),
        ("key-reused", 422, "key-reused"),
        ("contended", 409, "contended"),
        ("unavailable", 503, "store-unavailable"),
        ("mongodb", 503, "store-unavailable"),
        ("unexpected", 500, "unexpected"),
    ],
)
def test_each_failure_has_its_status_and_code(toy: Toy, how: str, status: int, code: str) -> None:
    response = toy.post("/v1/things/t1/fail", json={"how": how})
    document = problem(response, status, code)
    assert ("Retry-After" in response.headers) == (status == 503)
    assert "Jane" not in response.text
    assert document.get("errors") == ([{"field": "name", "message": "is taken"}] if how == "refused-field" else None)


def test_an_unexpected_failure_is_found_in_the_log_by_its_id_without_its_text(toy: Toy) -> None:
    response = toy.post("/v1/things/t1/fail", json={"how": "unexpected"})
    correlation = problem(response, 500, "unexpected")["instance"].removeprefix("urn:uuid:")
    lines = [json.loads(line) for line in toy.log.splitlines() if correlation in line]
    assert [line["event"] for line in lines] == ["request failed"]
    assert lines[0]["exception"] == "LookupError"
    assert any(place.endswith(" fail") and "toy_service.py:" in place for place in lines[0]["frames"])
    assert "Jane" not in toy.log


def test_no_value_of_any_request_reaches_the_log(toy: Toy) -> None:
    secret = "Persephone-Quill"
    toy.post("/v1/things", json={"name": secret, "occurred_at": secret})
    toy.post("/v1/things", data=f'{{"name": "{secret}"', headers=toy.headers() | {"Content-Type": "application/json"})
    toy.get(f"/v1/things/{secret}?name={secret}")
    toy.get(f"/{secret}", headers={"Authorization": f"Bearer {secret}", "User-Agent": secret})
    raw(toy, f"{secret} {secret}\r\n\r\n".encode())
    assert secret not in toy.log


# Operations.


def test_every_read_of_a_person_is_in_the_access_log_before_it_is_answered(toy: Toy, mongo_client: Client) -> None:
    response = toy.get("/v1/things/t77")
    assert response.status_code == 200
    settings = json.loads((toy.folder / "settings.json").read_text())
    access_log = mongo_client[settings["mongodb_database"]]["access_log"]
    this_request = {"correlation_id": response.headers["X-Correlation-Id"]}
    found = list(access_log.find(this_request, {"_id": 0, "at": 0, "correlation_id": 0}))
    assert found == [
        {
            "actor": "hv-17",
            "role": "health_visitor",
            "team": "hv-chelmsford",
            "areas": ["essex"],
            "route": "GET /v1/things/<thing_id>",
            "subjects": ["p_1", "p_2"],
        }
    ]


def test_health_and_metrics_need_no_token(toy: Toy) -> None:
    assert requests.get(f"{toy.url}/health/live", timeout=20).json() == {"status": "live"}
    assert requests.get(f"{toy.url}/health/ready", timeout=20).json() == {"status": "ready"}
    toy.get("/v1/things/t1")
    metrics = requests.get(f"{toy.url}/metrics", timeout=20)
    assert metrics.headers["Content-Type"].startswith("text/plain")
    assert 'route="/v1/things/<thing_id>",status="200"' in metrics.text
    assert "t77" not in metrics.text


def test_a_failing_check_is_named_by_readiness_while_the_process_stays_alive(toy: Toy) -> None:
    off = toy.folder / "off"
    off.touch()
    try:
        assert faults(toy.get("/health/ready"), 503, "not-ready") == {"switch": "fails"}
        assert toy.get("/health/live").status_code == 200
    finally:
        off.unlink()
    assert toy.get("/health/ready").status_code == 200


def test_a_serve_bus_process_has_health_and_no_endpoints(tmp_path: Path, mongodb_uri: str, database: Database) -> None:
    toy = Toy(tmp_path, mongodb_uri=mongodb_uri, database=database.name, kinds="bus").start()
    try:
        assert toy.get("/health/ready").status_code == 200
        problem(toy.get("/v1/things"), 404, "no-such-route")
    finally:
        assert toy.stop() == 0
