"""`python -m deploy.local up|demo`: the system on this machine. It leaves no process behind, however it ends."""

from __future__ import annotations

import signal
import sys
from types import FrameType

from deploy.local.folders import InstanceBusy
from deploy.local.mongo import NotInstalled
from deploy.local.processes import NotReady

USAGE = "usage: python -m deploy.local up|demo [s|t|...]"


def _end(number: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


def main(arguments: list[str]) -> int:
    """Runs one command; its exit code."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs start with SIGINT ignored
    signal.signal(signal.SIGTERM, _end)
    signal.signal(signal.SIGHUP, _end)
    try:
        match arguments:
            case ["up"]:
                from deploy.local import up

                return up.main()
            case ["demo", *letter] if len(letter) < 2:
                from deploy.local import demo

                return demo.main(*letter)
            case _:
                print(USAGE, file=sys.stderr)
                return 2
    except (InstanceBusy, NotInstalled, NotReady) as problem:
        print(problem, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted; everything is stopped", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
