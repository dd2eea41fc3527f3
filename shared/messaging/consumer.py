"""The nameko entrypoint for messages: `@consume("hearer.purpose")` on a method that turns a batch into its outcomes.

Guarantees: a message is acknowledged only after its effect, or the parked message itself, is durable. A message that
makes the handler raise is parked, and the rest of its batch is handled. When the store or the broker is unavailable,
no message is parked for it: all go back to the queue, and the consumer reconnects by itself.

Messages are parked in the service's own database. The consumer of a queue also handles the messages parked from it
again when their next attempt is due.
"""

from __future__ import annotations

import time
from typing import Any

from eventlet.event import Event as Signal
from nameko.extensions import Entrypoint

from shared.events.mongo import is_store_away, open_database
from shared.messaging.addresses import in_turn, place_of
from shared.messaging.backoff import RETRY_AFTER, Backoff
from shared.messaging.batch_limit import MOST, BatchLimit
from shared.messaging.incoming import Delivery, Done, Later, Outcome, Park
from shared.messaging.parked import ParkedMessages
from shared.messaging.session import Session
from shared.messaging.topology import is_heard_by_one
from shared.runtime.dependencies import SETTINGS
from shared.runtime.observability import BATCH_SECONDS, BATCH_SIZE, MESSAGES, get_logger
from shared.runtime.stopping import Stopping

_WAIT = 0.5
_BREATHE_EVERY = 5.0
_RETRY_EVERY = 2.0
_COUNTED_AS = {Done: "done", Park: "parked", Later: "later"}

log = get_logger()


class HandlerRaised(Exception):
    """The decorated method raised the error that this one was raised from."""


class WrongAnswer(Exception):
    """The decorated method did not return a list of one outcome for each delivery."""


class Consumer(Entrypoint):
    """Gives the decorated method one batch at a time from one queue. `connected` says whether it is consuming now.

    A batch is whatever waits, up to `most` messages, to what `BatchLimit` allows, and to a size in bytes.
    """

    kind = "bus"

    def __init__(self, queue: str, most: int = MOST, **options: Any) -> None:
        super().__init__(**options)
        self.queue = queue
        self.limit = BatchLimit(most)
        self.connected = False
        self._greenlet: Any = None
        self._place: str | None = None

    def setup(self) -> None:
        settings = self.container.config[SETTINGS]
        self._addresses = in_turn(settings.amqp_uri)
        self._database = open_database(settings.mongodb_uri, settings.mongodb_database)
        self._parked = ParkedMessages(self._database)
        self._stopping = Signal()

    def start(self) -> None:
        self._greenlet = self.container.spawn_managed_thread(self._run, identifier=f"consume {self.queue}")

    def stop(self) -> None:
        """Finish the present batch; the other delivered messages go back to the queue."""
        if self._greenlet is not None and not self._stopping.ready():
            self._stopping.send(True)
            self._greenlet.wait()
            self._database.client.close()  # each open client delays the end of the process by a second

    def kill(self) -> None:
        if self._greenlet is not None:
            self._greenlet.kill()

    def _run(self) -> None:
        backoff = Backoff(first=0.5, most=10.0)
        while not self._stopping.ready():
            try:
                self._consume(backoff)
            except Stopping:  # the batch in hand goes back to the queue
                return
            except Exception as error:  # unacknowledged messages have gone back and are delivered again
                log.warning("consumer interrupted", queue=self.queue, address=self._place, exc_info=error)
                self._stopping.wait(backoff.next())

    def _consume(self, backoff: Backoff) -> None:
        """Consume until `stop`. Raises when the store or the broker is unavailable."""
        self._parked.ensure_indexes()
        address = next(self._addresses)
        self._place = place_of(address)
        session = Session(address, self.queue, prefetch=self.limit.most)
        self.connected = True
        log.info("consumer connected", queue=self.queue, address=self._place)
        tried_at = 0.0
        try:
            while not self._stopping.ready():
                messages = session.receive(self.limit.now, within=_WAIT)
                if messages:
                    self._settle([self._delivery(message) for message in messages], session)
                    session.acknowledge(messages)
                # On a queue with one active consumer, a delivery shows that this is the one.
                if (messages or not is_heard_by_one(self.queue)) and time.monotonic() - tried_at >= _RETRY_EVERY:
                    self._parked.try_again(self.queue, lambda due: self._outcomes(due, session), self.limit.now)
                    tried_at = time.monotonic()
                backoff.reset()
        finally:
            self.connected = False
            session.close()

    def _settle(self, deliveries: list[Delivery], session: Session) -> None:
        """Returns once every delivery may be acknowledged; raises when none may."""
        began = time.monotonic()
        outcomes = self._outcomes(deliveries, session)
        parked: list[tuple[Delivery, Park | Later]] = []
        for delivery, outcome in zip(deliveries, outcomes, strict=True):
            if not isinstance(outcome, Done):
                parked.append((delivery, outcome))
                log.warning("message parked", queue=self.queue, reason=outcome.reason)
        self._parked.park(parked)
        seconds = time.monotonic() - began
        self.limit.note(len(deliveries), seconds)
        BATCH_SIZE.labels(self.queue).observe(len(deliveries))
        BATCH_SECONDS.labels(self.queue).observe(seconds)
        for outcome in outcomes:
            MESSAGES.labels(self.queue, _COUNTED_AS[type(outcome)]).inc()

    def _outcomes(self, deliveries: list[Delivery], session: Session) -> list[Outcome]:
        try:
            return self._call(deliveries, session)
        except HandlerRaised as raised:
            if is_store_away(raised):
                raise
            error = raised.__cause__
            log.error("handler raised", queue=self.queue, count=len(deliveries), exc_info=error)
            if len(deliveries) == 1:
                return [Later(f"handler raised {type(error).__name__}", RETRY_AFTER[0].total_seconds())]
        half = len(deliveries) // 2  # a few calls find the faulty message, and the others are handled
        return self._outcomes(deliveries[:half], session) + self._outcomes(deliveries[half:], session)

    def _call(self, deliveries: list[Delivery], session: Session) -> list[Outcome]:
        """The method's answer, from a nameko worker of its own, while the connection is kept alive.

        Raises HandlerRaised, or Stopping if the method gave up for a stop; any other error is the connection's.
        """
        answered = Signal()

        def take(_context: Any, result: Any, exc_info: Any) -> tuple[Any, Any]:
            answered.send((result, exc_info[1] if exc_info else None))
            return result, exc_info

        self.container.spawn_worker(self, (deliveries,), {}, handle_result=take)
        while (answer := answered.wait(_BREATHE_EVERY)) is None:
            session.breathe()
        outcomes, error = answer
        if isinstance(error, Stopping):
            raise error
        if error is None and not _is_answer(outcomes, len(deliveries)):
            error = WrongAnswer()
        if error is not None:
            raise HandlerRaised from error
        return list(outcomes)

    def _delivery(self, message: Any) -> Delivery:
        properties = message.properties
        return Delivery(
            queue=self.queue,
            body=bytes(message.body) if not isinstance(message.body, str) else message.body.encode(),
            content_type=properties.get("content_type"),
            message_id=properties.get("message_id"),
            routing_key=message.delivery_info["routing_key"],
            headers=properties.get("application_headers") or {},
            redelivered=message.delivery_info["redelivered"],
        )


consume = Consumer.decorator


def _is_answer(answer: Any, expected: int) -> bool:
    return isinstance(answer, list) and len(answer) == expected and all(isinstance(one, Outcome) for one in answer)
