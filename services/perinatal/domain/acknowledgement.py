"""Whose word an acknowledgement is: the receiver's own entry, or that of a sender who says who there confirmed it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from shared.kernel.decisions import Invalid

PROOF = ("receiver_person", "channel", "reference")


def reported_by(by_receiver: bool, said: Mapping[str, Any], needed: Collection[str] = PROOF) -> str:
    """`receiver` or `sender`. Refuses, as invalid, anybody but the receiver who has not `said` each of the `needed`."""
    if not by_receiver:
        require(
            said,
            needed,
            "receiver-needed",
            "only the receiver acknowledges alone; say who there confirmed it, by which channel, under which reference",
        )
    return "receiver" if by_receiver else "sender"


def require(said: Mapping[str, Any], needed: Collection[str], code: str, why: str) -> None:
    """Refuses, as invalid, whoever has not `said` each of the `needed`."""
    missing = [name for name in needed if not (said.get(name) or "").strip()]
    if missing:
        raise Invalid(code, why, fields={name: ["needed here"] for name in missing})
