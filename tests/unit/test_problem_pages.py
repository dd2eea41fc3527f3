"""`docs/problems.md` has each kind of problem once, with an example."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from services.leaving_care.domain import care_leaver
from services.perinatal.domain import person
from shared.kernel.doubts import Impossible, PleaseConfirm
from shared.web.problems import REFUSALS, TABLE, Problem

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "problems.md").read_text(encoding="utf-8")
# The place of the code among the arguments of each function that makes a problem or a refusal.
PLACES = {"Problem": 1, "Party": 1, "_unauthorised": 0, "_bad_header": 0, "invalid": 0, "require": 2, "reported_by": 2}
PLACES |= {kind.__name__: 0 for kind in (*REFUSALS, Impossible, PleaseConfirm)}
CODE = re.compile(r"[a-z]+(-[a-z]+)*")
# Codes that are made in other ways than as a constant argument.
OTHERS = {
    *(row.code for row in TABLE.values()),
    *(f"{one.AGGREGATE.kind}-already-known" for one in (person, care_leaver)),
    *(f"{one.AGGREGATE.kind}-registered-in-error" for one in (person, care_leaver)),
}


def codes_in(path: Path) -> Iterator[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    constants = {
        target.id: node.value.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            if name in PLACES and len(node.args) > PLACES[name]:
                given = node.args[PLACES[name]]
                value = constants.get(given.id) if isinstance(given, ast.Name) else getattr(given, "value", None)
                if isinstance(value, str) and CODE.fullmatch(value):
                    yield value
        # `code, fault = "some-code", "…"`, and tables of a code and its text.
        if isinstance(node, ast.Tuple):
            values = [_text_of(one) for one in node.elts]
            yield from (
                code for code, text in pairwise(values) if re.fullmatch(r"[a-z]+(-[a-z]+)+", code) and " " in text
            )


def _text_of(node: ast.expr) -> str:
    if isinstance(node, ast.JoinedStr):
        return "".join(part.value for part in node.values if isinstance(part, ast.Constant))
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def described() -> dict[str, str]:
    """The text of the page about each code."""
    _, *sections = re.split(r"^### ", PAGE, flags=re.MULTILINE)
    return {section.partition("\n")[0]: section for section in sections}


def test_the_page_has_each_code_of_the_program_once_and_no_other() -> None:
    files = [*(ROOT / "shared").rglob("*.py"), *(ROOT / "services").rglob("*.py")]
    used = {code for path in files for code in codes_in(path)} | OTHERS
    names = re.findall(r"^### (\S+)$", PAGE, flags=re.MULTILINE)
    assert sorted(names) == sorted(set(names))
    assert set(names) == used


def test_each_example_is_a_problem_document_of_its_code() -> None:
    for code, section in described().items():
        (example,) = re.findall(r"```json\n(.*?)```", section, flags=re.DOTALL)
        document = json.loads(example)
        made = Problem(document["status"], code, document["detail"]).document("0d9f8a52-3b7c-4a43-9f6e-2f3c5a1d7b10")
        assert {name: document[name] for name in made} == made
        assert document.keys() - made.keys() <= {"errors", "next", "doubts"}


def test_each_code_says_what_it_means_and_what_to_do() -> None:
    for code, section in described().items():
        words = section.partition("\n")[2].partition("```")[0].split(".")
        assert len([sentence for sentence in words if sentence.strip()]) >= 2, code
