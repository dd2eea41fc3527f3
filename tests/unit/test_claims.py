"""Whatever would lower a follow-up asks its owner, if somebody without standing records it, and lowers nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from services.referrals_followup.domain.claims import CLOSE, DELAY, HAND_OVER, OF_A_MOVE, find_claims
from services.referrals_followup.domain.follow_up import Accept, FollowUp
from shared.contracts import CATALOGUE
from shared.kernel.decisions import ABOUT_AN_ENTRY, CLAIM_CONFIRMED, CLAIM_REJECTED, RETRACTION, Actor
from shared.kernel.envelope import CIRCLE, NONE, Event
from tests.properties.families import evidence_of
from tests.unit import family_steps, pathway_steps
from tests.unit import test_steps_of_cases as cases
from tests.unit import test_steps_of_contacts as contacts
from tests.unit import test_steps_of_health_visiting as health_visiting
from tests.unit import test_steps_of_leaving_care as leaving_care
from tests.unit import test_steps_of_losses_and_data as losses
from tests.unit import test_steps_of_mental_health as mental_health
from tests.unit import test_steps_of_prebirth as prebirth
from tests.unit import test_steps_of_referrals as referrals
from tests.unit import test_steps_of_safeguarding as safeguarding
from tests.unit.practice import CHILD, HV, OTHER, PA, PACKS, PERSON, Practice, as_text, london

QUESTION = "DATA-02.lowers"
STRANGERS = "strangers-elsewhere"
LEAD = Actor("lead-achterberg", "safeguarding_lead", "partnership-essex", ("essex",))
FAMILY = {**health_visiting.STEPS, **leaving_care.STEPS, **losses.STEPS, **safeguarding.STEPS, **contacts.STEPS}
PATHWAY = {**mental_health.STEPS, **prebirth.STEPS, **referrals.STEPS, **cases.STEPS}
# On a move that the area it left has recorded itself, the new area acts as the receiver.
ACTS = [
    (step, act)
    for step, act in (
        *((step, act) for step, row in FAMILY.items() for act in (*row.met, *row.ended)),
        *((step, act) for step, row in PATHWAY.items() for act in (*row.meets, *row.ends)),
    )
    if act[0] not in OF_A_MOVE
]
DIED = "person.died.v1"
# They lower follow-ups by what they say of people, of records or of a due date. The tests below have a case of each,
# and those of DATA-04 have that of two records that are joined.
OTHERWISE = {DIED, "parenthood.lost.v1", "person.linked.v1", "person.unlinked.v1", "pregnancy.joined.v1", RETRACTION}
OTHERWISE |= {"consultation.held.v1", "consultation.linked.v1"}


class Played:
    """One open follow-up, and what was recorded after it opened."""

    def __init__(self, step: str) -> None:
        self.step = step
        if step in FAMILY:
            self._world = family_steps.World(FAMILY[step], step)
            opening = self._world.opens()
            self.practice, self.thread = self._world.practice, self._world.thread
        else:
            self.practice = Practice()
            self.thread, opening = PATHWAY[step].opened(self.practice)
        self.at = as_text(opening.occurred_at)[:10] + " 15:00"
        self.id = next(one.id for one in self.thread.all(step) if one.state == "open")
        self.opening = opening

    def act(self, what: tuple[str, dict[str, object]]) -> Event:
        if self.step in FAMILY:
            return self._world.happens(what[0], self.at, **what[1])
        return pathway_steps.act(self.practice, self.thread, what, self.at)

    @property
    def follow_up(self) -> FollowUp:
        (found,) = (one for one in self.practice.follow_ups(self.thread.name) if one.id == self.id)
        return found

    def questions(self) -> list[FollowUp]:
        """The questions about this follow-up, and none about another."""
        asked = [one for one in self.practice.follow_ups(self.thread.name) if one.step == QUESTION]
        return [one for one in asked if one.on == self.follow_up.reference]

    def claim(self, event: Event) -> Event:
        """The event, as recorded by a team without standing."""
        claim = replace(event, standing=NONE, team=STRANGERS)
        self.practice._events[event.id] = claim
        return claim

    def answer(self, claim: Event, event_type: str = CLAIM_CONFIRMED) -> Event:
        said = {"event_id": claim.id, **({"reason_code": "not_so"} if event_type == CLAIM_REJECTED else {})}
        answer = self.practice.record(
            event_type, claim.stream, said, claim.recorded_at, claim.source, LEAD, standing=CIRCLE
        )
        return self._about_whom_it_is(claim, answer)

    def _about_whom_it_is(self, claim: Event, answer: Event) -> Event:
        answer = replace(answer, subject=claim.subject)
        self.practice._events[answer.id] = answer
        return answer


def require_a_question(played: Played, claim: Event, would: str) -> None:
    """Nothing is lowered, and the owner of the follow-up is asked. Once it is confirmed, it counts."""
    before = played.follow_up
    assert before.state == "open"
    (question,) = played.questions()
    assert (question.state, question.opened_by, question.owner) == ("open", claim.id, before.owner)
    assert (question.areas, question.why["would"]) == (before.areas, would)
    assert question.rungs[0].to == ("owner",)
    played.answer(claim)
    after = played.follow_up
    assert after.state != "open" or after.due_at > before.due_at or after.owner != before.owner
    assert [one.state for one in played.questions()] == ["met"]


@pytest.mark.parametrize(("step", "what"), ACTS, ids=lambda value: value if isinstance(value, str) else value[0])
def test_an_act_that_closes_a_step_asks_its_owner_and_closes_it_only_once_it_is_confirmed(step, what):
    played = Played(step)
    claim = played.claim(played.act(what))
    require_a_question(played, claim, CLOSE)


@pytest.mark.parametrize(("step", "what"), [ACTS[0], ACTS[-1]])
def test_a_rejected_claim_closes_the_question_and_not_the_follow_up(step, what):
    played = Played(step)
    claim = played.claim(played.act(what))
    played.answer(claim, CLAIM_REJECTED)
    assert played.follow_up.state == "open"
    assert [one.state for one in played.questions()] == ["met"]


@pytest.mark.parametrize("event_type", ["consultation.held.v1", "consultation.linked.v1"])
def test_a_discussion_with_social_care_that_is_only_claimed_makes_no_referral_unnecessary(event_type):
    played = Played("SG-01.immediate")
    played.act(("child.seen.v1", {"clinician": True}))
    record = played.practice.record_of("consultation", by=HV, person_id=CHILD)
    claim = played.claim(record.was(event_type, played.at, named=True))
    require_a_question(played, claim, CLOSE)


LOSING = [step for step in (*FAMILY, *PATHWAY) if PACKS["england"]["steps"][step].get("after_loss", "ends") == "ends"]


@pytest.mark.parametrize("step", LOSING)
def test_a_death_claimed_by_others_asks_the_owner_of_each_routine_line(step):
    played = Played(step)
    person = played.follow_up.person
    if person is None:
        pytest.fail("nobody is named")
    said = {"person_id": person, "family": []}
    death = played.practice.record(DIED, f"person/{person}", said, london(played.at), "perinatal", HV, standing=NONE)
    claim = played.claim(death)
    (question,) = played.questions()
    assert (played.follow_up.state, question.opened_by, question.state) == ("open", claim.id, "open")
    played.answer(claim)
    assert played.follow_up.state == "ended"


def claimed_death(practice: Practice, at: str, number: int = 0, person: str = PERSON) -> Event:
    """A death that somebody without standing recorded, of the usual person if no other is named."""
    said = {"person_id": person, "family": []}
    death = practice.record(DIED, f"person/{person}", said, london(at), "perinatal", HV, standing=NONE)
    claim = replace(death, team=f"{STRANGERS}-{number}")
    practice._events[death.id] = claim
    return claim


def test_a_claimed_death_holds_routine_chases_once_for_two_working_days_and_no_urgent_ones():
    practice = Practice()
    referral = practice.referral()
    referral.was("intended", "2013-01-14 09:30")
    screen = practice.record_of("screen", by=HV)
    screen.was("recorded", "2013-01-14 09:30", tool="epds", score=14, self_harm=True)
    claimed_death(practice, "2013-01-16 10:00")
    held = referral.the("REF-01")
    assert (held.state, as_text(held.due_at)) == ("open", "2013-01-16 17:00")
    assert held.held_until is not None
    assert as_text(held.held_until) == "2013-01-18 17:00"
    assert screen.the("MH-03.self-harm").held_until is None
    told = practice.sweep("2013-01-17 17:00")
    assert {"MH-03.self-harm", QUESTION} <= {one.step for one in told}
    assert "REF-01" not in {one.step for one in told}
    claimed_death(practice, "2013-01-18 10:00", number=1)
    assert "REF-01" in {one.step for one in practice.sweep("2013-01-18 17:00")}


def test_the_first_claimed_death_holds_nothing_once_it_is_answered_or_taken_back():
    for ends_it in (CLAIM_CONFIRMED, CLAIM_REJECTED, RETRACTION):
        practice = Practice()
        referral = practice.referral()
        referral.was("intended", "2013-01-14 09:30")
        claim = claimed_death(practice, "2013-01-16 10:00")
        assert referral.the("REF-01").held_until is not None
        said = {"event_id": claim.id, **({} if ends_it == CLAIM_CONFIRMED else {"reason_code": "not_so"})}
        by = Actor("x", "midwife", claim.team, ("norfolk",)) if ends_it == RETRACTION else LEAD
        standing = NONE if ends_it == RETRACTION else CIRCLE
        at = london("2013-01-16 12:00")
        practice.record(ends_it, claim.stream, said, at, "perinatal", by, standing=standing)
        found = referral.the("REF-01")
        assert (found.held_until, found.state) == (None, "ended" if ends_it == CLAIM_CONFIRMED else "open")
        claimed_death(practice, "2013-01-16 14:00", number=1)
        assert referral.the("REF-01").held_until is None


def test_of_two_peoples_claimed_deaths_the_shorter_hold_counts_whichever_arrives_first():
    practice = Practice()
    care_leaver_id = "00000000-0000-0000-0000-000000000001"
    leaver = f"care-leaver/{care_leaver_id}"
    said = {"care_leaver_id": care_leaver_id, "person_id": PERSON}
    opened = ("care_leaver.registered.v1", leaver, said | {"category": "relevant"})
    contact = ("pa_contact.made.v1", leaver, said | {"person_id": OTHER, "how": "letter"})
    practice.record(*opened, london("2013-01-08 10:00"), "leaving_care", PA)
    claimed_death(practice, "2013-01-10 10:00", person=OTHER)
    claimed_death(practice, "2013-01-17 10:00", number=1, person=PERSON)
    practice.record(*contact, london("2013-01-17 12:00"), "leaving_care", PA)
    found = {one.person: one for one in practice.follow_ups(leaver) if one.step == "CL-02.contact"}
    assert found[OTHER].held_until is not None
    assert as_text(found[OTHER].held_until) == "2013-01-14 17:00"


def test_a_retraction_by_somebody_without_standing_asks_the_owner():
    played = Played("MH-03.self-harm")
    retraction = played.thread.retracted(played.opening, played.at)
    require_a_question(played, played.claim(retraction), CLOSE)


def test_a_link_that_would_join_a_death_asks_the_owner():
    played = Played("MH-03.self-harm")
    theirs = "p_" + "9" * 32
    said = {"person_id": theirs, "family": []}
    played.practice.record(DIED, f"person/{theirs}", said, london(played.at), "perinatal", HV, standing=CIRCLE)
    said = {"person_id": theirs, "other_person_id": PERSON, "reason": "merge", "confirmed_by": "x"}
    link = played.practice.record(
        "person.linked.v1", f"person/{theirs}", said, london(played.at), "perinatal", HV, standing=CIRCLE
    )
    require_a_question(played, played.claim(link), CLOSE)


def test_a_date_that_would_delay_it_asks_the_owner():
    played = Played("PBA-02.hard-stop")
    later = played.thread.was("edd_corrected", played.at, edd="2014-06-15", edd_source="scan")
    require_a_question(played, played.claim(later), DELAY)


def test_a_name_that_would_hand_it_over_asks_the_present_owner():
    practice = Practice()
    practice.birth(CHILD, "2014-01-06")
    thread = practice.record_of("person", by=HV, key=CHILD, person_id=CHILD)
    thread.was("practitioner.assigned.v1", "2014-01-07 10:00", role="health_visitor", practitioner="hv-pereira")
    (before,) = thread.all("HV-01.new-birth")
    named = thread.was(
        "practitioner.assigned.v1", "2014-01-08 10:00", role="health_visitor", practitioner="hv-castro", team="hv-yare"
    )
    practice._events[named.id] = replace(named, standing=NONE, team=STRANGERS)
    (after,) = thread.all("HV-01.new-birth")
    assert after.owner == before.owner
    (question,) = [one for one in thread.all(QUESTION) if one.on == before.reference]
    assert (question.owner, question.why["would"]) == (before.owner, HAND_OVER)


def test_whoever_has_taken_the_follow_up_on_is_asked():
    played = Played("MH-03.self-harm")
    played.practice.act(Accept(played.follow_up), as_text(played.opening.occurred_at), by=HV)
    played.claim(played.act(PATHWAY["MH-03.self-harm"].meets[0]))
    (question,) = played.questions()
    assert question.owner.person == HV.id


def test_a_question_that_was_asked_stays_in_sight_when_the_claim_is_taken_back():
    played = Played("MH-03.self-harm")
    claim = played.claim(played.act(PATHWAY["MH-03.self-harm"].meets[0]))
    assert [one for one in played.practice.sweep(played.at) if one.step == QUESTION]
    taken_back = played.thread.retracted(claim, played.at)
    played.practice._events[taken_back.id] = replace(taken_back, standing=NONE, team=STRANGERS)
    assert [one.state for one in played.questions()] == ["void"]
    assert played.follow_up.state == "open"


def test_a_question_that_was_asked_ends_when_the_owner_does_what_was_expected():
    played = Played("MH-03.self-harm")
    meeting = PATHWAY["MH-03.self-harm"].meets[0]
    played.claim(played.act(meeting))
    played.practice.sweep(played.at)
    played.act(meeting)
    assert played.follow_up.state == "met"
    assert [one.state for one in played.questions()] == ["void"]


def closers() -> set[str]:
    """The types of event that a pack reads to close something, or that end what is routine."""
    found = set(OTHERWISE)
    for pack in PACKS.values():
        for step in pack["steps"].values():
            for matcher in (*step.get("met_by", []), *step.get("ended_by", [])):
                found.add(matcher if isinstance(matcher, str) else matcher["event"])
    # The service that follows up asks itself who may do its own acts.
    own = {entry.name for entry in CATALOGUE if entry.speakers == ("referrals_followup",)}
    return found - set(ABOUT_AN_ENTRY) - own


def test_every_type_of_event_of_all_contracts_that_can_close_something_is_tried_here():
    tried = {event_type for _, (event_type, _) in ACTS}.union(OTHERWISE, OF_A_MOVE)
    assert closers() <= tried
    assert {entry.name for entry in CATALOGUE if "referrals_followup" not in entry.speakers} >= tried


def test_a_claim_about_several_people_counts_for_those_whose_side_has_confirmed_it():
    practice, other = Practice(), "p_" + "9" * 32
    practice.record_of("person").was("review.offered.v1", "2014-01-06 10:00", review="two_year")
    practice.record_of("person", key=other, person_id=other).was(
        "review.offered.v1", "2014-01-06 10:00", review="two_year"
    )
    case = practice.record_of("case", people=[PERSON, other])
    opened = case.was("opened", "2014-01-07 10:00")
    practice._events[opened.id] = replace(opened, standing=NONE, team=STRANGERS)
    threads = (f"person/{PERSON}", f"person/{other}", case.name)

    def claimed_on() -> list[bool]:
        return [bool(find_claims(thread, evidence_of(practice.events()))) for thread in threads]

    assert claimed_on() == [True, True, True]
    case.was(CLAIM_CONFIRMED, "2014-01-08 10:00", event_id=opened.id, people=[PERSON])
    assert claimed_on() == [False, True, True]
    case.was(CLAIM_CONFIRMED, "2014-01-09 10:00", event_id=opened.id, people=None)
    assert claimed_on() == [False, False, False]
