"""When a backlog of the bench begins and ends, and when a live event beside it is visible."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from threading import Event as Signal
from threading import Thread

import pytest

from deploy.local.backends import Backends
from services.referrals_followup.bootstrap import Dependencies, build
from shared.kernel.envelope import Event
from shared.messaging.topology import EVIDENCE
from shared.runtime.clock import MovableClock
from tests.bench import histories, live_events
from tests.bench.contestants import are_folded, fill_evidence, seem_folded
from tests.bench.ground import Field, Ground
from tests.integration.ledger import MONDAY, config, delivery

EVENTS = histories.together(1)


@pytest.fixture
def field(backends: Backends) -> Iterator[Field]:
    with Ground(backends).field() as field:
        yield field


@pytest.fixture
def ledger(field: Field) -> Iterator[Dependencies]:
    """With the packs adopted, which are evidence too."""
    field.run("referrals_followup", "adopt")
    database = field.database("referrals_followup")
    with closing(build(config(database, field.backends.mongodb_uri), MovableClock(MONDAY))) as ledger:
        yield ledger


def hear(ledger: Dependencies, *events: Event) -> None:
    ledger.ingest.receive([delivery(event) for event in events])


def test_a_backlog_is_folded_when_all_its_events_are_whatever_else_is(field: Field, ledger: Dependencies) -> None:
    other = histories.new_referral(1)
    hear(ledger, *EVENTS[:-1], other)
    assert seem_folded(field, len(EVENTS))
    assert not are_folded(field, len(EVENTS), [other.id])
    ledger.evidence.keep(EVENTS)
    assert not are_folded(field, len(EVENTS), [other.id]), "the last one is kept and not folded"
    hear(ledger, EVENTS[-1])
    assert are_folded(field, len(EVENTS), [other.id])


def test_a_backlog_begins_with_its_first_delivery(field: Field) -> None:
    fill_evidence(field, [histories.message(event) for event in EVENTS])
    found = Signal()

    def look() -> None:
        field.first_delivery(EVIDENCE, len(EVENTS))
        found.set()

    looking = Thread(target=look, daemon=True)
    looking.start()
    assert not found.wait(0.2), "nothing is delivered yet"
    with field.channel() as channel:
        channel.basic_get(EVIDENCE)
        assert found.wait(10)
    looking.join()


def test_our_processes_run_the_code_of_the_working_copy_that_is_raced(backends: Backends, tmp_path: Path) -> None:
    probe = tmp_path / "services" / "probe" / "__main__.py"
    probe.parent.mkdir(parents=True)
    probe.write_text("import sys; open('ran', 'w').write(sys.argv[1])")
    with Ground(backends).field(tmp_path) as field:
        field.run("probe", "topology")
    assert (tmp_path / "ran").read_text() == "topology"


def test_a_live_event_is_visible_when_its_follow_up_is(
    field: Field, ledger: Dependencies, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_events, "EVERY", 0.05)
    fill_evidence(field, [])
    with live_events.live_events(field) as live:
        field.wait("two are published", lambda: field.waiting_in(EVIDENCE) >= 2)
        hear(ledger, live.events[0])
        field.wait("the first is seen", lambda: live.seen)
        assert live.seen.keys() == {live.events[0].data["referral_id"]}
        assert not live.are_seen()
        monkeypatch.setattr(live_events, "EVERY", 60.0)
        hear(ledger, *live.events[: len(live.published) + 1])
    assert live.slowest() > 0
