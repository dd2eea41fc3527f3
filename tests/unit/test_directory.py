"""The directory: whom a rung tells on a given day, and what a faulty file is told."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.referrals_followup.directory.loader import load_directory
from services.referrals_followup.domain.directory import (
    Absence,
    Area,
    Directory,
    DutyRole,
    Hours,
    Member,
    Parties,
    Post,
    Recipient,
    Team,
)
from services.referrals_followup.domain.follow_up import FollowUp, Owner, Rung
from shared.config.yamlfile import FaultyFile
from shared.contracts.access import ROLES
from tests.unit.practice import Practice

EXAMPLE = Path(__file__).parents[2] / "services" / "referrals_followup" / "directory" / "directory.example.yaml"
MONDAY = date(2013, 1, 14)
AWAY = (Absence(date(2013, 1, 14), date(2013, 1, 18)),)
SURGERY = Owner("gp_practice", "surgery", "gp")


def member(
    person: str, team: str, role: str = "gp_practice", away: tuple[Absence, ...] = (), left_on: date | None = None
) -> Member:
    return Member(person, person.title(), f"{person}@essex.example", role, team, away, left_on)


def a_directory(**changed: Member) -> Directory:
    people = {
        "gp": member("gp", "surgery"),
        "gp-duty": member("gp-duty", "surgery"),
        "gp-manager": member("gp-manager", "surgery", "manager"),
        "nurse": member("nurse", "camhs", "mental_health_service"),
        "nurse-manager": member("nurse-manager", "camhs", "manager"),
        "nurse-north": member("nurse-north", "camhs-north", "mental_health_service"),
        "north-manager": member("north-manager", "camhs-north", "manager"),
        "lead": member("lead", "board", "safeguarding_lead"),
        "lead-deputy": member("lead-deputy", "board", "safeguarding_lead"),
        "operator": member("operator", "board", "operator"),
        **changed,
    }
    return Directory(
        areas=(Area("essex", "Essex"),),
        teams=(
            Team("surgery", "Surgery", "essex", "gp_practice", "gp-manager", "gp-duty"),
            Team("camhs", "CAMHS", "essex", "mental_health_service", "nurse-manager", "nurse", ("camhs",)),
            Team("camhs-north", "CAMHS", "essex", "mental_health_service", "north-manager", "nurse-north", ("camhs",)),
            Team("board", "Board", "essex", "safeguarding_lead", "lead", "lead-deputy"),
        ),
        people=tuple(people.values()),
        duty_roles=(
            DutyRole("safeguarding_lead", "essex", "lead"),
            DutyRole("operator", "essex", "operator"),
            DutyRole("spa_manager", "essex", "nurse-manager"),
            DutyRole("spa_manager", "essex", "north-manager", team="camhs-north"),
            DutyRole("practice_lead", "essex", "gp-duty", team="surgery"),
            DutyRole("practice_lead", "essex", "lead"),
        ),
    )


def list_recipients(
    directory: Directory, to: str, owner: Owner = SURGERY, area: str = "essex", on: date = MONDAY
) -> list[str]:
    parties = Parties(area, owner, "nurse", "camhs")
    return [recipient.person for recipient in directory.resolve(to, parties, on)]


def test_the_owner_is_told() -> None:
    parties = Parties("essex", SURGERY, "nurse", "camhs")
    assert a_directory().resolve("owner", parties, MONDAY) == (Recipient("gp", "gp_practice"),)


def test_an_owner_who_is_away_is_replaced_by_the_teams_duty_person_and_it_is_said_why() -> None:
    directory = a_directory(gp=member("gp", "surgery", away=AWAY))
    (recipient,) = directory.resolve("owner", Parties("essex", SURGERY, "nurse", "camhs"), date(2013, 1, 18))
    assert recipient == Recipient("gp-duty", "duty person of surgery; gp is away until 2013-01-18")


def test_an_owner_is_told_again_on_the_day_after_the_absence() -> None:
    assert list_recipients(a_directory(gp=member("gp", "surgery", away=AWAY)), "owner", on=date(2013, 1, 19)) == ["gp"]


def test_an_owner_who_has_left_is_replaced_from_that_day_on() -> None:
    directory = a_directory(gp=member("gp", "surgery", left_on=MONDAY))
    assert list_recipients(directory, "owner") == ["gp-duty"]
    assert list_recipients(directory, "owner", on=date(2013, 1, 13)) == ["gp"]


def test_when_the_duty_person_is_away_too_the_manager_is_told() -> None:
    directory = a_directory(
        gp=member("gp", "surgery", away=AWAY), **{"gp-duty": member("gp-duty", "surgery", away=AWAY)}
    )
    assert list_recipients(directory, "owner") == ["gp-manager"]


def test_when_a_whole_team_is_away_the_safeguarding_lead_is_told() -> None:
    everyone = {person: member(person, "surgery", away=AWAY) for person in ("gp", "gp-duty", "gp-manager")}
    assert list_recipients(a_directory(**everyone), "owner") == ["lead"]


def test_when_the_safeguarding_lead_is_away_their_team_is_asked_and_at_last_the_lead_even_so() -> None:
    everyone = {person: member(person, "surgery", away=AWAY) for person in ("gp", "gp-duty", "gp-manager")}
    lead = member("lead", "board", away=AWAY)
    assert list_recipients(a_directory(**everyone, lead=lead), "owner") == ["lead-deputy"]
    deputy = member("lead-deputy", "board", away=AWAY)
    assert list_recipients(a_directory(**everyone, lead=lead, **{"lead-deputy": deputy}), "owner") == ["lead"]


def test_an_owner_whom_nobody_knows_means_the_duty_person_of_the_named_team() -> None:
    assert list_recipients(a_directory(), "owner", Owner("gp_practice", "surgery", "a-locum")) == ["gp-duty"]


@pytest.mark.parametrize("role", ["mental_health_service", "camhs"])
def test_an_owner_without_a_team_means_a_team_of_the_area_that_acts_as_that_role(role: str) -> None:
    assert list_recipients(a_directory(), "owner", Owner(role)) == ["nurse"]


def test_an_owner_whom_no_team_of_the_area_acts_as_means_the_safeguarding_lead() -> None:
    assert list_recipients(a_directory(), "owner", Owner("housing")) == ["lead"]


def test_the_manager_is_the_one_of_the_owners_team() -> None:
    assert list_recipients(a_directory(), "manager") == ["gp-manager"]
    assert list_recipients(a_directory(), "manager", Owner("gp_practice", None, "nurse")) == ["nurse-manager"]
    assert list_recipients(a_directory(), "manager", Owner("housing")) == ["lead"]


def test_an_owner_who_works_in_another_team_by_now_is_replaced_and_it_is_said_why() -> None:
    moved = Owner("gp_practice", "surgery", "nurse")
    (recipient,) = a_directory().resolve("owner", Parties("essex", moved, "gp", "surgery"), MONDAY)
    assert recipient == Recipient("gp-duty", "duty person of surgery; nurse is not of surgery")
    assert list_recipients(a_directory(), "manager", moved) == ["gp-manager"]


# --- the line above the owner -------------------------------------------------------------------------------------


def find_told(directory: Directory, owner: Owner, *to: str, on: date = MONDAY) -> list[str]:
    """The people whom a rung above the owner's first rung tells."""
    return [found.person for found in directory.find_recipients(a_follow_up(owner, to), rung("above", *to), owner, on)]


