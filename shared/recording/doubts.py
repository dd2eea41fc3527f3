"""Whether a command says something impossible or unlikely. The table of the service says what is.

Guarantee: no doubt refuses a fact that can open an urgent or guarded step. Such a fact is published with the codes of
its doubts. The private part has them too, under `doubts`, and so has one line of the log. What a request confirmed is
kept under `confirms`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from shared.contracts.urgent import is_recorded_whoever_it_names
from shared.kernel.decisions import Fact
from shared.kernel.doubts import Entry, Found, Table, find_doubts, require_likely
from shared.kernel.envelope import Event
from shared.runtime.observability import get_logger

log = get_logger()


@dataclass(frozen=True, slots=True)
class DoubtCheck:
    """Checks facts by the table of one service. `confirmed` are the doubts that every request confirms.

    `indexes` are the fields of event types by which the service looks up other records for its table.
    """

    table: Table = field(default_factory=dict)
    indexes: Sequence[tuple[str, str]] = ()
    confirmed: frozenset[str] = frozenset()

    def settle(
        self, fact: Fact, history: Sequence[Event], known: Mapping[str, Any], confirms: Collection[str] = ()
    ) -> Fact:
        """The fact to record. Raises Impossible or PleaseConfirm, unless the fact can open an urgent step."""
        if fact.type not in self.table:
            return fact
        found = find_doubts(self.table, Entry(fact, history, known))
        confirmed = self.confirmed.union(confirms)
        if not is_recorded_whoever_it_names(fact.type, fact.data):
            require_likely(found, confirmed)
        return self._keep(fact, found, confirmed)

    def _keep(self, fact: Fact, found: Sequence[Found], confirmed: frozenset[str]) -> Fact:
        """The fact with the codes of its doubts: those that are confirmed, and those that wait, which are published."""
        if not found:
            return fact
        doubtful = {one.code for one in found}
        waiting = sorted(doubtful - confirmed)
        kept = {"confirms": sorted(doubtful & confirmed), "doubts": waiting}
        if waiting:
            log.warning("recorded with doubts", type=fact.type, code=", ".join(waiting))
        private = {**fact.private, **{name: codes for name, codes in kept.items() if codes}}
        return replace(fact, private=private, doubts=" ".join(waiting) or None)
