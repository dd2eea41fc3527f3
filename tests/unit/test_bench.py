"""What the bench rests on: valid events, an honest verdict, and a count that cannot change unseen."""

from __future__ import annotations

from random import Random
from xml.etree import ElementTree

import pytest
from bson import decode, encode

from shared.contracts import CATALOGUE
from shared.kernel.ids import derived_id, reference_of, uuid7
from tests.bench import bars, chart, races
from tests.bench import lives as lives_of
from tests.bench.contestants import WHOLE
from tests.bench.counts import changed
from tests.bench.histories import (
    EVENTS_EACH,
    EVENTS_OF_LONG_LIFE,
    lives,
    long_lives_shuffled,
    message,
    new_referral,
    shuffled,
    together,
)
from tests.integration.ledger import MONDAY


def test_every_person_has_twenty_events_that_their_contracts_allow() -> None:
    people = lives(2)
    assert [len(life) for life in people] == [EVENTS_EACH] * 2 == [20] * 2
    assert [CATALOGUE.faults(event.type, event.data) for life in people for event in life] == [{}] * 40
    assert len({event.data["person_id"] for life in people for event in life}) == 2


def test_shuffled_events_are_the_same_ones_in_an_order_that_is_always_the_same() -> None:
    def said(events: list) -> list[tuple[str, int]]:
        return [(event.stream, event.version) for event in events]

    assert said(shuffled(5)) == said(shuffled(5)) != said(together(5))
    assert sorted(said(shuffled(5))) == sorted(said(together(5)))
    assert all(b"\n" not in message(event) for event in shuffled(1))


def test_a_copied_life_has_ids_of_its_own_and_derives_those_of_its_follow_ups_from_them() -> None:
    person, thread, event = f"p_{'a' * 32}", f"referral/{derived_id('a')}", uuid7(MONDAY)
    follow_up = derived_id("REF-01", thread, event)
    kept = {"_id": event, "refs": [thread, f"person/{person}"]}
    view = {"_id": follow_up, "reference": reference_of(follow_up), "thread": thread, "opened_by": event}
    named = lives_of.named({**view, "step": "REF-01"})
    life = lives_of.Life({"evidence": [encode(kept)], "follow_ups": [encode(view)]}, [named])
    copied = {name: decode(found.raw) for name, (found,) in life.copy(Random(1)).items()}
    new, shown = copied["evidence"], copied["follow_ups"]
    assert (len(new["_id"]), new["_id"][:15]) == (len(event), event[:15])  # of the same millisecond
    assert new["refs"][0] == shown["thread"] != thread
    assert new["refs"][1] != f"person/{person}"
    assert shown["opened_by"] == new["_id"] != event
    assert shown["_id"] == derived_id("REF-01", shown["thread"], new["_id"])
    assert shown["reference"] == reference_of(shown["_id"])


def test_a_bar_is_judged_by_the_median_of_the_ratios_within_a_round() -> None:
    rounds = [
        {races.OURS: {WHOLE: ours}, races.CELERY: {WHOLE: theirs}}
        for ours, theirs in ((900.0, 100.0), (100.0, 100.0), (400.0, 100.0))
    ]
    judged = bars.judge({races.SHUFFLED: rounds})
    assert [verdict.bar for verdict in judged] == list(bars.BARS)
    verdicts = {verdict.bar.what: verdict for verdict in judged if verdict.bar.race == races.SHUFFLED}
    met = verdicts["3x Celery (c)"]
    assert (met.middle, met.least, met.most, met.word) == (4.0, 1.0, 9.0, "met")
    assert verdicts["2,000 events/s"].word == "NOT MET"
    assert verdicts["3x FastAPI + FastStream (b)"].word == "not measured"


@pytest.mark.parametrize("now", [{"sweep": {"inserts": 2}}, {}, {"sweep": {"inserts": 1, "acks": 1}}])
def test_a_count_that_differs_is_named(now: dict[str, dict[str, int]]) -> None:
    agreed = {"sweep": {"inserts": 1}}
    assert changed(agreed, agreed) == []
    (line,) = changed(now, agreed)
    assert line.startswith("sweep: ")


def test_a_backlog_is_at_least_twenty_of_the_largest_batches_and_each_live_event_is_another_referral() -> None:
    events = long_lives_shuffled(2)
    assert len(events) == len({(event.stream, event.version) for event in events}) == 2 * EVENTS_OF_LONG_LIFE
    assert races.FULL.people_of_backlog * EVENTS_OF_LONG_LIFE >= 20 * 10_000
    live = [new_referral(number) for number in range(3)]
    assert [CATALOGUE.faults(event.type, event.data) for event in live] == [{}] * 3
    streams = {event.stream for event in events}
    assert len(streams | {event.stream for event in live}) == len(streams) + 3


def test_a_rate_of_earlier_results_is_drawn_beside_a_whole_one() -> None:
    rows = [(races.SHUFFLED, races.OURS, [{"rate": 4.0}, {WHOLE: 2.0}]), (races.SHUFFLED, races.FLOOR, [{WHOLE: 8.0}])]
    texts = [found.text for found in ElementTree.fromstring(chart.draw(rows, "2026-11-25")).iter() if found.text]
    assert texts[3:] == [
        *("ledger, shuffled", "ours", "4"),
        *("ledger, shuffled, first to last event", "ours", "2", "floor", "8"),
    ]


def test_the_chart_has_a_bar_for_each_contestant() -> None:
    drawn = chart.draw([("ledger", "ours", [{"rate": 2.0}]), ("ledger", "a < b", [{"rate": 1.0}])], "2026-11-25")
    root = ElementTree.fromstring(drawn)
    widths = [float(found.attrib["width"]) for found in root.iter("{http://www.w3.org/2000/svg}rect")]
    assert widths[1] == 2 * widths[2]
