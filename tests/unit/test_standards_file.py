"""Packs of standards: a faulty one is never used, and every fault of every file is told at once with its line."""

from __future__ import annotations

from contextlib import suppress
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from services.referrals_followup.directory.loader import load_directory
from services.referrals_followup.domain.compiling import compile_step
from services.referrals_followup.standards.loader import load_packs
from shared.config.yamlfile import FaultyFile
from shared.contracts import CATALOGUE

STANDARDS = Path(__file__).parents[2] / "services" / "referrals_followup" / "standards"
ROLES = {
    "practice_safeguarding_lead",
    "named_gp",
    "spa_manager",
    "leaving_care_manager",
    "health_lead",
    "personal_adviser",
}
SOUND = """\
pack: england
version: "1"
steps:
  REF-01:
    title: A referral that was decided on is sent
    expects: Send the referral
    thread: referral
    opens_on: referral.intended.v1
    due: {working_days: 2}
    met_by: [referral.sent.v1]
    owner: {role: actor, team: actor, person: actor}
    ladder:
      - {name: owner, to: [owner]}
      - {name: lead, after: {working_days: 2}, to: [named_gp], repeat: {working_days: 5}}
    basis: DES
    source: made up
    confidence: F
    applies_from: "2012-01-01"
"""


def written(folder: Path, **packs: str) -> Path:
    for name, text in packs.items():
        (folder / f"{name}.yaml").write_text(text)
    return folder


def faults_of(folder: Path) -> list[tuple[str, int, str, str]]:
    with pytest.raises(FaultyFile) as caught:
        load_packs(folder, CATALOGUE, ROLES)
    return [(Path(fault.file).stem, fault.line, fault.where, fault.message) for fault in caught.value.faults]


def changed(old: str, new: str) -> str:
    assert SOUND.count(old) == 1
    return SOUND.replace(old, new)


def test_the_packs_of_this_service_are_sound_and_the_national_one_comes_first():
    directory = load_directory(STANDARDS.parent / "directory" / "directory.example.yaml")
    packs = load_packs(STANDARDS, CATALOGUE, directory.roles, directory.areas)
    assert [pack["pack"] for pack in packs] == ["england", "essex", "norfolk"]
    for step_id, content in packs[0]["steps"].items():
        step = compile_step(step_id, content)
        assert step.text["due"] and step.text["source"]


