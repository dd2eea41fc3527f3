"""The files on the way of one event: where a call passes on its way to a decision of the domain or a write in MongoDB.

A file is on the way when one of its functions is on the call stack at such a moment. A decision is the `decide` of an
aggregate or the `fold` of the ledger. Of the domain only the file that is entered first counts: what it asks of its
neighbours is not on the way.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from deploy.local.folders import ROOT

ROOMS = ("services/", "shared/")
DECISIONS = {"decide", "fold"}
WRITES = {"insert_one", "insert_many", "bulk_write"}


@contextmanager
def trace_way() -> Iterator[list[str]]:
    """Fills the list, at the end of the block, with the files on the way, in the order in which they were reached."""
    files: dict[str, None] = {}

    def look(frame: FrameType, happening: str, _: Any) -> None:
        if happening == "call" and (_is_domain(_file_of(frame)) or _is_write(frame)):
            files.update(dict.fromkeys(_way_to(frame)))

    way: list[str] = []
    sys.setprofile(look)
    threading.setprofile(look)
    try:
        yield way
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
        way += files


def _way_to(reached: FrameType) -> list[str]:
    """The files on the stack, outermost first; none for a call into the domain that is no part of a decision."""
    frames = list(_stack(reached))
    entered = next((place for place, frame in enumerate(frames) if _is_domain(_file_of(frame))), None)
    if entered is None:
        return [_file_of(frame) for frame in frames]
    if not any(frame.f_code.co_name in DECISIONS for frame in frames[: entered + 1]):
        return []
    return [_file_of(frame) for frame in frames[: entered + 1]]


def _stack(frame: FrameType | None) -> Iterator[FrameType]:
    inner: list[FrameType] = []
    while frame is not None:
        if _file_of(frame).startswith(ROOMS):
            inner.append(frame)
        frame = frame.f_back
    return reversed(inner)


def _file_of(frame: FrameType) -> str:
    path = Path(frame.f_code.co_filename)
    return path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else ""


def _is_domain(file: str) -> bool:
    return file.startswith("services/") and "/domain/" in file


def _is_write(frame: FrameType) -> bool:
    return frame.f_code.co_name in WRITES and "pymongo" in frame.f_code.co_filename
