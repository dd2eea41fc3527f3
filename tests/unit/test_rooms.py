"""What import-linter cannot say about the rooms of the code."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import grimp
import pytest

from shared.contracts import CATALOGUE

ROOT = Path(__file__).resolve().parents[2]
SERVICES = ("perinatal", "leaving_care", "referrals_followup")
MODULES_OF_A_SERVICE = {"__init__", "__main__", "bootstrap", "invariants", "roles", "service"}
HTTP_WORD = re.compile(r"\b(HTTP|HTTPStatus|status_code|40[0134569]|41[0-9]|42[0-9]|50[0-4])\b")
WITHOUT_HTTP = (
    "shared/kernel",
    "shared/recording/views.py",
    "shared/recording/reaction_rules.py",
    "shared/recording/reactions.py",
    *(f"services/{service}/domain" for service in SERVICES),
    *(f"services/{service}/api/views.py" for service in ("perinatal", "leaving_care")),
    "services/referrals_followup/ledger",
)


def python_files(place: str) -> list[Path]:
    path = ROOT / place
    found = [path] if path.is_file() else sorted(path.rglob("*.py"))
    assert found, f"there is no {place}"
    return found


@cache
def contracts() -> tuple[dict[str, Any], ...]:
    config = tomllib.loads((ROOT / "pyproject.toml").read_text())
    return tuple(config["tool"]["importlinter"]["contracts"])


@cache
def imports() -> frozenset[tuple[str, str]]:
    """Every import between our modules, for the type checker alone included, but those that the contract of circles
    leaves out."""
    graph = grimp.build_graph("shared", "services", exclude_type_checking_imports=False)
    ignored = [
        tuple(_pattern(side) for side in line.split(" -> "))
        for contract in contracts()
        if contract["id"] == "no-circles"
        for line in contract.get("ignore_imports", ())
    ]
    pairs = ((one, other) for one in graph.modules for other in graph.find_modules_directly_imported_by(one))
    return frozenset(
        (one, other)
        for one, other in pairs
        if not any(left.fullmatch(one) and right.fullmatch(other) for left, right in ignored)
    )


def _pattern(expression: str) -> re.Pattern[str]:
    return re.compile(re.escape(expression).replace(r"\*\*", ".+").replace(r"\*", "[^.]+"))


def packages() -> frozenset[str]:
    """Every folder with modules, as a dotted name."""
    return frozenset(
        ".".join(path.parent.relative_to(ROOT).parts)
        for top in ("shared", "services")
        for path in (ROOT / top).rglob("__init__.py")
    )


def test_no_module_lies_loose_in_shared() -> None:
    assert {path.stem for path in (ROOT / "shared").glob("*.py")} == {"__init__"}


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_has_few_modules_outside_its_rooms(service: str) -> None:
    assert {path.stem for path in (ROOT / "services" / service).glob("*.py")} <= MODULES_OF_A_SERVICE


def test_no_two_packages_import_each_other() -> None:
    between = {(one.rpartition(".")[0], other.rpartition(".")[0]) for one, other in imports()}
    apart = {
        (one, other)
        for one, other in between & {(other, one) for one, other in between}
        if one < other and {one, other} <= packages() and not _lies_in(one, other) and not _lies_in(other, one)
    }
    assert not apart


def _lies_in(inner: str, outer: str) -> bool:
    return inner == outer or inner.startswith(f"{outer}.")


def test_the_kernel_names_no_event_type_of_one_service() -> None:
    of_one_service = {event_type.name for event_type in CATALOGUE if len(event_type.speakers) == 1}
    assert of_one_service
    for path in python_files("shared/kernel"):
        assert not [name for name in of_one_service if name in path.read_text()], path


@pytest.mark.parametrize("place", WITHOUT_HTTP)
def test_domain_kernel_and_read_models_know_nothing_of_http(place: str) -> None:
    faults = {str(path.relative_to(ROOT)): HTTP_WORD.findall(path.read_text()) for path in python_files(place)}
    assert not {path: words for path, words in faults.items() if words}


@pytest.mark.parametrize("place", [place for place in WITHOUT_HTTP if not place.startswith("shared/kernel")])
def test_read_models_and_domain_import_nothing_of_the_web(place: str) -> None:
    modules = {".".join(path.relative_to(ROOT).with_suffix("").parts) for path in python_files(place)}
    assert not [(one, other) for one, other in imports() if one in modules and _lies_in(other, "shared.web")]


def test_what_is_deployed_reads_nothing_of_the_tests() -> None:
    kinds = (".py", ".yml", ".yaml", ".conf", ".toml")
    files = [path for path in (ROOT / "deploy").rglob("*") if path.suffix in kinds or path.name == "Dockerfile"]
    assert files
    reading = re.compile(r"\b(from|import) tests\b|\btests[./]\w|[\"']tests[\"']")
    assert not [str(path.relative_to(ROOT)) for path in files if reading.search(path.read_text())]


def test_the_rooms_of_the_contracts_exist() -> None:
    missing = [name for name in _named_rooms() if not _is_module(name)]
    assert not missing


def _named_rooms() -> Iterator[str]:
    for contract in contracts():
        for kind in ("source_modules", "forbidden_modules", "modules", "ancestors", "containers"):
            yield from (name for name in contract.get(kind, ()) if name.partition(".")[0] in ("shared", "services"))
        for container in contract.get("containers", ()):
            for layer in contract["layers"]:
                yield from (f"{container}.{room.strip()}" for room in re.split(r"[|:]", layer))


def _is_module(name: str) -> bool:
    path = ROOT.joinpath(*name.split("."))
    return path.is_dir() or path.with_suffix(".py").is_file()
