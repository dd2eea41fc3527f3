"""Where the broker is: one address, or one of each node of a cluster, apart by commas or spaces.

Losing one node costs a connection, never the broker: who connects again gets to another node. Each process begins at a
node by chance, so that they spread over the cluster.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import cycle

import pika

from shared.config.broker_addresses import addresses_of

# A node that took the connection and says nothing more is given up after so many seconds, and the next one asked.
ANSWER_WITHIN = 5.0


def in_turn(amqp_uri: str) -> Iterator[str]:
    """The addresses one after the other, for ever, beginning anywhere."""
    return cycle(_shuffled(amqp_uri))


def connect(amqp_uri: str) -> pika.BlockingConnection:
    """A connection to the first node, in any order, that answers. Raises pika's AMQPError or OSError when none does."""
    return pika.BlockingConnection([parameters_of(address) for address in _shuffled(amqp_uri)])


def parameters_of(address: str) -> pika.URLParameters:
    """One attempt at one node, of a few seconds."""
    parameters = pika.URLParameters(address)
    parameters.connection_attempts = 1
    parameters.socket_timeout = parameters.stack_timeout = ANSWER_WITHIN
    return parameters


def _shuffled(amqp_uri: str) -> list[str]:
    addresses = addresses_of(amqp_uri)
    return random.sample(addresses, len(addresses))
