"""However the process on top of a local stack ends, and whenever: no process of the stack is left, and no folder."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.local.folders import ROOT, RUN, fresh_name, instance_folder
from tests.support import eventually

pytestmark = pytest.mark.heavy

PROGRAM = """
import signal, sys
from deploy.local.backends import local_backends

signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
with local_backends(sys.argv[1]):
    print("up", flush=True)
    signal.pause()
"""


def start(name: str) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", PROGRAM, name], cwd=ROOT, stdout=subprocess.PIPE, text=True)


def processes_of(name: str) -> list[str]:
    """The command lines of all processes that were started for this stack, by arguments or environment."""
    found = []
    for process in Path("/proc").iterdir():
        if process.name.isdigit() and int(process.name) != os.getpid():
            try:
                arguments = (process / "cmdline").read_bytes()
                environment = (process / "environ").read_bytes()
            except OSError:  # gone meanwhile
                continue
            if arguments and name.encode() in arguments + environment:
                found.append(arguments.replace(b"\0", b" ").decode(errors="replace"))
    return found


def assert_that_nothing_is_left(name: str) -> None:
    def is_empty() -> bool:
        assert processes_of(name) == []
        return True

    eventually(is_empty, within=20)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_running_stack_ends_with_its_top_process(number: signal.Signals) -> None:
    name = fresh_name("test")
    with start(name) as top:
        assert top.stdout is not None
        assert top.stdout.readline() == "up\n"
        assert any("mongod" in line for line in processes_of(name))
        assert any("beam" in line for line in processes_of(name))
        assert any("epmd" in line for line in processes_of(name))
        top.send_signal(number)
    assert_that_nothing_is_left(name)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
@pytest.mark.parametrize("point", ["secrets", "stack.json", "pids/mongod", "pids/rabbitmq", "rabbit/data"])
def test_a_stack_that_is_interrupted_while_it_starts_leaves_nothing(number: signal.Signals, point: str) -> None:
    name = fresh_name("test")
    with start(name) as top:
        eventually((RUN / name / point).exists, within=30)
        top.send_signal(number)
    assert_that_nothing_is_left(name)


def test_the_folder_of_a_stack_that_was_killed_is_removed_by_the_next_one() -> None:
    name = fresh_name("test")
    with start(name) as top:
        eventually((RUN / name / "pids" / "mongod").exists, within=30)
        top.kill()
    assert_that_nothing_is_left(name)

    def is_removed_by_another() -> bool:
        # The kernel may take a moment to let go of the lock of a process that has just died.
        with instance_folder(fresh_name("test"), keep=False):
            return not (RUN / name).exists()

    eventually(is_removed_by_another)
