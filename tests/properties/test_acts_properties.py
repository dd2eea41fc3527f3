"""Whose hand: nobody without standing closes, delays or moves a follow-up by what they do about it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.referrals_followup.domain.directory import Directory
from services.referrals_followup.domain.follow_up import (
    ENDED_STATE,
    OPEN,
    Accept,
    Acknowledge,
    Acts,
    Assign,
    End,
    FollowUp,
    Note,
    Owner,
    Refuse,
    Reopen,
    owner_of,
    timed,
)
from shared.contracts.access import ROLES, may
from shared.kernel.decisions import Actor, Refused
from shared.kernel.time import london_date
from tests.unit.practice import Practice, london
from tests.unit.test_lines import directories

SLOW = settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
NOW = london("2013-01-14 12:00")
COMMANDS = {
    "follow_up.end": lambda found, line, person, team: End(found, "duplicate", line=line),
    "follow_up.assign": lambda found, line, person, team: Assign(found, person, team, line),
    "follow_up.accept": lambda found, line, person, team: Accept(found, line),
    "follow_up.reopen": lambda found, line, person, team: Reopen(found, line=line),
    "follow_up.acknowledge": lambda found, line, person, team: Acknowledge(found),
    "follow_up.note": lambda found, line, person, team: Note(found, "seen"),
    "follow_up.refuse": lambda found, line, person, team: Refuse(found, "not_ours", line=line),
}
# The route that hands a follow-up back asks for the command of taking it on.
ASKS_FOR = {"follow_up.refuse": "follow_up.accept"}


def has_standing(directory: Directory, found: FollowUp, acts: Acts, actor: Actor) -> bool:
    """Whether the follow-up is the actor's, their team's or their role's, or they are above its owner or lead there."""
    owner, on = owner_of(found, acts), london_date(NOW)
    if actor.id in (owner.person, found.owner.person) or actor.team in (owner.team, found.owner.team):
        return True
    if found.owner.team is None and actor.role == found.owner.role:
        return True
    return actor.id in (*directory.line_above(owner, found.area, on), *directory.leads_of(found.area))


@SLOW
@given(directories(), st.data())
def test_no_act_without_standing_closes_a_follow_up_or_makes_it_later_or_owned_by_somebody_else(directory, data):
    practice = Practice()
    referral = practice.referral()
    referral.was("intended", "2013-01-14 09:30")
    people = st.sampled_from([*directory.people, "a-stranger"])
    teams = st.sampled_from([*directory.teams, "a-team-elsewhere"])
    owner = Owner("gp_practice", data.draw(st.none() | teams), data.draw(st.none() | people))
    found = replace(referral.the("REF-01"), owner=owner, guarded=data.draw(st.booleans()))
    line = directory.line_of(found, london_date(NOW))
    for number in range(data.draw(st.integers(1, 6))):
        actor = Actor(data.draw(people), data.draw(st.sampled_from(sorted(ROLES))), data.draw(teams), ("essex",))
        name = data.draw(st.sampled_from(sorted(COMMANDS)))
        if not may(actor.role, ASKS_FOR.get(name, name)):
            continue
        before = practice.acts(found)
        now = replace(found, state=ENDED_STATE if before.ended else OPEN)
        command = COMMANDS[name](now, line, data.draw(people), data.draw(teams))
        try:
            practice.act(command, f"{NOW + timedelta(minutes=number):%Y-%m-%d %H:%M}", by=actor)
        except Refused:
            continue
        after = practice.acts(found)
        if not has_standing(directory, found, before, actor):
            assert owner_of(found, after) == owner_of(found, before)
            assert after.ended == before.ended
            assert list(timed(found, after)) == list(timed(found, before))
            assert after.given_team == before.given_team  # whom it is shown to