@pytest.mark.parametrize(
    ("old", "new", "line", "where", "message"),
    [
        ("title: A referral that was decided on is sent", "title: [x]", 5, "title", "Not a valid string"),
        ("    expects: Send the referral\n", "", 4, "expects", "Missing data"),
        ("    due: {working_days: 2}\n", "", 4, "due", "Missing data"),
        ("    basis: DES\n", "    basis: MINE\n", 15, "basis", "Must be one of"),
        ("    source: made up\n", "", 4, "source", "Missing data"),
        ("confidence: F", "confidence: G", 17, "confidence", "Must be one of"),
        ('"2012-01-01"', "soon", 18, "applies_from", "Invalid isoformat"),
        ("thread: referral", "thread: Referral", 7, "thread", "does not match"),
        ("thread: referral", "thread: plan-item", 8, "opens_on", "names no plan-item"),
        ("opens_on: referral.intended.v1", "opens_on: referral.planned.v1", 8, "opens_on", "no event type is called"),
        ("opens_on: referral.intended.v1", "opens_on: 7", 8, "opens_on", "names no event"),
        ("opens_on: referral.intended.v1", "opens_on: []", 8, "opens_on", "names no event"),
        ("opens_on: referral.intended.v1", "opens_on: {count: 0, of: x}", 8, "opens_on", "a count has"),
        (
            "opens_on: referral.intended.v1",
            "opens_on: {count: 1, of: [referral.intended.v1], within_days: 1, once_per_record: often}",
            8,
            "opens_on.once_per_record",
            "is true or false",
        ),
        (
            "met_by: [referral.sent.v1]",
            "met_by: [{event: person.linked.v1, via: people, when: [{about_partner: his}]}]",
            10,
            "met_by[0].when[0]",
            "about_partner is true or false",
        ),
        ("met_by: [referral.sent.v1]", "met_by: []", 10, "met_by", "nothing meets it"),
        ("met_by: [referral.sent.v1]", "met_by: [referral.sent.v1, sent]", 10, "met_by[1]", "no event type"),
        ("met_by: [referral.sent.v1]", "met_by: [plan_item.added.v1]", 10, "met_by[0]", "add `via: person`"),
        (
            "met_by: [referral.sent.v1]",
            "met_by: [{event: referral.sent.v1, unless: x}]",
            10,
            "met_by[0]",
            "has `event` and",
        ),
        (
            "met_by: [referral.sent.v1]",
            "met_by: [{event: referral.sent.v1, agrees: [urgency]}]",
            10,
            "met_by[0].agrees",
            "maps fields of this event",
        ),
        (
            "met_by: [referral.sent.v1]",
            "met_by: [{event: referral.sent.v1, agrees: {urgent: urgency}}]",
            10,
            "met_by[0].agrees",
            "has no field urgent",
        ),
        (
            "met_by: [referral.sent.v1]",
            "met_by: [{event: referral.sent.v1, when: [{is: [urgency, urgent]}]}]",
            10,
            "met_by[0].when[0]",
            "is one of: field_equals",
        ),
        (
            "met_by: [referral.sent.v1]",
            "met_by: [{event: referral.sent.v1, when: [{field_equals: [urgent, true]}]}]",
            10,
            "met_by[0].when[0]",
            "has no field urgent",
        ),
        (
            "met_by: [referral.sent.v1]",
            "met_by: [{event: referral.sent.v1, when: [{field_in: [urgency, urgent]}]}]",
            10,
            "met_by[0].when[0]",
            "is a list",
        ),
        (
            "met_by: [referral.sent.v1]",
            "met_by: [{event: referral.sent.v1, when: [{not: {field_present: [urgency]}}]}]",
            10,
            "met_by[0].when[0]",
            "named by a word",
        ),
        (
            "met_by: [referral.sent.v1]",
            "met_by: [{event: referral.sent.v1, when: [{thread_has: adviser.assigned.v1}]}]",
            10,
            "met_by[0].when[0]",
            "names no referral",
        ),
        ("due: {working_days: 2}", "due: {working_days: two}", 9, "due", "whole number"),
        ("due: {working_days: 2}", "due: {fortnights: 1}", 9, "due", "unknown unit"),
        ("due: {working_days: 2}", "due: {hours: 1, days: 2}", 9, "due", "do not go together"),
        ("due: {working_days: 2}", "due: 2", 9, "due", "is a mapping"),
        ("due: {working_days: 2}", "due: {earliest: []}", 9, "due", "stands alone"),
        ("due: {working_days: 2}", "due: {earliest: [{days: 1}, {days: x}]}", 9, "due.earliest[1]", "whole number"),
        ("due: {working_days: 2}", "due: {days: 1, after: booking}", 9, "due.after", "is `opening`"),
        ("due: {working_days: 2}", "due: {days: 1, after: {field: edd}}", 9, "due.after", "has no field edd"),
        (
            "due: {working_days: 2}",
            "due: {days: 1, after: {event: referral.sent.v1, nth: 0}}",
            9,
            "due.after.nth",
            "from 1",
        ),
        (
            "due: {working_days: 2}",
            "due: {days: 1, after: {event: referral.sent.v1, nth: 2, since: birth}}",
            9,
            "due.after.since",
            "is `opening`",
        ),
        (
            "met_by: [referral.sent.v1]",
            "met_by: [{event: referral.sent.v1, when: [{gave_birth_within_months: a}]}]",
            10,
            "met_by[0].when[0]",
            "takes a whole number",
        ),
        ("due: {working_days: 2}", "due: {choose: []}", 9, "due.choose", "is a list of cases"),
        ("due: {working_days: 2}", "due: {choose: [{then: {days: 1}}], days: 2}", 9, "due", "stands alone"),
        (
            "due: {working_days: 2}",
            "due: {choose: [{when: [{field_present: urgency}], then: {days: 1}}]}",
            9,
            "due.choose",
            "always a due date",
        ),
        ("role: actor,", "rank: actor,", 11, "owner.rank", "Unknown field"),
        ("team: actor", "team: mine", 11, "owner.team", "is either `actor` or a mapping"),
        ("team: actor", "team: {field: their_team}", 11, "owner.team", "has no field their_team"),
        ("team: actor", "team: {event: adviser.left.v1, field: team}", 11, "owner.team", "no event type"),
        ("    owner: {", "    receiver: {team: x}\n    owner: {", 11, "receiver.role", "Missing data"),
        (
            "    owner: {",
            "    receiver: {role: {field: service}, team: {field: team}}\n    owner: {",
            11,
            "receiver.team",
            "has no field team",
        ),
        ("    owner: {", "    receiver: {role: aunt}\n    owner: {", 11, "receiver.role", "nobody is known as aunt"),
        (
            "    owner: {",
            "    receiver: {role: [{field: service}]}\n    owner: {",
            11,
            "receiver.role[0].event",
            "Missing data",
        ),
        (
            "    owner: {",
            "    receiver: {role: [{event: referral.sent.v1, field: to_service}]}\n    owner: {",
            11,
            "receiver.role[0]",
            "has no field to_service",
        ),
        ("{name: owner, to: [owner]}", "{name: owner, to: [receiver]}", 13, "ladder[0].to", "known as receiver"),
        ("{name: owner, to: [owner]}", "{name: owner, to: [boss]}", 13, "ladder[0].to", "nobody is known as boss"),
        ("{name: owner, to: [owner]}", "{name: owner, to: []}", 13, "ladder[0].to", "Shorter than"),
        ("{name: owner, to: [owner]}", "{name: Owner, to: [owner]}", 13, "ladder[0].name", "does not match"),
        ("{name: owner, to: [owner]}", "{name: lead, to: [owner]}", 12, "ladder", "two rungs have one name"),
        ("{name: owner, to: [owner]}", "{to: [owner]}", 13, "ladder[0].name", "Missing data"),
        ("to: [owner]}", "to: [owner], repeat: {days: 1}}", 12, "ladder", "only the last rung repeats"),
        (", repeat: {working_days: 5}", "", 12, "ladder", "the last rung repeats"),
        ("after: {working_days: 2}", "after: soon", 14, "ladder[1].after", "is a mapping"),
        ("    basis: DES\n", "    basis: DES\n    fallback: REF-09\n", 16, "fallback", "there is no step REF-09"),
        ("    basis: DES\n", "    basis: DES\n    colour: red\n", 16, "colour", "Unknown field"),
    ],
)
def test_every_kind_of_fault_of_a_step_is_told_with_its_line(tmp_path, old, new, line, where, message):
    found = faults_of(written(tmp_path, england=changed(old, new)))
    told = [
        (fault_line, place.removeprefix("steps.REF-01.")) for _, fault_line, place, text in found if message in text
    ]
    assert (line, where) in told, found


