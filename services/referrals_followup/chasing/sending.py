"""Sends digests: those that are due go to the channels, and the end of each digest is recorded.

Guarantees: if a digest fails, it is tried again until the channel takes it, or until all its follow-ups have closed. It
delays no other digest. Two sweeps can run at once, if the broker loses the first one and gives its message to another
process. Then only one of them takes each digest. A message is only repeated if there is a crash between the answer of
the receiver and its record. The repeated message has the same id. While a source is silent, no routine digest is sent,
because what it asks for may already be recorded there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing

from services.referrals_followup.chasing.channels import Accepted, Away, Channel, Message, Rejected
from services.referrals_followup.chasing.contents import FOLDED_AT_A_TIME, DigestContents
from services.referrals_followup.chasing.outbox import DigestOutbox, Entry
from services.referrals_followup.domain import silence
from services.referrals_followup.domain.digest import AGGREGATE, Accept, Overtake, ending_key
from services.referrals_followup.domain.digest_text import render
from services.referrals_followup.domain.directory import Directory
from services.referrals_followup.domain.links import Links
from services.referrals_followup.ledger.data_problems import DataProblems
from services.referrals_followup.ledger.evidence import EvidenceStore
from services.referrals_followup.ledger.views import FollowUpViews
from shared.contracts.access import SYSTEM_ACTOR
from shared.events.mongo import is_store_away
from shared.events.store import EventStore
from shared.kernel.time import london_date
from shared.messaging.parked import ParkedMessages
from shared.runtime.clock import Clock
from shared.runtime.observability import MAILS, get_logger

log = get_logger()


class DigestSender:
    """Sends digests on every channel. Attempts and ends of a digest are separate for each channel."""

    def __init__(
        self,
        *,
        outbox: DigestOutbox,
        channels: Sequence[Channel],
        store: EventStore,
        evidence: EvidenceStore,
        views: FollowUpViews,
        parked: ParkedMessages,
        directory: Directory,
        clock: Clock,
        links: Links,
    ) -> None:
        self._outbox = outbox
        self._channels = channels
        self._store = store
        self._evidence = evidence
        self._views = views
        self._parked = parked
        self._directory = directory
        self._clock = clock
        self._links = links

    def send(self) -> None:
        """Send every due digest. If a channel does not answer, one attempt has failed. Its other digests stay due.

        Raises when the store cannot be reached.
        """
        is_any_source_silent = bool(silence.find_silent(self._evidence.complete_until(), self._clock.now()))
        for channel in self._channels:
            due = self._outbox.list_due(channel.name, is_any_source_silent=is_any_source_silent)
            if due:
                self._send_all(channel, due)

    def _send_all(self, channel: Channel, due: list[Entry]) -> None:
        problems = DataProblems(self._evidence, self._parked, self._views)
        with closing(channel):
            for some in _batches(due):
                if not self._send_batch(channel, some, problems):
                    return

    def _send_batch(self, channel: Channel, due: list[Entry], problems: DataProblems) -> bool:
        """Send these digests. Returns whether the channel answered each time. Digests that were not sent stay due."""
        digests = [entry.digest for entry in due]
        contents = DigestContents(
            digests, problems, self._store, self._views, self._directory, self._links, self._evidence
        )
        ended: list[str] = []
        is_channel_there = True
        for entry in due:
            failure: Rejected | Away | None = None
            try:
                if not self._outbox.take(entry):
                    continue
                if not self._outbox.has_ended(entry):
                    failure = self._settle(channel, entry, contents)
            except Exception as error:
                if is_store_away(error):
                    raise
                self._postpone(entry, type(error).__name__, type(error.__cause__ or error).__name__, error)
                continue
            if failure is None:
                ended.append(entry.digest.id)
                continue
            self._postpone(entry, failure.reason, failure.cause)
            if isinstance(failure, Away):
                is_channel_there = False
                break
        # If a crash comes before this write, the next sweep finds that these digests have ended, and does not send them
        # again.
        self._outbox.remove(channel.name, ended)
        return is_channel_there

    def _settle(self, channel: Channel, entry: Entry, contents: DigestContents) -> Rejected | Away | None:
        """Send the digest and record that it was taken, or record that all its follow-ups have closed. Otherwise return
        the failure.

        Raises what `DigestContents.select` raises.
        """
        digest, now = entry.digest, self._clock.now()
        member = self._directory.stand_in(digest.data["recipient"], digest.area, london_date(now))
        items = contents.select(digest, member)
        if items:
            subject, body = render(items, member.name, now, self._links)
            answer = channel.send(Message(id=digest.id, to=member, subject=subject, body=body, at=now))
            if not isinstance(answer, Accepted):
                return answer
            operation = "digest.accept"
            command: Accept | Overtake = Accept(digest.id, member.id, channel.name)
        else:
            operation = "digest.overtake"
            command = Overtake(digest.id, digest.data["recipient"], channel.name)
        key = ending_key(digest.id, channel.name)
        self._store.execute(AGGREGATE, digest.stream, command, SYSTEM_ACTOR, key=key, body={}, operation=operation)
        outcome = "accepted" if items else "overtaken"
        MAILS.labels(outcome=outcome).inc()
        log.info("mail settled", mail_id=digest.id, outcome=outcome)
        return None

    def _postpone(self, entry: Entry, reason: str, cause: str, unforeseen: Exception | None = None) -> None:
        self._outbox.postpone(entry, reason)
        MAILS.labels(outcome="failed").inc()
        log.warning(
            "mail failed, tried again later",
            mail_id=entry.digest.id,
            attempt=entry.attempts + 1,
            reason=cause,
            exc_info=unforeseen,
        )


def _batches(due: Iterable[Entry]) -> Iterator[list[Entry]]:
    """The digests in order, in batches. The follow-ups of all chases of a batch can be read at once."""
    some: list[Entry] = []
    chases = 0
    for entry in due:
        more = len(entry.digest.data["chases"])
        if some and chases + more > FOLDED_AT_A_TIME:
            yield some
            some, chases = [], 0
        some.append(entry)
        chases += more
    yield some
