"""A case as data: what it may say, how alarms are judged by it, and how far each missed step had gone by a day."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from deploy.local.case import (
    CASE_S,
    CASE_T,
    CASE_U,
    CASE_V,
    CASE_W,
    Alarm,
    Case,
    Expected,
    Fact,
    Row,
    find_case,
    judge,
    load_case,
)
from deploy.local.missed_steps import list_missed_steps, standing_text
from services.referrals_followup.directory.loader import load_directory
from services.referrals_followup.standards.loader import load_packs
from shared.config.yamlfile import load_yaml
from shared.contracts import CATALOGUE
from shared.contracts.agreed import AGREED
from shared.kernel.time import london_date
from tests.unit.practice import SERVICE_FOLDER

FOLDERS = [CASE_S, CASE_T, CASE_U, CASE_V, CASE_W]
CASES = [load_case(folder) for folder in FOLDERS]
KNOWN = {"child": "c1", "mother": "p_m"}
ALARM = Alarm(
    on=date(2014, 6, 19),
    step="SG-02.lead",
    rung="owner",
    told=("hv-pereira", "hv-sato"),
    thread="person/c1",
    person="p_c",
    reference="FT-0000-0000-0",
    basis="DES",
    title="Several concerns about one child have a lead the same day",
)


def expected(**said: object) -> Expected:
    usual = {"step": "SG-02.lead", "first": ALARM.on, "last": ALARM.on}
    return Expected(**{**usual, **said})  # type: ignore[arg-type]


def case_with(**said: object) -> Case:
    empty: dict[str, object] = {"facts": (), "must": (), "may": (), "must_not": ()}
    return Case("Case X", CASES[0].begins, date(2014, 12, 31), **{**empty, **said})  # type: ignore[arg-type]


# --- the cases ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_facts_are_in_order_and_within_the_days_of_the_case(case: Case) -> None:
    days = [london_date(fact.at) for fact in case.facts]
    assert days == sorted(days)
    assert case.begins.date() <= days[0]
    assert days[-1] <= case.ends


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_whoever_records_or_is_told_is_in_the_directory(case: Case) -> None:
    people = load_directory(SERVICE_FOLDER / "directory" / "directory.example.yaml").people
    named = {fact.by for fact in case.recorded} | {
        person for item in case.must for person in (item.told or frozenset()) | item.among
    }
    assert named <= people.keys()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_whoever_a_body_names_as_having_judged_or_agreed_records_or_confirms_it(case: Case) -> None:
    waiting: dict[str, str] = {}
    for fact in case.recorded:
        if fact.path.endswith("/claims/confirmed"):
            assert waiting.pop(str(fact.body["event_id"]).removeprefix("$")) == fact.by
        named = {str(fact.body[name]) for name in set(AGREED.values()) & fact.body.keys()} - {fact.by}
        if named:
            (entry,) = (name for name, part in fact.remember.items() if part == "event_id")
            (waiting[entry],) = named
    assert waiting == {}


# The field of a body that names something of the directory always names the same kind of thing.
NAMING = {
    name: field.metadata["names"]
    for event_type in CATALOGUE
    for name, field in event_type.schema().fields.items()
    if "names" in field.metadata
}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_team_area_and_worker_that_a_body_names_is_in_the_directory(case: Case) -> None:
    directory = load_directory(SERVICE_FOLDER / "directory" / "directory.example.yaml")
    known = {"area": directory.areas, "team": directory.teams, "worker": directory.people}
    named = [(NAMING[name], value) for fact in case.recorded for name, value in fact.body.items() if name in NAMING]
    assert named
    assert [(kind, value) for kind, value in named if value not in known[kind]] == []


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_expected_alarm_is_a_rung_of_a_standard_about_an_id_that_the_case_remembers(case: Case) -> None:
    (pack,) = (pack for pack in load_packs(SERVICE_FOLDER / "standards", CATALOGUE) if pack["pack"] == "england")
    ladders = {step: {rung["name"] for rung in content["ladder"]} for step, content in pack["steps"].items()}
    remembered = {name for fact in case.facts for name in fact.remember}
    for item in case.must:
        assert item.rung is None or item.rung in ladders[item.step], item
    assert {item.about for item in (*case.must, *case.may, *case.must_not)} - {None} <= remembered
    assert {item.row for item in (*case.must, *case.may)} <= {row.id for row in case.rows}


KEYS = {
    "facts": {"at", "every", "times", "row", "happened", "assumed", "by", "service", "post", "body", "remember"},
    "must_raise": {"row", "step", "rung", "about", "on", "told", "among"},
    "may_raise": {"row", "step", "rung", "about", "from", "to", "because"},
    "must_not_raise": {"step", "about", "because"},
}


def test_each_folder_of_cases_is_found_by_its_letter_and_no_other_is() -> None:
    assert (
        [find_case(letter) for letter in ("s", "T", "u", "v", "w")] == FOLDERS == sorted(CASE_S.parent.glob("case_*"))
    )
    for nothing in ("", "x", "../case_s", "case_s"):
        with pytest.raises(ValueError, match="the cases are: s, t, u, v, w"):
            find_case(nothing)


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_every_key_of_a_case_file_is_read(folder: Path) -> None:
    content = load_yaml(folder / "case.yaml").value | load_yaml(folder / "expected.yaml").value
    assert {key for key in content if key not in KEYS} <= {"case", "begins", "ends", "harm", "looked_at", "rows"}
    assert [item for name, keys in KEYS.items() for item in content[name] if set(item) - keys] == []
    assert all(set(row) == {"missed", "practice"} for row in content["rows"].values())
    assert set(content.get("harm", {"on": "", "what": ""})) == {"on", "what"}


def test_case_s_marks_each_exact_day_as_an_assumption() -> None:
    case = CASES[0]
    assert [fact.happened for fact in case.facts if not fact.assumed] == []


def test_case_s_expects_a_first_alarm_of_every_missed_step() -> None:
    assert {item.row for item in CASES[0].must if item.rung == "owner"} == set("ABCDEFGHIJKL")


def test_what_was_never_done_is_not_among_the_facts_of_case_s() -> None:
    done = {fact.path.rpartition("/")[2] for fact in CASES[0].facts}
    never = {"sent", "handover-given", "handover-acknowledged", "reviewed", "accumulation-reviewed", "parent-checks"}
    assert done & never == set()


# --- reading ------------------------------------------------------------------------------------------------------

WRITTEN = """
case: Case X
begins: "2014-03-24T09:00"
ends: "2014-04-30"
facts:
  - at: "2014-03-26T13:30"
    every: {weeks: 1}
    times: 3
    happened: A visit
    by: hv-pereira
    service: perinatal
    post: /v1/support/$support/session-held
    body: {people: [$mother, $child], note: $mother was tired}
  - {at: "2014-03-27T10:00", happened: She comes home}
