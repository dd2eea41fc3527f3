"""When something is due: London's working days, its summer time, and months that clamp."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.kernel.calendar import england
from shared.kernel.time import Offset, at_london, days_overdue, due, london_date, occurred_on, span

ENGLAND = england(2027)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


WRITTEN = [
    ({"working_days": 2}, "2 working days"),
    ({"working_days": 1}, "1 working day"),
    ({"working_days": 0}, "0 working days"),
    ({"same_day": True}, "the same day"),
    ({"minutes": 30}, "30 minutes"),
    ({"hours": 24}, "24 hours"),
    ({"hours": 1, "minutes": 30}, "1 hour and 30 minutes"),
    ({"days": 14}, "14 days"),
    ({"weeks": 8}, "8 weeks"),
    ({"months": 6}, "6 months"),
    ({"months": 1, "weeks": 1, "days": 1}, "1 month and 1 week and 1 day"),
    ({"before": {"working_days": 2}}, "2 working days before"),
    ({"before": {"hours": 1}}, "1 hour before"),
    ({"before": {"months": 1, "days": 3}}, "1 month and 3 days before"),
]


@pytest.mark.parametrize(("mapping", "text"), WRITTEN)
def test_an_offset_is_said_in_words_and_written_back_as_it_was(mapping, text):
    offset = Offset.parse(mapping)

    assert offset.text() == text
    assert offset.to_json() == mapping
    assert Offset.parse(offset.to_json()) == offset


@pytest.mark.parametrize(
    ("mapping", "faults"),
    [
        ({}, ["an offset is a mapping"]),
        (None, ["an offset is a mapping"]),
        ("2 days", ["an offset is a mapping"]),
        ({"before": 2}, ["an offset is a mapping"]),
        ({"before": {}}, ["an offset is a mapping"]),
        ({"fortnights": 1}, ["unknown unit 'fortnights'"]),
        ({"days": 1, "before": {"days": 1}}, ["unknown unit 'before'"]),
        ({"negated": True, "days": 1}, ["unknown unit 'negated'"]),
        ({"days": 1, "hours": 1}, ["days, hours do not go together"]),
        ({"working_days": 1, "same_day": True}, ["working_days, same_day do not go together"]),
        ({"same_day": False}, ["same_day can only be true"]),
        ({"same_day": 1}, ["same_day can only be true"]),
        ({"days": "2"}, ["days is a whole number"]),
        ({"days": 1.5}, ["days is a whole number"]),
        ({"days": True}, ["days is a whole number"]),
        ({"days": None}, ["days is a whole number"]),
        ({"days": -1}, ["days is a whole number from 0"]),
        ({"months": 10_001}, ["to 10000"]),
        ({"before": {"days": 0}}, ["days is a whole number from 1"]),
        ({"before": {"same_day": True}}, ["same_day has no before"]),
        ({"years": 1, "days": -1, "hours": "x"}, ["years", "do not go together", "days is a", "hours is a"]),
    ],
)
def test_an_ill_formed_offset_lists_every_fault(mapping, faults):
    with pytest.raises(ValueError, match=".*".join(faults)) as caught:
        Offset.parse(mapping)
    assert len(str(caught.value).split("; ")) >= len(faults)


def test_an_offset_cannot_be_made_ill_formed():
    with pytest.raises(ValueError, match="do not go together"):
        Offset(working_days=2, hours=1)


WINTER_MONDAY = "2013-01-14T10:00"

DUE = [
    # working days end at 17:00 in London
    (WINTER_MONDAY, {"working_days": 2}, "2013-01-16T17:00"),
    (WINTER_MONDAY, {"working_days": 0}, "2013-01-14T17:00"),
    ("2013-07-01T10:00", {"working_days": 2}, "2013-07-03T16:00"),
    # a Saturday counts from Monday, Maundy Thursday jumps Easter and the change to summer time
    ("2013-01-12T10:00", {"working_days": 2}, "2013-01-16T17:00"),
    ("2013-03-28T10:00", {"working_days": 1}, "2013-04-02T16:00"),
    # 23:30 UTC in summer is the next day in London
    ("2013-07-01T23:30", {"working_days": 1}, "2013-07-03T16:00"),
    ("2013-07-01T23:30", {"same_day": True}, "2013-07-02T22:59"),
    ("2013-01-14T23:30", {"same_day": True}, "2013-01-14T23:59"),
    # and in the small hours of a Saturday it is no longer Friday
    ("2013-07-05T23:30", {"working_days": 0}, "2013-07-08T16:00"),
    # the same day stays that day, working day or not
    ("2013-01-12T10:00", {"same_day": True}, "2013-01-12T23:59"),
    # hours and minutes simply run, through nights, weekends and the change of clocks
    ("2013-03-30T10:00", {"hours": 24}, "2013-03-31T10:00"),
    ("2013-10-26T10:00", {"hours": 24}, "2013-10-27T10:00"),
    (WINTER_MONDAY, {"minutes": 30}, "2013-01-14T10:30"),
    (WINTER_MONDAY, {"hours": 1, "minutes": 5}, "2013-01-14T11:05"),
    (WINTER_MONDAY, {"minutes": 0}, WINTER_MONDAY),
    # days, weeks and months go by the calendar and may end on any day, at 17:00 of London's clocks
    (WINTER_MONDAY, {"days": 14}, "2013-01-28T17:00"),
    ("2013-03-25T10:00", {"weeks": 1}, "2013-04-01T16:00"),
    ("2013-10-21T10:00", {"weeks": 1}, "2013-10-28T17:00"),
    ("2013-01-14T10:00", {"weeks": 8}, "2013-03-11T17:00"),
    ("2013-08-31T10:00", {"months": 6}, "2014-02-28T17:00"),
    ("2011-08-31T10:00", {"months": 6}, "2012-02-29T17:00"),
    ("2012-02-29T10:00", {"months": 12}, "2013-02-28T17:00"),
    ("2012-12-15T10:00", {"months": 1}, "2013-01-15T17:00"),
    ("2013-08-31T10:00", {"months": 6, "days": 1}, "2014-03-01T17:00"),
    # before
    ("2013-01-16T17:00", {"before": {"working_days": 2}}, "2013-01-14T17:00"),
    ("2013-04-02T16:00", {"before": {"working_days": 1}}, "2013-03-28T17:00"),
    ("2013-04-01T16:00", {"before": {"working_days": 1}}, "2013-03-28T17:00"),
    ("2013-03-31T16:00", {"before": {"months": 1}}, "2013-02-28T17:00"),
    ("2013-04-05T16:00", {"before": {"days": 7}}, "2013-03-29T17:00"),
    ("2013-01-16T17:00", {"before": {"hours": 24}}, "2013-01-15T17:00"),
]


@pytest.mark.parametrize(("occurred", "offset", "expected"), DUE)
def test_an_event_of_a_known_minute_is_due(occurred, offset, expected):
    assert due(Offset.parse(offset), utc(occurred), "minute", ENGLAND).at == utc(expected)


@pytest.mark.parametrize(
    ("precision", "offset", "expected"),
    [
        ("day", {"working_days": 2}, "2013-01-16T17:00"),
        ("day", {"same_day": True}, "2013-01-14T23:59"),
        ("day", {"hours": 24}, "2013-01-15T23:59:59.999"),
        ("day", {"weeks": 1}, "2013-01-21T17:00"),
        ("month", {"working_days": 2}, "2013-02-04T17:00"),
        ("month", {"same_day": True}, "2013-01-31T23:59"),
        ("month", {"minutes": 30}, "2013-02-01T00:29:59.999"),
        ("month", {"months": 1}, "2013-02-28T17:00"),
    ],
)
def test_an_event_known_by_its_day_or_month_counts_from_the_end_of_it(precision, offset, expected):
    assert due(Offset.parse(offset), utc(WINTER_MONDAY), precision, ENGLAND).at == utc(expected)


def test_the_days_that_did_not_count_are_told_with_their_reasons():
    assert due(Offset(working_days=2), utc("2013-03-28T10:00"), "minute", ENGLAND).skipped == (
        (date(2013, 3, 29), "Good Friday"),
        (date(2013, 3, 30), "Saturday"),
        (date(2013, 3, 31), "Sunday"),
        (date(2013, 4, 1), "Easter Monday"),
    )


def test_an_event_on_a_weekend_tells_that_the_weekend_did_not_count():
    assert due(Offset(working_days=0), utc("2013-01-12T10:00"), "minute", ENGLAND).skipped == (
        (date(2013, 1, 12), "Saturday"),
        (date(2013, 1, 13), "Sunday"),
    )


def test_counting_back_tells_the_days_between_too():
    assert due(Offset(working_days=1, negated=True), utc("2013-01-14T17:00"), "minute", ENGLAND).skipped == (
        (date(2013, 1, 12), "Saturday"),
        (date(2013, 1, 13), "Sunday"),
    )


def test_where_no_day_is_left_out_none_is_told():
    assert due(Offset(weeks=8), utc(WINTER_MONDAY), "minute", ENGLAND).skipped == ()


def test_the_span_of_an_event_is_its_minute_its_day_or_its_month_in_london():
    moment = utc("2013-07-14T10:00")

    assert span(moment, "minute") == (moment, moment)
    assert span(moment, "day") == (utc("2013-07-13T23:00"), utc("2013-07-14T22:59:59.999"))
    assert span(moment, "month") == (utc("2013-06-30T23:00"), utc("2013-07-31T22:59:59.999"))
    assert span(moment, "year") == (utc("2013-01-01T00:00"), utc("2013-12-31T23:59:59.999"))


def test_a_month_in_which_the_clocks_change_has_its_ends_by_either_time():
    assert span(utc("2013-03-14T10:00"), "month") == (utc("2013-03-01T00:00"), utc("2013-03-31T22:59:59.999"))


def test_an_unknown_precision_is_refused():
    with pytest.raises(ValueError, match="minute, day, month, year"):
        span(utc(WINTER_MONDAY), "decade")


def test_a_time_without_a_zone_has_no_date_in_london():
    with pytest.raises(ValueError, match="naive"):
        london_date(utc(WINTER_MONDAY).replace(tzinfo=None))


counts = st.integers(0, 60)
some = st.integers(1, 60)
offsets = st.one_of(
    st.fixed_dictionaries({"working_days": counts}),
    st.just({"same_day": True}),
    st.fixed_dictionaries({"months": counts}, optional={"weeks": counts, "days": counts}),
    st.fixed_dictionaries({"hours": counts}, optional={"minutes": counts}),
    st.fixed_dictionaries({"before": st.fixed_dictionaries({"working_days": some})}),
    st.fixed_dictionaries({"before": st.fixed_dictionaries({"weeks": some}, optional={"days": some})}),
)
instants = st.integers(0, 14 * 365 * 24 * 60).map(lambda minutes: utc("2012-01-01") + timedelta(minutes=minutes))


@given(offsets)
def test_every_offset_survives_a_round_trip(mapping):
    assert Offset.parse(mapping).to_json() == mapping


@given(offsets, instants, st.sampled_from(["minute", "day", "month", "year"]))
def test_a_due_time_is_in_utc_and_never_earlier_for_knowing_less(mapping, occurred, precision):
    offset = Offset.parse(mapping)
    found = due(offset, occurred, precision, ENGLAND).at

    assert found.tzinfo is UTC
    assert found >= due(offset, occurred, "minute", ENGLAND).at


@given(counts, instants)
def test_working_days_end_at_five_on_a_working_day_in_london_after_the_days_that_are_told(count, occurred):
    found = due(Offset(working_days=count), occurred, "minute", ENGLAND)
    on = london_date(found.at)

    assert found.at == at_london(on, time(17))
    assert ENGLAND.is_working_day(on)
    assert (on - london_date(occurred)).days == count + len(found.skipped)


@given(st.dates(date(2012, 1, 1), date(2027, 1, 1)), st.times())
def test_a_time_in_london_is_on_that_day_in_london(day, at):
    assert london_date(at_london(day, at)) == day


@given(instants)
def test_the_span_holds_the_instant(occurred):
    for precision in ("day", "month", "year"):
        first, last = span(occurred, precision)
        assert first <= occurred < last + timedelta(milliseconds=1)


def test_a_thing_due_on_friday_at_five_is_three_days_overdue_in_the_night_to_monday():
    assert days_overdue(utc("2026-10-02T16:00"), utc("2026-10-05T02:17")) == 3
    assert days_overdue(utc("2026-10-02T16:00"), utc("2026-10-02T22:59")) == 0
    assert days_overdue(utc("2026-10-02T16:00"), utc("2026-10-02T23:00")) == 1
    assert days_overdue(utc("2026-10-02T16:00"), utc("2026-09-30T12:00")) == 0


@given(st.dates(date(1990, 1, 1), date(2090, 1, 1)))
def test_a_day_or_month_reads_back_as_it_was_given(day):
    assert occurred_on(at_london(day, time()), "day") == day.isoformat()
    assert occurred_on(at_london(day.replace(day=1), time()), "month") == day.isoformat()[:7]
    assert occurred_on(at_london(day.replace(month=1, day=1), time()), "year") == day.isoformat()[:4]
    assert occurred_on(at_london(day, time(23, 30)), "minute") == day.isoformat()
