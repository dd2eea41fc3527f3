"""One session with the broker: a connection, a channel, a consumer. A message can be acknowledged only in its session.

When a session is closed or lost, all unacknowledged messages go back to the queue. Bodies are never decoded.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from typing import Any

import eventlet
from kombu.connection import Connection

HEARTBEAT = 30
_CONNECT_WITHIN = 5
_CONSUME_WITHIN = 10
_CLOSE_WITHIN = 2
# A batch ends when no message arrives for so long, or after so long in all. Seconds.
_LINGER = 0.004
_LINGER_IN_ALL = 0.2


class Session:
    """Consumes one queue. Raises OSError and amqp's AMQPError when the broker is away or the queue is missing."""

    def __init__(self, address: str, queue: str, prefetch: int) -> None:
        self._arrived: deque[Any] = deque()
        # Only the bare connection is used later on: kombu's wrapper would reconnect in silence, without a consumer.
        broker = Connection(address, heartbeat=HEARTBEAT, connect_timeout=_CONNECT_WITHIN)  # type: ignore[no-untyped-call]
        self._bare = broker.transport.establish_connection()
        try:
            # Without a limit, a node that stops answering here would block for ever.
            with eventlet.Timeout(_CONSUME_WITHIN, TimeoutError()):
                self._channel = self._bare.channel()
                self._channel.auto_decode = False
                self._channel.basic_qos(0, prefetch, False)
                self._channel.basic_consume(queue, no_ack=False, callback=self._arrived.append)
        except BaseException:
            self.close()
            raise

    def receive(self, most: int, *, within: float) -> list[Any]:
        """Up to `most` waiting messages, in order of their delivery tags; none if none arrived `within` seconds."""
        self._bare.heartbeat_tick()
        if self._arrived or self._drain(within):
            over = time.monotonic() + _LINGER_IN_ALL
            while len(self._arrived) < most and time.monotonic() < over and self._drain(_LINGER):
                pass
        return [self._arrived.popleft() for _ in range(min(most, len(self._arrived)))]

    def breathe(self) -> None:
        """Keep the heartbeat both ways while a batch is being handled."""
        while self._drain(_LINGER):
            pass
        self._bare.heartbeat_tick()

    def acknowledge(self, messages: Sequence[Any]) -> None:
        """Acknowledge the whole batch, which is the oldest that was received and is not acknowledged."""
        self._channel.basic_ack(messages[-1].delivery_tag, multiple=True)

    def close(self) -> None:
        """End the session. Never raises, and never waits long for a broker that does not answer."""
        try:
            with eventlet.Timeout(_CLOSE_WITHIN):
                self._bare.close()
        except (Exception, eventlet.Timeout):
            self._bare.collect()

    def _drain(self, within: float) -> bool:
        try:
            self._bare.drain_events(timeout=within)
        except TimeoutError:
            return False
        return True
