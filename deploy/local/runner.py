"""Keeps a list of commands running: each is started again whenever it dies, until this process's stdin ends.

The first line of stdin has the commands as JSON. Nothing outlives the process that holds the other end of stdin: every
keeper watches that pipe, whose end the kernel reports however the holder died, and then stops its command. If a keeper
is killed, its command dies with it. Commands write straight to their log files. honcho forks the keepers and logs
starts and deaths.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from honcho.manager import Manager
from honcho.printer import Printer
from honcho.process import Process

from deploy.local.die_with_parent import die_with_parent
from deploy.local.folders import write_private

LIFELINE = os.dup(0)  # a copy of stdin, which multiprocessing closes in its children
LONGEST_PAUSE = 3.0


class Kept(Process):  # type: ignore[misc]
    """One command, kept running by a process of its own."""

    grace = 0.0

    def run(self, events: Any = None, ignore_signals: bool = False) -> None:
        self._events = events
        for number in (signal.SIGINT, signal.SIGTERM):  # the command would inherit "ignore", but not a handler
            signal.signal(number, lambda *_: None)
        folder = Path(self.cwd)
        starts, pause = 0, 0.1
        while True:
            began = time.monotonic()
            starts += 1
            command = self._start(folder, starts)
            if self._died_before_the_lifeline_ended(command):
                _kill_group(command.pid)
                pause = 0.1 if time.monotonic() - began > 10 else min(pause * 2, LONGEST_PAUSE)
                self._send_message(f"{self.name} died ({_how(command.returncode)}), starting it again\n")
                if not _lifeline_ended(pause):
                    continue
            break
        self._send_message({"returncode": command.returncode}, type="stop")

    def _start(self, folder: Path, starts: int) -> subprocess.Popen[bytes]:
        with (folder / "logs" / f"{self.name}.log").open("ab") as log:
            command = subprocess.Popen(
                die_with_parent(self.cmd),
                env=self.env,
                cwd=os.getcwd(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        write_private(folder / "starts" / self.name, str(starts))
        write_private(folder / "pids" / self.name, str(command.pid))
        self._send_message({"pid": command.pid}, type="start")
        return command

    def _died_before_the_lifeline_ended(self, command: subprocess.Popen[bytes]) -> bool:
        watched = os.pidfd_open(command.pid)
        try:
            ready, _, _ = select.select([watched, LIFELINE], [], [])
            died = watched in ready and LIFELINE not in ready
            if not died:
                command.terminate()
                select.select([watched], [], [], self.grace)
                command.kill()
            command.wait()
            _kill_group(command.pid)
            return died
        finally:
            os.close(watched)


class Keepers(Manager):  # type: ignore[misc]
    """honcho's manager, whose processes end with the lifeline rather than with each other."""

    def __init__(self, printer: Printer) -> None:
        super().__init__(printer)
        self._process_ctor = Kept

    def terminate(self) -> None:
        """Does nothing: the keepers see the end of the lifeline themselves."""

    def kill(self) -> None:
        """Does nothing: a keeper kills a command that does not stop in time."""


def _lifeline_ended(within: float) -> bool:
    return bool(select.select([LIFELINE], [], [], within)[0])


def _kill_group(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)


def _how(returncode: int) -> str:
    return signal.Signals(-returncode).name if returncode < 0 else f"exit {returncode}"


def main() -> None:
    folder, commands = Path(sys.argv[1]), json.loads(sys.stdin.buffer.readline())
    with (folder / "logs" / "keepers.log").open("a") as log:
        keepers = Keepers(Printer(log, colour=False))
        for command in commands:
            kept = keepers.add_process(command["name"], command["argv"], env=command["env"], cwd=str(folder))
            kept.grace = command["grace"]
        keepers.loop()


if __name__ == "__main__":
    main()
