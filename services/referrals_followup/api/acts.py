"""People's acts on follow-ups, from request to recorded fact. The domain decides; this finds what it decides about."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pymongo import ASCENDING
from pymongo.collection import Collection

from services.referrals_followup.api.queries import entry_of, found
from services.referrals_followup.domain.disclosure import as_shown_to, is_disclosed
from services.referrals_followup.domain.follow_up import AGGREGATE, ASSIGNED, OPEN, Assign, FollowUp
from services.referrals_followup.ledger.views import follow_up_of
from shared.kernel.decisions import Forbidden, Invalid, Refused
from shared.kernel.ids import derived_id
from shared.kernel.time import london_date
from shared.web.exchange import Answer, Request

if TYPE_CHECKING:
    from services.referrals_followup.bootstrap import Dependencies


def ensure_indexes(events: Collection[dict[str, Any]]) -> None:
    """Create the index by which a repeated reassignment finds what it did before; safe to repeat."""
    events.create_index(
        [("event.correlationid", ASCENDING)],
        name="assignments_of_request",
        partialFilterExpression={"event.type": ASSIGNED},
    )


def act(dependencies: Dependencies, request: Request, command_on: Callable[[FollowUp], Any]) -> Answer:
    """Record one act on the follow-up that the path names. A repeated request gets the first answer again."""
    follow_up, done, _ = found(dependencies, request.actor, request.path["follow_up"])
    if not is_disclosed(follow_up, done, request.actor.role, request.actor.team):
        whom = as_shown_to(follow_up, done, request.actor.role, request.actor.team).title
        raise Forbidden("not-disclosed", f"your role does not see what this is about; {whom}")
    recorded = dependencies.store.execute(
        AGGREGATE,
        f"{AGGREGATE.kind}/{follow_up.id}",
        command_on(follow_up),
        request.actor,
        key=request.key,
        body=request.raw_body,
        operation=request.operation,
        expected_version=request.expected_version,
        correlation_id=request.correlation_id,
        creates=True,
    )
    body = {
        "id": follow_up.id,
        "reference": follow_up.reference,
        "version": recorded.version,
        "recorded": entry_of(recorded.event),
    }
    return Answer(201, body, version=recorded.version)


def assignment(dependencies: Dependencies, request: Request) -> Callable[[FollowUp], Assign]:
    """The assignment that the body asks for.

    Raises Invalid for somebody who is not in the directory, has left, or works in none of the follow-up's areas.
    """
    person, team = assignee(dependencies, request.body["person"], request.body.get("team"), "person")
    return lambda follow_up: _assign(dependencies, follow_up, person, team, "person")


def _assign(dependencies: Dependencies, follow_up: FollowUp, person: str, team: str, field: str) -> Assign:
    """Raises Invalid when person or team belongs to none of the follow-up's areas."""
    for name, its in ((field, dependencies.directory.team_of(person)), ("team", dependencies.directory.team(team))):
        if its and its.area not in follow_up.areas:
            message = f"{follow_up.reference} belongs to {' and '.join(follow_up.areas)}"
            fields = {name: [f"is not in {' or '.join(follow_up.areas)}"]}
            raise Invalid("assignee-elsewhere", message, fields=fields)
    return Assign(follow_up, person, team)


def assignee(dependencies: Dependencies, person: str, team: str | None, field: str) -> tuple[str, str]:
    """Person and team, as the directory knows them; the team is the person's own when none is said."""
    faults = {}
    member = dependencies.directory.member(person)
    if member is None:
        faults[field] = ["is not in the directory"]
    elif member.left_on is not None and member.left_on <= london_date(dependencies.clock.now()):
        faults[field] = ["has left"]
    if team is not None and dependencies.directory.team(team) is None:
        faults["team"] = ["is not in the directory"]
    if member is None or faults:
        raise Invalid("unknown-assignee", "the assignee is not in the directory", fields=faults)
    return person, team or member.team


def reassign(dependencies: Dependencies, request: Request) -> Answer:
    """Give all open follow-ups of one person, in the actor's areas, to another. Repeated, it does what is left."""
    person, team = assignee(dependencies, request.body["to_person"], request.body.get("team"), "to_person")
    batch = derived_id("reassignment", request.actor.id, request.key)
    known = dependencies.known.so_far()
    assigned, closed = [], []
    commands = [
        _assign(dependencies, owned, person, team, "to_person") for owned in _to_reassign(dependencies, request, batch)
    ]
    for command in commands:
        follow_up = command.follow_up
        try:
            dependencies.store.execute(
                AGGREGATE,
                f"{AGGREGATE.kind}/{follow_up.id}",
                command,
                request.actor,
                key=f"{request.key}\n{follow_up.id}",
                body=request.raw_body,
                operation=request.operation,
                correlation_id=batch,
                creates=True,
            )
        except Refused:
            closed.append(follow_up.reference)
        else:
            assigned.append(follow_up.reference)
    body = {"assigned": sorted(assigned), "closed_meanwhile": sorted(closed), "evidence": known.told}
    return Answer(200, body)


def _to_reassign(dependencies: Dependencies, request: Request, batch: str) -> list[FollowUp]:
    """Those that the person owns now, and those that this very request has assigned before it broke off."""
    before = dependencies.store.collection.find(
        {"event.type": ASSIGNED, "event.correlationid": batch}, {"event.stream": 1}
    )
    done = [document["event"]["stream"].partition("/")[2] for document in before]
    owned = {"owner_person": request.body["from_person"], "state": OPEN, "areas": {"$in": list(request.actor.areas)}}
    found_in = dependencies.views.collection.find({"$or": [owned, {"_id": {"$in": done}}]}).sort("_id", ASCENDING)
    return [follow_up_of(document) for document in found_in]
