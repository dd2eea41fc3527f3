"""AMQP_URI names one broker, or one address of each node of a cluster."""

import socket

import pytest
from pika.exceptions import AMQPConnectionError

from shared.config.broker_addresses import addresses_of
from shared.messaging.addresses import connect, in_turn


def test_one_address_is_itself_whatever_its_password_has():
    assert addresses_of("amqp://u:a,b%20c@host/%2F") == ["amqp://u:a,b%20c@host/%2F"]


@pytest.mark.parametrize("between", [",", " ", ", ", "\n", ",\n  "])
def test_several_are_apart_by_commas_or_spaces(between):
    assert addresses_of(between.join(["amqp://a", "amqps://b", "amqp://c"])) == ["amqp://a", "amqps://b", "amqp://c"]


def test_no_address_comes_again_before_every_other_one_has_had_its_turn():
    turns = in_turn("amqp://a,amqp://b,amqp://c")
    first = [next(turns) for _ in range(3)]

    assert sorted(first) == ["amqp://a", "amqp://b", "amqp://c"]
    assert [next(turns) for _ in range(3)] == first


def test_when_no_node_answers_the_error_is_the_clients():
    with socket.socket() as nobody_listens:
        nobody_listens.bind(("127.0.0.1", 0))
        port = nobody_listens.getsockname()[1]
        with pytest.raises(AMQPConnectionError):
            connect(f"amqp://127.0.0.1:{port},amqp://127.0.0.1:{port}/other")
