"""From chases to delivered mail: compose per recipient, send, record that the mail server took it.

Guarantees: every recipient of a chase is told of it in exactly one letter; a letter that fails is tried again until a
server takes it, or until all it is about is known to have closed, and stops no other. Only a crash between the server's
yes and its record repeats a mail, under the same Message-ID; of two sweeps at once, as when the broker loses the first
and gives its message to another process, one takes each letter. While a source is silent no routine letter goes about a
follow-up: what it asks for may be recorded already.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

from pymongo import ASCENDING
from pymongo.collection import Collection

from services.referrals_followup.chasing.smtp import SECONDS, Rejected, ServerAway
from services.referrals_followup.domain import silence
from services.referrals_followup.domain.digest import (
    AGGREGATE,
    COMPOSED,
    Accept,
    Chase,
    Compose,
    Overtake,
    letters,
)
from services.referrals_followup.domain.digest_text import (
    ChasedItem,
    FindingItem,
    Item,
    ParkedItem,
    SilentSource,
    render,
)
from services.referrals_followup.domain.directory import Member
from services.referrals_followup.domain.disclosure import redact
from services.referrals_followup.domain.follow_up import CHASED, OPEN, Acts, FollowUp
from services.referrals_followup.domain.parked_work import FINDING, STALLED
from services.referrals_followup.domain.silence import FELL_SILENT
from services.referrals_followup.ledger.data_problems import DataProblems
from services.referrals_followup.ledger.views import chunks
from shared.contracts.access import SYSTEM_ACTOR
from shared.events.batch_store import BatchStore
from shared.events.documents import event_of
from shared.events.mongo import is_store_away
from shared.events.store import EventStore, Recorded
from shared.kernel.envelope import Event, from_text
from shared.kernel.ids import derived_id
from shared.kernel.time import london_date
from shared.messaging.backoff import next_try
from shared.runtime.observability import MAILS, get_logger

if TYPE_CHECKING:
    from services.referrals_followup.bootstrap import Dependencies

log = get_logger()

TOLD_AFTER_ATTEMPTS = 4
# A letter whose sender died is due again after so long. The mail server has a third of it to answer, and another third
# where the letter is not the first on a connection.
TAKEN_FOR = timedelta(seconds=3 * SECONDS)


# The most that one letter is about; more come in several.
MOST_CHASES = 1_000
# How many follow-ups are in memory at once with all that is known of them; of more, several letters or parts of one.
FOLDED_AT_A_TIME = 100
_WAITS = {"relay.mail_for": {"$exists": True}}


class NotKnownNow(Exception):
    """The thread of a chase has no such follow-up at present, so whether it is still open cannot be said."""


def ensure_indexes(events: Collection[dict[str, Any]]) -> None:
    """Create the indexes behind the questions below; safe to repeat. Each holds what is still to do, or letters."""
    events.create_index(
        [("relay.mail_for", ASCENDING), ("_id", ASCENDING)],
        name="mail_for_in_order",
        partialFilterExpression={"relay.mail_for": {"$exists": True}},
    )
    events.create_index(
        [("relay.smtp.due_at", ASCENDING)],
        name="smtp_due",
        partialFilterExpression={"relay.smtp.due_at": {"$exists": True}},
    )
    events.create_index(
        [("event.data.recipient", ASCENDING), ("event.data.chases", ASCENDING)],
        # Whoever composes at the same time, no chase comes into two letters to one recipient.
        unique=True,
        name="letter_about_chase",
        partialFilterExpression={"event.type": COMPOSED},
    )


def is_idle(events: Collection[dict[str, Any]]) -> bool:
    """Whether nobody waits for a letter and no letter waits to be sent."""
    return not any(events.find_one({field: {"$exists": True}}) for field in ("relay.mail_for", "relay.smtp.due_at"))


def compose(dependencies: Dependencies) -> None:
    """Put all that waits for a letter into letters. Raises when the store cannot be reached; repeat it then."""
    try:
        _compose_at_once(dependencies)
    except Exception as error:
        if is_store_away(error):
            raise
        log.warning("mails not composed at once", exc_info=error)  # One that cannot be stops no other below.
    # One recipient at a time: after a long time away, chases are many and recipients few.
    for recipient in sorted(dependencies.store.collection.distinct("relay.mail_for", _WAITS)):
        waiting = dependencies.store.collection.find({"relay.mail_for": recipient}, {"event": 1}).sort("_id", ASCENDING)
        while chases := [event_of(document) for document in waiting.clone().limit(MOST_CHASES)]:
            try:
                _compose_for(dependencies, recipient, chases)
            except Exception as error:
                if is_store_away(error):
                    raise
                log.error("mail not composed yet", exc_info=error)  # The next sweep finds it still waiting.
                break
            _no_longer_waiting(dependencies, [recipient], [chase.id for chase in chases])
            if len(chases) < MOST_CHASES:
                break


def _compose_at_once(dependencies: Dependencies) -> None:
    """Append the letters to everybody in one insert, where no more wait than one letter is about, as nearly always.

    Whoever has a letter about one of the chases already, as after a crash or when somebody else composes, still waits
    then. Raises when the store cannot be reached.
    """
    # Not in order, so that as soon as there are too many it ends.
    waiting = list(dependencies.store.collection.find(_WAITS, {"event": 1, "relay.mail_for": 1}, limit=MOST_CHASES))
    if not waiting or len(waiting) == MOST_CHASES:
        return
    chases_of: dict[str, list[Event]] = defaultdict(list)
    for document in sorted(waiting, key=lambda document: document["_id"]):
        chase = event_of(document)
        for recipient in document["relay"]["mail_for"]:
            chases_of[recipient].append(chase)
    composed = [of_one for whose in sorted(chases_of.items()) for of_one in _letters(dependencies, *whose)]
    store = BatchStore(dependencies.store)
    store.read_ahead([stream for stream, _ in composed])
    new = [letter.recipient for stream, letter in composed if not _append(store, stream, letter).replayed]
    refused = {recipient for recipient, is_recorded in zip(new, store.record(), strict=True) if not is_recorded}
    _no_longer_waiting(dependencies, sorted(chases_of.keys() - refused), [document["_id"] for document in waiting])


def _compose_for(dependencies: Dependencies, recipient: str, chases: list[Event]) -> None:
    """Append the letters that are missing. Raises Contended when somebody else composes them at the same time."""
    covered = _covered(dependencies, recipient, [chase.id for chase in chases])
    for stream, letter in _letters(dependencies, recipient, [chase for chase in chases if chase.id not in covered]):
        _append(dependencies.store, stream, letter)


def _letters(dependencies: Dependencies, recipient: str, chases: list[Event]) -> Iterator[tuple[str, Compose]]:
    """The letters to one recipient about these chases, each with its stream."""
    team = dependencies.directory.team_of(recipient)
    for letter in letters(Chase(chase.id, _is_urgent(chase), chase.type == CHASED) for chase in chases):
        area = team.area if team else chases[0].area
        stream = f"{AGGREGATE.kind}/{derived_id(recipient, *(chase.id for chase in letter))}"
        yield stream, Compose(recipient, letter, area, datetime.now(UTC))


def _append(store: EventStore, stream: str, letter: Compose) -> Recorded[None]:
    ids = [chase.id for chase in letter.chases]
    key = f"letter:{letter.recipient}:{','.join(ids)}"
    return store.execute(
        AGGREGATE,
        stream,
        letter,
        SYSTEM_ACTOR,
        key=key,
        body={"chases": ids},
        operation="digest.compose",
        begins=True,
    )


def _is_urgent(chase: Event) -> bool:
    return chase.type == FELL_SILENT or bool(chase.data.get("urgent"))


def _covered(dependencies: Dependencies, recipient: str, chases: list[str]) -> set[str]:
    about = {"event.type": COMPOSED, "event.data.recipient": recipient, "event.data.chases": {"$in": chases}}
    found = dependencies.store.collection.find(about, {"event.data.chases": 1})
    return {chase for letter in found for chase in letter["event"]["data"]["chases"]}


def _no_longer_waiting(dependencies: Dependencies, recipients: list[str], chases: list[str]) -> None:
    left = {"$setDifference": ["$relay.mail_for", recipients]}
    dependencies.store.collection.update_many(
        {"_id": {"$in": chases}, "relay.mail_for": {"$in": recipients}},
        [{"$set": {"relay.mail_for": {"$cond": [{"$eq": [left, []]}, "$$REMOVE", left]}}}],
    )


def send(dependencies: Dependencies) -> None:
    """Send every letter that is due. A mail server that does not answer costs one try; the rest stay due."""
    due: dict[str, Any] = {"relay.smtp.due_at": {"$lte": datetime.now(UTC)}}
    if silence.silent(dependencies.evidence.complete_until(), dependencies.clock.now()):
        due["relay.smtp.waits_for_sources"] = False
    found = dependencies.store.collection.find(due, {"event": 1, "relay.smtp": 1}).sort("relay.smtp.due_at", ASCENDING)
    documents = list(found)
    if not documents:
        return
    problems = DataProblems(dependencies.evidence, dependencies.parked, dependencies.views)
    with closing(dependencies.mailer):
        for some in _together(documents):
            if not _send_some(dependencies, some, problems):
                return


def _together(documents: Iterable[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """The letters in their order, as many at a time as are about so many chases that these can be looked up at once."""
    some: list[dict[str, Any]] = []
    chases = 0
    for document in documents:
        more = len(document["event"]["data"]["chases"])
        if some and chases + more > FOLDED_AT_A_TIME:
            yield some
            some, chases = [], 0
        some.append(document)
        chases += more
    yield some


def _send_some(dependencies: Dependencies, documents: list[dict[str, Any]], problems: DataProblems) -> bool:
    """Whether the mail server answered each time; what was not sent stays due."""
    due = [event_of(document) for document in documents]
    contents = Contents(dependencies, due, problems)
    settled: list[str] = []
    is_server_there = True
    for document, letter in zip(documents, due, strict=True):
        try:
            if not _take(dependencies, document):
                continue
            if not _has_ended(dependencies, letter):
                _send(dependencies, letter, contents)
        except Exception as error:
            if is_store_away(error):
                raise
            _try_later(dependencies, letter, document["relay"]["smtp"]["attempts"], error)
            if isinstance(error, ServerAway):
                is_server_there = False
                break
        else:
            settled.append(letter.id)
    # Whoever dies before this leaves letters that have ended, and they are not sent again.
    dependencies.store.collection.update_many({"_id": {"$in": settled}}, {"$unset": {"relay.smtp": ""}})
    return is_server_there


def _take(dependencies: Dependencies, document: dict[str, Any]) -> bool:
    """Whether the letter is this process's to send: nobody has taken, sent or postponed it since it was read."""
    as_read = {"_id": document["_id"], "relay.smtp.due_at": document["relay"]["smtp"]["due_at"]}
    taken = {"$set": {"relay.smtp.due_at": datetime.now(UTC) + TAKEN_FOR}}
    return dependencies.store.collection.update_one(as_read, taken).modified_count == 1