def rung(name: str, *to: str) -> Rung:
    return Rung(name, datetime(2013, 1, 14, tzinfo=UTC), to)


def a_follow_up(owner: Owner, to: tuple[str, ...]) -> FollowUp:
    practice = Practice()
    referral = practice.referral()
    referral.was("intended", "2013-01-14 09:30")
    return replace(referral.the("REF-01"), owner=owner, rungs=(rung("owner", "owner"), rung("above", *to)))


MANAGES = Owner("gp_practice", "surgery", "gp-manager")


@pytest.mark.parametrize("to", [("manager",), ("owner", "manager")])
def test_a_manager_who_owns_it_is_not_escalated_to_herself_but_to_the_next_one_up(to: tuple[str, ...]) -> None:
    assert "lead" in find_told(a_directory(), MANAGES, *to)
    assert find_told(a_directory(), SURGERY, *to)[-1] == "gp-manager"
    (recipient,) = a_directory().resolve("manager", Parties("essex", MANAGES, "nurse", "camhs"), MONDAY)
    assert recipient == Recipient("lead", "next above gp-manager")


def test_the_lead_who_owns_it_is_escalated_to_the_deputy() -> None:
    assert find_told(a_directory(), Owner("safeguarding_lead", "board", "lead"), "manager", "safeguarding_lead") == [
        "lead-deputy",
        "lead",
    ]


