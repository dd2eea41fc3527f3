"""The floor of the ledger: consumes, reads JSON and inserts 500 at a time on a majority. No logic at all."""

from __future__ import annotations

import json
import os
from typing import Any

import pika

from shared.events.mongo import open_database
from shared.messaging.topology import EVIDENCE

BATCH = 500
LINGER = 0.05


def main() -> None:
    kept = open_database(os.environ["MONGODB_URI"], os.environ["MONGODB_DATABASE"]).floor
    with pika.BlockingConnection(pika.URLParameters(os.environ["AMQP_URI"])) as connection:
        channel = connection.channel()
        channel.basic_qos(prefetch_count=BATCH)
        batch: list[dict[str, Any]] = []
        for method, _, body in channel.consume(EVIDENCE, inactivity_timeout=LINGER):
            if method is not None:
                batch.append(json.loads(body))
                last = method.delivery_tag
            if batch and (len(batch) == BATCH or method is None):
                kept.insert_many(batch, ordered=False)
                channel.basic_ack(last, multiple=True)
                batch = []


if __name__ == "__main__":
    main()