def failing(dependencies: Dependencies) -> list[tuple[str, str]]:
    """The letters that often failed, and why, but for the server being away. Of a letter that tells of such a letter
    nothing more is told: an operator without a working address would be written to for ever."""
    often = {
        "relay.smtp.due_at": {"$exists": True},
        "relay.smtp.attempts": {"$gte": TOLD_AFTER_ATTEMPTS},
        "relay.smtp.reason": {"$ne": ServerAway.__name__},
        "$or": [{"relay.smtp.waits_for_sources": True}, {"event.data.urgent": True}],
    }
    found = dependencies.store.collection.find(often, {"relay.smtp": 1}).sort("_id", ASCENDING)
    return [(document["_id"], document["relay"]["smtp"]["reason"]) for document in found]


def _has_ended(dependencies: Dependencies, letter: Event) -> bool:
    """Asked once the letter is taken: by then whoever had it before, and was slow, may have sent it."""
    later = {"event.stream": letter.stream, "event.streamversion": {"$gt": letter.version}}
    return dependencies.store.collection.find_one(later, {"_id": 1}) is not None


def _send(dependencies: Dependencies, letter: Event, contents: Contents) -> None:
    now = dependencies.clock.now()
    member = dependencies.directory.stand_in(letter.data["recipient"], letter.area, london_date(now))
    items = contents.of(letter, member)
    if items:
        subject, body = render(items, member.name, now, dependencies.links)
        dependencies.mailer.send(to=member.email, subject=subject, body=body, message_id=letter.id, at=now)
        command: Accept | Overtake = Accept(letter.id, member.id)
    else:
        command = Overtake(letter.id, letter.data["recipient"])
    operation = "digest.accept" if items else "digest.overtake"
    dependencies.store.execute(
        AGGREGATE, letter.stream, command, SYSTEM_ACTOR, key=f"ended:{letter.id}", body={}, operation=operation
    )
    outcome = "accepted" if items else "overtaken"
    MAILS.labels(outcome=outcome).inc()
    log.info("mail settled", mail_id=letter.id, outcome=outcome)


