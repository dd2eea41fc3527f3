"""Domain time comes from one clock, in whole milliseconds of UTC."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from shared.runtime.clock import MovableClock, ReplayClock, SystemClock

START = datetime(2013, 1, 14, 9, tzinfo=UTC)


def test_real_time_is_aware_utc_in_whole_milliseconds():
    before = datetime.now(UTC)
    now = SystemClock().now()

    assert before - timedelta(milliseconds=1) < now <= datetime.now(UTC)
    assert now.tzinfo is UTC
    assert now.microsecond % 1000 == 0


def test_a_replay_clock_moves_for_everybody_who_reads_its_file(tmp_path):
    mover, reader = ReplayClock(tmp_path / "clock"), ReplayClock(tmp_path / "clock")
    mover.set(START)
    assert reader.now() == START

    mover.set(START + timedelta(days=2, microseconds=1500))
    assert reader.now() == START + timedelta(days=2, milliseconds=1)
    assert [path.name for path in tmp_path.iterdir()] == ["clock"]


@pytest.mark.parametrize("content", ["", "soon", "2013-01-14T09:00:00"])
def test_a_replay_clock_without_an_instant_is_an_error_and_never_real_time(tmp_path, content):
    (tmp_path / "clock").write_text(content)
    with pytest.raises(ValueError, match=r"naive|isoformat"):
        ReplayClock(tmp_path / "clock").now()


def test_a_replay_clock_without_a_file_is_an_error_and_never_real_time(tmp_path):
    with pytest.raises(FileNotFoundError):
        ReplayClock(tmp_path / "clock").now()


def test_a_movable_clock_stands_still_until_it_is_moved():
    clock = MovableClock(datetime(2013, 1, 14, 10, tzinfo=timezone(timedelta(hours=1))))
    assert clock.now() == clock.now() == START

    clock.advance(days=1)
    clock.advance(timedelta(hours=1))
    assert clock.now() == START + timedelta(days=1, hours=1)


def test_a_movable_clock_takes_no_naive_time():
    with pytest.raises(ValueError, match="naive"):
        MovableClock(START.replace(tzinfo=None))
