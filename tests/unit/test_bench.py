"""What the bench rests on: valid events, an honest verdict, and a count that cannot change unseen."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from shared.contracts import CATALOGUE
from tests.bench import bars, chart, races
from tests.bench.counts import changed
from tests.bench.histories import EVENTS_EACH, lives, message, shuffled, together


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


def test_a_bar_is_judged_by_the_median_of_the_ratios_within_a_round() -> None:
    rounds = [
        {races.OURS: {"rate": ours}, races.CELERY: {"rate": theirs}}
        for ours, theirs in ((900.0, 100.0), (100.0, 100.0), (400.0, 100.0))
    ]
    judged = bars.judged({races.SHUFFLED: rounds})
    assert [verdict.bar for verdict in judged] == list(bars.BARS)
    verdicts = {verdict.bar.what: verdict for verdict in judged if verdict.bar.race == races.SHUFFLED}
    met = verdicts["3x Celery (c)"]
    assert (met.middle, met.least, met.most, met.word) == (4.0, 1.0, 9.0, "met")
    assert verdicts["2,000 events/s"].word == "NOT MET"
    assert verdicts["3x FastAPI + FastStream (b)"].word == "not measured"


@pytest.mark.parametrize("now", [{"sweep": {"inserts": 2}}, {}, {"sweep": {"inserts": 1, "acks": 1}}])
def test_a_count_that_is_another_one_is_named(now: dict[str, dict[str, int]]) -> None:
    agreed = {"sweep": {"inserts": 1}}
    assert changed(agreed, agreed) == []
    (line,) = changed(now, agreed)
    assert line.startswith("sweep: ")


def test_the_chart_has_a_bar_for_each_contestant() -> None:
    drawn = chart.drawn([("ledger", "ours", [{"rate": 2.0}]), ("ledger", "a < b", [{"rate": 1.0}])], "2026-11-25")
    root = ElementTree.fromstring(drawn)
    widths = [float(found.attrib["width"]) for found in root.iter("{http://www.w3.org/2000/svg}rect")]
    assert widths[1] == 2 * widths[2]