@pytest.mark.parametrize(
    ("old", "new", "where", "message"),
    [
        ('version: "1"', "version: one two", "version", "does not match"),
        ('version: "1"\n', "", "version", "Missing data"),
        ("pack: england", "pack: England", "pack", "does not match"),
        ("  REF-01:\n", "  REFERRAL:\n", "steps.REFERRAL", "a step is named like"),
    ],
)
def test_a_fault_of_the_pack_itself_is_told(tmp_path, old, new, where, message):
    found = faults_of(written(tmp_path, england=changed(old, new)))
    assert any((place, True) == (where, message in text) for _, _, place, text in found), found


@pytest.mark.parametrize(
    "text", ["", "[]", "steps: []\npack: england\nversion: '1'", "pack: england\nversion: '1'\nsteps: {REF-01: 3}"]
)
def test_a_file_that_is_no_pack_at_all_is_a_fault_and_no_crash(tmp_path, text):
    assert faults_of(written(tmp_path, england=text))


def test_a_folder_without_the_national_pack_is_a_fault(tmp_path):
    with pytest.raises(FaultyFile, match="there is no pack named england"):
        load_packs(tmp_path, CATALOGUE, ROLES)


def test_all_faults_of_all_files_are_told_at_once(tmp_path):
    england = (
        changed('version: "1"', "version: [1]").replace("basis: DES", "basis: MINE").replace("to: [owner]", "to: 1")
    )
    england = england.replace("met_by: [referral.sent.v1]", "met_by: [sent]")
    essex = 'pack: essex\nversion: "1"\nsteps:\n  REF-01:\n    due: {days: x}\n  REF-07: {}\n'
    norfolk = "pack: norfolk\n\tversion: 1\n"
    suffolk = 'pack: essex\nversion: "1"\nsteps: {}\n'
    found = faults_of(written(tmp_path, england=england, essex=essex, norfolk=norfolk, suffolk=suffolk))
    told = {(file, line, where) for file, line, where, _ in found}
    assert told >= {
        ("england", 2, "version"),
        ("england", 10, "steps.REF-01.met_by[0]"),
        ("england", 13, "steps.REF-01.ladder[0].to"),
        ("england", 15, "steps.REF-01.basis"),
        ("essex", 4, "steps.REF-01"),  # no basis, source and confidence of its own
        ("essex", 5, "steps.REF-01.due"),
        ("essex", 6, "steps.REF-07.title"),
        ("norfolk", 2, ""),
        ("suffolk", 1, "pack"),
    }


