"""Exports of a real event store: what they hold, what they hide, and what no change of them or of the store escapes."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any
from uuid import uuid4

import pytest
from pymongo.database import Database

from shared.archive.erasure import ERASED, erase
from shared.archive.lines import next_chain
from shared.archive.restore import Faulty, NotEmpty, restore
from shared.archive.sealing import WrongKey
from shared.archive.verify import FileCheck, database_findings
from shared.contracts import CATALOGUE
from shared.events.documents import document_of, sealed
from shared.events.errors import KeyReused
from shared.events.mongo import open_database
from shared.events.store import EventStore
from shared.kernel.envelope import Event
from shared.kernel.fingerprints import canonical, event_digest
from shared.kernel.ids import uuid7
from shared.runtime.clock import SystemClock
from tests.integration.bus import ROOT, an_event
from tests.integration.kept import NAME, NOTE, NOW, NUMBER, PRACTITIONER, Kept
from tests.support import eventually

SEEDS = range(3)


@pytest.fixture
def kept(mongodb_uri: str, database: Database[dict[str, Any]]) -> Kept:
    return Kept(open_database(mongodb_uri, database.name))


@pytest.fixture
def empty(mongodb_uri: str, database: Database[dict[str, Any]]) -> Any:
    name = f"{database.name}_2"
    yield open_database(mongodb_uri, name)
    database.client.drop_database(name)


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    path = tmp_path / "export.key"
    path.write_text("k" * 40)
    return path


def findings_of(path: Path, key_file: Path | None = None) -> list[str]:
    return [str(finding) for finding in FileCheck(path, "perinatal", key_file).findings()]


def whole(path: Path) -> FileCheck:
    check = FileCheck(path, "perinatal")
    assert not list(check.findings())
    return check


def in_database(kept: Kept, beside: Path | None = None) -> list[str]:
    check = whole(beside) if beside else None
    return [str(finding) for finding in database_findings(kept.database, check)]


def test_an_export_holds_every_event_and_nothing_private(kept: Kept, tmp_path: Path) -> None:
    events = kept.people(5)
    exported = kept.export(tmp_path / "all.ndjson")
    text = (tmp_path / "all.ndjson").read_text()
    lines = [json.loads(line) for line in text.splitlines()]
    assert [line["event"] for line in lines[1:-1]] == [
        event.to_cloudevent() for event in sorted(events, key=lambda event: event.id)
    ]
    assert (exported.events, lines[-1]["end"]["chain"]) == (10, exported.chain)
    assert not [secret for secret in (NAME, NUMBER, NOTE) if secret in text]
    assert findings_of(tmp_path / "all.ndjson") == []
    assert (tmp_path / "all.ndjson").stat().st_mode & 0o077 == 0
    assert [path.name for path in tmp_path.iterdir()] == ["all.ndjson"]


def test_an_export_with_private_parts_hides_them_without_the_key_and_has_the_same_chain(
    kept: Kept, tmp_path: Path, key_file: Path
) -> None:
    kept.people(5)
    plain = kept.export(tmp_path / "plain.ndjson")
    closed = kept.export(tmp_path / "closed.ndjson", key_file)
    text = (tmp_path / "closed.ndjson").read_text()
    assert not [secret for secret in (NAME, NUMBER, NOTE) if secret in text]
    assert closed.chain == plain.chain
    assert findings_of(tmp_path / "closed.ndjson") == findings_of(tmp_path / "closed.ndjson", key_file) == []
    (tmp_path / "other.key").write_text("o" * 40)
    with pytest.raises(WrongKey, match="not the key"):
        findings_of(tmp_path / "closed.ndjson", tmp_path / "other.key")
    (tmp_path / "short.key").write_text("o" * 31)
    with pytest.raises(WrongKey, match="32 bytes"):
        kept.export(tmp_path / "short.ndjson", tmp_path / "short.key")


class Lines:
    """An export as a list of lines that a test may change. `at` is the line of a random event in the middle."""

    def __init__(self, path: Path, seed: int) -> None:
        self._path = path
        self.lines = [json.loads(line) for line in path.read_text().splitlines()]
        print(f"seed {seed}")
        self.at = Random(seed).randint(2, len(self.lines) - 4)

    @property
    def line(self) -> dict[str, Any]:
        return self.lines[self.at]

    @property
    def id(self) -> str:
        return str(self.line["event"]["id"])

    def seal_anew(self) -> None:
        """Gives the changed event the fingerprint that fits it."""
        self.line["digests"]["event"] = event_digest(self.line["event"], self.line["digests"]["private"])

    def chain_anew(self) -> None:
        """Make the whole chain again, as somebody could who knows how."""
        before = self.lines[1 : self.at]
        chain = before[-1]["chain"]
        for line in self.lines[self.at : -1]:
            chain = line["chain"] = next_chain(chain, line)
        self.lines[-1]["end"]["chain"] = chain

    def write(self, checksum: bool = True) -> None:
        body = b"".join(canonical(line) + b"\n" for line in self.lines[:-1])
        if checksum:
            self.lines[-1]["end"]["sha256"] = hashlib.sha256(body).hexdigest()
        self._path.write_bytes(body + canonical(self.lines[-1]) + b"\n")


def changed(lines: Lines) -> list[str]:
    lines.line["event"]["actor"] = "somebody-else"
    return [lines.id, "was changed"]


def changed_and_sealed_anew(lines: Lines) -> list[str]:
    changed(lines)
    lines.seal_anew()
    return [lines.id, "was changed"]


def removed(lines: Lines) -> list[str]:
    del lines.lines[lines.at]
    return [lines.id, "1 before it were removed"]


def removed_and_numbered_anew(lines: Lines) -> list[str]:
    del lines.lines[lines.at]
    for number, line in enumerate(lines.lines[1:-1], start=1):
        line["n"] = number
    lines.lines[-1]["end"]["events"] -= 1
    return [lines.id, "was changed, or others before it were"]


def inserted(lines: Lines) -> list[str]:
    forged = json.loads(json.dumps(lines.line))
    forged["event"]["id"] = forged["event"]["id"][:-1] + ("0" if forged["event"]["id"][-1] != "0" else "1")
    forged["chain"] = "0" * 64
    lines.lines.insert(lines.at + 1, forged)
    return [forged["event"]["id"], "was inserted"]


def inserted_and_numbered_anew(lines: Lines) -> list[str]:
    said = inserted(lines)
    for number, line in enumerate(lines.lines[1:-1], start=1):
        line["n"] = number
    lines.lines[-1]["end"]["events"] += 1
    return said


def swapped(lines: Lines) -> list[str]:
    lines.lines[lines.at], lines.lines[lines.at + 1] = lines.lines[lines.at + 1], lines.lines[lines.at]
    return [lines.lines[lines.at + 1]["event"]["id"], "was inserted"]


def cut_off(lines: Lines) -> list[str]:
    lines.lines[-1] = lines.lines[-2]
    return ["the last line", "is missing"]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(
    "tamper",
    [
        changed,
        changed_and_sealed_anew,
        removed,
        removed_and_numbered_anew,
        inserted,
        inserted_and_numbered_anew,
        swapped,
        cut_off,
    ],
)
def test_every_change_of_a_file_is_found_and_named(
    kept: Kept, tmp_path: Path, tamper: Callable[[Lines], list[str]], seed: int
) -> None:
    kept.people(6)
    path = tmp_path / "all.ndjson"
    kept.export(path)
    lines = Lines(path, seed)
    what, wrong = tamper(lines)
    lines.write(checksum=tamper is not cut_off)
    found = findings_of(path)
    assert any(finding.startswith(what) and wrong in finding for finding in found), found
    with pytest.raises(Faulty):
        restore(kept.database, "perinatal", path)


def emptied(lines: Lines) -> list[str]:
    lines.lines[lines.at] = {}
    return [f"line {lines.at + 1}", "is no line of an export"]


def without_id(lines: Lines) -> list[str]:
    del lines.line["event"]["id"]
    return [f"line {lines.at + 1}", "is no line of an export"]


def without_digests(lines: Lines) -> list[str]:
    del lines.line["digests"]
    return [lines.id, "has no fingerprints"]


@pytest.mark.parametrize("tamper", [emptied, without_id, without_digests])
def test_a_line_that_cannot_be_understood_is_a_finding_like_others(
    kept: Kept, tmp_path: Path, tamper: Callable[[Lines], list[str]]
) -> None:
    kept.people(6)
    path = tmp_path / "all.ndjson"
    kept.export(path)
    lines = Lines(path, 0)
    what, wrong = tamper(lines)
    lines.write()
    assert any(finding.startswith(what) and wrong in finding for finding in findings_of(path))


def test_a_document_that_cannot_be_understood_is_a_finding_like_others(kept: Kept) -> None:
    one, two, three, *_ = kept.people(4)
    set_in(kept, one, {"$set": {"event.time": "yesterday"}})
    set_in(kept, two, {"$set": {"digests": {"event": "abc"}}})
    set_in(kept, three, {"$set": {"private.salt": "no hexadecimal digits"}})
    found = in_database(kept)
    assert {finding.partition(":")[0] for finding in found} == {one.id, two.id, three.id}


def test_a_file_that_was_made_anew_from_end_to_end_has_another_chain(kept: Kept, tmp_path: Path) -> None:
    kept.people(6)
    path = tmp_path / "all.ndjson"
    exported = kept.export(path)
    lines = Lines(path, 0)
    changed_and_sealed_anew(lines)
    lines.chain_anew()
    lines.write()
    assert whole(path).end["chain"] != exported.chain
    assert in_database(kept, path) == [f"{lines.id}: was changed: the export has it otherwise"]


def test_the_checksum_covers_the_bytes_that_the_chain_does_not(kept: Kept, tmp_path: Path) -> None:
    kept.people(2)
    path = tmp_path / "all.ndjson"
    kept.export(path)
    text = path.read_text()
    path.write_text(text.replace('"key":"', '"key":"0', 1))
    assert ["sha256" in finding for finding in findings_of(path)] == [True]


def test_a_private_part_of_another_event_does_not_open(kept: Kept, tmp_path: Path, key_file: Path) -> None:
    kept.people(3)
    path = tmp_path / "all.ndjson"
    kept.export(path, key_file)
    lines = Lines(path, 1)
    lines.line["private"] = lines.lines[lines.at + 1]["private"]
    lines.write()
    assert findings_of(path) == []
    assert findings_of(path, key_file) == [f"{lines.id}: its private part was changed, or put here from another event"]


def test_what_is_not_an_export_of_this_service_is_refused_with_the_reason(kept: Kept, tmp_path: Path) -> None:
    kept.people(1)
    kept.export(tmp_path / "all.ndjson")
    with pytest.raises(Exception, match="of perinatal, not of leaving_care"):
        list(FileCheck(tmp_path / "all.ndjson", "leaving_care").findings())
    (tmp_path / "other").write_text('{"format": "something"}\n')
    with pytest.raises(Exception, match="no export in the format"):
        list(FileCheck(tmp_path / "other", "perinatal").findings())


def set_in(kept: Kept, event: Event, change: dict[str, Any]) -> None:
    kept.database.events.update_one({"_id": event.id}, change)


def sealed_anew(kept: Kept, event: Event) -> None:
    """What somebody would do who changes an event in the database and knows of the digests."""
    document = kept.database.events.find_one({"_id": event.id})
    assert document is not None
    document["event"]["actor"] = "somebody-else"
    kept.database.events.replace_one({"_id": event.id}, sealed(document))


def forged(kept: Kept, event: Event) -> str:
    """An event of its own stream, put past the store into the time that the export is complete for."""
    data = {**event.to_cloudevent(), "stream": f"person/p_{'f' * 32}", "id": uuid7(NOW + timedelta(seconds=5))}
    document = document_of(Event.from_cloudevent(data), private={"personal": {}}, relay={})
    kept.database.events.insert_one(sealed(document))
    return str(data["id"])


def test_every_change_of_the_database_is_found_without_an_export(kept: Kept) -> None:
    one, two, three, four, *_ = kept.people(6)
    assert in_database(kept) == []
    set_in(kept, one, {"$set": {"event.actor": "somebody-else"}})
    set_in(kept, two, {"$set": {"private.personal.note": "She was well."}})
    set_in(kept, three, {"$unset": {"private": ""}})
    set_in(kept, four, {"$unset": {"digests": ""}})
    assert sorted(in_database(kept)) == sorted(
        [
            f"{one.id}: was changed: its fingerprint is of something else",
            f"{two.id}: its private part was changed",
            f"{three.id}: its private part is gone, and no erasure of it is on record",
            f"{four.id}: has no fingerprints: it did not come through the event store",
        ]
    )


def test_what_was_removed_from_a_stream_leaves_a_gap(kept: Kept) -> None:
    first = kept.people(3)[0]
    kept.database.events.delete_one({"_id": first.id})
    assert in_database(kept) == [f"{first.stream}: has 1 events, with versions 2 to 2"]


def test_compared_with_an_earlier_export_every_changed_removed_or_inserted_event_is_found(
    kept: Kept, tmp_path: Path
) -> None:
    events = kept.people(4)
    path = tmp_path / "all.ndjson"
    kept.export(path)
    kept.register(100)
    assert in_database(kept, path) == [], "what was recorded since is no fault"
    last = events[-1]
    kept.database.events.delete_one({"_id": last.id})
    sealed_anew(kept, events[0])
    new = forged(kept, events[1])
    assert in_database(kept) == [], "alone, the database looks right"
    assert sorted(in_database(kept, path)) == sorted(
        [
            f"{last.id}: was removed: the export has it",
            f"{events[0].id}: was changed: the export has it otherwise",
            f"{new}: was inserted: the export is complete for its time and does not have it",
        ]
    )


def test_an_event_that_was_stored_late_with_an_early_id_is_no_fault(kept: Kept, tmp_path: Path) -> None:
    kept.people(2)
    kept.register(50)
    kept.clock.advance(seconds=10)
    kept.register(51)
    kept.export(tmp_path / "all.ndjson")
    kept.clock.set(kept.clock.now() - timedelta(seconds=5))
    kept.register(52)
    assert in_database(kept, tmp_path / "all.ndjson") == []


def test_after_a_lawful_erasure_everything_verifies_and_nothing_personal_is_left(
    kept: Kept, tmp_path: Path, key_file: Path
) -> None:
    events = kept.people(3)
    request = uuid4().hex
    about = kept.register(7, key=request)
    before = kept.export(tmp_path / "before.ndjson", key_file)
    chain_before = [line["chain"] for line in map(json.loads, (tmp_path / "before.ndjson").open()) if "event" in line]

    kept.clock.advance(seconds=1)
    assert erase(kept.store, {"event.subject": about.subject}, by="records-lind", reason_code="court_order") == 1
    kept.clock.advance(hours=1)
    after = kept.export(tmp_path / "after.ndjson", key_file)

    chain_after = [line["chain"] for line in map(json.loads, (tmp_path / "after.ndjson").open()) if "event" in line]
    assert chain_after[: len(chain_before)] == chain_before
    assert (before.events, after.events) == (7, 8)
    for path in ("before.ndjson", "after.ndjson"):
        assert findings_of(tmp_path / path, key_file) == []
        assert in_database(kept, tmp_path / path) == []
    document = kept.database.events.find_one({"_id": about.id})
    assert set(document["private"]) == {"request"}
    assert set(document["private"]["request"]) == {"key"}
    assert kept.store.private_of(about.stream) == {about.id: {}}
    assert kept.store.private_of(events[0].stream)[events[0].id]["note"] == NOTE
    (record,) = kept.database.events.find({"event.type": ERASED})
    assert record["event"]["data"] == {"event_ids": [about.id], "reason_code": "court_order"}
    assert record["event"]["actor"] == "records-lind"
    with pytest.raises(KeyReused):
        kept.register(7, key=request)
    assert kept.store.load(about.stream) == [about]
    assert erase(kept.store, {"event.subject": about.subject}, by="records-lind", reason_code="court_order") == 0


def test_an_erasure_that_broke_off_is_on_record_and_can_be_run_again(kept: Kept) -> None:
    about = kept.register(7)

    class Away(Exception):
        pass

    class Breaking:
        """The collection as it is, until it is to empty something."""

        def __getattr__(self, name: str) -> Any:
            if name == "update_many":
                raise Away
            return getattr(kept.database.events, name)

    events, kept.store.collection = kept.store.collection, Breaking()  # type: ignore[assignment]
    with pytest.raises(Away):
        erase(kept.store, {"event.stream": about.stream}, by="records-lind", reason_code="court_order")
    kept.store.collection = events
    assert in_database(kept) == []
    assert erase(kept.store, {"event.stream": about.stream}, by="records-lind", reason_code="court_order") == 1
    assert in_database(kept) == []
    assert kept.store.private_of(about.stream) == {about.id: {}}


def test_an_export_into_an_empty_database_gives_the_same_documents(
    kept: Kept, empty: Database[dict[str, Any]], tmp_path: Path, key_file: Path
) -> None:
    kept.people(5)
    erase(kept.store, {"event.subject": f"p_{2:032x}"}, by="records-lind", reason_code="court_order")
    waiting = {"relay.mail_for": ["gp-okafor"], "relay.smtp": {"due_at": NOW}}
    kept.database.events.update_one({"_id": kept.documents()[0]["_id"]}, {"$set": waiting})
    exported = kept.export(tmp_path / "all.ndjson", key_file)
    with pytest.raises(WrongKey, match="which key"):
        restore(empty, "perinatal", tmp_path / "all.ndjson")
    assert empty.list_collection_names() == []
    restored = restore(empty, "perinatal", tmp_path / "all.ndjson", key_file)
    assert (restored.events, restored.chain) == (exported.events, exported.chain)

    again = Kept(empty)
    assert again.documents() == kept.documents()
    relays = [document["relay"] for document in empty.events.find({}, sort=[("_id", 1)])]
    assert relays[0] == {"pending": True, "mail_for": ["gp-okafor"], "smtp": {"due_at": NOW}}
    assert all(relay == {"pending": True} for relay in relays[1:])
    assert in_database(again, tmp_path / "all.ndjson") == []
    again.clock.set(kept.clock.now())
    assert again.export(tmp_path / "again.ndjson").chain == exported.chain
    with pytest.raises(NotEmpty):
        restore(empty, "perinatal", tmp_path / "all.ndjson", key_file)


def test_a_database_with_anything_in_it_is_refused_and_left_alone(kept: Kept, tmp_path: Path) -> None:
    kept.people(1)
    kept.export(tmp_path / "all.ndjson")
    before = kept.documents()
    with pytest.raises(NotEmpty, match="events"):
        restore(kept.database, "perinatal", tmp_path / "all.ndjson")
    assert kept.documents() == before
    assert "restores" not in kept.database.list_collection_names()


def test_a_restore_that_broke_off_goes_on_with_the_same_file_only(
    kept: Kept, empty: Database[dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept.people(20)
    kept.export(tmp_path / "all.ndjson")
    kept.register(200)
    kept.export(tmp_path / "other.ndjson")
    monkeypatch.setattr("shared.archive.restore._BATCH", 7)

    class Away(Exception):
        pass

    class Breaking:
        """The database as it is, until the third batch."""

        batches = 0
        name = empty.name

        def __getattr__(self, name: str) -> Any:
            return getattr(empty, name)

        def __getitem__(self, name: str) -> Any:
            if name == "events":
                self.batches += 1
                if self.batches > 3:
                    raise Away
            return empty[name]

    with pytest.raises(Away):
        restore(Breaking(), "perinatal", tmp_path / "all.ndjson")  # type: ignore[arg-type]
    assert 0 < empty.events.count_documents({}) < 40
    with pytest.raises(NotEmpty):
        restore(empty, "perinatal", tmp_path / "other.ndjson")
    assert restore(empty, "perinatal", tmp_path / "all.ndjson").events == 40
    assert empty.events.count_documents({}) == 40
    again = Kept(empty)
    assert [document["event"] for document in again.documents()] == [
        document["event"] for document in kept.documents() if document["event"]["subject"] != f"p_{200:032x}"
    ]


def test_a_restore_that_was_killed_goes_on_and_doubles_nothing(
    kept: Kept, empty: Database[dict[str, Any]], mongodb_uri: str, tmp_path: Path, key_file: Path
) -> None:
    count = 20_000
    events = [an_event(at=NOW) for _ in range(count)]
    documents = [sealed(document_of(event, private={"personal": {}}, relay={})) for event in events]
    kept.database.events.insert_many(documents)
    kept.clock.advance(hours=1)
    path = tmp_path / "all.ndjson"
    kept.export(path, key_file)
    environment = {**os.environ, "MONGODB_URI": mongodb_uri, "MONGODB_DATABASE": empty.name, "PYTHONWARNINGS": "ignore"}
    command = [sys.executable, "-m", "services.perinatal", "restore", str(path), "--key-file", str(key_file)]
    with subprocess.Popen(command, cwd=ROOT, env=environment) as restoring:
        eventually(lambda: empty.events.estimated_document_count() >= 1_000, within=60)
        restoring.kill()
    assert empty.events.count_documents({}) < count
    again = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120)
    assert again.stdout.startswith(f"{count} events restored"), again.stderr
    assert empty.events.count_documents({}) == count
    assert list(database_findings(empty, whole(path))) == []


def test_an_export_made_while_everybody_records_has_all_that_was_answered_before_and_no_gap(
    mongodb_uri: str, database: Database[dict[str, Any]], tmp_path: Path
) -> None:
    kept = Kept(open_database(mongodb_uri, database.name))
    kept.clock = SystemClock()  # type: ignore[assignment]
    kept.store = EventStore(kept.database, source="perinatal", clock=kept.clock, catalogue=CATALOGUE)
    people = 8
    answered = [kept.register(number).id for number in range(people)]
    stop = threading.Event()

    def record(number: int) -> None:
        while not stop.is_set():
            answered.append(kept.tell(number, "practitioner.assigned.v1", PRACTITIONER).id)

    with ThreadPoolExecutor(people) as pool:
        writers = [pool.submit(record, number) for number in range(people)]
        try:
            for turn in range(5):
                before = set(answered)
                kept.export(tmp_path / f"{turn}.ndjson")
                lines = [json.loads(line) for line in (tmp_path / f"{turn}.ndjson").open()]
                events = [Event.from_cloudevent(line["event"]) for line in lines if "event" in line]
                assert before <= {event.id for event in events}
                for number in range(people):
                    stream = f"person/p_{number:032x}"
                    versions = sorted(event.version for event in events if event.stream == stream)
                    assert versions == list(range(1, len(versions) + 1))
                whole(tmp_path / f"{turn}.ndjson")
        finally:
            stop.set()
    for writer in writers:
        writer.result()
    assert len(answered) > people
    for turn in range(5):
        assert in_database(kept, tmp_path / f"{turn}.ndjson") == []
