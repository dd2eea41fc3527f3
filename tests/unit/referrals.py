"""Commands on a referral, from what a body gives."""

from __future__ import annotations

from typing import Any

from shared.kernel.tables import AppendEntry, BeginRecord

TIMING = ("occurred_at", "precision", "note")
PRIVATE = ("receiver_person", "reference")


def parts(given: dict[str, Any]) -> dict[str, Any]:
    """What a body gives, as a command takes it."""
    data = {name: value for name, value in given.items() if name not in (*TIMING, *PRIVATE)}
    private = {name: given[name] for name in PRIVATE if name in given}
    return {"data": data, "private": private, **{name: given[name] for name in TIMING if name in given}}


def begin(stage: str, *, area: str | None = None, **given: Any) -> BeginRecord:
    return BeginRecord(type=f"referral.{stage}.v1", area=area, **parts({"urgency": "routine", **given}))


def append(what: str, **given: Any) -> AppendEntry:
    defaults = {"to": "referrer"} if what == "outcome_returned" else {}
    return AppendEntry(type=f"referral.{what}.v1", **parts({**defaults, **given}))
