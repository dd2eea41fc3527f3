"""`docs/api/` holds the OpenAPI document of each service, and a page made from it that leaves no route out."""

from __future__ import annotations

import re

import pytest

from deploy.api_pages import FOLDER, files_of
from shared.config.config import SERVICES
from shared.contracts.access import ROLES
from tests.contract.edges import edge_of, routes_of


def page_of(service: str) -> str:
    return files_of(edge_of(service)["document"])["md"]


@pytest.mark.parametrize("service", SERVICES)
def test_the_files_are_what_make_api_writes(service: str) -> None:
    for suffix, text in files_of(edge_of(service)["document"]).items():
        path = FOLDER / f"{service}.{suffix}"
        assert path.is_file() and path.read_text(encoding="utf-8") == text, "run `make api` and commit docs/api"


@pytest.mark.parametrize("service", SERVICES)
def test_every_route_is_on_the_page_with_its_command_and_its_roles(service: str) -> None:
    page = page_of(service)
    for route in routes_of(service).values():
        path = re.sub("<([^>]+)>", r"{\1}", route["url"])
        heading = f"### {route['method']} {path}\n"
        section = page.partition(heading)[2].partition("\n### ")[0]
        section = section[section.index("For: ") :]
        roles, said = set(), section.partition("Command: ")[0]
        for role in sorted(ROLES, key=len, reverse=True):  # a team manager is no manager
            before, name, after = said.partition(role.replace("_", " "))
            roles, said = (roles | {role}, f"{before}|{after}") if name else (roles, said)
        if "For: every role" in section:
            roles = ROLES - roles
        assert roles == {role for role, cell in route["cells"].items() if cell != [403, "wrong-role"]}
        assert f" Command: `{route['command']}`." in section


@pytest.mark.parametrize("service", SERVICES)
def test_every_link_on_the_page_leads_to_a_heading_or_a_file(service: str) -> None:
    page = page_of(service)
    headings = re.findall(r"^#+ (.+)$", page, re.MULTILINE)
    places = {"#" + heading.lower().replace(" ", "-") for heading in headings} | {f"{service}.json"}
    assert set(re.findall(r"\]\(([^)]+)\)", page)) <= places


def test_text_in_a_cell_cannot_break_the_table() -> None:
    schema = {"type": "object", "properties": {"x": {"type": "string", "pattern": "a|b", "description": "one\n  |two"}}}
    document = {
        "info": {"title": "toy", "description": "A toy."},
        "paths": {},
        "components": {"schemas": {"Thing": schema}, "responses": {}},
    }
    assert "| `x` | text, matching `a\\|b` |  | one \\|two |" in files_of(document)["md"]
