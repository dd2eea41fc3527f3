"""The usual nameko idiom, as nameko's own documentation and examples have it: `@http` inserts and dispatches, and
`@event_handler` inserts. Run as `python -m tests.bench.peers.usual_nameko http|bus`."""

from __future__ import annotations

import json
import os
import sys

if __name__ == "__main__":
    import eventlet

    eventlet.monkey_patch()

from typing import Any
from uuid import uuid4

import jwt
from marshmallow import Schema, ValidationError, fields, validate
from nameko.events import EventDispatcher, event_handler
from nameko.extensions import DependencyProvider
from nameko.runners import ServiceRunner
from nameko.web.handlers import http
from pymongo import MongoClient

from tests.bench.peers.domain import INDEXES, Event, Tokens, change_of, event_of


class Mongo(DependencyProvider):
    """The database, writes to a majority."""

    def setup(self) -> None:
        self.client: MongoClient[Any] = MongoClient(os.environ["MONGODB_URI"], w="majority")

    def get_dependency(self, worker_ctx: Any) -> Any:
        return self.client[os.environ["MONGODB_DATABASE"]]

    def stop(self) -> None:
        self.client.close()


class PersonBody(Schema):
    given_name = fields.String(required=True, validate=validate.Length(1, 100))
    family_name = fields.String(required=True, validate=validate.Length(1, 100))
    date_of_birth = fields.Date()


class ReferralBody(Schema):
    person_id = fields.String(required=True)
    stage = fields.String(required=True, validate=validate.OneOf(["intended", "sent"]))
    service = fields.String(required=True)
    to_team = fields.String()
    reason_code = fields.String(required=True)


class SentBody(Schema):
    channel = fields.String(required=True, validate=validate.OneOf(["letter", "email", "phone", "e_referral"]))


TOKENS = Tokens()
PERSON, REFERRAL, SENT = PersonBody(), ReferralBody(), SentBody()
Reply = tuple[int, dict[str, str], str]


class RecordingService:
    """Records people and referrals."""

    name = "recording"
    database = Mongo()
    dispatch = EventDispatcher()

    @http("GET", "/health/ready")
    def ready(self, request: Any) -> str:
        return "{}"

    @http("POST", "/v1/people")
    def register(self, request: Any) -> Reply:
        return self._record(request, PERSON, "person.registered.v1", "person", f"p_{uuid4().hex}")

    @http("POST", "/v1/referrals")
    def refer(self, request: Any) -> Reply:
        return self._record(request, REFERRAL, "referral.intended.v1", "referral", str(uuid4()))

    @http("POST", "/v1/referrals/<string:referral_id>/sent")
    def send(self, request: Any, referral_id: str) -> Reply:
        return self._record(request, SENT, "referral.sent.v1", "referral", referral_id)

    def _record(self, request: Any, schema: Schema, kind: str, thing: str, thing_id: str) -> Reply:
        try:
            actor = TOKENS.actor_of(request.headers.get("Authorization"))
            body = schema.loads(request.get_data(as_text=True))
        except jwt.PyJWTError:
            return _reply(401, {"error": "token"})
        except ValidationError as error:
            return _reply(422, {"error": error.messages})
        event = event_of(kind, actor, thing, thing_id, json.loads(json.dumps(body, default=str)))
        self.database.events.insert_one(event)
        self.dispatch("recorded", event)
        return _reply(201, {f"{thing}_id": thing_id, "event_id": event["id"]})


class OutstandingService:
    """Answers what is outstanding."""

    name = "outstanding"
    database = Mongo()

    @event_handler("recording", "recorded")
    def hear(self, event: Event) -> None:
        wanted, change = change_of(event)
        self.database.outstanding.update_one(wanted, change, upsert=True)


def _reply(status: int, body: dict[str, Any]) -> Reply:
    return status, {"Content-Type": "application/json"}, json.dumps(body)


if __name__ == "__main__":
    with MongoClient[Any](os.environ["MONGODB_URI"]) as client:
        for index in INDEXES:
            client[os.environ["MONGODB_DATABASE"]].outstanding.create_index(index)
    services = ServiceRunner({"AMQP_URI": os.environ["AMQP_URI"], "WEB_SERVER_ADDRESS": os.environ.get("HTTP_ADDRESS")})
    services.add_service({"http": RecordingService, "bus": OutstandingService}[sys.argv[1]])
    services.start()
    services.wait()
