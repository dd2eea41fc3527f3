"""The reaction of `perinatal` to events of `leaving_care`: a parent is a care leaver.

This fact opens a question, and never an assessment. It is recorded once for each pregnancy and parent, even if the
parent has several ids.
"""

from __future__ import annotations

from collections.abc import Iterable

from services.perinatal.domain import pregnancy
from shared.kernel.envelope import Event
from shared.recording.reaction_rules import (
    LINKED,
    NAME_A_PARENT,
    UNLINKED,
    Reaction,
    ReactionRules,
    StandingEvents,
    find_parents,
)

REGISTERED, ADVISER_ASSIGNED = "care_leaver.registered.v1", "adviser.assigned.v1"
LEARNT = "pregnancy.care_leaver_learnt.v1"


def find_care_leavers(events: Iterable[Event]) -> list[Reaction]:
    """The reactions that should be recorded for the pregnancies among these events.

    `contact_team` is the team of the adviser assigned last, if one is known. If the adviser changes later, the recorded
    reaction stays the same.
    """
    known = StandingEvents(events)
    registered: dict[str, Event] = {}
    for event in known.of(REGISTERED):
        registered.setdefault(known.person(event.data["person_id"]), event)
    teams = {known.person(event.data["person_id"]): event.data["team"] for event in known.of(ADVISER_ASSIGNED)}
    learnt: dict[tuple[str, str], Reaction] = {}
    for event, parent_id in find_parents(known):
        person = known.person(parent_id)
        if person in registered:
            data = {"parent_id": parent_id, **({"contact_team": teams[person]} if person in teams else {})}
            reaction = Reaction(event.stream, LEARNT, data, registered[person].id, "parent_id", known.ids(parent_id))
            learnt.setdefault((event.stream, person), reaction)
    return list(learnt.values())


REACTIONS = ReactionRules(
    pregnancy.AGGREGATE,
    hears=NAME_A_PARENT | {REGISTERED, ADVISER_ASSIGNED, LINKED, UNLINKED},
    records=frozenset({LEARNT}),
    rule=find_care_leavers,
)
