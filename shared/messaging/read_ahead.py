"""A connection to the broker that reads whatever has arrived at once.

py-amqp reads each frame with three system calls. A waiting message has three frames, so a full queue costs more to read
than to decode.
"""

from __future__ import annotations

from ssl import SSLError
from struct import unpack_from
from typing import Any

import amqp
from amqp.exceptions import UnexpectedFrame
from amqp.transport import SSLTransport, TCPTransport
from kombu.connection import Connection
from kombu.transport import pyamqp

_AT_ONCE = 128 * 1024
# A frame is its type, channel and size, then the payload, then one octet that ends it.
_HEAD, _END = 7, b"\xce"


class ReadAhead:
    """Overrides how a transport of py-amqp reads a frame."""

    sock: Any
    connected: bool

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._arrived = bytearray()
        self._position = 0

    def read_frame(self) -> tuple[int, int, bytes]:
        """The next frame. Raises TimeoutError if it does not arrive in time; what has arrived of it is kept."""
        while (frame := self._next_frame()) is None:
            del self._arrived[: self._position]
            self._position = 0
            data = self._receive()
            self._arrived += data
        return frame

    def _receive(self) -> bytes:
        try:
            data: bytes = self.sock.recv(_AT_ONCE)
            if not data:
                raise ConnectionResetError("the broker closed the connection")
        except TimeoutError:
            raise
        except OSError as error:
            if isinstance(error, SSLError) and "timed out" in str(error):  # as eventlet says it
                raise TimeoutError from error
            self.connected = False
            raise
        return data

    def _next_frame(self) -> tuple[int, int, bytes] | None:
        at = self._position
        if len(self._arrived) < at + _HEAD:
            return None
        kind, channel, size = unpack_from(">BHI", self._arrived, at)
        end = at + _HEAD + size
        if len(self._arrived) <= end:
            return None
        if self._arrived[end : end + 1] != _END:
            raise UnexpectedFrame("a frame does not end where its size says")
        self._position = end + 1
        return kind, channel, bytes(self._arrived[at + _HEAD : end])


class TcpTransport(ReadAhead, TCPTransport):  # type: ignore[misc]
    pass


class TlsTransport(ReadAhead, SSLTransport):  # type: ignore[misc]
    pass


class _AmqpConnection(amqp.Connection):  # type: ignore[misc]
    def Transport(  # noqa: N802 (py-amqp's name)
        self,
        host: str,
        connect_timeout: float,
        ssl: Any = False,
        read_timeout: float | None = None,
        write_timeout: float | None = None,
        socket_settings: Any = None,
        **options: Any,
    ) -> Any:
        """The transport of this connection, as in py-amqp."""
        options |= {"connect_timeout": connect_timeout, "socket_settings": socket_settings}
        options |= {"read_timeout": read_timeout, "write_timeout": write_timeout}
        return TlsTransport(host, ssl=ssl, **options) if ssl else TcpTransport(host, **options)


class _Broker(pyamqp.Transport):  # type: ignore[misc]
    Connection = _AmqpConnection


class TlsBroker(pyamqp.SSLTransport):  # type: ignore[misc]
    Connection = _AmqpConnection


def connect(address: str, *, heartbeat: int, within: float) -> Any:
    """An open connection of py-amqp. Raises OSError and amqp's AMQPError when the broker is away."""
    broker = TlsBroker if address.startswith("amqps:") else _Broker
    kombu = Connection(address, transport=broker, heartbeat=heartbeat, connect_timeout=within)  # type: ignore[no-untyped-call]
    # Only the bare connection is used: kombu's wrapper would reconnect in silence, without a consumer.
    return kombu.transport.establish_connection()
