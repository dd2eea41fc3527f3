"""Parked threads are folded again at each sweep; of whatever is still set aside then, somebody is told.

Guarantees: a parked thread stays parked until it can be folded; each rung of the ladder of a parked message or thread,
and of a letter that keeps failing, is told once. One that fails here stops no other.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from pymongo.errors import DuplicateKeyError

from services.referrals_followup.chasing import digests as mails
from services.referrals_followup.domain.parked_work import (
    AGGREGATE,
    FINDING,
    LETTER,
    MESSAGE,
    THREAD,
    TellOfStalled,
    reason_code,
    told_again_at,
)
from services.referrals_followup.domain.rules_history import NATIONAL
from shared.contracts.access import SYSTEM_ACTOR
from shared.events.mongo import is_store_away
from shared.kernel.calendar import WorkingCalendar
from shared.kernel.decisions import Refused
from shared.kernel.envelope import Event, from_text
from shared.kernel.ids import derived_id
from shared.kernel.time import london_date
from shared.runtime.observability import get_logger

if TYPE_CHECKING:
    from services.referrals_followup.bootstrap import Dependencies

log = get_logger()


def try_again(dependencies: Dependencies) -> None:
    """Fold every parked thread. Raises when the store is away."""
    for thread in dependencies.views.parked_threads():
        try:
            dependencies.views.refresh([thread["_id"]])
        except Exception as error:
            if is_store_away(error):
                raise
            log.error("parked thread not written", thread=thread["_id"], exc_info=error)


def tell(dependencies: Dependencies) -> None:
    """Tell of all that is set aside and whose next rung is owed. Raises when the store is away."""
    calendar = _calendar(dependencies)
    told = partial(_told, dependencies, calendar)
    for message in dependencies.parked.to_tell(dependencies.clock.now()):
        told_at = told(MESSAGE, f"{MESSAGE}/{message.id}", message.reason, message.parked_at)
        if told_at is not None:
            dependencies.parked.note_told(message, told_again_at(told_at, calendar))
    for elsewhere in dependencies.database.reported_parked.find({"parked": {"$ne": None}}).sort("_id"):
        told(MESSAGE, f"{MESSAGE}/{elsewhere['parked']['oldest']}", f"parked in {elsewhere['_id']}")
    for thread in dependencies.views.parked_threads():
        told(THREAD, thread["_id"], thread["reason"], thread["parked_at"])
    for letter_id, reason in mails.failing(dependencies):
        told(LETTER, f"{LETTER}/{letter_id}", reason)


def note_parked(dependencies: Dependencies, position: Event) -> None:
    """Remember what lies parked in another service: of the oldest of it the same people are told as of one here.

    Read first: mostly there is nothing new to write, and a position that comes late changes nothing.
    """
    if position.source == dependencies.store.source or position.data["until"] is None:
        return
    noted, parked = dependencies.database.reported_parked, position.data.get("parked")
    known = noted.find_one({"_id": position.source})
    if (known or {"parked": None})["parked"] == parked or (known and known["at"] >= position.recorded_at):
        return
    newer = {"_id": position.source, "at": {"$lt": position.recorded_at}}
    with suppress(DuplicateKeyError):
        noted.update_one(newer, {"$set": {"at": position.recorded_at, "parked": parked}}, upsert=True)


def tell_of_findings(dependencies: Dependencies, check: Event) -> None:
    """Tell the operators of what a service's check found, once for as long as every check finds it."""
    calendar = _calendar(dependencies)
    for finding in check.data["findings"]:
        what = f"{FINDING}/{check.source}-{finding['code']}"
        _told(dependencies, calendar, FINDING, what, finding["code"], from_text(finding["since"]))


def _told(
    dependencies: Dependencies,
    calendar: WorkingCalendar,
    kind: str,
    what: str,
    reason: str,
    since: datetime | None = None,
) -> datetime | None:
    """When somebody was told of it last; None when that failed now. `since` tells this time from an earlier one."""
    on = london_date(dependencies.clock.now())
    operators, leads = (
        tuple(sorted(recipient.person for recipient in found))
        for found in (dependencies.directory.operators(on), dependencies.directory.safeguarding_leads(on))
    )
    stream = f"{AGGREGATE.kind}/{derived_id(what, str(since))}"
    try:
        recorded = dependencies.store.execute(
            AGGREGATE,
            stream,
            TellOfStalled(kind, what, reason_code(reason), operators, leads, calendar),
            SYSTEM_ACTOR,
            # No two rungs are owed on one day.
            key=f"stalled:{what}:{since}:{on}",
            body={},
            operation="parked.tell",
            creates=True,
        )
        return recorded.state
    except Refused:
        return AGGREGATE.fold(dependencies.store.load(stream))
    except Exception as error:
        if is_store_away(error):
            raise
        log.error("operators not told of what is set aside", exc_info=error)
        return None


def _calendar(dependencies: Dependencies) -> WorkingCalendar:
    """Before any rules are adopted, one that knows of weekends alone."""
    ruleset = dependencies.rules.history().newest(NATIONAL)
    return ruleset.calendar if ruleset else WorkingCalendar({}, "weekends")