def _try_later(dependencies: Dependencies, letter: Event, attempts: int, error: Exception) -> None:
    reason = type(error).__name__
    smtp = {
        "relay.smtp.due_at": next_try(datetime.now(UTC), attempts),
        "relay.smtp.attempts": attempts + 1,
        "relay.smtp.reason": reason,
    }
    dependencies.store.collection.update_one({"_id": letter.id, "relay.smtp": {"$exists": True}}, {"$set": smtp})
    MAILS.labels(outcome="failed").inc()
    unexpected = None if isinstance(error, (ServerAway, Rejected)) else error
    log.warning(
        "mail failed, tried again later",
        mail_id=letter.id,
        attempt=attempts + 1,
        reason=type(error.__cause__ or error).__name__,
        exc_info=unexpected,
    )


class Contents:
    """What some letters are about. What several of them are about, as most are, is looked up once."""

    def __init__(self, dependencies: Dependencies, some: Iterable[Event], problems: DataProblems) -> None:
        self._parts = dependencies
        self._problems = problems
        ids = sorted({chase for letter in some for chase in letter.data["chases"]})
        found = dependencies.store.collection.find({"_id": {"$in": ids}}, {"event": 1})
        self._chases = {document["_id"]: event_of(document) for document in found}

    def of(self, letter: Event, recipient: Member) -> list[Item]:
        """What the letter is about, as its recipient may see it; what has closed since is left out.

        Raises NotKnownNow, or whatever the fold of a parked thread raises, while nobody can say whether something is
        open.
        """
        chases = [self._chases[chase] for chase in sorted(letter.data["chases"]) if chase in self._chases]
        # Of two chases about one follow-up the later one names the rungs owed now.
        latest = {chase.stream: chase for chase in chases}
        items: list[Item] = []
        for some in chunks(latest.values(), FOLDED_AT_A_TIME):
            known = self._known(some)
            found = (_item(self._parts, chase, recipient, known, self._problems) for chase in some)
            items += [item for item in found if item is not None]
        return items

    def _known(self, chases: list[Event]) -> Mapping[str, tuple[FollowUp, Acts]]:
        return _known_now(self._parts, chases) if self._known_of_all is None else self._known_of_all

    @cached_property
    def _known_of_all(self) -> Mapping[str, tuple[FollowUp, Acts]] | None:
        """None where that is too much at once, or a thread cannot be folded: each letter looks by itself then."""
        if len(self._chases) > FOLDED_AT_A_TIME:
            return None
        try:
            return _known_now(self._parts, self._chases.values())
        except Exception as error:
            if is_store_away(error):
                raise
            return None