"""
EXPECTS = """
must_raise: [{row: F, step: MH-05.mid, rung: owner, on: "2014-04-16", told: [hv-pereira]}]
may_raise: [{step: CLOSE-01, from: "2014-01-17", because: It depends}]
must_not_raise: [{step: "HV-01.*", because: They were on time}]
"""


@pytest.fixture
def written(tmp_path: Path) -> Case:
    (tmp_path / "case.yaml").write_text(WRITTEN)
    (tmp_path / "expected.yaml").write_text(EXPECTS)
    return load_case(tmp_path)


def test_a_fact_that_repeats_keeps_its_time_of_day_through_the_change_of_the_clocks(written: Case) -> None:
    visits = [fact.at for fact in written.recorded]
    assert [f"{visit:%d %H:%M}" for visit in visits] == ["26 13:30", "02 12:30", "09 12:30"]  # UTC


def test_a_fact_that_nobody_records_is_a_fact_too(written: Case) -> None:
    assert [fact.happened for fact in written.facts] == ["A visit", "She comes home", "A visit", "A visit"]
    assert len(written.recorded) == 3


def test_names_are_filled_in_wherever_they_begin_a_value(written: Case) -> None:
    path, body = written.recorded[0].fill_in({"support": "s1", "mother": "p_m", "child": "p_c"})
    assert path == "/v1/support/s1/session-held"
    assert body["people"] == ["p_m", "p_c"]


def test_a_day_without_an_end_stays_open(written: Case) -> None:
    assert (written.may[0].first, written.may[0].last) == (date(2014, 1, 17), date.max)
    assert (written.must[0].first, written.must[0].last) == (date(2014, 4, 16), date(2014, 4, 16))


def test_a_case_that_is_left_early_expects_only_what_must_come_by_then(written: Case) -> None:
    assert written.until(date(2014, 4, 15)).must == ()
    assert len(written.until(date(2014, 4, 16)).must) == 1
    assert len(written.until(date(2014, 4, 1)).facts) == 2


# --- judging ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "said",
    [
        {"rung": "mash"},
        {"about": "mother"},
        {"about": "nobody that was remembered"},
        {"told": frozenset({"hv-pereira"})},
        {"among": frozenset({"hv-pereira", "hv-castro"})},
        {"first": ALARM.on + timedelta(days=1), "last": date.max},
        {"first": date.min, "last": ALARM.on - timedelta(days=1)},
        {"step": "SG-02.review"},
    ],
    ids=lambda said: "-".join(sorted(said)) or "plain",
)
def test_an_alarm_that_is_not_as_expected_is_missing_and_unexpected(said: dict[str, object]) -> None:
    judgement = judge(case_with(must=(expected(**said),)), [ALARM], KNOWN)
    assert len(judgement.missing) == 1
    assert judgement.unexpected == ((ALARM, None),)


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"rung": "owner", "about": "child", "told": frozenset({"hv-pereira", "hv-sato"})},
        {"among": frozenset({"hv-sato"})},
        {"first": date(2014, 6, 1), "last": date(2014, 6, 30)},
        {"step": "SG-*"},
    ],
    ids=lambda said: "-".join(sorted(said)) or "plain",
)
def test_an_alarm_as_expected_is_neither_missing_nor_unexpected(said: dict[str, object]) -> None:
    judgement = judge(case_with(must=(expected(**said),)), [ALARM], KNOWN)
    assert judgement.is_as_expected


def test_an_expectation_about_a_person_fits_alarms_about_any_record_of_that_person() -> None:
    about_her = replace(ALARM, person="p_m", thread="pregnancy/x")
    assert judge(case_with(must=(expected(about="mother"),)), [about_her], KNOWN).is_as_expected


def test_one_alarm_meets_one_expectation_only() -> None:
    judgement = judge(case_with(must=(expected(), expected())), [ALARM], KNOWN)
    assert len(judgement.missing) == 1
    assert judge(case_with(must=(expected(), expected())), [ALARM, ALARM], KNOWN).is_as_expected


def test_an_allowed_alarm_may_be_missing() -> None:
    case = case_with(may=(expected(because="it depends"),))
    assert judge(case, [ALARM], KNOWN).is_as_expected
    assert judge(case, [], KNOWN).is_as_expected


def test_what_is_forbidden_is_unexpected_even_where_it_is_allowed_and_says_why() -> None:
    forbidden = expected(step="SG-*", because="nothing happened")
    judgement = judge(case_with(may=(expected(),), must_not=(forbidden,)), [ALARM], KNOWN)
    assert judgement.unexpected == ((ALARM, forbidden),)


# --- how far it went ----------------------------------------------------------------------------------------------


def test_a_missed_step_says_how_early_it_was_raised_and_which_rungs_it_reached() -> None:
    mash = replace(ALARM, on=date(2014, 6, 26), rung="mash", told=("fd-laurent",), again=(date(2014, 7, 3),))
    ended = replace(mash, closed_on=date(2014, 8, 1))
    case = case_with(
        rows=(Row("G", "Nobody looked", "SG-02"),),
        facts=(Fact(at=CASES[0].begins, happened="A bruise", row="G"), Fact(at=CASES[0].begins, happened="Another")),
        must=(expected(row="G"),),
        may=(Expected("SG-02.lead", row="G"),),
    )
    alarms = [ALARM, mash]
    (missed_step,) = list_missed_steps(case, judge(case, alarms, KNOWN), alarms)
    assert [fact.happened for fact in missed_step.facts] == ["A bruise"]
    assert missed_step.lead_days(date(2014, 6, 29)) == 10
    assert standing_text(missed_step.by(date(2014, 6, 18))) == "nothing was raised"
    assert standing_text(missed_step.by(date(2014, 6, 25))) == "SG-02.lead, owner: hv-pereira, hv-sato (1 chase; open)"
    assert standing_text(missed_step.by(date(2014, 7, 2))) == "SG-02.lead, mash: fd-laurent (2 chases; open)"
    assert standing_text(missed_step.by(date(2014, 7, 3))) == "SG-02.lead, mash: fd-laurent (3 chases; open)"
    (closed,) = list_missed_steps(case, judge(case, [ended], KNOWN), [ended])
    assert not closed.by(date(2014, 8, 1)).is_open


def test_a_step_about_which_nothing_was_raised_has_no_lead() -> None:
    case = case_with(rows=(Row("G", "Nobody looked", "SG-02"),))
    (missed_step,) = list_missed_steps(case, judge(case, [], KNOWN), [])
    assert (missed_step.first, missed_step.lead_days(date(2014, 6, 29))) == (None, None)
