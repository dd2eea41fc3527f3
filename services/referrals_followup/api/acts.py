"""People's acts on follow-ups, from request to recorded fact. The domain decides."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

from pymongo import ASCENDING
from pymongo.collection import Collection

from services.referrals_followup.api.filters import disclosed_to, shown_to
from services.referrals_followup.api.presenter import present_entry
from services.referrals_followup.api.queries import FollowUpQueries, Opened
from services.referrals_followup.api.recording import execute_for
from services.referrals_followup.domain.assignees import require_assignee
from services.referrals_followup.domain.directory import Directory, Member
from services.referrals_followup.domain.follow_up import (
    AGGREGATE,
    ALREADY_CLOSED,
    ASSIGNED,
    NOT_ABOVE,
    OPEN,
    Accept,
    Acknowledge,
    Acts,
    Assign,
    End,
    FollowUp,
    GiveBack,
    Line,
    Note,
    Refuse,
    Reopen,
    acts_of,
    decide,
)
from services.referrals_followup.domain.links import Links
from services.referrals_followup.domain.meeting import Meeting, find_meeting
from services.referrals_followup.domain.rules_history import RulesHistory
from services.referrals_followup.ledger.completeness import Completeness
from services.referrals_followup.ledger.view_codec import follow_up_of
from services.referrals_followup.ledger.views import FollowUpViews
from services.referrals_followup.standards.rules import Rules
from shared.contracts.words import REVIEWED_REASON
from shared.events.documents import event_of
from shared.events.errors import UnknownStream
from shared.events.store import EventStore, Recorded
from shared.kernel.decisions import Actor, Context, Forbidden, Invalid, Refused
from shared.kernel.envelope import Event
from shared.kernel.ids import derived_id
from shared.kernel.nearest import say_nearest
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
        rules: Rules,
        directory: Directory,
        known: Completeness,
        links: Links,
        clock: Clock,
    ) -> None:
        self._links = links
        self._store = store
        self._views = views
        self._queries = queries
        self._rules = rules
        self._directory = directory
        self._known = known
        self._clock = clock

    def record(self, request: Request, command_on: Callable[[FollowUp], Any]) -> Answer:
        """Record one act on the follow-up in the path. Raises UnknownStream when it is withheld from the actor."""
        follow_up = self._queries.find(request.actor, request.path["follow_up"]).follow_up
        recorded = self._execute(request, command_on(follow_up))
        body = {
            "id": follow_up.id,
            "reference": follow_up.reference,
            "version": recorded.version,
            "recorded": present_entry(recorded.event),
        }
        return Answer(201, body, version=recorded.version)

    def end(self, request: Request) -> Answer:
        """End the follow-up in the path. Raises Forbidden unless the actor is above its owner or leads in its area."""
        reason, note = request.body["reason_code"], request.body.get("note")
        return self.record(request, lambda follow_up: End(follow_up, reason, note, self._line_of(follow_up)))

    def reopen(self, request: Request) -> Answer:
        """Give the ended follow-up in the path back. Raises Forbidden unless the actor owns it or might end it."""
        note = request.body.get("note")
        return self.record(request, lambda follow_up: Reopen(follow_up, note, self._line_of(follow_up)))

    def accept(self, request: Request) -> Answer:
        """The actor takes the follow-up in the path on. Raises Forbidden for somebody whose it cannot be."""
        return self.record(request, lambda follow_up: Accept(follow_up, self._line_of(follow_up)))

    def refuse(self, request: Request) -> Answer:
        """The actor hands the follow-up in the path back. Raises Forbidden as `accept` does."""
        reason, note = request.body["reason_code"], request.body.get("note")
        return self.record(request, lambda follow_up: Refuse(follow_up, reason, note, self._line_of(follow_up)))

    def assign(self, request: Request) -> Answer:
        """Assign the follow-up to the person and team in the body.

        Raises Forbidden unless the actor owns it or is above its owner, and Invalid for a person who is not in the
        directory or not at work, works in none of the follow-up's areas, or may not see or not do what it asks for.
        """
        member, team = self._assignee(request, "person")
        rules = self._rules.history()
        return self.record(request, lambda follow_up: self._assignment(rules, follow_up, member, team, "person"))

    def reassign(self, request: Request) -> Answer:
        """Assign all open follow-ups of one person, in the actor's areas, to another. A repeat does what is left.

        Those that cannot be given to that person, or not by the actor, are named with the reason, and the others are
        assigned. With `preview`, nothing is recorded. Raises UnknownStream for a person who is not in the directory and
        owns nothing.
        """
        member, team = self._assignee(request, "to_person")
        batch = derived_id("reassignment", request.actor.id, request.key)
        known = self._known.report()
        found = self._find_to_reassign(request, batch)
        if not found and self._directory.member(request.body["from_person"]) is None:
            unknown = _unknown(request.body["from_person"], self._directory.people)
            raise UnknownStream(f"`from_person` {unknown}; no follow-up is theirs")
        rules = self._rules.history()
        commands = [self._assignment(rules, owned, member, team, "to_person") for owned in found]
        done = self._record_each(request, commands, batch, is_preview=request.body["preview"])
        return Answer(
            200, {"id": batch, "assigned": sorted(done.recorded), **done.others(), "evidence": known.evidence}
        )

    def undo(self, request: Request) -> Answer:
        """Give back what a reassignment gave, as far as nobody has given it away or taken it on since.

        Raises UnknownStream for an id that is no reassignment in the actor's areas.
        """
        batch = request.path["reassignment"]
        known = self._known.report()
        given = self._find_assigned(batch)
        views = self._views.collection.find({"_id": {"$in": list(given)}, "areas": {"$in": list(request.actor.areas)}})
        follow_ups = [follow_up_of(document) for document in views.sort("_id", ASCENDING)]
        if not follow_ups:
            raise UnknownStream("there is no such reassignment")
        commands = [self._giving_back(follow_up, given[follow_up.id]) for follow_up in follow_ups]
        undoing = derived_id("undone", batch, request.actor.id, request.key)
        done = self._record_each(request, commands, undoing)
        return Answer(200, {"given_back": sorted(done.recorded), **done.others(), "evidence": known.evidence})

    def list_possible(self, actor: Actor, found: Opened) -> list[str]:
        """The acts that this actor could record on the follow-up now, each by the last part of its route."""
        follow_up, line = found.follow_up, self._line_of(found.follow_up)
        commands = {
            "acknowledged": Acknowledge(follow_up),
            "noted": Note(follow_up, ""),
            "assigned": Assign(follow_up, actor.id, actor.team, line),
            "accepted": Accept(follow_up, line),
            "refused": Refuse(follow_up, REVIEWED_REASON, None, line),
            "ended": End(follow_up, REVIEWED_REASON, None, line),
            "reopened": Reopen(follow_up, None, line),
        }
        context = Context(self._clock.now(), actor, f"{AGGREGATE.kind}/{follow_up.id}")
        return [name for name, command in commands.items() if _is_possible(found.acts, command, context)]

    def find_meeting(self, actor: Actor, found: Opened) -> list[Meeting]:
        """The requests by which this actor could record what meets the follow-up. None once it is closed."""
        follow_up = found.follow_up
        if follow_up.state != OPEN or found.acts.ended:
            return []
        newest = self._rules.history().newest(follow_up.area)
        step = newest.steps.get(follow_up.step) if newest else None
        return find_meeting(follow_up, step, found.opening, actor.role, self._links)

    def _record_each(self, request: Request, commands: Iterable[Any], batch: str, *, is_preview: bool = False) -> _Done:
        """Record these commands, or with `is_preview` only decide them. What is refused holds up nothing else."""
        done = _Done([], [], [])
        for command in commands:
            follow_up = command.follow_up
            try:
                if is_preview:
                    stream, now = f"{AGGREGATE.kind}/{follow_up.id}", self._clock.now()
                    decide(acts_of(self._store.load(stream)), command, Context(now, request.actor, stream))
                else:
                    key = f"{request.key}\n{follow_up.id}"
                    self._execute(replace(request, key=key, correlation_id=batch, expected_version=None), command)
            except Refused as refusal:
                error = self._hide_whereabouts(refusal, follow_up, request.actor)
                if error.code == ALREADY_CLOSED:
                    done.closed.append(follow_up.reference)
                else:
                    reason = {"reference": follow_up.reference, "code": error.code, "reason": error.message}
                    done.refused.append(reason)
            else:
                done.recorded.append(follow_up.reference)
        return done

    def _line_of(self, follow_up: FollowUp) -> Line:
        return self._directory.line_of(follow_up, london_date(self._clock.now()))

    def _execute(self, request: Request, command: Any) -> Recorded[Any]:
        follow_up: FollowUp = command.follow_up
        try:
            return execute_for(request, self._store, AGGREGATE, f"{AGGREGATE.kind}/{follow_up.id}", command)
        except Refused as error:
            raise self._hide_whereabouts(error, follow_up, request.actor) from None

    def _hide_whereabouts(self, error: Refused, follow_up: FollowUp, actor: Actor) -> Refused:
        """The refusal, without the people whom it names if it is hidden from the actor where the person is."""
        if error.code != NOT_ABOVE or not self._queries.find_hidden(actor).covers(follow_up.person, follow_up.thread):
            return error
        return Forbidden(NOT_ABOVE, f"{follow_up.reference} is for those above its owner: contact a safeguarding lead")

    def _assignee(self, request: Request, field: str) -> tuple[Member, str]:
        """The person in this field of the body and the team, which is the person's own when the body names none."""
        person, team = request.body[field], request.body.get("team")
        faults = {}
        member = self._directory.member(person)
        if member is None:
            faults[field] = [_unknown(person, self._directory.people)]
        elif away := member.why_away(london_date(self._clock.now())):
            faults[field] = [away]
        if team is not None and self._directory.team(team) is None:
            faults["team"] = [_unknown(team, self._directory.teams)]
        elif team is not None and member is not None and not member.works_in(team):
            faults["team"] = [f"is not a team of {member.id}"]
        if member is None or faults:
            raise Invalid("unknown-assignee", "the assignee is not at work in this team", fields=faults)
        return member, team or member.team

    def _assignment(self, rules: RulesHistory, follow_up: FollowUp, member: Member, team: str, field: str) -> Assign:
        newest = rules.newest(follow_up.area)
        step, line = newest.steps.get(follow_up.step) if newest else None, self._line_of(follow_up)

        def require(acts: Acts) -> None:
            require_assignee(self._directory, member, field, follow_up, acts, step, line)

        return Assign(follow_up, member.id, team, line, require)

    def _giving_back(self, follow_up: FollowUp, given: Event) -> GiveBack:
        before = [event for event in self._store.load(given.stream) if event.version < given.version]
        return GiveBack(follow_up, given, acts_of(before), self._line_of(follow_up))

    def _find_to_reassign(self, request: Request, batch: str) -> list[FollowUp]:
        """Those that the person owns, and those that this very request assigned before it broke off."""
        owned = {
            "owner_person": request.body["from_person"],
            "state": OPEN,
            "areas": {"$in": list(request.actor.areas)},
            "$and": [disclosed_to(request.actor), *self._shown_to(request)],
        }
        done = {"_id": {"$in": list(self._find_assigned(batch))}}
        documents = self._views.collection.find({"$or": [owned, done]}).sort("_id", ASCENDING)
        return [follow_up_of(document) for document in documents]

    def _shown_to(self, request: Request) -> list[dict[str, Any]]:
        hidden = self._queries.find_hidden(request.actor)
        return shown_to(request.actor, {"owner": request.body["from_person"]}, hidden)

    def _find_assigned(self, batch: str) -> dict[str, Event]:
        """What this reassignment has assigned, by the id of the follow-up."""
        found = self._store.collection.find({"event.type": ASSIGNED, "event.correlationid": batch}, {"event": 1})
        return {event.data["follow_up_id"]: event for event in map(event_of, found)}


def _is_possible(acts: Acts, command: Any, context: Context) -> bool:
    try:
        decide(acts, command, context)
    except Refused:
        return False
    return True


@dataclass(frozen=True, slots=True)
class _Done:
    """What came of the commands of one request: the references, and the reasons of those that were refused."""

    recorded: list[str]
    refused: list[dict[str, str]]
    closed: list[str]

    def others(self) -> dict[str, Any]:
        refused = sorted(self.refused, key=lambda one: one["reference"])
        return {"refused": refused, "closed_meanwhile": sorted(self.closed)}


def _unknown(name: str, known: Iterable[str]) -> str:
    return f"is not in the directory{say_nearest(name, known)}"
