"""Commands that the kernel kills when the process that started them dies (Linux, with util-linux's setpriv)."""

from __future__ import annotations

import shutil


def die_with_parent(argv: list[str]) -> list[str]:
    """The command, changed so that it dies with the process (its main thread) that starts it."""
    return ["setpriv", "--pdeathsig", "KILL", "--", *argv] if shutil.which("setpriv") else argv