def _known_now(dependencies: Dependencies, chases: Iterable[Event]) -> Mapping[str, tuple[FollowUp, Acts]]:
    """The follow-ups that were chased, by id, with what was done about each; those of their threads are among them.

    Raises whatever the fold of a parked thread raises.
    """
    threads = {chase.stream: chase.data["thread"] for chase in chases if chase.type == CHASED}
    stored = dependencies.store.read_all(list(threads)) if threads else {}
    own: dict[str, list[Event]] = defaultdict(list)
    for stream, thread in threads.items():
        own[thread] += [one.event for one in stored[stream]]
    return dependencies.views.fold_all(own) if own else {}


def _item(
    dependencies: Dependencies,
    chase: Event,
    recipient: Member,
    known: Mapping[str, tuple[FollowUp, Acts]],
    problems: DataProblems,
) -> Item | None:
    if chase.type == FELL_SILENT:
        until = chase.data["complete_until"]
        return SilentSource(chase.data["service"], from_text(until) if until else None)
    if chase.type == STALLED and chase.data["kind"] == FINDING:
        return FindingItem(chase.data["what"].partition("/")[2])
    if chase.type == STALLED:
        return ParkedItem(chase.data["kind"], chase.data["what"], chase.data["reason_code"])
    current = known.get(chase.data["follow_up_id"])
    if current is None:
        raise NotKnownNow
    if current[0].state != OPEN:
        return None
    follow_up = redact(*current, recipient.role, recipient.team)
    return ChasedItem(
        reference=follow_up.reference,
        step=follow_up.step,
        title=follow_up.title,
        expects=follow_up.expects,
        area=dependencies.directory.area_name(follow_up.area),
        due_at=follow_up.due_at,
        basis=follow_up.basis,
        source=follow_up.source,
        others_told=tuple(person for person in chase.data["recipients"] if person != recipient.id),
        record_url=dependencies.links.record(follow_up.thread),
        urgent=chase.data["urgent"],
        inherited=chase.data["inherited"],
        gap=follow_up.gap,
        data_problem=problems.bear_on(current[0]),
    )
