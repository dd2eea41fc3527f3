"""Connections to the broker: one address, or one for each node of a cluster, separated by commas or spaces.

When a node is lost, the next connection goes to another node. Each process begins with a random node, so that the
connections spread over the cluster.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import cycle

import pika

from shared.config.broker_addresses import addresses_of

# A node that accepts the connection and then does not answer is given up after so many seconds; the next one is tried.
ANSWER_WITHIN = 5.0


def in_turn(amqp_uri: str) -> Iterator[str]:
    """The addresses in turn, for ever, beginning with a random one."""
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


def place_of(address: str) -> str:
    """The `host:port` of an address, which may hold a password."""
    parameters = pika.URLParameters(address)
    return f"{parameters.host}:{parameters.port}"


def places_of(amqp_uri: str) -> str:
    """The `host:port` of each node."""
    return ", ".join(map(place_of, addresses_of(amqp_uri)))


def _shuffled(amqp_uri: str) -> list[str]:
    addresses = addresses_of(amqp_uri)
    return random.sample(addresses, len(addresses))
