"""What would meet a follow-up: the requests by which a reader can record it, in the service that records it. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from services.referrals_followup.domain.follow_up import FollowUp
from services.referrals_followup.domain.links import Links
from services.referrals_followup.domain.standards import OWN, Step
from services.referrals_followup.domain.wording import event_in_words
from shared.contracts.access import may
from shared.contracts.acts import ACTS, BEGINS
from shared.kernel.envelope import Event


class Meeting(NamedTuple):
    """A POST that records an event which meets the follow-up."""

    title: str
    address: str


def find_meeting(
    follow_up: FollowUp, step: Step | None, opening: Event | None, role: str, links: Links
) -> list[Meeting]:
    """The requests that this role may make, each address once. `opening` is the event that opened the follow-up."""
    found = _list_meeting(follow_up, step, opening, role, links) if step else ()
    return list({one.address: one for one in found}.values())


def _list_meeting(follow_up: FollowUp, step: Step, opening: Event | None, role: str, links: Links) -> Iterator[Meeting]:
    streams = [follow_up.thread]
    streams += [opening.stream] if opening else []
    streams += [f"person/{follow_up.person}"] if follow_up.person else []
    for matcher in step.met_by:
        title = event_in_words(matcher.event).capitalize()
        for stream in streams:
            act = ACTS.get((stream.partition("/")[0], matcher.event))
            address = links.act(stream, act.verb) if act and may(role, act.command) else None
            if address:
                yield Meeting(title, address)
                break
        else:
            kind, command = BEGINS.get(matcher.event, ("", ""))
            records = links.records(kind) if matcher.via != OWN else None
            if records and may(role, command):
                yield Meeting(title, records)
