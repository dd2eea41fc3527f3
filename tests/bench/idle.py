"""The processor time that the whole local stack takes while nobody asks it for anything."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from typing import Any

import pika
from pymongo import MongoClient

from deploy.local.folders import fresh_name
from deploy.local.processes import NotReady
from deploy.local.stack import LocalStack, local_stack
from shared.config.config import SERVICES
from shared.messaging.topology import QUEUES
from tests.bench.contestants import Figures
from tests.bench.ground import Field, Stuck
from tests.bench.usage import processor_seconds

QUIET_WITHIN = 180.0
LOOK_EVERY = 0.5
# What a process does once after its start is over by then.
SETTLES = 10.0


@dataclass(frozen=True)
class Idling:
    """The stack of `make up`, started for this race: every process of the services, MongoDB, RabbitMQ and the mail
    sink. `percent` is what all take of one core, the sweep of every minute included; then each by its name."""

    name: str
    seconds: float

    def run(self, field: Field) -> Figures:
        environment = {name: value for name, value in os.environ.items() if name not in ("MONGODB_URI", "AMQP_URI")}
        try:
            with local_stack(fresh_name("idle"), environment=environment) as stack:
                field.wait("the stack is quiet", lambda: _is_quiet(stack), QUIET_WITHIN, LOOK_EVERY)
                time.sleep(SETTLES)
                processes = {name: pid for name in stack.names() if (pid := stack.pid(name))}
                before, began = processor_seconds(processes), time.monotonic()
                time.sleep(self.seconds)
                after, took = processor_seconds(processes), time.monotonic() - began
        except NotReady as error:
            raise Stuck(str(error)) from error
        used = {name: 100 * (after[name] - before[name]) / took for name in processes}
        return {"percent": sum(used.values()), **used}


def _is_quiet(stack: LocalStack) -> bool:
    """Whether a sweep is over, everything recorded is published and folded, and no message waits."""
    todo = {"$or": [{"relay.pending": True}, {"relay.unlisted": True}]}
    with MongoClient[dict[str, Any]](stack.backends.mongodb_uri) as client:
        ledger = client["referrals_followup"]
        has_swept = ledger.sweeps.find_one({"finished_at": {"$exists": True}}) is not None
        if not has_swept or ledger.evidence.find_one({"folded": False}):
            return False
        if any(client[service].events.find_one(todo) for service in SERVICES):
            return False
    with pika.BlockingConnection(pika.URLParameters(stack.backends.amqp_uri)) as connection:
        channel = connection.channel()
        return not any(channel.queue_declare(queue.name, passive=True).method.message_count for queue in QUEUES)