def test_somebody_who_holds_the_role_of_the_rung_herself_is_escalated_to_her_manager() -> None:
    assert find_told(a_directory(), Owner("gp_practice", "surgery", "gp-duty"), "practice_lead") == [
        "gp-duty",
        "gp-manager",
    ]


def test_a_manager_who_is_told_in_place_of_the_owner_is_not_told_again_as_the_manager() -> None:
    away = {person: member(person, "surgery", away=AWAY) for person in ("gp", "gp-duty")}
    directory = a_directory(**away)
    assert list_recipients(directory, "owner") == ["gp-manager"]
    assert find_told(directory, SURGERY, "owner", "manager") == ["gp-manager", "lead"]


def test_the_first_rung_of_the_owner_tells_nobody_above() -> None:
    follow_up = replace(a_follow_up(MANAGES, ()), rungs=(rung("owner", "owner", "practice_lead"),))
    found = a_directory().find_recipients(
        follow_up, follow_up.rungs[0], Owner("gp_practice", "surgery", "gp-duty"), MONDAY
    )
    assert [recipient.person for recipient in found] == ["gp-duty"]


def test_the_head_of_a_team_and_whoever_manages_its_manager_are_above_it() -> None:
    directory = a_directory(**{"gp-manager": member("gp-manager", "camhs", "manager")})
    heads = (*directory.duty_roles, DutyRole("service_manager", "essex", "north-manager", team="surgery"))
    directory = Directory(
        tuple(directory.areas.values()), tuple(directory.teams.values()), tuple(directory.people.values()), heads
    )
    line = ("gp-manager", "north-manager", "nurse-manager", "lead", "lead-deputy")
    assert directory.line_above(SURGERY, "essex", MONDAY) == line
    assert directory.line_above(Owner("gp_practice", "surgery", "north-manager"), "essex", MONDAY) == line[2:]


def test_whoever_has_left_is_above_nobody() -> None:
    directory = a_directory(**{"gp-manager": member("gp-manager", "surgery", "manager", left_on=MONDAY)})
    assert directory.line_above(SURGERY, "essex", MONDAY) == ("lead", "lead-deputy")


def test_the_sender_is_who_opened_it() -> None:
    assert list_recipients(a_directory(), "sender") == ["nurse"]


def test_a_role_held_for_the_owners_team_comes_before_the_one_of_the_area() -> None:
    assert list_recipients(a_directory(), "practice_lead") == ["gp-duty"]
    assert list_recipients(a_directory(), "practice_lead", Owner("housing")) == ["lead"]


def test_a_role_that_nobody_holds_means_the_safeguarding_lead() -> None:
    assert list_recipients(a_directory(), "designated_nurse") == ["lead"]


def test_somebody_no_longer_in_the_directory_has_a_stand_in() -> None:
    assert a_directory().stand_in("gone", "essex", MONDAY).id == "lead"
    assert a_directory().stand_in("gp", "essex", MONDAY).id == "gp"


