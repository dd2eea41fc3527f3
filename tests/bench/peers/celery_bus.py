"""The hearing half as a Celery task on RabbitMQ; run by `celery -A tests.bench.peers.celery_bus worker`."""

from __future__ import annotations

import os
from typing import Any

from celery import Celery
from celery.signals import worker_process_init
from pymongo import MongoClient

from tests.bench.peers.domain import INDEXES, QUEUE, change_of

app = Celery("outstanding", broker=os.environ["AMQP_URI"])
app.conf.update(
    task_default_queue=QUEUE,
    task_acks_late=True,
    task_ignore_result=True,
    task_serializer="json",
    worker_prefetch_multiplier=128,  # many short tasks, as Celery's guide to optimizing advises
)
outstanding: Any = None


@worker_process_init.connect
def connect(**_: Any) -> None:
    """Each worker process has a client of its own."""
    global outstanding
    client: MongoClient[Any] = MongoClient(os.environ["MONGODB_URI"], w="majority")
    outstanding = client[os.environ["MONGODB_DATABASE"]].outstanding
    for keys in INDEXES:
        outstanding.create_index(keys)


@app.task(name="hear")
def hear(event: dict[str, Any]) -> None:
    wanted, change = change_of(event)
    outstanding.update_one(wanted, change, upsert=True)
