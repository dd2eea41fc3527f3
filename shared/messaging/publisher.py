"""Publishes in bulk and returns which messages the broker has confirmed, routed to a queue and made durable.

One connection, one thread. A message that is not returned may or may not have arrived; sending it again is safe.
The loop runs only inside `open`, `publish` and `idle`, so the owner calls one of them every few seconds to keep the
connection's heartbeat.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pika
from pika.adapters.select_connection import IOLoop
from pika.exceptions import AMQPError
from pika.spec import Basic

from shared.kernel.envelope import CONTENT_TYPE
from shared.messaging.addresses import ANSWER_WITHIN, in_turn, parameters_of, place_of

HEARTBEAT = 30
# pika must give up first: to close a connection that is still being opened may raise out of pika's own callbacks.
_OPEN_WITHIN = 2 * ANSWER_WITHIN
_CONFIRM_WITHIN = 5.0


class BrokerAway(Exception):
    """The broker cannot be reached, closed the connection, or did not confirm in time. The message is a type name."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message to publish."""

    id: str
    routing_key: str
    body: bytes


class ConfirmedPublisher:
    """Publishes to one exchange, mandatory and persistent; a call sends all messages, then waits for confirms."""

    def __init__(self, amqp_uri: str, exchange: str) -> None:
        self._exchange = exchange
        self._addresses = in_turn(amqp_uri)
        self._connection: pika.SelectConnection | None = None
        self.place: str | None = None

    @property
    def is_open(self) -> bool:
        return self._connection is not None

    def open(self) -> None:
        """Connect to the next node, unless connected. Raises BrokerAway."""
        if self._connection is not None:
            return
        address = next(self._addresses)
        self.place, parameters = place_of(address), parameters_of(address)
        parameters.heartbeat = HEARTBEAT
        self._failure: BaseException | None = None
        self._ready = False
        self._last_tag = 0
        self._unconfirmed: dict[int, str] = {}
        self._unrouted: set[str] = set()
        self._confirmed: set[str] = set()
        self._loop = IOLoop()
        self._loop.activate_poller()
        self._connection = pika.SelectConnection(
            parameters,
            on_open_callback=self._on_open,
            on_open_error_callback=self._on_failure,
            on_close_callback=self._on_failure,
            custom_ioloop=self._loop,
        )
        self._run_until(lambda: self._ready, within=_OPEN_WITHIN)

    def publish(self, messages: Sequence[Outgoing]) -> set[str]:
        """Send all, wait for the broker's confirm of each, and return the ids of those that are in a queue.

        Raises BrokerAway. Ids must be unique within a call.
        """
        self._confirmed, self._unrouted = set(), set()
        try:
            for message in messages:
                self._channel.basic_publish(
                    self._exchange,
                    message.routing_key,
                    message.body,
                    pika.BasicProperties(content_type=CONTENT_TYPE, delivery_mode=2, message_id=message.id),
                    mandatory=True,
                )
                self._last_tag += 1
                self._unconfirmed[self._last_tag] = message.id
        except AMQPError as error:
            self._fail(error)
        left = -1
        while self._unconfirmed and len(self._unconfirmed) != left:
            # A slow broker is not unavailable: give up only when it confirms nothing at all for so long.
            left = len(self._unconfirmed)
            self._poll(lambda: not self._unconfirmed or self._failure is not None, within=_CONFIRM_WITHIN)
            if self._failure is not None:
                self._fail(self._failure)
        if self._unconfirmed:
            self._fail(TimeoutError())
        return self._confirmed

    def idle(self, seconds: float) -> None:
        """Let `seconds` pass, keeping the heartbeat when connected. Raises BrokerAway when the connection is lost."""
        if self._connection is None:
            time.sleep(seconds)
            return
        self._poll(lambda: self._failure is not None, within=seconds)
        if self._failure is not None:
            self._fail(self._failure)

    def close(self) -> None:
        """Close the connection; safe to repeat. Unconfirmed messages count as not sent."""
        connection, self._connection = self._connection, None
        if connection is None:
            return
        if not (connection.is_closing or connection.is_closed):
            connection.close()
            self._poll(lambda: connection.is_closed, within=1.0)
        self._loop.deactivate_poller()
        self._loop.close()

    def _on_open(self, connection: pika.SelectConnection) -> None:
        self._channel = connection.channel(on_open_callback=self._on_channel)

    def _on_channel(self, channel: Any) -> None:
        channel.add_on_close_callback(self._on_failure)
        channel.add_on_return_callback(self._on_return)
        channel.confirm_delivery(self._on_confirm, callback=self._on_confirming)

    def _on_confirming(self, _frame: Any) -> None:
        self._ready = True

    def _on_return(self, _channel: Any, _method: Any, properties: pika.BasicProperties, _body: bytes) -> None:
        """The broker has no queue for the message. This call comes before the confirm of the same message."""
        self._unrouted.add(str(properties.message_id))

    def _on_confirm(self, frame: Any) -> None:
        answer = frame.method
        tags = [answer.delivery_tag]
        if answer.multiple:
            tags = [tag for tag in self._unconfirmed if tag <= answer.delivery_tag]
        for tag in tags:
            message_id = self._unconfirmed.pop(tag)
            if isinstance(answer, Basic.Ack) and message_id not in self._unrouted:
                self._confirmed.add(message_id)

    def _on_failure(self, _origin: Any, reason: BaseException | str) -> None:
        self._failure = reason if isinstance(reason, BaseException) else ConnectionError(reason)

    def _fail(self, error: BaseException) -> None:
        self.close()
        raise BrokerAway(type(error).__name__) from error

    def _run_until(self, done: Callable[[], bool], *, within: float) -> None:
        """Run the loop until `done`. Raises BrokerAway, closed, when that fails or takes longer than `within`."""
        self._poll(lambda: done() or self._failure is not None, within=within)
        if self._failure is not None:
            self._fail(self._failure)
        if not done():
            self._fail(TimeoutError())

    def _poll(self, done: Callable[[], bool], *, within: float) -> None:
        expired: list[bool] = []
        timer = self._loop.call_later(within, lambda: expired.append(True))
        while not (done() or expired):
            self._loop.poll()
            self._loop.process_timeouts()
        self._loop.remove_timeout(timer)
