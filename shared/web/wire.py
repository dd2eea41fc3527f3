"""eventlet's HTTP protocol, made safe against clients that are slow, never stop sending, or disappear.

Guarantee: the head and the body of a request have to arrive within a time limit. An answer that is sent before the body
is read still reaches its client. If a request is not HTTP, or its head is too large, the answer is a problem document
that repeats nothing of the request.
"""

from __future__ import annotations

import re
import socket
import uuid
from contextlib import suppress
from http.server import BaseHTTPRequestHandler
from typing import Any

import eventlet
from eventlet import wsgi

from shared.web.problems import CONTENT_TYPE, Problem

HEAD_SECONDS = 10.0
BODY_SECONDS = 15.0
LINGER_SECONDS = 2.0
MOST_LINGERING_BYTES = 16 << 20
LONGEST_CHUNK_LINE = 4096

IDLE = wsgi.STATE_IDLE
_LENGTH = re.compile(r"[0-9]{1,18}")
_BEFORE_ROUTING = {
    400: ("not-http", "the request is not one that HTTP/1.1 allows"),
    414: ("address-too-long", "the address of the request is too long; ask for less in it"),
    431: ("headers-too-large", "the headers of the request are too large; send fewer or shorter ones"),
}


class Connection(list[Any]):
    """One client's connection in the shape that eventlet's server expects and updates: `[address, socket, state]`."""

    def __init__(self, address: Any, sock: Any) -> None:
        super().__init__([address, sock, IDLE])

    @property
    def address(self) -> Any:
        return self[0]

    @property
    def sock(self) -> Any:
        return self[1]

    @property
    def state(self) -> str:
        return str(self[2])

    def end_input_if_idle(self) -> None:
        """Accept no further request, unless one is being read. A request that has arrived is still answered."""
        if self.state == IDLE:
            with suppress(OSError):
                self.sock.shutdown(socket.SHUT_RD)


class TimedInput:
    """The body of a request. Reading it takes at most fifteen seconds. After that, it raises TimeoutError."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        stream.rfile = _CappedLines(stream.rfile)

    def read(self, size: int) -> bytes:
        with eventlet.Timeout(BODY_SECONDS, TimeoutError):
            read: bytes = self._stream.read(size)
        return read

    @property
    def unread(self) -> bool:
        """Whether bytes of the body may still be on their way."""
        if self._stream.chunked_input:
            return bool(self._stream.chunk_length)
        return bool(self._stream.position < (self._stream.content_length or 0))


class _CappedLines:
    """A file whose lines end at a limit, so that the size line of a chunk cannot fill the memory."""

    def __init__(self, file: Any) -> None:
        self.read = file.read
        self._readline = file.readline

    def readline(self, size: int = -1) -> Any:
        return self._readline(LONGEST_CHUNK_LINE)


class WireProtocol(wsgi.HttpProtocol):
    """One connection. `environ["followthrough.close"]()` makes the present request its last."""

    lingers = False

    def _read_request_line(self) -> Any:
        line = super()._read_request_line()
        if len(line) < self.server.url_length_limit:
            return line
        self.send_error(414)
        return b""

    def parse_request(self) -> bool:
        # eventlet would answer a faulty head by itself, without a problem document.
        try:
            with eventlet.Timeout(HEAD_SECONDS, TimeoutError):
                parsed: bool = super().parse_request()
        except (wsgi.HeaderLineTooLong, wsgi.HeadersTooLarge):
            self.send_error(431)
            return False
        if parsed and not self._has_one_length():
            self.send_error(400)
            return False
        return parsed

    def _has_one_length(self) -> bool:
        # If two readers do not agree where a request ends, its rest could be taken for another request.
        lengths = self.headers.get_all("Content-Length", [])
        codings = self.headers.get_all("Transfer-Encoding", [])
        if len(lengths) + len(codings) > 1:
            return False
        return all(map(_LENGTH.fullmatch, lengths)) and all(coding.lower() == "chunked" for coding in codings)

    def get_environ(self) -> dict[str, Any]:
        environ: dict[str, Any] = super().get_environ()
        environ["wsgi.input"] = TimedInput(environ["wsgi.input"])
        environ["followthrough.close"] = self._close_after_this
        return environ

    def _close_after_this(self) -> None:
        self.close_connection = True
        self.lingers = True

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Answer a request that reaches no route. Leaves out `message` and `explain`, which repeat its text."""
        correlation_id = str(uuid.uuid4())
        problem = Problem(int(code), *_BEFORE_ROUTING.get(int(code), _BEFORE_ROUTING[400]))
        body = problem.body(correlation_id)
        head = f"HTTP/1.1 {int(code)} Refused\r\nContent-Type: {CONTENT_TYPE}\r\nContent-Length: {len(body)}\r\n"
        head += f"Cache-Control: no-store\r\nX-Correlation-Id: {correlation_id}\r\nConnection: close\r\n\r\n"
        self.wfile.write(head.encode() + body)
        self.wfile.flush()
        self._close_after_this()

    def log_message(self, *_: Any) -> None:
        """Log nothing. The method of the standard library would print the request line."""

    def finish(self) -> None:
        with suppress(OSError):
            BaseHTTPRequestHandler.finish(self)
            if self.lingers:
                self._linger()
        self.connection.close()

    def _linger(self) -> None:
        # If the connection is closed with unread input, it is reset, and the client never sees the answer.
        self.connection.shutdown(socket.SHUT_WR)
        left = MOST_LINGERING_BYTES
        with eventlet.Timeout(LINGER_SECONDS, False):
            while left > 0:
                read = len(self.connection.recv(65536))
                if not read:
                    break
                left -= read
