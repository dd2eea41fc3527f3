"""A step of a pack: how its content is compiled, and which events it reads. The content has been checked before."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import date
from typing import Any

from services.referrals_followup.domain.due_rules import compile_due, due_in_words, read_due
from services.referrals_followup.domain.follow_up import Owner
from services.referrals_followup.domain.predicates import (
    any_in_words,
    compile_matcher,
    compile_matchers,
    compile_predicates,
    read_matcher,
    read_matchers,
    read_predicates,
    read_value,
    value_of,
)
from services.referrals_followup.domain.sides import READS, find_asked_side
from services.referrals_followup.domain.standards import (
    ANY_CLAIM,
    ENDS,
    PEOPLE,
    Count,
    LadderRung,
    Reading,
    Step,
    Value,
)
from services.referrals_followup.domain.thread_history import PERSON, ThreadHistory, order_key
from shared.kernel.envelope import Event
from shared.kernel.time import Offset

ACTOR, ACTOR_TEAM = "actor", "actor_team"
# As an owner's role: the owner of the follow-up that a claim would lower.
OWNER_OF_IT = "owner_of_it"
# As an owner's role: the side that stands to lose by the claim that opened it.
ASKED_SIDE = "asked_side"
# As an owner's team: whichever team has the role in the area of the follow-up.
AREA = "area"


def compile_step(step_id: str, content: Mapping[str, Any]) -> Step:
    """The step that this content describes. Raises KeyError for content that has not been checked."""
    opening = content["opens_on"]
    counted = _compile_count(opening) if is_count(opening) else None
    is_claims = opening == ANY_CLAIM
    return Step(
        id=step_id,
        standard=step_id.partition(".")[0],
        thread=content["thread"],
        opens_on=() if counted or is_claims else compile_matchers(opening),
        counted=counted,
        for_each_open=content.get("for_each_open", False),
        opened_by_claims=is_claims,
        holds=Offset.parse(content["holds"]) if "holds" in content else None,
        met_by_acceptance=content.get("met_by_acceptance", False),
        guarded=content.get("guarded", False),
        due=compile_due(content["due"]),
        met_by=compile_matchers(content.get("met_by", [])),
        ended_by=compile_matchers(content.get("ended_by", [])),
        recurs=content.get("recurs", False),
        urgent_when=compile_predicates(content.get("urgent_when", [])),
        owner=_compile_owner(content["owner"]),
        receiver_role=_compile_value(content.get("receiver", {}).get("role")),
        receiver_team=_compile_value(content.get("receiver", {}).get("team")),
        ladder=tuple(_compile_rung(rung) for rung in content["ladder"]),
        fallback=content.get("fallback"),
        visible=compile_due(content["visible_from"]) if "visible_from" in content else None,
        applies_from=date.fromisoformat(content["applies_from"]),
        listed_after=Offset.parse(content["listed_after"]) if "listed_after" in content else None,
        told_after=Offset.parse(content["told_after"]) if "told_after" in content else None,
        after_loss=content.get("after_loss", ENDS),
        text={
            **{name: content[name] for name in ("title", "expects", "basis", "source", "confidence")},
            "due": due_in_words(content["due"]),
        },
        content=content,
    )


def read_step(content: Mapping[str, Any]) -> Iterator[Reading]:
    """Every type of event that the step looks at, and whose. The content of an area's override may be partial."""
    opening = content.get("opens_on", [])
    if opening == ANY_CLAIM:
        opening = []
    for matchers in (
        opening["of"] if is_count(opening) else opening,
        [*opening.get("reset_by", []), *opening.get("emptied_by", [])] if is_count(opening) else [],
        content.get("met_by", []),
        content.get("ended_by", []),
    ):
        yield from read_matchers(matchers)
    yield from read_predicates(content.get("urgent_when", []))
    for rule in ("due", "visible_from"):
        if rule in content:
            yield from read_due(content[rule])
    owner, receiver = content.get("owner", {}), content.get("receiver", {})
    for entry in owner.get("latest", []):
        yield from read_matcher(entry, PEOPLE)
    reads = READS if content.get("thread") == PERSON else READS[:1]
    for event_type in reads if owner.get("role") == ASKED_SIDE else ():
        yield from read_matcher(event_type, PEOPLE)
    for party in (owner, receiver):
        for part in ("role", "team", "person"):
            yield from read_value(party.get(part))