def received(to: str, role: str | None, team: str | None, on: date = MONDAY, **changed: Member) -> list[str]:
    parties = Parties("essex", SURGERY, "gp", "surgery", role, team)
    return [recipient.person for recipient in a_directory(**changed).resolve(to, parties, on)]


def test_the_receiver_is_the_duty_person_of_the_team_it_was_sent_to() -> None:
    assert received("receiver", "camhs", "camhs-north") == ["nurse-north"]
    away = {"nurse-north": member("nurse-north", "camhs-north", away=AWAY)}
    assert received("receiver", "camhs", "camhs-north", **away) == ["north-manager"]


@pytest.mark.parametrize("team", [None, "closed-long-ago"])
def test_without_a_known_team_the_receiver_is_a_team_of_the_area_that_takes_such_referrals(team: str | None) -> None:
    assert received("receiver", "camhs", team) == ["nurse"]


def test_without_any_such_team_the_receiver_is_who_holds_that_role_or_the_safeguarding_lead() -> None:
    assert received("receiver", "practice_lead", None) == ["lead"]
    assert received("receiver", "housing", None) == ["lead"]
    assert received("receiver", None, None) == ["lead"]


def test_a_role_is_looked_for_in_the_receivers_team_then_the_owners_then_the_senders_then_the_area() -> None:
    assert received("spa_manager", "camhs", "camhs-north") == ["north-manager"]
    assert received("spa_manager", "camhs", None) == ["nurse-manager"]
    assert received("practice_lead", "camhs", "camhs-north") == ["gp-duty"]
    assert received("operator", "camhs", "camhs-north") == ["operator"]


WORDS = st.sampled_from(["owner", "manager", "sender", "receiver", "practice_lead", "nobody", "camhs", ""])
PEOPLE = st.sampled_from(["gp", "gp-duty", "gp-manager", "nurse", "nurse-manager", "lead", "lead-deputy", "operator"])


@given(
    to=WORDS,
    role=st.sampled_from(["gp_practice", "camhs", "housing"]),
    team=st.sampled_from([None, "surgery", "camhs", "unknown"]),
    person=st.one_of(st.none(), PEOPLE, st.just("unknown")),
    area=st.sampled_from(["essex", "suffolk"]),
    receiver=st.tuples(st.sampled_from([None, "camhs", "housing"]), st.sampled_from([None, "camhs-north", "unknown"])),
    away=st.sets(PEOPLE),
)
def test_there_is_always_somebody_to_tell(
    to: str,
    role: str,
    team: str | None,
    person: str | None,
    area: str,
    receiver: tuple[str | None, str | None],
    away: set[str],
) -> None:
    known = a_directory().people
    directory = a_directory(**{gone: member(gone, known[gone].team, away=AWAY) for gone in away})
    parties = Parties(area, Owner(role, team, person), person or "unknown", team or "unknown", *receiver)
    found = directory.resolve(to, parties, MONDAY)
    assert found
    assert all(directory.member(recipient.person) and recipient.because for recipient in found)
    if not {"lead", "lead-deputy"} & away:
        assert not {recipient.person for recipient in found} & away


def test_the_example_has_somebody_of_every_role_and_every_duty_role_of_the_standards() -> None:
    directory = load_directory(EXAMPLE)
    assert {person.role for person in directory.people.values()} == ROLES
    assert {"practice_safeguarding_lead", "named_gp", "leaving_care_manager", "health_lead"} <= directory.roles


FAULTY = """\
areas:
  - {id: essex, name: Essex}
  - {id: essex, name: Essex again}
teams:
  - {id: surgery, name: Surgery, area: sussex, role: gp_practice, duty: gp}
people:
  - id: gp
    name: Dr Okafor
    email: not an address
    role: surgeon
    team: surgery
    absent: [{from: 2013-02-30, until: 2013-01-01}]
  - {id: nurse, name: Nurse, email: nurse@essex.example, role: midwife, team: nowhere, phone: "01234"}
duty_roles:
  - {role: operator, area: essex, person: nobody}
"""


