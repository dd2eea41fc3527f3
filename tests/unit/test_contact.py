"""A contact says who speaks; only a professional is named in what is published. Alleged harm is judged by others."""

from __future__ import annotations

import pytest

from shared.contracts.words import CONTACT_SOURCES, PROFESSIONAL_SOURCES
from shared.kernel.decisions import Actor, Invalid
from tests.unit.history import PERSON, Stream
from tests.unit.records import AGGREGATES, DOOR, VISITOR, record, refusal, start, tell

OTHERS = [source for source in CONTACT_SOURCES if source not in PROFESSIONAL_SOURCES]
OFFICER = Actor("pc-quill", "police", "police-colne", ("essex",))
NURSE = Actor("nurse-reyes", "hospital", "hospital-colne", ("essex",))


def received(**said):
    stream = Stream(AGGREGATES["contact"], "00000000-0000-0000-0000-000000000063")
    stream.give(start("contact", "contact.received.v1", **{"from_team": None, **said}), DOOR)
    return stream.events[0].data


def refused(**said):
    stream = Stream(AGGREGATES["contact"], "00000000-0000-0000-0000-000000000063")
    return refusal(stream, start("contact", "contact.received.v1", **{"from_team": None, **said}), DOOR)


@pytest.mark.parametrize("source", OTHERS)
@pytest.mark.parametrize("name", ["from_team", "from_person"])
def test_nobody_but_a_professional_is_named_in_what_other_services_hear(source, name):
    found = refused(source=source, **{name: "aunt-of-wren"})
    assert (type(found), found.code, set(found.fields)) == (Invalid, "referrer-named", {name})


@pytest.mark.parametrize("source", PROFESSIONAL_SOURCES)
def test_a_professional_may_be_named_and_need_not_be(source):
    assert "from_team" not in received(source=source)
    assert received(source=source, from_team="police-colne")["from_team"] == "police-colne"


def test_without_a_source_it_is_of_a_professional_whose_team_is_needed_as_before():
    assert "feedback" not in received(from_team="hv-harwich")
    assert refused().code == "who-speaks"


@pytest.mark.parametrize(
    ("source", "feedback"),
    [
        *((source, "owed") for source in PROFESSIONAL_SOURCES),
        *((source, "limited") for source in OTHERS if source != "anonymous"),
        ("anonymous", "not_possible"),
    ],
)
def test_what_feedback_is_possible_follows_from_who_speaks_unless_it_is_said(source, feedback):
    assert received(source=source)["feedback"] == feedback
    assert received(source=source, feedback="not_possible")["feedback"] == "not_possible"


@pytest.mark.parametrize("feedback", ["owed", "limited"])
def test_nobody_tells_somebody_who_is_unknown(feedback):
    assert refused(source="anonymous", feedback=feedback).code == "nobody-to-tell"


def test_the_police_say_on_whose_word_they_speak():
    said = received(source="police", on_word_of="neighbour", about=["domestic_abuse"], people=[PERSON])
    assert (said["on_word_of"], said["about"], said["people"]) == ("neighbour", ["domestic_abuse"], [PERSON])


@pytest.mark.parametrize("role", ["police", "school"])
def test_police_and_schools_see_a_child_and_are_no_clinicians(role):
    actor = Actor("somebody", role, "their-team", ("essex",))
    stream = record("concern", "concern.raised.v1")
    assert refusal(stream, tell("concern", "child.seen.v1", clinician=True), actor).code == "no-clinician"
    stream.give(tell("concern", "child.seen.v1", clinician=False), actor)
    stream.give(tell("concern", "child.seen.v1", clinician=True), NURSE)


def test_alleged_harm_is_decided_by_somebody_who_judges_harm():
    stream = record("concern", "harm.alleged.v1")
    unfit = tell("concern", "harm.decided.v1", known={"assessor_roles": frozenset({"housing"})})
    assert refusal(stream, unfit).code == "another-clinician-needed"
    stream.give(tell("concern", "harm.decided.v1"), VISITOR)
    assert stream.state.status == "decided"


def test_a_search_in_vain_says_who_looked_and_where():
    stream = record("concern", "harm.alleged.v1")
    said = {"how": "search", "place": "relative", "reason": "not_there", "by": "pc-quill", "police_told": True}
    stream.give(tell("concern", "child.not_found.v1", **said), OFFICER)
    assert {name: stream.events[-1].data[name] for name in said} == said
