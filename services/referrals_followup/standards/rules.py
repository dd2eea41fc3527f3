"""The rules that this service works by: read from its own events, and adopted from the packs on disk."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any
from uuid import uuid4

from pymongo import ASCENDING

from services.referrals_followup.domain.rules import ADOPTED, AGGREGATE, IN_FORCE_ALREADY, Adopt, adoption_of
from services.referrals_followup.domain.rules_history import CALENDAR, RulesHistory
from shared.events.documents import event_of
from shared.events.store import EventStore
from shared.kernel.calendar import WorkingCalendar
from shared.kernel.decisions import Actor, Refused

ADOPTER = Actor(id="rules", role="system", team="system", areas=("england",))


class Rules:
    """The history of adoptions. It is read again after each new adoption."""

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
        """Create the index that finds adoptions among the events; safe to repeat."""
        self._store.collection.create_index(
            [("event.type", ASCENDING)], name="adoptions", partialFilterExpression={"event.type": ADOPTED}
        )

    def adopt(self, packs: Iterable[Mapping[str, Any]], calendar: WorkingCalendar) -> list[str]:
        """Bring every pack into force whose content or calendar is new; returns their names.

        Raises Refused for a pack whose content changed and whose version did not.
        """
        adopted = []
        for pack in packs:
            content = _content_of(pack)
            fingerprint = _fingerprint({"content": content, "calendar": calendar.to_json(), "version": pack["version"]})
            if self._adopt(Adopt(pack["pack"], pack["version"], fingerprint, content, calendar.to_json())):
                adopted.append(f"{pack['pack']} {pack['version']}")
        return adopted

    def adopt_calendar(self, calendar: WorkingCalendar, source: str) -> bool:
        """Bring these bank holidays into force for the years that they cover, in every area; False if they are.

        Raises Refused when other days are in force under the same version.
        """
        content = {"steps": {}, "source": source, "holidays": calendar.to_json()["holidays"]}
        fingerprint = _fingerprint({"content": content, "version": calendar.version})
        return self._adopt(Adopt(CALENDAR, calendar.version, fingerprint, content, calendar.to_json()))

    def _adopt(self, command: Adopt) -> bool:
        """Whether it is in force only now. Raises Refused as the decision does."""
        try:
            # A key of its own each time: a pack in force is refused anyway, and an older content may come back.
            self._store.execute(
                AGGREGATE,
                f"{AGGREGATE.kind}/{command.pack}",
                command,
                ADOPTER,
                key=uuid4().hex,
                body={},
                operation="standards.adopt",
                creates=True,
            )
        except Refused as refusal:
            if refusal.code != IN_FORCE_ALREADY:
                raise
            return False
        return True

    def is_changed_under_one_version(self, pack: Mapping[str, Any]) -> bool:
        """Whether the pack in force has the same version and another content."""
        in_force = AGGREGATE.fold(self._store.load(_stream_of(pack)))
        return in_force is not None and in_force.conflicts_with(pack["version"], _content_of(pack))


def _stream_of(pack: Mapping[str, Any]) -> str:
    return f"{AGGREGATE.kind}/{pack['pack']}"


def _content_of(pack: Mapping[str, Any]) -> dict[str, Any]:
    return {"steps": pack["steps"]}


def _fingerprint(content: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
