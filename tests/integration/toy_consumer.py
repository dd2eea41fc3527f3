"""A service whose one handler does what each event's reason code says: keep, raise, park, wait, or miss its store."""

# ruff: noqa: E402 - eventlet comes first
import eventlet

eventlet.monkey_patch()

import os
from types import SimpleNamespace

from pymongo import MongoClient

from shared.cli.serve import run_service
from shared.contracts import CATALOGUE
from shared.events.mongo import open_database
from shared.kernel.envelope import Event
from shared.messaging.consumer import consume
from shared.messaging.incoming import Delivery, Done, Later, Outcome, Park, read_event
from shared.runtime.observability import configure_logging
from shared.runtime.stopping import go_on

DATABASE = open_database(os.environ["TOY_MONGODB_URI"], os.environ["TOY_DATABASE"])
# Nothing listens there: what a handler sees when its store is away.
AWAY = MongoClient("mongodb://127.0.0.1:9/", serverSelectionTimeoutMS=100)


class Toy:
    name = "toy"

    @consume(os.environ["TOY_QUEUE"], most=int(os.environ.get("TOY_BATCH", "500")))
    def hear(self, deliveries: list[Delivery]) -> list[Outcome]:
        DATABASE["batches"].insert_one({"size": len(deliveries)})
        if DATABASE["switches"].find_one({"_id": "store away"}):
            AWAY["anything"].command("ping")
        outcomes = [self._hear(delivery) for delivery in deliveries]
        return outcomes[1:] if DATABASE["switches"].find_one({"_id": "answer too short"}) else outcomes

    def _hear(self, delivery: Delivery) -> Outcome:
        event = read_event(delivery, CATALOGUE)
        if not isinstance(event, Event):
            return event
        if event.type == "position.reported.v1":
            return Done()
        match event.data["reason_code"]:
            case "raise":
                raise ValueError("Jane Doe, born 2 January 1990")
            case "park":
                return Park("as told")
            case "later":
                return Later("as told", after_seconds=60)
            case "soon" if not DATABASE["switches"].find_one({"_id": "go on"}):
                return Later("as told", after_seconds=0)
            case "raise-until" if not DATABASE["switches"].find_one({"_id": "go on"}):
                raise ValueError("Jane Doe, born 2 January 1990")
            case "linger":
                while not DATABASE["switches"].find_one({"_id": "go on"}):
                    eventlet.sleep(0.05)
            case "long":
                while True:
                    go_on()
                    eventlet.sleep(0.05)
        change = {"$inc": {"times": 1}, "$set": {"redelivered": delivery.redelivered}}
        DATABASE["handled"].update_one({"_id": event.id}, change, upsert=True)
        return Done()


if __name__ == "__main__":
    configure_logging("toy", "serve")
    settings = SimpleNamespace(
        amqp_uri=os.environ["TOY_AMQP_URI"],
        mongodb_uri=os.environ["TOY_MONGODB_URI"],
        mongodb_database=os.environ["TOY_DATABASE"],
        http_address=os.environ["TOY_ADDRESS"],
        body_limit_bytes=1000,
    )
    raise SystemExit(run_service(Toy, settings, http=False))
