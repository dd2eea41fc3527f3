"""The page that the demo writes: it can be read by everybody, needs nothing from elsewhere, and holds what it must."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from xml.etree import ElementTree

import pytest

from deploy.local.case import Alarm, judge, load_case
from deploy.local.page import page

CASE = load_case()
KNOWN = {"referral": "r1", "child": "c1"}
NOTED = Alarm(
    on=date(2013, 1, 16),
    step="REF-01",
    rung="owner",
    told=("gp-okafor",),
    thread="referral/r1",
    person="p_m",
    reference="FT-0000-0000-0",
    basis="DES",
    title="A referral that was decided on is sent",
)
ESCALATED = replace(
    NOTED,
    on=date(2013, 1, 18),
    rung="practice-lead",
    told=("gp-okafor", "gp-safeguarding-rahman"),
    again=(date(2013, 2, 1),),
)
ALARMS = [NOTED, ESCALATED]
SVG = "{http://www.w3.org/2000/svg}"


def written(alarms: list[Alarm], mail: str = "Subject: overdue") -> str:
    return page(CASE, judge(CASE, alarms, KNOWN), alarms, "Case S: 2/60 expected alarms raised, 0 unexpected", mail)


@pytest.fixture(scope="module")
def text() -> str:
    return written(ALARMS)


@pytest.fixture(scope="module")
def root(text: str) -> ElementTree.Element:
    return ElementTree.fromstring(text)  # well-formed, or this raises


def test_it_needs_no_script_and_nothing_from_elsewhere(text: str, root: ElementTree.Element) -> None:
    assert {element.tag.removeprefix(SVG) for element in root.iter()} & {"script", "link", "img", "iframe"} == set()
    assert re.findall(r"(?:src|href|url|@import)\W", text) == []
    assert set(re.findall(r"https?://[^\"' ]+", text)) == {"http://www.w3.org/2000/svg"}  # a name, not an address


def test_every_fact_and_every_alarm_stands_in_a_row_of_its_table(root: ElementTree.Element) -> None:
    rows = ["".join(row.itertext()) for row in root.iter("tr")]
    assert [fact.happened for fact in CASE.facts if not any(fact.happened in row for row in rows)] == []
    assert any("16 Jan 2013" in row and "REF-01" in row and "gp-okafor" in row for row in rows)
    assert any("18 Jan 2013" in row and "escalated, practice-lead" in row and row.endswith("1") for row in rows)


def test_the_picture_has_a_mark_for_every_fact_and_alarm_and_a_lane_for_every_missed_step(
    root: ElementTree.Element,
) -> None:
    picture = next(root.iter(f"{SVG}svg"))
    said = [title.text or "" for title in picture.iter(f"{SVG}title")]
    for fact in CASE.facts:
        assert any(fact.happened in text for text in said)
    assert sum("REF-01, " in text for text in said) == len(ALARMS)
    names = {"".join(text.itertext()).split()[0] for text in picture.iter(f"{SVG}text")}
    assert {row.id for row in CASE.rows} <= names


def test_the_picture_has_a_description_in_words(root: ElementTree.Element) -> None:
    picture = next(root.iter(f"{SVG}svg"))
    assert picture.get("role") == "img"
    labels = (picture.get("aria-labelledby") or "").split()
    found = {element.get("id"): element.text or "" for element in picture}
    assert labels
    assert all(found[label] for label in labels)
    assert "first raised on 16 Jan 2013" in found[labels[-1]]
    assert "never raised" in found[labels[-1]]


def test_it_says_its_language_and_each_table_has_a_caption_and_headers_for_its_columns(
    root: ElementTree.Element,
) -> None:
    assert root.get("lang") == "en"
    assert root.find("head/title") is not None
    tables = list(root.iter("table"))
    assert len(tables) == 2
    for table in tables:
        assert table.findtext("caption")
        assert all(header.get("scope") == "col" for header in table.iterfind("thead/tr/th"))
        width = len(list(table.find("thead/tr") or ()))
        assert {len(list(row)) for row in table.iterfind("tbody/tr")} == {width}


def test_it_can_be_printed_on_a4_landscape(text: str) -> None:
    assert "size: A4 landscape" in text
    assert "display: table-header-group" in text


def _luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("behind", ["#ffffff", "#fdf1e3", "#f3f3f3"])
def test_every_text_colour_has_enough_contrast(text: str, behind: str) -> None:
    """WCAG 2.2, 1.4.3: at least 4.5 to 1."""
    colours = set(re.findall(r"(?:[^-]color|fill): ?(#[0-9a-f]{6})", text))
    assert {"#1b1b1b", "#4a4a4a"} <= colours
    for colour in colours:
        lighter, darker = sorted((_luminance(colour), _luminance(behind)), reverse=True)
        assert (lighter + 0.05) / (darker + 0.05) >= 4.5, colour


def test_values_are_escaped() -> None:
    text = written([replace(NOTED, title="<b>&</b>")], mail="<script>alert(1)</script> a & b")
    root = ElementTree.fromstring(text)
    assert list(root.iter("script")) == []
    assert list(root.iter("b")) == []
    assert "<script>alert(1)</script> a & b" in "".join(root.itertext())


def test_it_says_so_when_no_alarm_was_raised() -> None:
    root = ElementTree.fromstring(written([]))
    assert any("nothing was raised" in "".join(row.itertext()) for row in root.iter("tr"))
