"""Records what a request asks for. The same request gets its first answer again."""

from __future__ import annotations

from typing import Any

from shared.events.store import EventStore, Recorded
from shared.kernel.decisions import Aggregate
from shared.web.exchange import Request


def execute_for(
    request: Request,
    store: EventStore,
    aggregate: Aggregate[Any],
    stream: str,
    command: Any,
    *,
    creates: bool = True,
) -> Recorded[Any]:
    """Decide the command that a request gives on this stream, and record the fact. Raises what `execute` raises."""
    return store.execute(
        aggregate,
        stream,
        command,
        request.actor,
        key=request.key,
        body=request.raw_body,
        operation=request.operation,
        expected_version=request.expected_version,
        correlation_id=request.correlation_id,
        creates=creates,
    )