def opening_in_words(content: Any) -> str:
    """What opens a step: one of several events, or so many within so many days."""
    if content == ANY_CLAIM:
        return "an entry of somebody without standing that would close, delay or hand over an open follow-up"
    if not is_count(content):
        return any_in_words(content)
    events = any_in_words(content["of"])
    if content["count"] == 1:
        return f"the first of: {events}; again after it was met"
    several = [(content["count"], content["within_days"]), *content.get("or_count", ())]
    words = " or ".join(f"{n} within {days} days" for n, days in several) + f" of: {events}"
    for name, what in (("reset_by", "counted anew after"), ("emptied_by", "without what was read before")):
        words += f"; {what}: {any_in_words(content[name])}" if name in content else ""
    return words


def is_count(opening: Any) -> bool:
    """Whether a step opens on so many events within so many days, instead of on one event."""
    return isinstance(opening, Mapping) and "count" in opening


def _compile_count(content: Mapping[str, Any]) -> Count:
    return Count(
        ((content["count"], content["within_days"]), *((n, days) for n, days in content.get("or_count", ()))),
        compile_matchers(content["of"]),
        compile_matchers(content.get("reset_by", [])),
        content.get("once_per_record", False),
        compile_matchers(content.get("emptied_by", [])),
    )


def _compile_rung(content: Mapping[str, Any]) -> LadderRung:
    after = content.get("after")
    return LadderRung(
        name=content["name"],
        to=tuple(content["to"]),
        after=Offset.parse(after) if after else None,
        from_opening=content.get("from") == "opening",
        urgent=content.get("urgent", False),
        repeat=Offset.parse(content["repeat"]) if "repeat" in content else None,
    )


def _compile_owner(content: Mapping[str, Any]) -> Callable[[Event, ThreadHistory], Owner]:
    """The owner of a follow-up, given its opening.

    `latest` lists the events that name an owner: the last event that matches gives team and person together. With
    `at: opening` only events up to the opening count, so whoever took over later does not owe it. Nobody is handed
    anything by a claim: neither by a name nor by a link that is only claimed. The team that claims the opening owns
    nothing by its role.
    """
    if content["role"] == ASKED_SIDE:
        return find_asked_side
    is_fixed = content.get("at") == "opening"
    named = [(compile_matcher({**entry, "via": PEOPLE}), entry) for entry in content.get("latest", [])]
    types = [matcher.event for matcher, _ in named]

    def find_owner(opening: Event, history: ThreadHistory) -> Owner:
        role = opening.role if content["role"] == ACTOR else content["role"]
        for event in reversed(history.standing_of(*types)):
            for matcher, entry in named:
                if event.id in history.claims or history.is_joined_by_claim(event):
                    continue
                if is_fixed and order_key(event) > order_key(opening):
                    continue
                if event.type == matcher.event and matcher.holds(event, history):
                    return Owner(role, _part_of(event, entry["team"]), _part_of(event, entry["person"]))
        person = opening.actor if content.get("person") == ACTOR else value_of(content.get("person"), opening, history)
        team = opening.team if content.get("team") == ACTOR else value_of(content.get("team"), opening, history)
        is_claimed = opening.id in history.claims
        if team is None and role == opening.role and content.get("team") != AREA and not is_claimed:
            team = opening.team
        return Owner(role, team, person)

    return find_owner


def _part_of(event: Event, part: str) -> str | None:
    """A field of the event, or who recorded it: `actor`, or their team: `actor_team`."""
    recorder = {ACTOR: event.actor, ACTOR_TEAM: event.team}
    value = recorder[part] if part in recorder else event.data.get(part)
    return None if value is None else str(value)


def _compile_value(content: Any) -> Value:
    """A plain word stands for itself; anything else says where to read the value."""
    if isinstance(content, str):
        return lambda opening, history: content
    return lambda opening, history: value_of(content, opening, history)
