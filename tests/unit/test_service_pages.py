"""The three service pages can be read side by side, and say of events, queues and routes what the code says."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import pytest

from deploy.settings_pages import page_of, with_settings
from shared.config.config import SERVICES, SETTINGS
from shared.contracts import CATALOGUE
from shared.messaging.topology import QUEUES

ROOT = Path(__file__).resolve().parents[2]


def lines_of(service: str) -> list[str]:
    return (ROOT / "services" / service / "README.md").read_text().splitlines()


def first_cells(service: str, table: str) -> list[str]:
    """The first column of the table whose first heading is `table`."""
    lines = lines_of(service)
    begin = next(number for number, line in enumerate(lines) if line.startswith(f"| {table} |"))
    rows = lines[begin + 2 : lines.index("", begin)]
    return [re.split(r"(?<!\\)\|", row)[1].strip() for row in rows]


def test_the_pages_have_the_same_headings_and_tables_in_the_same_order() -> None:
    def shape(service: str) -> list[str]:
        lines = lines_of(service)
        headings = [line for line in lines[1:] if line.startswith("#")]
        tables = [above for above, line in pairwise(lines) if re.fullmatch(r"[| -]+", line) and line]
        return headings + tables

    shapes = {service: shape(service) for service in SERVICES}
    assert shapes["perinatal"] == shapes["leaving_care"] == shapes["referrals_followup"]


@pytest.mark.parametrize("service", SERVICES)
def test_a_page_begins_with_the_name_of_its_service(service: str) -> None:
    assert lines_of(service)[0] == f"# {service}"


@pytest.mark.parametrize("service", SERVICES)
def test_a_page_says_every_event_type_that_the_service_says_and_no_other(service: str) -> None:
    said: list[str] = []
    for cell in first_cells(service, "says"):
        first, *others = re.findall(r"`([^`]+)`", cell)
        said += [first, *(first.partition(".")[0] + other for other in others)]
    assert sorted(said) == sorted(kind.name for kind in CATALOGUE if service in kind.speakers)


@pytest.mark.parametrize("service", SERVICES)
def test_a_page_names_every_queue_that_the_service_hears(service: str) -> None:
    heard = [re.match(r"`([^`]+)`", cell)[1] for cell in first_cells(service, "hears")]
    assert heard == [queue.name for queue in QUEUES if queue.hearer == service]


@pytest.mark.parametrize("service", SERVICES)
def test_a_page_lists_the_settings_that_the_service_has(service: str) -> None:
    page = page_of(service).read_text(encoding="utf-8")
    assert page == with_settings(page, service), "run `make settings` and commit the pages"
    listed = [name.upper() for name, setting in SETTINGS.items() if service in setting.services]
    assert first_cells(service, "setting") == [f"`{name}`" for name in listed]
