"""Works on one piece while the store writes the piece before it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


def store_beside(pieces: Iterable[T], store: Callable[[T], object]) -> None:
    """Store the pieces one after the other, each while the next one is being made. At most two exist at a time.

    If making or storing a piece raises, no further piece is stored. The error is raised when the other side has ended.
    """
    with ThreadPoolExecutor(max_workers=1) as beside:
        storing: Future[object] | None = None
        for piece in pieces:
            if storing:
                storing.result()
            storing = beside.submit(store, piece)
        if storing:
            storing.result()
