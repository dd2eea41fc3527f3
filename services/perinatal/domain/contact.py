"""A contact that children's social care received: who spoke, what was decided, and when the referrer was told.

Only a professional is named in what is published. The name of a relative, a neighbour or a child stays private.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shared.contracts.words import PROFESSIONAL_SOURCES
from shared.kernel.decisions import Context
from shared.kernel.tables import BeginRecord, RecordState, Row, invalid, record_of, states

EVER = states("received", "decided")


def _received(state: RecordState, command: BeginRecord, context: Context) -> Mapping[str, Any]:
    """Feedback that the body does not mention: owed to professionals, limited to others, impossible to nobody known."""
    source = command.data.get("source")
    named = dict.fromkeys(_PUBLISHED, "is of a professional; give the name as `referrer`, which stays here")
    named = {name: fault for name, fault in named.items() if command.data.get(name)}
    if source is None:
        if not command.data.get("from_team"):
            raise invalid("who-speaks", "say who made the contact", from_team="give it, or the `source`")
        return {}
    if source not in PROFESSIONAL_SOURCES and named:
        raise invalid("referrer-named", "only a professional is named in what other services hear", **named)
    if source == "anonymous" and command.data.get("feedback") in ("owed", "limited"):
        raise invalid("nobody-to-tell", "nobody knows whom to tell", feedback="is not possible to somebody anonymous")
    usual = "owed" if source in PROFESSIONAL_SOURCES else "not_possible" if source == "anonymous" else "limited"
    return {"feedback": command.data.get("feedback", usual)}


_PUBLISHED = ("from_team", "from_person")

ROWS = {
    "contact.received.v1": Row(becomes="received", check=_received),
    "contact.decided.v1": Row(EVER, "decided"),
    "contact.referrer_told.v1": Row(EVER),
    "contact.chased.v1": Row(EVER),
}

AGGREGATE = record_of("contact", ROWS)
