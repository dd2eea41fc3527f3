"""What was set aside is tried again at each sweep; of what is still set aside then, the operators are told.

Guarantees: a parked message or thread stays parked until it is done; the operators are told once of each one (of a
thread each time that it is parked anew), and of each letter that keeps failing. One that fails here stops no other.
"""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from services.referrals_followup import hearing, mails
from services.referrals_followup.actors import SYSTEM_ACTOR
from services.referrals_followup.domain.stalled import AGGREGATE, LETTER, MESSAGE, THREAD, TellOfStalled, reason_code
from shared.events.mongo import is_store_away
from shared.kernel.ids import derived_id
from shared.kernel.time import london_date
from shared.messaging.topology import EVIDENCE
from shared.observability import get_logger

if TYPE_CHECKING:
    from services.referrals_followup.parts import Parts

log = get_logger()


def try_again(parts: Parts) -> None:
    """Hear the parked messages whose time has come, and fold every parked thread. Raises when the store is away."""
    parts.parked.try_again(EVIDENCE, partial(hearing.hear, parts))
    for thread in parts.views.parked_threads():
        try:
            parts.views.refresh([thread["_id"]])
        except Exception as error:
            if is_store_away(error):
                raise
            log.error("parked thread not written", thread=thread["_id"], exc_info=error)


def tell(parts: Parts) -> None:
    """Tell the operators of all that is set aside and that they do not know of. Raises when the store is away."""
    for message in parts.parked.untold():
        if _told(parts, MESSAGE, f"{MESSAGE}/{message.id}", message.reason):
            parts.parked.told(message)
    for thread in parts.views.parked_threads():
        _told(parts, THREAD, thread["_id"], thread["reason"], since=thread["parked_at"])
    for letter_id, reason in mails.failing(parts):
        _told(parts, LETTER, f"{LETTER}/{letter_id}", reason)


def _told(parts: Parts, kind: str, what: str, reason: str, since: datetime | None = None) -> bool:
    """Whether the operators are told of it by now. `since` tells this time from an earlier one."""
    operators = tuple(operator.person for operator in parts.directory.operators(london_date(parts.clock.now())))
    try:
        parts.store.execute(
            AGGREGATE,
            f"{AGGREGATE.kind}/{derived_id(what)}",
            TellOfStalled(kind, what, reason_code(reason), operators),
            SYSTEM_ACTOR,
            key=f"stalled:{what}:{since}",
            body={},
            creates=True,
        )
    except Exception as error:
        if is_store_away(error):
            raise
        log.error("operators not told of what is set aside", exc_info=error)
        return False
    return True
