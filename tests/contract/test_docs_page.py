"""The page `/docs` of a service: it is served without a token, may be cached, and needs no other host."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from pymongo import MongoClient

from deploy.local.backends import Backends
from shared.web.docs import ASSETS, FOLDER, POLICY
from tests.contract.toy import Toy, problem

# Names in the bundle that no browser asks: namespaces, schema ids, links in error texts and in comments.
ONLY_NAMES = {
    "api.",
    "example.com",
    "fb.me",
    "git.io",
    "github.com",
    "json-schema.org",
    "marked.js.org",
    "raw.githubusercontent.com",
    "reactjs.org",
    "redocly.com",
    "stackoverflow.com",
    "www.w3.org",
}


@pytest.fixture(scope="module")
def toy(
    tmp_path_factory: pytest.TempPathFactory, backends: Backends, mongo_client: MongoClient[dict[str, Any]]
) -> Iterator[Toy]:
    database = f"toy_{uuid.uuid4().hex}"
    toy = Toy(tmp_path_factory.mktemp("toy"), mongodb_uri=backends.mongodb_uri, database=database).start()
    yield toy
    assert toy.stop() == 0
    mongo_client.drop_database(database)


def test_the_page_and_its_files_are_served_to_everybody_and_may_be_cached(toy: Toy) -> None:
    kinds = {"/docs": "text/html; charset=utf-8", **{f"/docs/{name}": kind for name, kind in ASSETS.items()}}
    for url, kind in kinds.items():
        response = toy.get(url, headers={})
        assert response.status_code == 200
        assert response.headers["Content-Type"] == kind
        assert response.headers["Cache-Control"] == "public, max-age=86400"
        assert response.headers["Content-Security-Policy"] == POLICY
        assert response.headers["X-Content-Type-Options"] == "nosniff"


def test_the_files_are_those_of_the_folder(toy: Toy) -> None:
    for name in ASSETS:
        assert toy.get(f"/docs/{name}", headers={}).content == (FOLDER / name).read_bytes()
    problem(toy.get("/docs/README.md", headers={}), 404, "no-such-route")


def test_the_page_loads_the_document_and_exactly_these_files(toy: Toy) -> None:
    page = toy.get("/docs", headers={}).text
    loaded = set(re.findall(r'(?:src|href|spec-url)="([^"]*)"', page)) - {"data:,"}
    assert loaded == {"openapi.json", *(f"docs/{name}" for name in ASSETS)}
    assert "<title>toy API</title>" in page


def test_the_page_has_no_script_or_style_of_its_own(toy: Toy) -> None:
    page = toy.get("/docs", headers={}).text
    assert re.findall(r"<script(?! src=)|<style|\son\w+=|\sstyle=", page) == []


def test_the_policy_names_no_host_and_lets_no_inline_script_run() -> None:
    allowed = {name: sources for name, *sources in (rule.split() for rule in POLICY.split("; "))}
    assert allowed["default-src"] == ["'none'"]
    assert allowed["script-src"] == ["'self'"]
    assert not any("." in source or "*" in source for sources in allowed.values() for source in sources)
    assert "unsafe" not in POLICY


def test_no_file_names_a_foreign_host_that_a_browser_would_ask(toy: Toy) -> None:
    files = [toy.get("/docs", headers={}).text, *((FOLDER / name).read_text("utf-8") for name in ASSETS)]
    named = {host for text in files for host in re.findall(r"https?://([\w.-]+)", text)}
    assert named <= ONLY_NAMES
    for text in files:
        assert not re.search(r"""(?:src|href|import|fetch|Worker)\s*[(:=]\s*["'`](?:https?:)?//""", text)
        assert "sourceMappingURL=redoc" not in text