def test_an_override_is_told_its_own_faults_and_not_those_of_the_national_pack(tmp_path):
    essex = (
        'pack: essex\nversion: "1"\nsteps:\n  REF-01:\n    ladder: [{to: [owner], repeat: {days: 1}}]\n'
        "    basis: LOC\n    source: made up too\n    confidence: F\n"
    )
    found = faults_of(written(tmp_path, england=changed("expects: Send the referral", "expects: x"), essex=essex))
    assert [(file, where) for file, _, where, _ in found] == [
        ("england", "steps.REF-01.expects"),
        ("essex", "steps.REF-01.ladder[0].name"),
    ]


def test_an_override_that_breaks_a_part_it_leaves_as_it_is_is_a_fault(tmp_path):
    england = changed("due: {working_days: 2}", "due: {working_days: 2, after: {field: appointment_on}}").replace(
        "opens_on: referral.intended.v1", "opens_on: referral.appointment_booked.v1"
    )
    essex = (
        'pack: essex\nversion: "1"\nsteps:\n  REF-01:\n    opens_on: referral.appointment_booked.v1\n'
        "    basis: LOC\n    source: made up too\n    confidence: F\n"
    )
    assert load_packs(written(tmp_path, england=england, essex=essex), CATALOGUE, ROLES)
    essex = essex.replace("referral.appointment_booked.v1", "referral.accepted.v1")
    assert [fault[:3] for fault in faults_of(written(tmp_path, essex=essex))] == [
        ("essex", 4, "steps.REF-01.due.after")
    ]


@pytest.mark.parametrize("repeat", ["{same_day: true}", "{hours: 0}", "{before: {days: 2}}"])
def test_a_last_rung_repeats_at_an_interval_that_moves_forward(tmp_path, repeat):
    england = changed("repeat: {working_days: 5}", f"repeat: {repeat}")
    ((_, _, where, message),) = faults_of(written(tmp_path, england=england))
    assert where.endswith("repeat")
    assert "moves forward" in message or "before" in message


def test_only_a_date_can_start_a_clock(tmp_path):
    england = changed("due: {working_days: 2}", "due: {working_days: 2, after: {field: urgency}}")
    ((_, _, where, message),) = faults_of(written(tmp_path, england=england))
    assert (where, message) == ("steps.REF-01.due.after", "urgency is not a date")


def test_a_pack_for_an_area_that_nobody_knows_is_a_fault(tmp_path):
    written(tmp_path, england=SOUND, esex='pack: esex\nversion: "1"\nsteps: {}\n')
    with pytest.raises(FaultyFile, match="there is no area esex"):
        load_packs(tmp_path, CATALOGUE, ROLES, {"england", "essex"})


def test_without_a_directory_nothing_is_said_against_the_recipients(tmp_path):
    written(tmp_path, england=changed("to: [named_gp]", "to: [boss]"))
    assert load_packs(tmp_path, CATALOGUE, None)


def _places(value: Any, place: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place, *(found for key, item in inner for found in _places(item, (*place, key)))]


NATIONAL = yaml.load((STANDARDS / "england.yaml").read_text(), yaml.CSafeLoader)
JUNK = st.recursive(
    st.sampled_from([None, True, 0, -1, 2.5, "", "owner", "referral.sent.v1", "2013-02-30", "urgency"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["event", "when", "field", "nth", "after", "choose", "then", "count", "of", "not", "via", "to"]
            ),
            inner,
            max_size=3,
        )
    ),
    max_leaves=5,
)


@given(st.sampled_from(_places(NATIONAL)[1:]), JUNK)
@example(("steps", "PBA-04", "met_by", 0, "event"), [])
@example(("steps",), {})
def test_whatever_a_pack_holds_it_is_loaded_or_refused_and_never_a_crash(tmp_path_factory, place, junk):
    # One step at a time: the whole pack takes most of a second to read.
    step_id = place[1] if len(place) > 1 else "REF-01"
    pack = deepcopy({**NATIONAL, "steps": {step_id: NATIONAL["steps"][step_id]}})
    around = pack
    for key in place[:-1]:
        around = around[key]
    around[place[-1]] = junk
    folder = tmp_path_factory.mktemp("packs")
    england, essex = (yaml.dump(content, Dumper=yaml.CSafeDumper) for content in (pack, {**pack, "pack": "essex"}))
    written(folder, england=england, essex=essex)
    with suppress(FaultyFile):
        national, *_ = load_packs(folder, CATALOGUE, ROLES)
        assert all(compile_step(step_id, step).text["due"] for step_id, step in national["steps"].items())
