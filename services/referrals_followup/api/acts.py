"""People's acts on follow-ups, from request to recorded fact. The domain decides."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pymongo import ASCENDING
from pymongo.collection import Collection

from services.referrals_followup.api.presenter import present_entry
from services.referrals_followup.api.queries import FollowUpQueries
from services.referrals_followup.domain.directory import Directory
from services.referrals_followup.domain.follow_up import AGGREGATE, ASSIGNED, OPEN, Assign, FollowUp
from services.referrals_followup.ledger.completeness import Completeness
from services.referrals_followup.ledger.view_codec import follow_up_of
from services.referrals_followup.ledger.views import FollowUpViews
from shared.events.store import EventStore, Recorded
from shared.kernel.decisions import Invalid, Refused
from shared.kernel.ids import derived_id
from shared.kernel.time import london_date
from shared.runtime.clock import Clock
from shared.web.exchange import Answer, Request


def ensure_indexes(events: Collection[dict[str, Any]]) -> None:
    """Create the index by which a repeated reassignment finds what it did before. Safe to repeat."""
    events.create_index(
        [("event.correlationid", ASCENDING)],
        name="assignments_of_request",
        partialFilterExpression={"event.type": ASSIGNED},
    )


class FollowUpActs:
    """Records acts. A repeated request gets its first answer again."""

    def __init__(
        self,
        store: EventStore,
        views: FollowUpViews,
        queries: FollowUpQueries,
        directory: Directory,
        known: Completeness,
        clock: Clock,
    ) -> None:
        self._store = store
        self._views = views
        self._queries = queries
        self._directory = directory
        self._known = known
        self._clock = clock

    def record(self, request: Request, command_on: Callable[[FollowUp], Any]) -> Answer:
        """Record one act on the follow-up in the path. Raises UnknownStream when it is withheld from the actor."""
        follow_up = self._queries.find(request.actor, request.path["follow_up"]).follow_up
        recorded = self._execute(
            request,
            follow_up,
            command_on(follow_up),
            key=request.key,
            correlation_id=request.correlation_id,
            expected_version=request.expected_version,
        )
        body = {
            "id": follow_up.id,
            "reference": follow_up.reference,
            "version": recorded.version,
            "recorded": present_entry(recorded.event),
        }
        return Answer(201, body, version=recorded.version)

    def assign(self, request: Request) -> Answer:
        """Assign the follow-up to the person and team in the body.

        Raises Invalid for a person who is not in the directory, has left, or works in none of the follow-up's areas.
        """
        person, team = self._assignee(request, "person")
        return self.record(request, lambda follow_up: self._assignment(follow_up, person, team, "person"))

    def reassign(self, request: Request) -> Answer:
        """Assign all open follow-ups of one person, in the actor's areas, to another. A repeat does what is left."""
        person, team = self._assignee(request, "to_person")
        batch = derived_id("reassignment", request.actor.id, request.key)
        known = self._known.report()
        assigned, closed = [], []
        commands = [
            self._assignment(owned, person, team, "to_person") for owned in self._find_to_reassign(request, batch)
        ]
        for command in commands:
            follow_up = command.follow_up
            try:
                self._execute(request, follow_up, command, key=f"{request.key}\n{follow_up.id}", correlation_id=batch)
            except Refused:
                closed.append(follow_up.reference)
            else:
                assigned.append(follow_up.reference)
        body = {"assigned": sorted(assigned), "closed_meanwhile": sorted(closed), "evidence": known.evidence}
        return Answer(200, body)

    def _execute(
        self,
        request: Request,
        follow_up: FollowUp,
        command: Any,
        *,
        key: str,
        correlation_id: str,
        expected_version: int | None = None,
    ) -> Recorded[Any]:
        return self._store.execute(
            AGGREGATE,
            f"{AGGREGATE.kind}/{follow_up.id}",
            command,
            request.actor,
            key=key,
            body=request.raw_body,
            operation=request.operation,
            expected_version=expected_version,
            correlation_id=correlation_id,
            creates=True,
        )

    def _assignee(self, request: Request, field: str) -> tuple[str, str]:
        """The person in this field of the body and the team, which is the person's own when the body names none."""
        person, team = request.body[field], request.body.get("team")
        faults = {}
        member = self._directory.member(person)
        if member is None:
            faults[field] = ["is not in the directory"]
        elif member.left_on is not None and member.left_on <= london_date(self._clock.now()):
            faults[field] = ["has left"]
        if team is not None and self._directory.team(team) is None:
            faults["team"] = ["is not in the directory"]
        if member is None or faults:
            raise Invalid("unknown-assignee", "the assignee is not in the directory", fields=faults)
        return person, team or member.team

    def _assignment(self, follow_up: FollowUp, person: str, team: str, field: str) -> Assign:
        """Raises Invalid when person or team belongs to none of the follow-up's areas."""
        for name, its in ((field, self._directory.team_of(person)), ("team", self._directory.team(team))):
            if its and its.area not in follow_up.areas:
                message = f"{follow_up.reference} belongs to {' and '.join(follow_up.areas)}"
                fields = {name: [f"is not in {' or '.join(follow_up.areas)}"]}
                raise Invalid("assignee-elsewhere", message, fields=fields)
        return Assign(follow_up, person, team)

    def _find_to_reassign(self, request: Request, batch: str) -> list[FollowUp]:
        """Those that the person owns, and those that this very request assigned before it broke off."""
        assigned = self._store.collection.find(
            {"event.type": ASSIGNED, "event.correlationid": batch}, {"event.stream": 1}
        )
        done = [document["event"]["stream"].partition("/")[2] for document in assigned]
        owned = {
            "owner_person": request.body["from_person"],
            "state": OPEN,
            "areas": {"$in": list(request.actor.areas)},
        }
        documents = self._views.collection.find({"$or": [owned, {"_id": {"$in": done}}]}).sort("_id", ASCENDING)
        return [follow_up_of(document) for document in documents]
