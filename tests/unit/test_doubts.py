"""What is impossible or unlikely about an entry, by the tables of the recording services, near each limit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from services.leaving_care.domain import doubts as leaving_care
from services.perinatal.domain import doubts as perinatal
from services.perinatal.domain.doubts import Child
from shared.contracts.words import DOUBTS
from shared.kernel.decisions import CLAIM_CONFIRMED, RETRACTION, Fact
from shared.kernel.doubts import Entry, Impossible, PleaseConfirm, Table, find_doubts, in_words, require_likely
from shared.kernel.envelope import NONE, Event
from shared.kernel.history import SYSTEM_TEAM
from shared.kernel.time import at_london

TABLES = {**perinatal.DOUBTS, **leaving_care.DOUBTS}
DAY = date(2014, 1, 15)
WEEK = timedelta(weeks=1)
OTHER = "0f4a3b7e-52d1-5c6a-9b8e-1d2c3f4a5b6c"


def noon(day: date) -> datetime:
    return at_london(day, datetime.min.time().replace(hour=12)).astimezone(UTC)


def event(event_type: str, day: date, precision: str = "minute", **data: Any) -> Event:
    """An event of one record."""
    at = noon(day)
    return Event(
        id=str(uuid4()),
        source="perinatal",
        type=event_type,
        subject=None,
        occurred_at=at,
        recorded_at=at,
        stream="record/1",
        version=1,
        actor="hv-pereira",
        role="health_visitor",
        team="hv-harwich",
        area="essex",
        correlation_id="c",
        precision=precision,
        data=data,
    )


def find_codes(
    event_type: str,
    *history: Event,
    on: date = DAY,
    precision: str = "minute",
    private: Mapping[str, Any] | None = None,
    known: Mapping[str, Any] | None = None,
    **data: Any,
) -> dict[str, bool]:
    """The codes of the doubts about an entry: each with whether it is impossible."""
    data = {name: value.isoformat() if isinstance(value, date) else value for name, value in data.items()}
    hidden = {name: value.isoformat() if isinstance(value, date) else value for name, value in (private or {}).items()}
    fact = Fact(event_type, data, noon(on), precision, private=hidden)
    return {one.code: one.impossible for one in find_doubts(TABLES, Entry(fact, history, known or {}))}


UNLIKELY, IMPOSSIBLE = False, True
BOOKED, ENDED = "pregnancy.booked.v1", "pregnancy.ended.v1"


@pytest.mark.parametrize(
    ("weeks", "days", "expected"),
    [
        (2, -1, {"edd-far-out": UNLIKELY}),
        (2, 0, {}),
        (44, 0, {}),
        (44, 1, {"edd-far-out": UNLIKELY}),
        (60, 0, {"edd-far-out": UNLIKELY}),
        (60, 1, {"edd-far-out": IMPOSSIBLE}),
        (-20, 0, {"edd-far-out": UNLIKELY}),
        (-20, -1, {"edd-far-out": IMPOSSIBLE}),
    ],
)
@pytest.mark.parametrize("event_type", [BOOKED, "pregnancy.notified.v1", "pregnancy.edd_corrected.v1"])
def test_an_expected_date_is_2_to_44_weeks_from_the_day_of_the_entry(
    event_type: str, weeks: int, days: int, expected: dict[str, bool]
) -> None:
    assert find_codes(event_type, edd=DAY + weeks * WEEK + timedelta(days=days)) == expected


def test_an_expected_date_of_1927_is_impossible() -> None:
    assert find_codes(BOOKED, edd=date(1927, 6, 15)) == {"edd-far-out": IMPOSSIBLE}


def test_an_entry_of_a_month_is_doubted_only_if_no_day_of_it_is_likely() -> None:
    month = {"on": date(2014, 1, 1), "precision": "month"}
    assert find_codes(BOOKED, edd=date(2014, 1, 15), **month) == {}
    assert find_codes(BOOKED, edd=date(2014, 1, 14), **month) == {"edd-far-out": UNLIKELY}
    assert find_codes(BOOKED, edd=date(2014, 1, 31) + 44 * WEEK, **month) == {}


def test_what_is_entered_years_late_is_judged_by_its_own_day() -> None:
    assert find_codes(BOOKED, on=date(2011, 12, 5), edd=date(2012, 7, 12)) == {}


def test_a_corrected_date_moves_by_four_weeks_from_the_first_at_most() -> None:
    booked = event(BOOKED, DAY, edd="2014-06-15")
    corrected = event("pregnancy.edd_corrected.v1", DAY, edd="2014-07-13")
    assert find_codes("pregnancy.edd_corrected.v1", booked, edd=date(2014, 7, 13)) == {}
    assert find_codes("pregnancy.edd_corrected.v1", booked, corrected, edd=date(2014, 7, 14)) == {
        "edd-moved-far": UNLIKELY
    }
    wrong = event(RETRACTION, DAY, event_id=booked.id)
    assert find_codes("pregnancy.edd_corrected.v1", booked, corrected, wrong, edd=date(2014, 8, 10)) == {}


@pytest.mark.parametrize(
    ("born", "expected"),
    [
        (date(2006, 1, 15), {"care-leaver-age": UNLIKELY}),
        (date(1998, 1, 16), {"care-leaver-age": UNLIKELY}),
        (date(1998, 1, 15), {}),
        (date(1989, 1, 16), {}),
        (date(1989, 1, 15), {"care-leaver-age": UNLIKELY}),
        (date(1974, 1, 15), {"care-leaver-age": UNLIKELY}),
        (date(2014, 1, 16), {"care-leaver-age": IMPOSSIBLE}),
    ],
)
def test_a_care_leaver_is_16_to_24_years_old(born: date, expected: dict[str, bool]) -> None:
    assert find_codes("care_leaver.registered.v1", private={"date_of_birth": born}) == expected


@pytest.mark.parametrize(
    ("born", "expected"),
    [
        (date(1993, 1, 16), {"care-leaver-age": UNLIKELY}),
        (date(1993, 1, 15), {}),
        (date(1989, 1, 16), {}),
        (date(1989, 1, 15), {"care-leaver-age": UNLIKELY}),
        (None, {}),
    ],
)
def test_support_is_asked_for_again_at_21_to_24(born: date | None, expected: dict[str, bool]) -> None:
    known = {"date_of_birth": born} if born else {}
    assert find_codes("care_leaver.support_requested.v1", known=known) == expected


def test_somebody_over_110_years_is_unlikely() -> None:
    assert find_codes("person.registered.v1", private={"date_of_birth": date(1903, 1, 16)}) == {}
    assert find_codes("person.registered.v1", private={"date_of_birth": date(1902, 1, 15)}) == {
        "born-long-ago": UNLIKELY
    }
    assert find_codes("person.registered.v1") == {}


# --- the rest of a pregnancy ----------------------------------------------------------------------------------------


def another(*history: Event, **data: Any) -> dict[str, bool]:
    return find_codes(BOOKED, known={"pregnancies": {OTHER: history}}, pregnancy_id="mine", **data)


def test_a_woman_has_one_live_pregnancy_at_a_time() -> None:
    dated, undated = (event(BOOKED, DAY, edd="2014-06-15"), event("pregnancy.notified.v1", DAY))
    assert another(dated) == another(undated) == {"second-live-pregnancy": UNLIKELY}
    assert another(dated, event(ENDED, DAY + WEEK), on=DAY + 2 * WEEK) == {}
    assert another(dated, event(ENDED, DAY + 3 * WEEK), on=DAY + 2 * WEEK) == {"second-live-pregnancy": UNLIKELY}
    assert another(dated, event(RETRACTION, DAY, event_id=dated.id)) == {}
    assert another(dated, on=date(2011, 12, 5)) == {}


def test_a_pregnancy_without_an_expected_date_and_without_an_end_is_over_after_60_weeks() -> None:
    undated = event("pregnancy.notified.v1", DAY)
    assert another(undated, on=DAY + 60 * WEEK) == {"second-live-pregnancy": UNLIKELY}
    assert another(undated, on=DAY + 60 * WEEK + timedelta(days=1)) == {}
    assert another(undated, on=DAY + timedelta(days=40 * 30)) == {}


@pytest.mark.parametrize(
    ("edd", "ends", "outcome", "expected"),
    [
        ("2014-06-15", date(2014, 6, 15), "birth", {}),
        ("2014-06-15", date(2014, 6, 15) + 4 * WEEK, "birth", {}),
        ("2014-06-15", date(2014, 6, 16) + 4 * WEEK, "birth", {"pregnancy-length": UNLIKELY}),
        ("2014-06-15", date(2014, 6, 16) + 20 * WEEK, "birth", {"pregnancy-length": IMPOSSIBLE}),
        ("2014-06-15", date(2014, 6, 15) - 18 * WEEK, "birth", {}),
        ("2014-06-15", date(2014, 6, 14) - 18 * WEEK, "birth", {"pregnancy-length": UNLIKELY}),
        ("2014-06-15", date(2014, 6, 14) - 16 * WEEK, "stillbirth", {"pregnancy-length": UNLIKELY}),
        ("2014-06-15", date(2014, 6, 14) - 30 * WEEK, "miscarriage", {}),
        ("2014-06-15", date(2014, 6, 14) - 40 * WEEK, "miscarriage", {"pregnancy-length": IMPOSSIBLE}),
        (None, DAY + 44 * WEEK, "birth", {}),
        (None, DAY + 45 * WEEK, "birth", {"pregnancy-length": UNLIKELY}),
        (None, DAY + 61 * WEEK, "birth", {"pregnancy-length": IMPOSSIBLE}),
    ],
)
def test_no_pregnancy_lasts_60_weeks_and_nobody_is_born_before_they_were_conceived(
    edd: str | None, ends: date, outcome: str, expected: dict[str, bool]
) -> None:
    booked = event(BOOKED, DAY, **({"edd": edd} if edd else {}))
    assert find_codes(ENDED, booked, on=ends, outcome=outcome) == expected


def test_a_birth_names_children_of_that_day() -> None:
    born = {
        DAY: {},
        DAY - timedelta(days=1): {},
        DAY - timedelta(days=2): {"child-born-another-day": UNLIKELY},
        DAY.replace(year=2013): {"child-born-another-day": IMPOSSIBLE},
        DAY.replace(year=2015): {"child-born-another-day": IMPOSSIBLE},
    }
    for day, expected in born.items():
        assert find_codes(ENDED, known={"children": [Child(day)]}, outcome="birth") == expected
    assert find_codes(ENDED, known={"children": [Child(), Child()]}, outcome="birth") == {}


def test_a_newborn_is_not_reviewed_before_the_birth_in_whichever_order_it_is_recorded() -> None:
    early = find_codes("review.completed.v1", review="new_birth", known={"born_on": DAY + timedelta(days=1)})
    assert early == {"out-of-order": IMPOSSIBLE}
    assert find_codes("review.completed.v1", review="new_birth", known={"born_on": DAY}) == {}
    reviewed = Child(first_review_on=DAY - timedelta(days=1))
    assert find_codes(ENDED, known={"children": [reviewed]}, outcome="birth") == {"out-of-order": IMPOSSIBLE}


def test_a_mother_is_11_to_55_years_old() -> None:
    for born, expected in (
        (date(2003, 1, 16), {"mother-age": UNLIKELY}),
        (date(2003, 1, 15), {}),
        (date(1958, 1, 16), {}),
        (date(1957, 1, 15), {"mother-age": UNLIKELY}),
    ):
        assert find_codes(BOOKED, known={"born_on": born}) == expected


# --- screens, appointments, support and plans -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tool", "score", "self_harm", "is_doubtful"),
    [
        ("epds", 0, True, True),
        ("epds", 1, True, False),
        ("epds", 0, False, False),
        ("epds", 27, False, False),
        ("epds", 28, False, True),
        ("epds", 28, True, False),
        ("phq9", 25, False, True),
        ("gad7", 21, False, False),
    ],
)
def test_the_item_about_self_harm_counts_towards_the_score(
    tool: str, score: int, self_harm: bool, is_doubtful: bool
) -> None:
    found = find_codes("screen.recorded.v1", tool=tool, score=score, self_harm=self_harm)
    assert found == ({"score-and-self-harm": UNLIKELY} if is_doubtful else {})


APPOINTED, MISSED, ATTENDED = "referral.appointment_booked.v1", "referral.not_attended.v1", "referral.attended.v1"


def appointed(days: int) -> Event:
    return event(APPOINTED, DAY, appointment_on=(DAY + timedelta(days=days)).isoformat())


def missed(days: int, after: int = 0) -> Event:
    return event(MISSED, DAY + timedelta(days=days), how="did_not_attend")


def test_no_appointment_is_missed_before_its_day() -> None:
    assert find_codes(MISSED, appointed(0)) == {}
    assert find_codes(MISSED, appointed(1)) == {"appointment-later": IMPOSSIBLE}
    assert find_codes(MISSED, appointed(0), appointed(7)) == {"appointment-later": UNLIKELY}
    assert find_codes(ATTENDED, appointed(1)) == {"appointment-later": UNLIKELY}
    cancelled = event("referral.appointment_cancelled.v1", DAY, by="service")
    assert find_codes(MISSED, appointed(1), cancelled) == {}


def test_an_appointment_is_missed_once() -> None:
    later = DAY + timedelta(days=3)
    assert find_codes(MISSED, appointed(0), missed(0), on=later) == {"missed-twice": UNLIKELY}
    assert find_codes(MISSED, appointed(0), missed(0), appointed(3), on=later) == {}
    assert find_codes(MISSED, missed(0)) == {"missed-twice": UNLIKELY}
    assert find_codes(MISSED, missed(0), on=later) == {}
    started, session = event("support.started.v1", DAY), event("support.session_missed.v1", DAY)
    assert find_codes("support.session_missed.v1", started, session) == {"missed-twice": UNLIKELY}
    assert find_codes("support.session_missed.v1", started, session, on=later) == {}


@pytest.mark.parametrize(
    ("event_type", "begun_by"),
    [
        ("support.session_held.v1", "support.started.v1"),
        ("support.ended.v1", "support.started.v1"),
        ("referral.attended.v1", "referral.offered.v1"),
        ("referral.treatment_ended.v1", "referral.treatment_started.v1"),
        ("referral.closed.v1", "referral.intended.v1"),
        ("case.closed.v1", "case.opened.v1"),
        ("offer.ended.v1", "offer.made.v1"),
        ("contact.decided.v1", "contact.received.v1"),
        ("consultation.account_added.v1", "consultation.held.v1"),
        ("consultation.linked.v1", "consultation.held.v1"),
        ("consultation.referred.v1", "consultation.held.v1"),
        ("referral.sent.v1", "referral.intended.v1"),
        ("plan_item.completed.v1", "plan_item.added.v1"),
        ("adviser.ended.v1", "adviser.assigned.v1"),
    ],
)
def test_nothing_ends_or_goes_on_before_it_began(event_type: str, begun_by: str) -> None:
    begun = event(begun_by, DAY)
    assert find_codes(event_type, begun) == {}
    assert find_codes(event_type, begun, on=DAY - timedelta(days=1)) == {"out-of-order": IMPOSSIBLE}
    assert find_codes(event_type, begun, event(RETRACTION, DAY, event_id=begun.id), on=DAY - timedelta(days=1)) == {}
    earlier = {"on": DAY.replace(day=1), "precision": "month"}
    assert find_codes(event_type, begun, **earlier) == {}


def test_two_equal_supports_at_once_are_unlikely() -> None:
    def find(*history: Event, on: date = DAY, kind: str = "listening_visits") -> dict[str, bool]:
        return find_codes(
            "support.started.v1", on=on, kind=kind, support_id="mine", known={"supports": {OTHER: history}}
        )

    started, ended = event("support.started.v1", DAY, kind="listening_visits"), event("support.ended.v1", DAY + WEEK)
    assert find(started) == {"equal-support": UNLIKELY}
    assert find(started, kind="parenting") == {}
    assert find(started, ended, on=DAY + WEEK) == {}
    assert find(started, on=DAY - WEEK) == {}


@pytest.mark.parametrize(
    ("event_type", "name", "years"),
    [
        ("plan_item.arranged.v1", "review_by", 2),
        ("plan_item.reviewed.v1", "next_review_by", 2),
        ("offer.deferred.v1", "re_offer_by", 2),
        (APPOINTED, "appointment_on", 1),
    ],
)
def test_a_planned_day_lies_ahead_but_not_far(event_type: str, name: str, years: int) -> None:
    limit = timedelta(days=365 * years)
    for day, expected in (
        (DAY - timedelta(days=1), {"day-passed": UNLIKELY}),
        (DAY, {}),
        (DAY + limit, {}),
        (DAY + limit + timedelta(days=1), {"day-far-out": UNLIKELY}),
        (DAY + 5 * limit + timedelta(days=1), {"day-far-out": IMPOSSIBLE}),
    ):
        assert find_codes(event_type, **{name: day}) == expected


# --- what is retracted and corrected --------------------------------------------------------------------------------

CORRECTED, DIED, REVIEWED = "person.corrected.v1", "person.died.v1", "review.completed.v1"


def of_support(event_type: str, **more: Any) -> Event:
    return replace(event(event_type, DAY), stream="support/1", **more)


def about_retracted(retracted: Event, *history: Event, table: Table = perinatal.DOUBTS) -> list[str]:
    """What is told of the retraction of an entry, by the table of one service, to somebody who may read them all."""
    fact = Fact(RETRACTION, {"event_id": retracted.id, "reason_code": "mistake"}, noon(DAY))
    known = {"readable": {one.id for one in history}}
    return [one.message for one in find_doubts(table, Entry(fact, history, known))]


def test_a_retraction_names_the_entries_that_it_leaves_without_what_they_follow() -> None:
    started, held, ended = (of_support(f"support.{what}.v1") for what in ("started", "session_held", "ended"))
    (told,) = about_retracted(started, started, held, ended)
    assert held.id in told
    assert ended.id in told
    assert about_retracted(ended, started, held, ended) == []
    assert about_retracted(held, started, held, ended) == []
    taken_back = [of_support(RETRACTION, data={"event_id": one.id}) for one in (held, ended)]
    assert about_retracted(started, started, held, ended, *taken_back) == []


def test_a_retraction_names_five_entries_at_most_and_none_that_the_actor_may_not_read() -> None:
    started, held = of_support("support.started.v1"), [of_support("support.session_held.v1") for _ in range(7)]
    (told,) = about_retracted(started, started, *held)
    assert [one.id in told for one in held] == [True] * 5 + [False] * 2
    assert "and 2 more" in told
    fact = Fact(RETRACTION, {"event_id": started.id, "reason_code": "mistake"}, noon(DAY))
    assert find_doubts(perinatal.DOUBTS, Entry(fact, [started, *held], {"readable": {started.id}})) == []


def test_a_retraction_does_not_ask_about_what_the_service_recorded_by_itself() -> None:
    started = of_support("support.started.v1")
    held = replace(of_support("support.session_held.v1"), team=SYSTEM_TEAM)
    assert about_retracted(started, started, held) == []


def test_a_retraction_says_nothing_of_what_followed_nothing_before() -> None:
    started, held = of_support("support.started.v1"), of_support("support.session_held.v1")
    gone = of_support(RETRACTION, data={"event_id": started.id})
    assert about_retracted(held, started, held, of_support("support.ended.v1"), gone) == []


def test_what_settles_an_urgent_step_is_taken_back_without_a_question() -> None:
    received, decided = (
        replace(event(f"contact.{what}.v1", DAY), stream="contact/1") for what in ("received", "decided")
    )
    assert about_retracted(received, received, decided) == []
    added, offered = (
        replace(event(f"plan_item.{what}.v1", DAY), stream="plan-item/1") for what in ("added", "offered")
    )
    assert about_retracted(added, added, offered, table=leaving_care.DOUBTS) != []


def test_nobody_is_reviewed_after_their_death() -> None:
    died = event(DIED, DAY - timedelta(days=1), family=[])
    assert find_codes(REVIEWED, died, review="two_year") == {"out-of-order": IMPOSSIBLE}
    assert find_codes(REVIEWED, died, review="antenatal") == {}
    assert find_codes(REVIEWED, died, review="two_year", on=DAY - timedelta(days=1)) == {}


def test_a_claimed_death_is_no_bound_until_it_is_confirmed() -> None:
    claimed = replace(event(DIED, DAY - timedelta(days=1), family=[]), standing=NONE)
    born = {"date_of_birth": DAY}
    assert find_codes(REVIEWED, claimed, review="two_year") == find_codes(CORRECTED, claimed, private=born) == {}
    confirmed = event(CLAIM_CONFIRMED, DAY, event_id=claimed.id)
    assert find_codes(REVIEWED, claimed, confirmed, review="two_year") == {"out-of-order": IMPOSSIBLE}
    assert find_codes(CORRECTED, claimed, confirmed, private=born) == {"out-of-order": IMPOSSIBLE}


def test_nobody_dies_before_their_birth() -> None:
    assert find_codes(DIED, known={"born_on": DAY}) == find_codes(DIED, known={"born_on": None}) == {}
    assert find_codes(DIED, known={"born_on": DAY + timedelta(days=1)}) == {"out-of-order": IMPOSSIBLE}


def test_no_antenatal_review_is_from_before_the_pregnancy() -> None:
    booked = event(BOOKED, DAY, edd="2014-06-15")
    begun = date(2014, 6, 15) - 40 * WEEK
    assert find_codes(REVIEWED, booked, review="antenatal", on=begun) == {}
    early = find_codes(REVIEWED, booked, review="antenatal", on=begun - timedelta(days=1))
    assert early == {"out-of-order": IMPOSSIBLE}


def test_a_corrected_birthday_is_not_after_a_review_or_the_death() -> None:
    reviewed, antenatal = (event(REVIEWED, DAY, review=review) for review in ("new_birth", "antenatal"))
    for history in ([reviewed], [event(DIED, DAY, family=[])]):
        assert find_codes(CORRECTED, *history, private={"date_of_birth": DAY}) == {}
        later = find_codes(CORRECTED, *history, private={"date_of_birth": DAY + timedelta(days=1)})
        assert later == {"out-of-order": IMPOSSIBLE}
    assert find_codes(CORRECTED, antenatal, private={"date_of_birth": DAY + timedelta(days=1)}) == {}


def test_a_corrected_birthday_is_that_of_the_birth_on_record_and_of_110_years_at_most() -> None:
    for days, expected in (
        (1, {}),
        (2, {"child-born-another-day": UNLIKELY}),
        (180, {"child-born-another-day": UNLIKELY}),
        (181, {"child-born-another-day": IMPOSSIBLE}),
    ):
        for born in (DAY - timedelta(days=days), DAY + timedelta(days=days)):
            assert find_codes(CORRECTED, private={"date_of_birth": born}, known={"birth_on": DAY}) == expected
    assert find_codes(CORRECTED, private={"date_of_birth": date(1902, 1, 15)}) == {"born-long-ago": UNLIKELY}
    assert find_codes(CORRECTED, private={}, known={"birth_on": DAY}) == {}


def test_without_an_expected_date_no_pregnancy_ends_44_weeks_before_its_first_entry() -> None:
    undated = event("pregnancy.notified.v1", DAY)
    for on, expected in (
        (DAY, {}),
        (DAY - timedelta(days=1), {"out-of-order": UNLIKELY}),
        (DAY - 44 * WEEK, {"out-of-order": UNLIKELY}),
        (DAY - 44 * WEEK - timedelta(days=1), {"out-of-order": IMPOSSIBLE}),
    ):
        assert find_codes(ENDED, undated, on=on, outcome="miscarriage") == expected


def test_the_corrected_birthday_of_a_care_leaver_counts_from_the_registration_and_is_before_every_entry() -> None:
    registered = event("care_leaver.registered.v1", DAY)
    later, right = {"on": date(2020, 1, 15)}, {"date_of_birth": date(1994, 5, 20)}
    assert find_codes("care_leaver.corrected.v1", registered, private=right, **later) == {}
    for born, expected in ((date(1998, 1, 16), UNLIKELY), (date(2014, 1, 16), IMPOSSIBLE)):
        found = find_codes("care_leaver.corrected.v1", registered, private={"date_of_birth": born}, **later)
        assert found == {"care-leaver-age": expected}


# --- how it is told -------------------------------------------------------------------------------------------------


def test_everything_impossible_and_unlikely_is_told_at_once_with_limit_and_actual() -> None:
    fact = Fact(BOOKED, {"edd": "2014-12-15"}, noon(DAY))
    found = find_doubts(TABLES, Entry(fact, (), {"born_on": date(2006, 1, 1)}))
    with pytest.raises(PleaseConfirm) as refused:
        require_likely(found, frozenset())
    assert refused.value.code == "please-confirm"
    assert [one["code"] for one in refused.value.more["doubts"]] == ["edd-far-out", "mother-age"]
    assert set(refused.value.fields) == {"edd", "person_id"}
    assert "47 weeks after the day of this entry" in refused.value.fields["edd"][0]
    assert "2 to 44 weeks" in refused.value.fields["edd"][0]
    assert "is 8 years old" in refused.value.fields["person_id"][0]
    assert '"confirms": ["edd-far-out", "mother-age"]' in refused.value.message
    with pytest.raises(PleaseConfirm) as one_left:
        require_likely(found, frozenset({"mother-age"}))
    assert list(one_left.value.fields) == ["edd"]
    require_likely(found, frozenset({"mother-age", "edd-far-out"}))


def test_what_cannot_be_is_not_confirmed() -> None:
    fact = Fact(BOOKED, {"edd": "1927-12-15"}, noon(DAY))
    found = find_doubts(TABLES, Entry(fact, (), {"born_on": date(2006, 1, 1)}))
    with pytest.raises(Impossible) as refused:
        require_likely(found, frozenset(DOUBTS))
    assert refused.value.code == "impossible"
    assert set(refused.value.fields) == {"edd"}
    with pytest.raises(Impossible) as both:
        require_likely(found, frozenset())
    assert set(both.value.fields) == {"edd", "person_id"}
    assert [one["code"] for one in both.value.more["doubts"]] == ["mother-age"]


def test_lengths_are_told_in_words() -> None:
    told_in = [in_words(timedelta(days=days)) for days in (1, 3, 15, 400, 1100)]
    assert told_in == ["1 day", "3 days", "2 weeks", "57 weeks", "3 years"]


def test_the_codes_of_the_tables_are_the_closed_list_of_words() -> None:
    assert sorted({doubt.code for rows in TABLES.values() for doubt in rows}) == sorted(DOUBTS)
