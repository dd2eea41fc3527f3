"""One session with the broker: a connection, a channel, a consumer. A message can be acknowledged only in its session.

When a session is closed or lost, all unacknowledged messages go back to the queue. Bodies are never decoded.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from typing import Any

import eventlet

from shared.messaging.read_ahead import connect

HEARTBEAT = 30
_CONNECT_WITHIN = 5
_CONSUME_WITHIN = 10
_CLOSE_WITHIN = 2
# A batch ends when no message arrives for so long, or after so long in all. Seconds.
_LINGER = 0.004
_LINGER_IN_ALL = 1.0
# While bodies of this many bytes wait here, nothing more is read, and the broker keeps the rest.
MOST_BYTES = 32 * 1024 * 1024


class Session:
    """Consumes one queue. Raises OSError and amqp's AMQPError when the broker is away or the queue is missing."""

    def __init__(self, address: str, queue: str, prefetch: int) -> None:
        self._arrived: deque[Any] = deque()
        self._bytes = 0
        self._bare = connect(address, heartbeat=HEARTBEAT, within=_CONNECT_WITHIN)
        try:
            # Without a limit, a node that stops answering here would block for ever.
            with eventlet.Timeout(_CONSUME_WITHIN, TimeoutError()):
                self._channel = self._bare.channel()
                self._channel.auto_decode = False
                self._channel.basic_qos(0, prefetch, False)
                self._channel.basic_consume(queue, no_ack=False, callback=self._note)
        except BaseException:
            self.close()
            raise

    def receive(self, most: int, *, within: float) -> list[Any]:
        """Up to `most` waiting messages, in order of their delivery tags; none if none arrived `within` seconds.

        Their bodies together have at most MOST_BYTES and one body more.
        """
        self._bare.heartbeat_tick()
        if self._arrived or self._drain(within):
            over = time.monotonic() + _LINGER_IN_ALL
            while len(self._arrived) < most and time.monotonic() < over and self._read_on():
                pass
        taken = [self._arrived.popleft() for _ in range(min(most, len(self._arrived)))]
        self._bytes -= sum(len(message.body) for message in taken)
        return taken

    def breathe(self) -> None:
        """Keep the heartbeat both ways while a batch is being handled."""
        while self._read_on():
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

    def _note(self, message: Any) -> None:
        self._arrived.append(message)
        self._bytes += len(message.body)

    def _read_on(self) -> bool:
        return self._bytes < MOST_BYTES and self._drain(_LINGER)

    def _drain(self, within: float) -> bool:
        try:
            self._bare.drain_events(timeout=within)
        except TimeoutError:
            return False
        return True
