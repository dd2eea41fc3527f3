"""What the HTTP API tells of follow-ups: lists and sums from the views, one follow-up from a fold of its own.

Guarantees: nobody is told of a follow-up outside their areas, nor of its content outside their disclosure class, not
even by its being found, counted or sorted by that; every answer says up to when its evidence is complete.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from services.referrals_followup.api.schemas import ANY, ORDERS, STATES
from services.referrals_followup.chasing.links import record_url
from services.referrals_followup.domain.digest_text import Links
from services.referrals_followup.domain.directory import Parties
from services.referrals_followup.domain.disclosure import UNDISCLOSED, as_shown_to, is_disclosed, types_seen_by
from services.referrals_followup.domain.follow_up import OPEN, Acts, FollowUp, Owner, Rung, owner_of, timed
from services.referrals_followup.domain.standards import LadderRung, Step
from services.referrals_followup.ledger.completeness import CompletenessReport
from services.referrals_followup.ledger.data_problems import DataProblems
from services.referrals_followup.ledger.views import NOT_IN_A_LINE, follow_up_of
from shared.events.errors import UnknownStream
from shared.kernel.decisions import Actor, Invalid, Refused
from shared.kernel.envelope import Event
from shared.kernel.history import require_area, require_one_of
from shared.kernel.ids import normal_reference
from shared.kernel.time import Offset, london_date
from shared.web.pages import decode_cursor, encode_cursor, parts_after

if TYPE_CHECKING:
    from services.referrals_followup.bootstrap import Dependencies


# What leaves few enough that any index will do.
_NARROWING = {"team", "owner", "step", "person", "inherited"}

# --- lists --------------------------------------------------------------------------------------------------------


def listed(dependencies: Dependencies, actor: Actor, query: Mapping[str, Any]) -> dict[str, Any]:
    """A page of follow-ups in the actor's areas; of what `asks_for_content`, those that are disclosed to them.

    Raises Forbidden for another area, Invalid for a foreign cursor.
    """
    now = dependencies.clock.now()
    wanted = _wanted(actor, query, now)
    known = dependencies.known.so_far()
    if "person" in query:
        wanted["person"] = {"$in": sorted(dependencies.evidence.ids_of(query["person"]))}
    index = _index_for(query)
    if asks_for_content(query):
        wanted = {"$and": [wanted, _disclosed_to(actor)]}
    documents: list[dict[str, Any]] = []
    last = last_shown(query) if "cursor" in query else None
    keys = ["_id" if name == "id" else name for name in order_of(query)]
    for rest, order in parts_after(last, keys, descending=query["sort"].startswith("-")):
        left = query["limit"] + 1 - len(documents)
        found = dependencies.views.collection.find({"$and": [wanted, rest]}, NOT_IN_A_LINE).sort(order).limit(left)
        # Left to itself, the store may sort all there is of a standard, or read every id behind the last one shown.
        documents += (found.hint(index) if index else found) if left else ()
    page = documents[: query["limit"]]
    following = None
    if len(documents) > len(page):
        following = encode_cursor(query["sort"], *(page[-1][key] for key in keys))
    pairs = [(follow_up_of(document), Acts(**document["acts"])) for document in page]
    items = [shown(dependencies, actor, follow_up, acts, now, known.problems) for follow_up, acts in pairs]
    return {"items": items, "next": following, "as_of": None, "evidence": known.told}


def summed(dependencies: Dependencies, actor: Actor, query: Mapping[str, Any]) -> dict[str, Any]:
    """Open follow-ups counted by standard, area and owning team, each with the oldest; those that are not disclosed to
    the actor stand under a standard of that name. Raises Forbidden."""
    wanted, disclosed, now = _scope(actor, query), _disclosed_to(actor), dependencies.clock.now()
    known = dependencies.known.so_far()
    asked: list[tuple[dict[str, Any], Any]] = [({"$and": [wanted, disclosed]}, "$standard")]
    if "standard" not in query:
        asked.append(({**wanted, "$nor": [disclosed]}, {"$literal": UNDISCLOSED}))
    return {"rows": dependencies.views.totals.rows(now, *asked), "evidence": known.told}


def asks_for_content(query: Mapping[str, Any]) -> bool:
    """Whether what is found, or where it stands, tells what a follow-up is about: its standard, step or person."""
    return not {"standard", "step", "person"}.isdisjoint(query) or query["sort"].endswith("standard")


def _disclosed_to(actor: Actor) -> dict[str, Any]:
    """What `is_disclosed` says of a follow-up, as a condition on its view."""
    withheld = {"type": {"$nin": types_seen_by(actor.role)}, "teams": {"$ne": actor.team}}
    none_withheld = {"matters.0": {"$exists": True}, "matters": {"$not": {"$elemMatch": withheld}}}
    return {"$or": [{"acts.given_team": actor.team}, none_withheld]}


def _scope(actor: Actor, query: Mapping[str, Any]) -> dict[str, Any]:
    """What list and summary can be narrowed to, within the actor's areas. Raises Forbidden."""
    if "area" in query:
        require_area(actor, query["area"])
    wanted: dict[str, Any] = {"areas": query.get("area", {"$in": list(actor.areas)})}
    names = (("team", "owner_team"), ("standard", "standard"))
    return wanted | {field: query[name] for name, field in names if name in query}


