"""The routes that list, show, replay and discard a service's parked messages.

Guarantee: no part of a body, no person and no text of a sender is shown. Of an envelope, only values in the form of an
id or a code are shown. So the role alone decides, by the access table. Area and disclosure class do not matter.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from marshmallow import Schema, fields

from shared.contracts.fields import Choice
from shared.events.pages import decode_cursor, encode_cursor
from shared.messaging.parked import PARKED, STATES, Act, Parked
from shared.messaging.parked_summary import describe, summarise
from shared.web.endpoint import endpoint
from shared.web.exchange import Answer, Request
from shared.web.fields import Body, FreeText, Instant
from shared.web.pages import PageQuery

URL = "/v1/parked"
ONE = f"{URL}/<parked_id>"
ANY = "any"
ACT_ERRORS = (404, 409)


class ParkedQuery(Body, PageQuery):
    state = Choice(*STATES, ANY, load_default=PARKED)


class DiscardedBody(Body):
    """`reason` is free text; it never leaves this service."""

    reason = FreeText(500, required=True)


class ParkedAnswer(Schema):
    """A parked message. `retry_at`: when it is heard again, null when a person decides. `event_id`, `event_type` and
    `source` are what its body says it is, null where that cannot be read."""

    id = fields.String(required=True)
    queue = fields.String(required=True)
    state = fields.String(required=True)
    reason = fields.String(required=True)
    parked_at = Instant(required=True)
    retry_at = Instant(required=True, allow_none=True)
    failures = fields.Integer(required=True, metadata={"description": "how often it was tried again in vain"})
    event_id = fields.String(required=True, allow_none=True)
    event_type = fields.String(required=True, allow_none=True)
    source = fields.String(required=True, allow_none=True)
    names_people = fields.Integer(required=True, metadata={"description": "how many people its body names"})


class ParkedList(Schema):
    items = fields.List(fields.Nested(ParkedAnswer), required=True)
    next = fields.String(required=True, allow_none=True, metadata={"description": "the `cursor` of the next page"})


class ParkedActAnswer(Schema):
    """What was done about a message, the same again for the same key. `reason` is the text of who discarded it."""

    id = fields.String(required=True)
    act = fields.String(required=True)
    by = fields.String(required=True)
    at = Instant(required=True)
    reason = fields.String(required=True, allow_none=True)


class ParkedDetail(ParkedAnswer):
    """`content_type`, `routing_key` and the names of `headers` are shown when they have the usual form, else
    `(other)`."""

    content_type = fields.String(required=True, allow_none=True)
    routing_key = fields.String(required=True)
    headers = fields.List(fields.String(), required=True)
    body_size = fields.Integer(required=True)
    body_sha256 = fields.String(required=True)
    is_whole = fields.Boolean(required=True, metadata={"description": "false: too large to be kept whole, or replayed"})
    acts = fields.List(fields.Nested(ParkedActAnswer), required=True)


class ParkedRoutes:
    """A base for service classes whose dependencies have `parked`."""

    dependencies: Any

    @endpoint(
        "GET",
        URL,
        command="parked.inspect",
        query=ParkedQuery,
        answers={200: ParkedList},
        summary="Messages that could not be handled, the oldest first; those that wait, unless `state` says otherwise",
    )
    def list_parked(self, request: Request) -> Answer:
        query = request.query
        wanted = {} if query["state"] == ANY else {"state": query["state"]}
        after = decode_cursor(query["cursor"], (datetime, str)) if "cursor" in query else None
        found = self.dependencies.parked.page(wanted, query["limit"] + 1, after)
        page = found[: query["limit"]]
        following = encode_cursor(page[-1].parked_at, page[-1].id) if len(found) > len(page) else None
        return Answer(200, {"items": [summarise(message) for message in page], "next": following})

    @endpoint(
        "GET",
        ONE,
        command="parked.inspect",
        answers={200: ParkedDetail},
        summary="One parked message by its id, or how that begins: all that is known of it but its body",
        errors=ACT_ERRORS,
    )
    def read_parked(self, request: Request) -> Answer:
        message = self.dependencies.parked.get(request.path["parked_id"])
        acts = [_present_act(message, act) for act in message.acts]
        return Answer(200, {**describe(message), "acts": acts})

    @endpoint(
        "POST",
        f"{ONE}/replayed",
        command="parked.replay",
        answers={201: ParkedActAnswer},
        summary="Hear it again, at once where its queue is consumed; it stays parked until it can be handled",
        errors=ACT_ERRORS,
    )
    def replay_parked(self, request: Request) -> Answer:
        message = self.dependencies.parked.get(request.path["parked_id"])
        return _answer_act(message, self.dependencies.parked.replay(message.id, request.actor.id, request.key))

    @endpoint(
        "POST",
        f"{ONE}/discarded",
        command="parked.discard",
        body=DiscardedBody,
        answers={201: ParkedActAnswer},
        summary="Nobody is to hear it, and why; its record is kept",
        errors=ACT_ERRORS,
    )
    def discard_parked(self, request: Request) -> Answer:
        message = self.dependencies.parked.get(request.path["parked_id"])
        act = self.dependencies.parked.discard(message.id, request.actor.id, request.body["reason"], request.key)
        return _answer_act(message, act)


def _present_act(message: Parked, act: Act) -> Mapping[str, Any]:
    return {"id": message.id, "act": act.act, "by": act.by, "at": act.at, "reason": act.reason}


def _answer_act(message: Parked, act: Act) -> Answer:
    return Answer(201, _present_act(message, act), location=f"{URL}/{message.id}")
