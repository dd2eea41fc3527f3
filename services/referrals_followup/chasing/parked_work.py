"""Folds parked threads again at each sweep, and then tells people of all work that is still parked.

Guarantees: a parked thread stays parked until it can be folded. Parked messages, parked threads and digests that keep
failing have a ladder. People are told once of each rung. If telling fails for one of them, the others are not delayed.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from typing import Any

from pymongo.database import Database
from pymongo.errors import DuplicateKeyError

from services.referrals_followup.chasing.outbox import DigestOutbox
from services.referrals_followup.domain.directory import Directory
from services.referrals_followup.domain.parked_work import (
    AGGREGATE,
    DIGEST,
    FINDING,
    MESSAGE,
    THREAD,
    TellOfStalled,
    next_told_at,
    reason_code,
)
from services.referrals_followup.domain.rules_history import NATIONAL
from services.referrals_followup.ledger.views import FollowUpViews
from services.referrals_followup.standards.rules import Rules
from shared.contracts.access import SYSTEM_ACTOR
from shared.events.mongo import is_store_away
from shared.events.store import EventStore
from shared.kernel.calendar import WorkingCalendar
from shared.kernel.decisions import Refused
from shared.kernel.envelope import Event, from_text
from shared.kernel.ids import derived_id
from shared.kernel.time import london_date
from shared.messaging.parked import ParkedMessages
from shared.runtime.clock import Clock
from shared.runtime.observability import get_logger

log = get_logger()


class ParkedWork:
    """Tells people of parked work, in this service and elsewhere, and of findings. Decides who is told and when."""

    def __init__(
        self,
        *,
        database: Database[dict[str, Any]],
        store: EventStore,
        views: FollowUpViews,
        parked: ParkedMessages,
        outbox: DigestOutbox,
        rules: Rules,
        directory: Directory,
        clock: Clock,
    ) -> None:
        self._reported = database["reported_parked"]
        self._store = store
        self._views = views
        self._parked = parked
        self._outbox = outbox
        self._rules = rules
        self._directory = directory
        self._clock = clock

    def retry_threads(self) -> None:
        """Fold every parked thread. Raises when the store is away."""
        for thread in self._views.parked_threads():
            try:
                self._views.refresh([thread["_id"]])
            except Exception as error:
                if is_store_away(error):
                    raise
                log.error("parked thread not written", thread=thread["_id"], exc_info=error)

    def tell(self) -> None:
        """Tell people of all parked work whose next rung is owed. Raises when the store is away."""
        calendar = self._calendar()
        for message in self._parked.to_tell(self._clock.now()):
            what = f"{MESSAGE}/{message.id}"
            told_at = self._tell_of(calendar, MESSAGE, what, message.reason, message.parked_at)
            if told_at is not None:
                self._parked.note_told(message, next_told_at(told_at, calendar))
        for elsewhere in self._reported.find({"parked": {"$ne": None}}).sort("_id"):
            what = f"{MESSAGE}/{elsewhere['parked']['oldest']}"
            self._tell_of(calendar, MESSAGE, what, f"parked in {elsewhere['_id']}")
        for thread in self._views.parked_threads():
            self._tell_of(calendar, THREAD, thread["_id"], thread["reason"], thread["parked_at"])
        for digest_id, reason in self._outbox.find_failing():
            self._tell_of(calendar, DIGEST, f"{DIGEST}/{digest_id}", reason)

    def note_reported(self, position: Event) -> None:
        """Remember what is parked in another service, as the position says. The oldest message there has the same
        ladder as a message that is parked here.

        In most cases nothing is new, so this reads before it writes. A position that comes late changes nothing.
        """
        if position.source == self._store.source or position.data["until"] is None:
            return
        parked = position.data.get("parked")
        known = self._reported.find_one({"_id": position.source})
        if (known or {"parked": None})["parked"] == parked or (known and known["at"] >= position.recorded_at):
            return
        newer = {"_id": position.source, "at": {"$lt": position.recorded_at}}
        with suppress(DuplicateKeyError):
            self._reported.update_one(newer, {"$set": {"at": position.recorded_at, "parked": parked}}, upsert=True)

    def tell_of_findings(self, check: Event) -> None:
        """Tell the operators what the check of a service found: once, for as long as every check finds it."""
        calendar = self._calendar()
        for finding in check.data["findings"]:
            what = f"{FINDING}/{check.source}-{finding['code']}"
            self._tell_of(calendar, FINDING, what, finding["code"], from_text(finding["since"]))

    def _tell_of(
        self, calendar: WorkingCalendar, kind: str, what: str, reason: str, since: datetime | None = None
    ) -> datetime | None:
        """Tell people if they are to be told now. Returns when they were last told, or None if telling failed now.
        `since` is the start of this problem. An earlier problem with the same name has another `since`.
        """
        on = london_date(self._clock.now())
        operators, leads = (
            tuple(sorted(recipient.person for recipient in recipients))
            for recipients in (self._directory.operators(on), self._directory.safeguarding_leads(on))
        )
        stream = f"{AGGREGATE.kind}/{derived_id(what, str(since))}"
        try:
            recorded = self._store.execute(
                AGGREGATE,
                stream,
                TellOfStalled(kind, what, reason_code(reason), operators, leads, calendar),
                SYSTEM_ACTOR,
                # Two rungs are never owed on one day.
                key=f"stalled:{what}:{since}:{on}",
                body={},
                operation="parked.tell",
                creates=True,
            )
            return recorded.state
        except Refused:
            return AGGREGATE.fold(self._store.load(stream))
        except Exception as error:
            if is_store_away(error):
                raise
            log.error("operators not told of what is set aside", exc_info=error)
            return None

    def _calendar(self) -> WorkingCalendar:
        """The national calendar. Before any rules are adopted, a calendar that has only weekends."""
        ruleset = self._rules.history().newest(NATIONAL)
        return ruleset.calendar if ruleset else WorkingCalendar({}, "weekends")