def test_every_fault_of_a_directory_is_told_at_once_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "directory.yaml"
    file.write_text(FAULTY)
    with pytest.raises(FaultyFile) as caught:
        load_directory(file)
    found = {(fault.line, fault.where) for fault in caught.value.faults}
    assert found == {
        (2, "areas[0]"),  # no safeguarding lead
        (3, "areas[1]"),
        (3, "areas[1].id"),  # twice
        (5, "teams[0].area"),
        (5, "teams[0].manager"),  # missing
        (9, "people[0].email"),
        (10, "people[0].role"),
        (12, "people[0].absent[0].from"),  # no such date
        (12, "people[0].absent[0].until"),  # before `from`
        (13, "people[1].phone"),
        (13, "people[1].team"),
        (15, "duty_roles[0].person"),
    }
    assert "Okafor" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "[]", "areas: essex\nteams: [x]\npeople: {}\nduty_roles: [[1]]\n"])
def test_a_file_that_is_no_directory_at_all_is_a_fault_and_no_crash(tmp_path: Path, text: str) -> None:
    file = tmp_path / "directory.yaml"
    file.write_text(text)
    with pytest.raises(FaultyFile):
        load_directory(file)


def test_a_team_that_is_in_another_area_than_its_duty_role_is_a_fault(tmp_path: Path) -> None:
    file = tmp_path / "directory.yaml"
    text = EXAMPLE.read_text().replace(
        "{role: spa_manager, area: norfolk, person: camhs-manager-abebe}",
        "{role: spa_manager, area: norfolk, team: camhs-essex, person: camhs-manager-abebe}",
    )
    file.write_text(text)
    with pytest.raises(FaultyFile, match=r"directory\.yaml:\d+: duty_roles\[\d+\]\.team: belongs to the area essex"):
        load_directory(file)


BREAKING = ["Mill\\nRoad", "Mill\\u2028Road", "Mill\\u0007Road", "Mill\\u202eRoad", "Mill\\u2066Road", "Mill\\x7fRoad"]


@pytest.mark.parametrize("name", BREAKING)
@pytest.mark.parametrize(
    ("old", "where"),
    [("name: Norfolk}", "areas[1].name"), ("name: Mill Road Surgery", "teams[0].name"), ("name: Emi Sato", "people[")],
)
def test_a_name_that_breaks_a_line_or_changes_its_direction_is_refused(
    tmp_path: Path, name: str, old: str, where: str
) -> None:
    file = tmp_path / "directory.yaml"
    new = f'name: "{name}"' + ("}" if old.endswith("}") else "")
    file.write_text(EXAMPLE.read_text().replace(old, new))
    with pytest.raises(FaultyFile, match="has a line break, a control character or a direction character") as caught:
        load_directory(file)
    assert all(fault.where.startswith(where) for fault in caught.value.faults)


def test_an_address_with_a_line_break_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "directory.yaml"
    file.write_text(
        EXAMPLE.read_text().replace("emi.sato@essex.example", '"emi.sato@essex.example\\nBcc: x@y.example"')
    )
    with pytest.raises(FaultyFile) as caught:
        load_directory(file)
    assert {fault.where.rpartition(".")[2] for fault in caught.value.faults} == {"email"}


def test_a_line_that_does_not_reach_three_people_is_refused_and_says_whom_it_reaches(tmp_path: Path) -> None:
    file = tmp_path / "directory.yaml"
    text = EXAMPLE.read_text().replace(
        "  - {role: deputy_safeguarding_lead, area: england, person: designated-nurse-hartigan}\n", ""
    )
    file.write_text(text)
    with pytest.raises(FaultyFile) as caught:
        load_directory(file)
    lines = text.splitlines()
    assert [(lines[fault.line - 1].split(",")[0], fault.message.split(";")[0]) for fault in caught.value.faults] == [
        ("  - {id: operator-kowalski", "the line from here reaches only lead-achterberg and operator-kowalski"),
        ("  - {id: reviewer-thorne", "the line from here reaches only lead-achterberg and reviewer-thorne"),
    ]


