"""Commands that are kept running until this process stops them or ends; see `runner`."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any, cast

from deploy.local.die_with_parent import die_with_parent
from deploy.local.folders import ROOT

SOON = 0.05
MOST_STARTS = 4


class NotReady(RuntimeError):
    """A process of the stack did not start. The message ends with the last lines of its log."""


@dataclass(frozen=True, slots=True)
class Command:
    """A command to keep running: its name (also that of its log), its arguments and its whole environment.

    `grace` is how many seconds it may take to stop before it is killed.
    """

    name: str
    argv: Sequence[str]
    env: Mapping[str, str]
    grace: float = 10.0


class Processes:
    """A group of commands, started together and stopped together."""

    def __init__(self, folder: Path, lock: int, commands: Sequence[Command]) -> None:
        """`lock` is the descriptor of the folder's lock, which the keepers share until they end."""
        self._folder = folder
        self.names = tuple(command.name for command in commands)
        for name in self.names:
            (folder / "pids" / name).unlink(missing_ok=True)
            (folder / "starts" / name).unlink(missing_ok=True)
        self._runner = subprocess.Popen(
            [sys.executable, "-m", "deploy.local.runner", str(folder)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=(folder / "logs" / "keepers.log").open("ab"),
            pass_fds=(lock,),
            start_new_session=True,
        )
        self._lifeline = cast(IO[bytes], self._runner.stdin)
        self._send([asdict(command) for command in commands])

    def pid(self, name: str) -> int | None:
        """The process id of a command now, or None before its first start. It changes when the command is restarted."""
        return self._read("pids", name)

    def starts(self, name: str) -> int:
        """How often the command was started."""
        return self._read("starts", name) or 0

    def kill(self, name: str) -> int:
        """Kills a command with SIGKILL and returns the id it had; its keeper starts it again."""
        pid = self.pid(name)
        if pid is None:
            raise NotReady(f"{name} is not running")
        os.kill(pid, signal.SIGKILL)
        return pid

    def wait_until(self, name: str, is_ready: Callable[[], bool], within: float) -> None:
        """Waits until a command is ready. Raises NotReady when it keeps dying or takes longer than `within` seconds."""
        deadline, starts_before = time.monotonic() + within, self.starts(name)
        while not is_ready():
            if self._runner.poll() is not None:
                raise NotReady(f"the keepers of {', '.join(self.names)} ended\n{self.tail('keepers')}")
            if self.starts(name) - starts_before >= MOST_STARTS:
                raise NotReady(f"{name} dies at every start. Its log ends:\n{self.tail(name)}")
            if time.monotonic() > deadline:
                raise NotReady(f"{name} was not ready within {within:.0f} s. Its log ends:\n{self.tail(name)}")
            time.sleep(SOON)

    def tail(self, name: str, lines: int = 25) -> str:
        """The last lines of a command's log."""
        path = self._folder / "logs" / f"{name}.log"
        return "\n".join(path.read_text(errors="replace").splitlines()[-lines:]) if path.exists() else "(no log)"

    def stop(self) -> None:
        """Stops every command and waits until all are gone."""
        with suppress(BrokenPipeError):
            self._lifeline.close()
        try:
            self._runner.wait(timeout=30)
        except BaseException:
            os.killpg(self._runner.pid, signal.SIGKILL)
            self._runner.wait()
            raise

    def _send(self, commands: list[dict[str, Any]]) -> None:
        """Gives the runner its commands through the pipe: their environments may hold secrets and go to no file."""
        with suppress(BrokenPipeError):  # the runner has died, which `wait_until` reports
            self._lifeline.write(json.dumps(commands).encode() + b"\n")
            self._lifeline.flush()

    def _read(self, kind: str, name: str) -> int | None:
        try:
            return int((self._folder / kind / name).read_text())
        except FileNotFoundError:
            return None


def run_to_end(name: str, argv: Sequence[str], env: Mapping[str, str], folder: Path, within: float = 60.0) -> None:
    """Runs one command to its end, its output in the logs. Raises NotReady when it fails."""
    path = folder / "logs" / f"{name}.log"
    with path.open("ab") as log:
        try:
            done = subprocess.run(
                die_with_parent(list(argv)),
                env=env,
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                timeout=within,
            )
        except subprocess.TimeoutExpired:
            raise NotReady(f"{name} took longer than {within:.0f} s") from None
    if done.returncode:
        ending = "\n".join(path.read_text(errors="replace").splitlines()[-25:])
        raise NotReady(f"{name} failed with exit {done.returncode}:\n{ending}")
