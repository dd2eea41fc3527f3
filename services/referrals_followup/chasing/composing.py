"""Composes digests from chases. Each chase is in exactly one digest to each of its recipients.

If a digest cannot be composed, the digests to other recipients are not delayed. The next sweep tries again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime

from services.referrals_followup.chasing.outbox import DigestOutbox
from services.referrals_followup.domain.digest import AGGREGATE, Chase, Compose, group_chases
from services.referrals_followup.domain.directory import Directory
from services.referrals_followup.domain.glass import BROKEN
from services.referrals_followup.domain.silence import FELL_SILENT
from services.referrals_followup.domain.thread_history import is_act
from shared.contracts.access import SYSTEM_ACTOR
from shared.events.batch_store import BatchStore
from shared.events.mongo import is_store_away
from shared.events.store import EventStore, Recorded
from shared.kernel.envelope import Event
from shared.kernel.ids import derived_id
from shared.runtime.observability import get_logger

log = get_logger()

# The most chases that one digest is about. For more chases there are several digests.
MOST_CHASES = 1_000


class DigestComposer:
    """Composes the digests that are missing."""

    def __init__(self, store: EventStore, outbox: DigestOutbox, directory: Directory) -> None:
        self._store = store
        self._outbox = outbox
        self._directory = directory

    def compose(self) -> None:
        """Put every waiting chase into a digest. Raises when the store cannot be reached. Repeat the call then."""
        try:
            self._compose_at_once()
        except Exception as error:
            if is_store_away(error):
                raise
            # From here on, a failure for one recipient delays no other recipient.
            log.warning("mails not composed at once", exc_info=error)
        # One recipient at a time: after a long outage there are many chases, but few recipients.
        for recipient in self._outbox.list_recipients():
            while chases := self._outbox.list_chases(recipient, MOST_CHASES):
                try:
                    self._compose_for(recipient, chases)
                except Exception as error:
                    if is_store_away(error):
                        raise
                    # The recipient still waits, and the next sweep tries again.
                    log.error("mail not composed yet", exc_info=error)
                    break
                self._outbox.cross_off([recipient], [chase.id for chase in chases])
                if len(chases) < MOST_CHASES:
                    break

    def _compose_at_once(self) -> None:
        """Append the digests to all recipients in one insert, unless more chases wait than one digest may be about.

        A recipient who already has a digest about one of the chases still waits afterwards. That happens after a crash,
        or when another process composes. Raises when the store cannot be reached.
        """
        waiting = self._outbox.list_waiting(MOST_CHASES)
        if not waiting or len(waiting) == MOST_CHASES:
            return
        chases_of: dict[str, list[Event]] = defaultdict(list)
        for chase, recipients in waiting:
            for recipient in recipients:
                chases_of[recipient].append(chase)
        composed = [digest for whose in sorted(chases_of.items()) for digest in self._digests_to(*whose)]
        store = BatchStore(self._store)
        store.read_ahead([stream for stream, _ in composed])
        new = [digest.recipient for stream, digest in composed if not self._append(store, stream, digest).replayed]
        refused = {recipient for recipient, is_recorded in zip(new, store.record(), strict=True) if not is_recorded}
        self._outbox.cross_off(sorted(chases_of.keys() - refused), [chase.id for chase, _ in waiting])

    def _compose_for(self, recipient: str, chases: list[Event]) -> None:
        """Append the missing digests. Raises Contended when another process composes them at the same time."""
        covered = self._outbox.find_covered(recipient, [chase.id for chase in chases])
        for stream, digest in self._digests_to(recipient, [chase for chase in chases if chase.id not in covered]):
            self._append(self._store, stream, digest)

    def _digests_to(self, recipient: str, chases: list[Event]) -> Iterator[tuple[str, Compose]]:
        """The digests to one recipient about these chases, each with its stream."""
        team = self._directory.team_of(recipient)
        for group in group_chases(Chase(chase.id, _is_urgent(chase), is_act(chase)) for chase in chases):
            area = team.area if team else chases[0].area
            stream = f"{AGGREGATE.kind}/{derived_id(recipient, *(chase.id for chase in group))}"
            yield stream, Compose(recipient, group, area, datetime.now(UTC), self._outbox.channels)

    def _append(self, store: EventStore, stream: str, digest: Compose) -> Recorded[None]:
        ids = [chase.id for chase in digest.chases]
        key = f"letter:{digest.recipient}:{','.join(ids)}"
        body = {"chases": ids}
        return store.execute(
            AGGREGATE, stream, digest, SYSTEM_ACTOR, key=key, body=body, operation="digest.compose", begins=True
        )


def _is_urgent(chase: Event) -> bool:
    return chase.type in (FELL_SILENT, BROKEN) or bool(chase.data.get("urgent"))
