"""Free ports on the loopback, each given to one stack only, however many stacks start at once on this machine.

A stack that starts again gets the ports it had, where they are still free. A port is held by the name of an abstract
Unix socket, which the kernel gives back when its holder dies. Ports come from below the range of outgoing connections,
so that a killed backend finds its port still free when it is started again.
"""

from __future__ import annotations

import json
import random
import socket
from pathlib import Path
from types import TracebackType

from deploy.local.folders import write_private

FIRST, LAST = 20_000, 32_000


class Ports:
    """The ports of one stack, held until it is closed and remembered in a file."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._held: list[socket.socket] = []
        self._numbers: dict[str, int] = json.loads(file.read_text()) if file.exists() else {}

    def take(self, name: str) -> int:
        """A port on which nothing listens, for the backend of that name: its former port, if that is free."""
        candidates = random.sample(range(FIRST, LAST), 200)
        if name in self._numbers:
            candidates.insert(0, self._numbers[name])
        for port in candidates:
            if self._reserve(port):
                self._numbers[name] = port
                write_private(self._file, json.dumps(self._numbers, indent=2))
                return port
        raise RuntimeError(f"no free port between {FIRST} and {LAST} on 127.0.0.1")

    def _reserve(self, port: int) -> bool:
        claim = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            claim.bind(f"\0followthrough-port-{port}")
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(("127.0.0.1", port))
        except OSError:
            claim.close()
            return False
        self._held.append(claim)
        return True

    def __enter__(self) -> Ports:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for claim in self._held:
            claim.close()
