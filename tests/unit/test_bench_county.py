"""What the plan past one machine rests on: the arithmetic, the copies, and where the figures stand on the page."""

from __future__ import annotations

import pytest

from tests.bench import england
from tests.bench.copies import _cut, _other
from tests.bench.scaling import BEGIN, END, PAGE, Measured, england_needs, exponent, put_into

UUID_7 = b"013acac3-2e80-7baa-a966-4f298edbc08d"
UUID_5 = b"c60aaa6f-9d07-50a0-b199-522c4bd6edff"
PERSON = b"0cd430b53df52f636f067f89cc14862c"


def measured(**more: float) -> Measured:
    figures = {"asked": 10.0, "answered": 10.0, "refused": 0, "events": 100, "stored": 0, "busy": 1.0, "late": 0.1}
    return Measured(name="10x", cost={"one": 0.002, "other": 0.001}, p50_ms=1.0, p95_ms=2.0, **{**figures, **more})


@pytest.mark.parametrize("power", [-0.5, 0.0, 1.0, 2.0])
def test_the_exponent_is_the_power_by_which_the_cost_grows(power: float) -> None:
    assert exponent((x, 3 * x**power) for x in (1.0, 10.0, 100.0)) == pytest.approx(power)


def test_one_point_has_no_exponent() -> None:
    assert exponent([(1.0, 1.0)]) is None


def test_a_system_that_answers_too_few_or_too_late_or_refuses_does_not_keep_up() -> None:
    assert measured().keeps_up
    assert not measured(answered=9.0).keeps_up
    assert not measured(late=6.0).keeps_up
    assert not measured(refused=1).keeps_up
    assert measured(answered=0.1, events=2).keeps_up


def test_a_county_is_a_part_of_england_and_its_busiest_hour_is_small() -> None:
    assert england.of_a_county(england.recorded_a_year()) * england.AUTHORITIES.value == england.recorded_a_year()
    assert 0 < england.of_a_county(england.busy_hour()) < 1


@pytest.mark.parametrize("original", [UUID_7, UUID_5, PERSON, PERSON * 2])
def test_a_copied_id_is_another_one_of_the_same_form(original: bytes) -> None:
    copied = {_other(original, mask) for mask in (1, 2, 2**47)}
    assert original not in copied
    assert len(copied) == 3
    assert {len(one) for one in copied} == {len(original)}
    assert {one[14:15] for one in copied} == {original[14:15]}


def test_a_copied_event_keeps_its_place_in_time() -> None:
    assert _other(UUID_7, 5)[:13] == UUID_7[:13]


def test_an_id_that_stands_in_two_documents_is_the_same_in_both_copies() -> None:
    numbers: dict[bytes, int] = {}
    first, second = (_cut(text, numbers) for text in (b"thread:" + UUID_5, UUID_5 + b"p_" + PERSON))
    assert first == (b"thread:", 0, b"")
    assert second == (b"", 0, b"p_", 1, b"")


def test_the_page_shows_the_arithmetic_as_it_is_done() -> None:
    page = PAGE.read_text()
    assert england_needs() in page
    assert "measured again" in put_into(page, "measured again")


def test_new_measurements_replace_only_earlier_ones() -> None:
    assert put_into(f"before\n{BEGIN}old\n{END}after\n", "new\n") == f"before\n{BEGIN}new\n{END}after\n"
    with pytest.raises(ValueError, match="no marks"):
        put_into("before\n", "new\n")
