"""The page of all practice standards: every step of the packs with its numbers, basis and source.

`make standards` writes it; a test fails while it is stale.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from services.referrals_followup.directory.loader import load_directory
from services.referrals_followup.domain.compiling import ACTOR, ASKED_SIDE, OWNER_OF_IT, opening_in_words
from services.referrals_followup.domain.digest_text import BASES
from services.referrals_followup.domain.due_rules import due_in_words
from services.referrals_followup.domain.predicates import any_in_words
from services.referrals_followup.domain.rules_history import NATIONAL
from services.referrals_followup.domain.standards import ANY_CLAIM
from services.referrals_followup.domain.wording import event_in_words
from services.referrals_followup.standards.loader import load_packs
from shared.contracts import CATALOGUE
from shared.kernel.time import Offset

FOLDER = Path(__file__).parents[1]
PAGE = FOLDER / "STANDARDS.md"
CONFIDENCES = {
    "F": "the source's text says so",
    "P": "second-hand or an older edition",
    "M": "widely known, source not read",
}
AREAS = {"essex": "Essex", "norfolk": "Norfolk"}
_HEAD = """# Practice standards

What is expected next, by when and of whom. `make standards` writes this page from the packs in `standards/`: change the
packs, not the page. A step is one expectation with one due date. Working days leave out weekends and England's bank
holidays, and end at 17:00. "The same day" ends at 23:59. Hours run through nights and weekends. "Told" lists the rungs
of the ladder in order; the last rung repeats. A number is a prompt: a person decides what to do.
"""


def render(packs: Sequence[Mapping[str, Any]]) -> str:
    """The page as Markdown."""
    national = next(pack for pack in packs if pack["pack"] == NATIONAL)
    local = [pack for pack in packs if pack is not national]
    versions = ", ".join(f"{pack['pack']} {pack['version']}" for pack in packs)
    parts = [_HEAD, f"Packs: {versions}.\n"]
    parts += _legend()
    standards: dict[str, list[str]] = {}
    for step_id in national["steps"]:
        standards.setdefault(step_id.partition(".")[0], []).append(step_id)
    for standard in sorted(standards):
        parts.append(f"## {standard}\n")
        for step_id in standards[standard]:
            overrides = [(pack["pack"], pack["steps"][step_id]) for pack in local if step_id in pack["steps"]]
            parts.append("\n".join(_step(step_id, national["steps"][step_id], overrides)) + "\n")
    return "\n".join(parts)


def _legend() -> Iterator[str]:
    bases = [f"**{code}** {meaning}" for code, meaning in BASES.items()]
    levels = [f"**{code}** {meaning}" for code, meaning in CONFIDENCES.items()]
    yield f"Basis: {'; '.join(bases)}.\n"
    yield f"Confidence: {'; '.join(levels)}.\n"


def _step(step_id: str, step: Mapping[str, Any], overrides: Iterable[tuple[str, Any]]) -> Iterator[str]:
    yield f"### {step_id}: {step['title']}\n"
    rows = [
        ("Expected", step["expects"]),
        ("About", "every kind of record" if step["thread"] == "any" else f"each {step['thread'].replace('-', ' ')}"),
        ("Opens on", opening_in_words(step["opens_on"])),
        ("Due", due_in_words(step["due"])),
        ("Shown from", due_in_words(step["visible_from"]) if "visible_from" in step else ""),
        ("Met by", _met_by(step)),
        ("Ended by", any_in_words(step["ended_by"]) if step.get("ended_by") else ""),
        ("Recurs", "each time it is met" if step.get("recurs") else ""),
        ("Falls back on", step.get("fallback", "")),
        ("Owner", _owner(step["owner"])),
        ("Told", "; ".join(_rung(rung) for rung in step["ladder"])),
        (
            "Guarded",
            "ended only by a lead or by a manager above the owner, for no routine reason"
            if step.get("guarded")
            else "",
        ),
        ("Holds", _holds(step) if "holds" in step else ""),
        (
            "Listed only",
            f"known later than {Offset.parse(step['listed_after']).text()} after it opened: nobody is chased"
            if "listed_after" in step
            else "",
        ),
        (
            "Listed only too",
            f"opened by what was told more than {Offset.parse(step['told_after']).text()} later: nobody is chased"
            if "told_after" in step
            else "",
        ),
        ("After a loss", "goes on" if step.get("after_loss") == "continues" else ""),
        ("Numbers of", "the area that keeps the record" if step.get("area") == "record" else ""),
        ("Basis", f"{step['basis']}, confidence {step['confidence']}. {step['source']}"),
        *((f"In {AREAS.get(area, area)}", _override(changed)) for area, changed in overrides),
    ]
    yield "| | |"
    yield "| --- | --- |"
    for name, said in rows:
        if said:
            yield f"| {name} | {_cell(said)} |"


def _holds(step: Mapping[str, Any]) -> str:
    for_so_long = Offset.parse(step["holds"]).text()
    if step["opens_on"] == ANY_CLAIM:
        return f"a claimed death holds the chases of routine follow-ups once, for {for_so_long}"
    return f"the chases of routine follow-ups about the bereaved family, for {for_so_long}"


def _met_by(step: Mapping[str, Any]) -> str:
    said = [any_in_words(step["met_by"])] if step.get("met_by") else []
    if step.get("met_by_acceptance"):
        said.append("a named person other than who closed takes it on, or it is done")
    return "; or ".join(said)


def _override(changed: Mapping[str, Any]) -> str:
    said = []
    if "due" in changed:
        said.append(f"due {due_in_words(changed['due'])}")
    if "ladder" in changed:
        said.append("told " + "; ".join(_rung(rung) for rung in changed["ladder"]))
    said.append(f"{changed['basis']}, confidence {changed['confidence']}. {changed['source']}")
    return ". ".join(said)


def _owner(owner: Mapping[str, Any]) -> str:
    fixed = {
        ACTOR: "whoever recorded it",
        ASKED_SIDE: "a team with a part in the care, else the safeguarding lead; never whoever claims it",
        OWNER_OF_IT: "whoever owns the follow-up in question",
    }
    role = fixed.get(owner["role"]) or owner["role"].replace("_", " ")
    named = [event_in_words(entry["event"]) for entry in owner.get("latest", [])]
    return f"{role}, as named by: {' or '.join(named)}" if named else role


def _rung(rung: Mapping[str, Any]) -> str:
    to = ", ".join(name.replace("_", " ") for name in rung["to"])
    start = "it opened" if rung.get("from") == "opening" else "it was due"
    after = Offset.parse(rung["after"]).text() if "after" in rung else ""
    words = f"{after} {'' if after.endswith('before') else 'after '}{start}" if after else "when due"
    urgent = ", urgent" if rung.get("urgent") else ""
    repeat = f", then every {Offset.parse(rung['repeat']).text()}" if "repeat" in rung else ""
    return f"{words}: {to}{urgent}{repeat}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def current() -> str:
    """The page for the packs of this folder. Raises FaultyFile."""
    directory = load_directory(FOLDER / "directory" / "directory.example.yaml")
    return render(load_packs(FOLDER / "standards", CATALOGUE, directory.roles, directory.areas))


if __name__ == "__main__":
    PAGE.write_text(current(), encoding="utf-8")
    print(f"wrote {PAGE.relative_to(FOLDER.parents[1])}")