def test_nobody_asks_for_the_line_of_somebody_who_has_left(tmp_path: Path) -> None:
    file = tmp_path / "directory.yaml"
    text = EXAMPLE.read_text().replace(
        "  - {role: deputy_safeguarding_lead, area: england, person: designated-nurse-hartigan}\n", ""
    )
    for team in ("operations", "practice-review"):
        text = text.replace(f"team: {team}}}", f"team: {team}, left_on: 2026-01-01}}")
    file.write_text(text)
    assert load_directory(file).people["reviewer-thorne"].left_on == date(2026, 1, 1)


def test_a_team_has_hours_and_somebody_outside_them_and_a_person_has_further_posts(tmp_path: Path) -> None:
    file = tmp_path / "directory.yaml"
    text = EXAMPLE.read_text()
    text = text.replace(
        "duty: hv-sato}", 'duty: hv-sato, hours: {from: "08:00", until: "18:00"}, out_of_hours_duty: hv-pereira}'
    )
    text = text.replace(
        "role: health_visitor, team: hv-harwich}",
        "role: health_visitor, team: hv-harwich, also: [{role: midwife, team: midwifery-colne}]}",
    )
    file.write_text(text)
    directory = load_directory(file)
    team = directory.teams["hv-harwich"]
    assert (team.hours, team.out_of_hours_duty) == (Hours("08:00", "18:00", "working_days"), "hv-pereira")
    assert directory.people["hv-sato"].posts == (
        Post("health_visitor", "hv-harwich"),
        Post("midwife", "midwifery-colne"),
    )
    file.write_text(text.replace("08:00", "8 am").replace("team: midwifery-colne}]", "team: nowhere}]"))
    with pytest.raises(FaultyFile) as caught:
        load_directory(file)
    places = [fault.where.partition(".")[2] for fault in caught.value.faults]
    assert sorted(set(places)) == ["also[0].team", "hours.from"]


@st.composite
def directories(draw: st.DrawFn) -> tuple[Directory, Owner]:
    """A directory of a few teams, whose managers, duty people and leads may be the same people, and an owner in it."""
    people = [f"p{number}" for number in range(draw(st.integers(1, 8)))]
    somebody = st.sampled_from(people)
    names = [f"t{number}" for number in range(draw(st.integers(1, 3)))]
    teams = tuple(Team(name, name, "essex", "gp_practice", draw(somebody), draw(somebody)) for name in names)
    roles = st.sampled_from(["gp_practice", "manager", "safeguarding_lead"])
    absences = st.sampled_from([(), AWAY])
    members = tuple(member(one, draw(st.sampled_from(names)), draw(roles), draw(absences)) for one in people)
    duties = [
        DutyRole("safeguarding_lead", "essex", draw(somebody)),
        DutyRole("operator", "essex", draw(somebody)),
        DutyRole("practice_lead", "essex", draw(somebody), team=draw(st.sampled_from([None, *names]))),
        DutyRole("service_manager", "essex", draw(somebody), team=draw(st.sampled_from(names))),
    ]
    owner = Owner("gp_practice", draw(st.sampled_from([None, *names, "unknown"])), draw(st.none() | somebody))
    return Directory((Area("essex", "Essex"),), teams, members, tuple(duties)), owner


ABOVE = [("manager",), ("owner", "manager"), ("practice_lead",), ("safeguarding_lead",), ("owner", "safeguarding_lead")]


@given(directories(), st.sampled_from(ABOVE))
def test_a_rung_above_the_owner_tells_somebody_else_wherever_the_line_has_three_people(
    found: tuple[Directory, Owner], to: tuple[str, ...]
) -> None:
    directory, owner = found
    as_owner = {one.person for one in directory.resolve("owner", Parties("essex", owner, "p0", "t0"), MONDAY)}
    line = {*directory.line_above(owner, "essex", MONDAY), *as_owner}
    if len(line) >= 3:
        assert set(find_told(directory, owner, *to)) - as_owner
