"""The rules this service works by: read from its own events, adopted from the packs on disk."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any
from uuid import uuid4

from pymongo import ASCENDING

from services.referrals_followup.domain.rules import ADOPTED, AGGREGATE, Adopt, adoption_of
from services.referrals_followup.domain.rules_history import RulesHistory
from shared.events.documents import event_of
from shared.events.store import EventStore
from shared.kernel.calendar import WorkingCalendar
from shared.kernel.decisions import Actor, Refused

ADOPTER = Actor(id="rules", role="system", team="system", areas=("england",))


class Rules:
    """The history of adoptions. It is read again whenever another adoption has been recorded."""

    def __init__(self, store: EventStore) -> None:
        self._store = store
        self._history = RulesHistory(())

    def history(self) -> RulesHistory:
        """Every adoption recorded so far, compiled. Costs one count when nothing is new."""
        adopted = {"event.type": ADOPTED}
        if self._store.collection.count_documents(adopted) != self._history.number:
            found = self._store.collection.find(adopted, {"event": 1})
            self._history = RulesHistory.of(adoption_of(event_of(document)) for document in found)
        return self._history

    def ensure_indexes(self) -> None:
        """Create the index by which adoptions are found among the events; safe to repeat."""
        self._store.collection.create_index(
            [("event.type", ASCENDING)], name="adoptions", partialFilterExpression={"event.type": ADOPTED}
        )

    def adopt(self, packs: Iterable[Mapping[str, Any]], calendar: WorkingCalendar) -> list[str]:
        """Bring into force every pack whose content or calendar is new; the names of those that were."""
        adopted = []
        for pack in packs:
            content = {"steps": pack["steps"]}
            digest = _digest({"content": content, "calendar": calendar.to_json(), "version": pack["version"]})
            command = Adopt(pack["pack"], pack["version"], digest, content, calendar.to_json())
            with suppress(Refused):
                # No key to retry with: what is in force already is refused, and an older content may come back.
                stream = f"{AGGREGATE.kind}/{pack['pack']}"
                self._store.execute(AGGREGATE, stream, command, ADOPTER, key=uuid4().hex, body={}, creates=True)
                adopted.append(f"{pack['pack']} {pack['version']}")
        return adopted


def _digest(content: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
