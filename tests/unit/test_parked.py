"""What is read of a message that could not be handled, what is shown of it, and when it is tried again."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from shared.contracts import CATALOGUE
from shared.kernel.envelope import CONTENT_TYPE
from shared.messaging.backoff import RETRY_AFTER, next_try
from shared.messaging.incoming import Delivery, Later, Legible, read_event, read_legible
from shared.messaging.parked import PARKED, Parked
from shared.messaging.parked_summary import describe
from tests.integration.bus import an_event

NOW = datetime(2013, 1, 14, 9, 30, tzinfo=UTC)
HER, HIM = f"p_{'a' * 32}", f"p_{'b' * 32}"
STREAM = "referral/4bfb0e3c-8a57-4f0e-9c0e-0d7c1f6f6a52"
SECRETS = ["Jane", "Doe", "9990000018", "low after the birth", HER, "secret"]


def test_it_is_tried_again_after_five_seconds_a_minute_ten_minutes_an_hour_and_then_every_hour() -> None:
    waits = [next_try(NOW, failures) - NOW for failures in range(6)]
    hour = timedelta(hours=1)
    assert waits == [timedelta(seconds=5), timedelta(minutes=1), timedelta(minutes=10), hour, hour, hour]
    unknown = {**an_event().to_cloudevent(), "type": "horse.bolted.v1"}
    later = read_event(Delivery("q", json.dumps(unknown).encode(), CONTENT_TYPE), CATALOGUE)
    assert isinstance(later, Later)
    assert later.after_seconds == RETRY_AFTER[0].total_seconds() == 5


def test_of_an_event_its_ids_its_type_its_people_and_its_stream_are_read() -> None:
    event = an_event()
    data = {"data": {"mother": HER, "partners": [{"id": HIM}]}, "subject": HER, "stream": STREAM}
    body = json.dumps(event.to_cloudevent() | data).encode()
    names = (f"person/{HER}", f"person/{HIM}", STREAM)
    assert read_legible(Delivery("q", body)) == Legible(event.id, "record.retracted.v1", "perinatal", names)


@pytest.mark.parametrize(
    ("body", "names"),
    [
        (b"", ()),
        (b"\xff\xfe", ()),
        (b"[" * 100_000, ()),
        (b'{"id": 7, "type": ["x"], "source": null, "stream": {}}', ()),
        (b'{"id": "Jane Doe", "type": "Jane Doe", "source": "Jane Doe", "stream": "Jane Doe/born 1990"}', ()),
        (f'{{"subject": "{HER}", "broken'.encode(), (f"person/{HER}",)),
        (f'"{HER}0"'.encode(), ()),
    ],
)
def test_nothing_else_is_read_of_any_body(body: bytes, names: tuple[str, ...]) -> None:
    assert read_legible(Delivery("q", body)) == Legible(names=names)


def test_what_is_shown_of_a_message_holds_nothing_that_its_sender_wrote() -> None:
    delivery = Delivery(
        queue="perinatal.views",
        body=f"Jane Doe, {HER}, 9990000018, low after the birth".encode(),
        content_type="Jane Doe",
        message_id="Jane Doe",
        routing_key="Jane Doe",
        headers={"Jane Doe": "secret", "x-tenant": "secret"},
    )
    message = Parked("0" * 64, delivery, "not JSON", NOW, None, 0, PARKED, read_legible(delivery), 44, "f" * 64, ())
    shown = describe(message)
    assert shown["names_people"] == 1
    assert (shown["content_type"], shown["routing_key"]) == ("(other)", "(other)")
    assert shown["headers"] == ["(other)", "x-tenant"]
    assert [secret for secret in SECRETS if secret in repr(shown)] == []


def test_an_envelope_of_the_usual_form_is_shown() -> None:
    delivery = Delivery("q", b"{}", "application/cloudevents+json; charset=UTF-8", "m", "referral.sent.v1")
    shown = describe(Parked("0" * 64, delivery, "x", NOW, NOW, 3, PARKED, Legible(), 2, "f" * 64, ()))
    assert shown["content_type"] == "application/cloudevents+json; charset=utf-8"
    assert shown["routing_key"] == "referral.sent.v1"
    assert shown["is_whole"]
