"""A service of a few endpoints, for the tests of the HTTP edge; `toy_process` runs it."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import eventlet
from marshmallow import Schema, fields
from pymongo.errors import AutoReconnect

from shared.cli.serve import run_service
from shared.contracts.fields import Choice, Slug
from shared.events.errors import Contended, KeyReused, StaleVersion, StoreUnavailable, UnknownStream
from shared.events.mongo import open_database
from shared.events.pages import decode_cursor, encode_cursor
from shared.kernel.decisions import Invalid, Refused
from shared.runtime.clock import SystemClock
from shared.runtime.dependencies import BootstrapProvider
from shared.runtime.observability import configure_logging
from shared.web.access_log import AccessLog
from shared.web.endpoint import endpoint
from shared.web.exchange import Answer, Request
from shared.web.fields import Body, CommandBody, Day, FreeText, Instant, NhsNumber, Whole, YesNo
from shared.web.pages import PageQuery

SECRET = "Jane Doe of 9 Elm Row"


@dataclass(frozen=True)
class ToySettings:
    http_address: str
    mongodb_uri: str
    mongodb_database: str
    public_key_file: str
    folder: str
    kinds: str = "http"
    amqp_uri: str = ""
    body_limit_bytes: int = 2000
    jwt_issuer: str = "followthrough"
    jwt_audience: str = "followthrough"

    def jwt_public_key(self) -> bytes:
        return Path(self.public_key_file).read_bytes()


class ToyParts:
    def __init__(self, settings: ToySettings) -> None:
        self.folder = Path(settings.folder)
        self.database = open_database(settings.mongodb_uri, settings.mongodb_database)
        self.access_log = AccessLog(self.database, SystemClock())
        self.access_log.ensure_indexes()
        self.checks: dict[str, Callable[[], object]] = {
            "mongodb": lambda: self.database.command("ping"),
            "switch": lambda: not (self.folder / "off").exists(),
        }

    def close(self) -> None:
        (self.folder / "closed").touch()
        self.database.client.close()


class Contact(Body):
    phones = fields.List(fields.String())


class ThingBody(CommandBody):
    name = FreeText(100, required=True)
    count = Whole(0, 10)
    is_urgent = YesNo()
    born_on = Day()
    nhs_number = NhsNumber()
    code = Slug()
    contact = fields.Nested(Contact)


class Thing(Schema):
    id = fields.String(required=True)
    recorded_by = fields.String()
    recorded_at = Instant()
    key = fields.String()
    expected_version = fields.Integer(allow_none=True)
    precision = fields.String()
    correlation_id = fields.String()


class Things(Schema):
    rows = fields.List(fields.Nested(Thing))
    next = fields.String(allow_none=True)


class ThingQuery(Body, PageQuery):
    team = fields.List(fields.String())


FAILURES = {
    "refused": Refused("not-now", "this cannot be done now"),
    "refused-field": Invalid("not-so", "say it otherwise", fields={"name": ["is taken"]}),
    "unknown-stream": UnknownStream("there is no such thing"),
    "stale": StaleVersion("it is at version 3"),
    "key-reused": KeyReused("that key was used before"),
    "contended": Contended("others write too"),
    "unavailable": StoreUnavailable("the store cannot be reached"),
    "mongodb": AutoReconnect(SECRET),
    "unexpected": LookupError(SECRET),
}


class FailBody(Body):
    how = Choice(*FAILURES, required=True)


class ToyService:
    """Things, and every way to fail."""

    name = "toy"
    dependencies = BootstrapProvider(ToyParts)

    @endpoint(
        "POST",
        "/v1/things",
        command="referral.note",
        summary="Record a thing",
        body=ThingBody,
        answers={201: Thing},
        errors=(409,),
    )
    def record(self, request: Request) -> Answer:
        moment = request.body.get("occurred_at")
        body = {
            "id": "t1",
            "recorded_by": request.actor.id,
            "recorded_at": moment and moment.occurred_at,
            "precision": moment and moment.precision,
            "key": request.key,
            "expected_version": request.expected_version,
            "correlation_id": request.correlation_id,
        }
        return Answer(201, body, version=1, location="/v1/things/t1")

    @endpoint(
        "GET", "/v1/things", command="person.read", summary="List things", query=ThingQuery, answers={200: Things}
    )
    def list_page(self, request: Request) -> Answer:
        after = decode_cursor(request.query["cursor"], (int,))[0] if "cursor" in request.query else 0
        rows = [{"id": f"t{number}"} for number in range(after + 1, after + 1 + request.query["limit"])]
        return Answer(200, {"rows": rows, "next": encode_cursor(after + len(rows))})

    @endpoint(
        "GET",
        "/v1/things/<thing_id>",
        command="person.read",
        summary="Read a thing",
        answers={200: Thing},
        errors=(404,),
        reads_person=True,
    )
    def read(self, request: Request) -> Answer:
        return Answer(200, {"id": request.path["thing_id"]}, version=4, subjects=["p_2", "p_1"])

    @endpoint(
        "POST",
        "/v1/things/<thing_id>/fail",
        command="referral.note",
        summary="Fail",
        body=FailBody,
        answers={201: Thing},
        errors=(404, 412),
    )
    def fail(self, request: Request) -> Answer:
        raise FAILURES[request.body["how"]]

    @endpoint(
        "POST", "/v1/things/<thing_id>/wait", command="referral.note", summary="Wait to be let go", answers={201: Thing}
    )
    def wait(self, request: Request) -> Answer:
        (self.dependencies.folder / "waiting").touch()
        while not (self.dependencies.folder / "let-go").exists():
            eventlet.sleep(0.01)
        return Answer(201, {"id": request.path["thing_id"]})


def main(settings_file: str) -> int:
    settings = ToySettings(**json.loads(Path(settings_file).read_text()))
    configure_logging("toy", "serve", "debug")
    return run_service(ToyService, settings, http=settings.kinds == "http", bus=settings.kinds == "bus")
