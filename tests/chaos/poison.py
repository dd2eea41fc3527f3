"""Messages that no service can read, of several kinds, each to one queue; each must end up parked, once."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

import pika
from pika.exceptions import AMQPError

from shared.kernel.envelope import CONTENT_TYPE
from shared.messaging.addresses import connect
from shared.messaging.topology import QUEUES


@dataclass(frozen=True, slots=True)
class Poison:
    """One message. Its id says that it is poison."""

    id: str
    queue: str
    content_type: str
    body: bytes


def poison(count: int, seed: int) -> list[Poison]:
    """So many messages, of every kind in turn, to random queues."""
    chance = Random(f"{seed} poison")
    kinds = list(KINDS)
    made = []
    for number in range(count):
        content_type, body = kinds[number % len(kinds)](number, chance)
        made.append(Poison(f"poison-{number}", chance.choice(QUEUES).name, content_type, body))
    return made


def send(messages: Sequence[Poison], amqp_uri: str) -> bool:
    """Sends the messages. Returns whether the broker took all of them; sending them again does no harm."""
    try:
        connection = connect(amqp_uri)
    except (AMQPError, OSError):
        return False
    try:
        channel = connection.channel()
        channel.confirm_delivery()
        for message in messages:
            properties = pika.BasicProperties(content_type=message.content_type, delivery_mode=2, message_id=message.id)
            channel.basic_publish("", message.queue, message.body, properties, mandatory=True)
    except (AMQPError, OSError):
        return False
    finally:
        if connection.is_open:
            connection.close()
    return True


def _event(number: int, **changed: object) -> bytes:
    event = {
        "specversion": "1.0",
        "id": f"poison-{number}",
        "source": "perinatal",
        "type": "referral.closed.v1",
        "time": "2013-01-14T09:30:00Z",
        "recordedat": "2013-01-14T09:30:00Z",
        "stream": "referral/0",
        "streamversion": 1,
        "actor": "gp-okafor",
        "role": "gp_practice",
        "team": "gp-mill-road",
        "area": "essex",
        "correlationid": "0",
        "data": {},
    }
    return json.dumps({**event, **changed}).encode()


def _not_json(number: int, chance: Random) -> tuple[str, bytes]:
    return CONTENT_TYPE, chance.randbytes(40) + str(number).encode()


def _foreign(number: int, chance: Random) -> tuple[str, bytes]:
    return "text/plain", b"hello " + str(number).encode()


def _no_envelope(number: int, chance: Random) -> tuple[str, bytes]:
    return CONTENT_TYPE, json.dumps({"number": number, "list": [None, {}]}).encode()


def _not_finite(number: int, chance: Random) -> tuple[str, bytes]:
    return CONTENT_TYPE, _event(number).replace(b'"0"', b"NaN")


def _unknown_type(number: int, chance: Random) -> tuple[str, bytes]:
    return CONTENT_TYPE, _event(number, type="referral.dreamt.v1")


def _broken_contract(number: int, chance: Random) -> tuple[str, bytes]:
    return CONTENT_TYPE, _event(number, data={"referral_id": 7, "unheard_of": "of"})


KINDS: tuple[Callable[[int, Random], tuple[str, bytes]], ...] = (
    _not_json,
    _foreign,
    _no_envelope,
    _not_finite,
    _unknown_type,
    _broken_contract,
)