def _wanted(actor: Actor, query: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    wanted = _scope(actor, query)
    # Any is each of them by name: the store then merges their parts of an index, each in order, and sorts nothing.
    wanted["state"] = {"$in": list(STATES)} if query["state"] == ANY else query["state"]
    names = (("owner", "owner_person"), ("step", "step"), ("inherited", "inherited"))
    wanted.update({field: query[name] for name, field in names if name in query})
    if "overdue_by_days" in query:
        wanted["due_at"] = {"$lte": now - timedelta(days=query["overdue_by_days"])}
    return wanted


def _index_for(query: Mapping[str, Any]) -> str | None:
    """The index that has a page of this list in its order; None where the store is to choose."""
    field = query["sort"].removeprefix("-")
    if not _NARROWING.isdisjoint(query) or ("overdue_by_days" in query and field != "due_at"):
        return None
    of = "area_standard" if "standard" in {field, *query} else "area"
    return f"{of}_opened" if field == "opened_at" else f"{of}_due"


def order_of(query: Mapping[str, Any]) -> tuple[str, ...]:
    """The fields of a follow-up by which the list is in order, at last its id."""
    return (*ORDERS[query["sort"].removeprefix("-")], "id")


def last_shown(query: Mapping[str, Any]) -> tuple[Any, ...]:
    """What the last row of the page before has in each field of the order.

    Raises Invalid for the cursor of another list."""
    kinds = [datetime if name.endswith("_at") else str for name in order_of(query)]
    of_sort, *last = decode_cursor(query["cursor"], (str, *kinds))
    if of_sort != query["sort"]:
        message = f"belongs to a list sorted by {of_sort}; begin again without it"
        raise Invalid("bad-cursor", "the cursor is not one of this list", fields={"cursor": [message]})
    return tuple(last)


# --- one follow-up ------------------------------------------------------------------------------------------------


def found(dependencies: Dependencies, actor: Actor, said: str) -> tuple[FollowUp, Acts, list[Event]]:
    """The follow-up with this id or reference, as it is now, with the acts on it and the events of its own stream.

    Raises UnknownStream; Forbidden outside the actor's areas, Refused when two share a reference.
    """
    follow_up_id = _id_of(dependencies, actor, said)
    own = dependencies.store.load(f"follow-up/{follow_up_id}")
    # Without a view, as in a rebuild, its own events name its thread.
    thread = dependencies.views.thread_of(follow_up_id) or (own[0].data["thread"] if own else None)
    current = dependencies.views.current(follow_up_id, thread, own) if thread else None
    if current is None:
        raise UnknownStream("there is no such follow-up")
    follow_up, acts = current
    require_one_of(actor, follow_up.areas)
    return follow_up, acts, own


def _id_of(dependencies: Dependencies, actor: Actor, said: str) -> str:
    try:
        reference = normal_reference(said)
    except ValueError:
        return said
    matching = list(dependencies.views.collection.find({"reference": reference}, {"areas": 1}))
    own = [document for document in matching if set(document["areas"]) & set(actor.areas)] or matching
    if len(own) > 1:
        raise Refused("ambiguous-reference", f"several follow-ups share {reference}; ask for one by its id")
    return own[0]["_id"] if own else reference


def detailed(
    dependencies: Dependencies,
    actor: Actor,
    follow_up: FollowUp,
    acts: Acts,
    own: Sequence[Event],
    known: CompletenessReport,
    as_of: datetime | None = None,
) -> dict[str, Any]:
    """Everything about one follow-up that the actor may see: why it is due, its ladder, and its history. `known` is
    what was said of that before it was looked up.

    With `as_of` (UTC) everything else is of that instant too.
    """
    now = as_of or dependencies.clock.now()
    owner = owner_of(follow_up, acts)
    disclosed = is_disclosed(follow_up, acts, actor.role, actor.team)
    notes = dependencies.store.private_of(f"follow-up/{follow_up.id}") if disclosed else {}
    return {
        **shown(dependencies, actor, follow_up, acts, now, known.problems),
        "version": len(own),
        "why": _why(follow_up) if disclosed else {},
        "fallback": follow_up.fallback if disclosed else None,
        "ladder": [_rung(dependencies, follow_up, owner, acts, rung, now) for rung in timed(follow_up, acts)]
        if disclosed
        else [],
        "history": _history(dependencies, follow_up, own, notes, disclosed),
        "closed_at": follow_up.closed_at,
        "closed_actor": follow_up.closed_actor,
        "closed_reason": follow_up.closed_reason if disclosed else None,
        "as_of": as_of,
        "evidence": known.told,
    }


_OF_FOLLOW_UP = (
    *("id", "reference", "standard", "step", "title", "expects", "state", "area", "person", "thread"),
    *("opened_at", "visible_from", "due_at", "inherited", "gap", "basis", "source"),
)
_OF_ACTS = ("chases", "last_chased_at", "acknowledged_by", "accepted_by", "refused_by")
_of_follow_up, _of_acts = attrgetter(*_OF_FOLLOW_UP), attrgetter(*_OF_ACTS)


def shown(
    dependencies: Dependencies, actor: Actor, follow_up: FollowUp, acts: Acts, now: datetime, problems: DataProblems
) -> dict[str, Any]:
    """One follow-up as a line of a list, as the actor may see it; `now` (UTC) is when it is looked at."""
    owner = owner_of(follow_up, acts)
    visible = as_shown_to(follow_up, acts, actor.role, actor.team)
    is_overdue = follow_up.state == OPEN and follow_up.due_at <= now
    return {
        **dict(zip(_OF_FOLLOW_UP, _of_follow_up(visible), strict=True)),
        "disclosed": visible is follow_up,
        "data_problem": problems.bear_on(follow_up),
        "owner": _as_known(dependencies, owner),
        "overdue_by_days": (london_date(now) - london_date(follow_up.due_at)).days if is_overdue else 0,
        **dict(zip(_OF_ACTS, _of_acts(acts), strict=True)),
        "links": {
            "follow_up": Links(dependencies.config.public_url).follow_up(follow_up.reference),
            "record": record_url(dependencies.config, visible.thread),
        },
    }


def _why(follow_up: FollowUp) -> dict[str, Any]:
    names = ("opened_by", "opened_type", "opened_actor", "opened_team", "receiver_team", "confidence", "rules")
    return {**follow_up.why, **{name: getattr(follow_up, name) for name in names}}


def _as_known(dependencies: Dependencies, owner: Owner) -> dict[str, Any]:
    """The owner with the role that the directory has them in: whoever was given it may have another than was asked."""
    member = dependencies.directory.member(owner.person)
    return {"role": member.role if member else owner.role, "team": owner.team, "person": owner.person}


def _rung(
    dependencies: Dependencies, follow_up: FollowUp, owner: Owner, acts: Acts, rung: Rung, now: datetime
) -> dict[str, Any]:
    chased_at = acts.chased.get(rung.name)
    ask = partial(dependencies.directory.resolve, parties=Parties.of(follow_up, owner), on=london_date(now))
    return {
        "name": rung.name,
        "at": rung.at,
        "to": list(rung.to),
        "tells": [recipient for to in rung.to for recipient in ask(to)],
        "urgent": rung.urgent,
        "alarm": rung.alarm,
        "repeats_every": _words(rung.repeat),
        "chased_at": chased_at if chased_at is not None and chased_at >= rung.at else None,
    }


def _history(
    dependencies: Dependencies, follow_up: FollowUp, own: Sequence[Event], notes: Mapping[str, Any], disclosed: bool
) -> list[dict[str, Any]]:
    """What opened it, the acts on it and what closed it. Undisclosed, only the acts, without what was said."""
    history = [entry_of(event, notes.get(event.id, {}), disclosed) for event in own]
    if not disclosed:
        return history
    own_ids = {event.id for event in own}
    thread, matters = follow_up.thread, dependencies.rules.history().relevant
    scene = {item.event.id: item.event for item in dependencies.evidence.scenes([thread], matters)[thread]}
    opening, closing = (
        [entry_of(scene[event_id])] if event_id in scene and event_id not in own_ids else []
        for event_id in (follow_up.opened_by, follow_up.closed_by)
    )
    return [*opening, *history, *closing]


def entry_of(event: Event, private: Mapping[str, Any] | None = None, disclosed: bool = True) -> dict[str, Any]:
    """One line of a history."""
    entry: dict[str, Any] = {
        "event_id": event.id,
        "type": event.type,
        "at": event.occurred_at,
        "recorded_at": event.recorded_at,
        "actor": event.actor,
        "role": event.role,
    }
    if event.stream.startswith("follow-up/"):
        names = ("recipients", "person", "team", *(("reason_code",) if disclosed else ()))
        entry.update({name: event.data[name] for name in names if name in event.data})
        if "rungs" in event.data:
            entry["rungs"] = [rung["name"] for rung in event.data["rungs"]]
    if private and "note" in private:
        entry["note"] = private["note"]
    return entry


# --- standards ----------------------------------------------------------------------------------------------------


def standards(dependencies: Dependencies, actor: Actor, query: Mapping[str, Any]) -> dict[str, Any]:
    """The steps in force in an area at an instant; now, when none is given."""
    area = query["area"] if "area" in query else _only_area(actor)
    at = query.get("at") or dependencies.clock.now()
    ruleset = dependencies.rules.history().in_force(area, at)
    return {
        "area": area,
        "at": at,
        "in_force_since": ruleset.since if ruleset else None,
        "versions": ruleset.versions if ruleset else {},
        "standards": [_step(ruleset.steps[step_id]) for step_id in sorted(ruleset.steps)] if ruleset else [],
    }


def _only_area(actor: Actor) -> str:
    if len(actor.areas) == 1:
        return actor.areas[0]
    choice = [f"one of: {', '.join(actor.areas)}"]
    raise Invalid("area-needed", "say whose standards are meant", fields={"area": choice})


def _step(step: Step) -> dict[str, Any]:
    return {
        **step.text,
        "step": step.id,
        "standard": step.standard,
        "thread": step.thread,
        "recurs": step.recurs,
        "ladder": [_standard_rung(rung) for rung in step.ladder],
        "fallback": step.fallback,
        "applies_from": step.applies_from,
    }


def _standard_rung(rung: LadderRung) -> dict[str, Any]:
    start = "opening" if rung.from_opening else "due date"
    if rung.after is None:
        when = f"at the {start}"
    else:
        words = _words(rung.after) or ""
        when = f"{words} the {start}" if rung.after.negated else f"{words} after the {start}"
    return {
        "name": rung.name,
        "when": when,
        "to": list(rung.to),
        "urgent": rung.urgent,
        "repeats_every": _words(rung.repeat),
    }


def _words(offset: Offset | None) -> str | None:
    return offset.text() if offset else None
