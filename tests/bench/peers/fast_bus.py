"""The hearing half: a FastStream application; run by `faststream run tests.bench.peers.fast_bus:app`."""

from __future__ import annotations

import os
from typing import Any

from faststream import FastStream
from faststream.rabbit import Channel, RabbitBroker, RabbitQueue
from pymongo import AsyncMongoClient

from tests.bench.peers.domain import INDEXES, QUEUE, change_of

broker = RabbitBroker(os.environ["AMQP_URI"], default_channel=Channel(prefetch_count=100))
app = FastStream(broker)
client: AsyncMongoClient[Any] = AsyncMongoClient(os.environ["MONGODB_URI"], w="majority")
outstanding = client[os.environ["MONGODB_DATABASE"]].outstanding


@app.on_startup
async def index() -> None:
    for keys in INDEXES:
        await outstanding.create_index(keys)


@broker.subscriber(RabbitQueue(QUEUE, durable=True))
async def hear(event: dict[str, Any]) -> None:
    wanted, change = change_of(event)
    await outstanding.update_one(wanted, change, upsert=True)
