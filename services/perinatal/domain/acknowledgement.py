"""Who acknowledges: the receiver or a sender. A sender names the receiver's person, the channel and the reference."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from shared.kernel.decisions import Invalid

PROOF = ("receiver_person", "channel", "reference")


def reported_by(by_receiver: bool, given: Mapping[str, Any], needed: Collection[str] = PROOF) -> str:
    """`receiver` or `sender`. A sender's command needs all the `needed` fields, or it is refused as invalid."""
    if not by_receiver:
        require(
            given,
            needed,
            "receiver-needed",
            "only the receiver acknowledges alone; say who there confirmed it, by which channel, under which reference",
        )
    return "receiver" if by_receiver else "sender"


def require(given: Mapping[str, Any], needed: Collection[str], code: str, why: str) -> None:
    """Refuses as invalid a command in which one of the `needed` fields is missing or blank."""
    missing = [name for name in needed if not (given.get(name) or "").strip()]
    if missing:
        raise Invalid(code, why, fields={name: ["needed here"] for name in missing})
