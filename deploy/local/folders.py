"""The folder of one running stack: `.run/<instance>/`, owned by one process tree, readable by its owner only.

The folder is locked while the process that opened it, or any keeper that it started, is alive. A folder whose name has
a dash is temporary: once its lock is free, the next stack to start removes it.
"""

from __future__ import annotations

import fcntl
import itertools
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RUN = ROOT / ".run"
SUBFOLDERS = ("mongo", "rabbit", "mail", "logs", "secrets", "pids", "starts")

_numbers = itertools.count(1)


class InstanceBusy(RuntimeError):
    """Another stack of that name is running from this project folder."""


def fresh_name(purpose: str) -> str:
    """A name that no other process uses, for a temporary stack: `demo-4711-1`."""
    return f"{purpose}-{os.getpid()}-{next(_numbers)}"


def write_private(path: Path, content: str) -> Path:
    """Writes a file that only its owner may read, whole or not at all."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(content)
    draft.replace(path)
    return path


@contextmanager
def instance_folder(name: str, *, keep: bool, wait_for: float = 15.0) -> Iterator[tuple[Path, int]]:
    """The folder of a stack and the descriptor of its lock, which keepers inherit. Raises InstanceBusy."""
    if keep and "-" in name:
        raise ValueError(f"{name!r} is the name of a temporary stack")
    folder = RUN / name
    with _exclusive(RUN / "lock"):
        _remove_abandoned_folders()
        for subfolder in ("", *SUBFOLDERS):
            (folder / subfolder).mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = _lock(folder / "lock", deadline=0)
    if lock is None:
        lock = _lock(folder / "lock", time.monotonic() + wait_for)
    if lock is None:
        raise InstanceBusy(f"another stack called {name!r} is running; stop it first (its folder: {folder})")
    try:
        yield folder, lock
    finally:
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def _remove_abandoned_folders() -> None:
    for folder in RUN.iterdir():
        if "-" not in folder.name or not folder.is_dir():
            continue
        lock = _lock(folder / "lock", deadline=0)
        if lock is not None:
            shutil.rmtree(folder, ignore_errors=True)
            os.close(lock)


def _lock(path: Path, deadline: float) -> int | None:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return descriptor
        except BlockingIOError:
            if time.monotonic() >= deadline:
                os.close(descriptor)
                return None
            time.sleep(0.1)


@contextmanager
def _exclusive(path: Path) -> Iterator[None]:
    path.parent.mkdir(mode=0o700, exist_ok=True)
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
