"""Each message about a limit names the limit and what was given, and repeats no text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from marshmallow import ValidationError, fields, validate

from shared.contracts import CATALOGUE
from shared.contracts.fields import Choice, Day, EventData, Slug, Whole, why_no_day
from shared.contracts.limits import SaidLength, SaidOneOf, SaidRange, say_limits
from shared.kernel.nhs_number import why_invalid
from shared.web.fields import FreeText, NhsNumber
from tests.unit.test_titles import FieldOf, endpoints, fields_asked_for, walk

SECRET = "zzqx"
NO_MONTH = "is no date: a month is 01 to 12, and a date is written year-month-day"


def checks() -> Iterator[tuple[FieldOf, Any]]:
    for one in fields_asked_for():
        inner = [one.field.inner] if isinstance(one.field, fields.List) else []
        for field in (one.field, *inner):
            yield from ((one, check) for check in field.validators)


def checks_of_requests() -> Iterator[tuple[FieldOf, Any]]:
    of_payloads = {(type(one.schema), one.name) for kind in CATALOGUE for one in walk(kind.name, kind.schema())}
    return ((one, check) for one, check in checks() if (type(one.schema), one.name) not in of_payloads)


def message_of(check: Any, value: Any) -> str:
    with pytest.raises(ValidationError) as refused:
        check(value)
    return str(refused.value.messages[0])


def test_every_length_says_the_limit_and_the_length() -> None:
    found = [(one, check) for one, check in checks() if isinstance(check, validate.Length)]
    assert found
    for one, check in found:
        assert type(check) is SaidLength, one
        wrong = [size for size in ((check.min or 0) - 1, (check.max or -2) + 1) if size >= 0]
        for size in wrong:
            for value in (SECRET[0] * size, [SECRET] * size):
                message = message_of(check, value)
                assert re.search(rf"\b{size}\b", message), f"{one.where}: {one.name}: {message}"
                limits = [limit for limit in (check.min, check.max) if limit is not None]
                assert all(str(limit) in message for limit in limits), f"{one.where}: {one.name}: {message}"
                assert SECRET[0] * 2 not in message


def test_every_range_says_the_limit_and_the_number() -> None:
    found = [(one, check) for one, check in checks() if isinstance(check, validate.Range)]
    assert found
    for one, check in found:
        assert type(check) is SaidRange, one
        for limit, wrong in ((check.min, -1), (check.max, 1)):
            if limit is not None:
                message = message_of(check, limit + wrong)
                assert {str(limit), str(limit + wrong)} <= set(re.findall(r"-?\d+", message)), f"{one.name}: {message}"


def test_every_closed_list_says_its_codes() -> None:
    found = [(one, check) for one, check in checks() if isinstance(check, validate.OneOf)]
    assert found
    for one, check in found:
        assert type(check) is SaidOneOf, one
        message = message_of(check, SECRET)
        assert all(str(code) in message for code in check.choices)
        assert SECRET not in message


def test_every_pattern_of_a_request_says_in_words_what_is_allowed() -> None:
    plain = validate.Regexp("").error
    for one, check in checks_of_requests():
        if isinstance(check, validate.Regexp):
            assert check.error not in (None, plain), f"{one.where}: {one.name}: give the Regexp an `error` in words"


def test_every_check_of_a_request_is_one_whose_message_is_known() -> None:
    known = (SaidLength, SaidRange, SaidOneOf, validate.Regexp, validate.Email)
    for one, check in checks_of_requests():
        assert isinstance(check, known) or (callable(check) and check.__name__ == "require_one_line"), (one, check)
    assert list(endpoints())


class Toy(EventData):
    code = Choice("health_visiting", "midwifery", "housing")
    day = Day()
    score = Whole(0, 30)
    team = Slug()
    text = FreeText(5)


def faults(**body: Any) -> dict[str, list[str]]:
    return dict(Toy().validate(body))


def test_an_unknown_code_is_answered_with_the_nearest() -> None:
    (message,) = faults(code="Health-Visiting")["code"]
    assert message == "is one of: health_visiting, midwifery, housing; the nearest: health_visiting"
    assert faults(code="zzqx")["code"] == ["is one of: health_visiting, midwifery, housing"]


def test_an_unknown_field_is_answered_with_the_nearest() -> None:
    assert faults(scores=3) == {"scores": ["Unknown field; the nearest: score, code"]}
    assert faults(zzqx=3) == {"zzqx": ["Unknown field."]}


def test_an_unknown_field_of_an_inner_object_is_answered_with_the_nearest() -> None:
    class Outer(EventData):
        inner = fields.Nested(Toy)

    assert Outer().validate({"inner": {"tem": "a"}}) == {"inner": {"tem": ["Unknown field; the nearest: team"]}}


@pytest.mark.parametrize("value", [10**40, -(10**40)])
def test_a_number_beyond_all_bounds_is_not_written_out(value: int) -> None:
    (message,) = faults(score=value)["score"]
    assert message == "is a number of more than 12 digits; allowed is 0 to 30"


def test_a_text_of_a_megabyte_is_compared_with_the_codes_at_once() -> None:
    assert faults(code="h" * 1_000_000)["code"]
    assert faults(**{"s" * 1_000_000: 1})


@pytest.mark.parametrize(
    ("day", "message"),
    [
        ("2026-31-10", f"{NO_MONTH}; day and month seem to be swapped"),
        ("2026-31-13", NO_MONTH),
        ("2026-02-29", "is no date: the days of that month are 01 to 28"),
        ("2026-00-10", NO_MONTH),
        ("2024-02-29", None),
    ],
)
def test_what_is_no_date_is_answered_with_the_days_there_are(day: str, message: str | None) -> None:
    assert why_no_day(day) == message
    assert faults(day=day) == ({"day": [message]} if message else {})


def test_an_nhs_number_of_another_length_says_how_many_characters_it_has() -> None:
    with pytest.raises(ValidationError) as refused:
        NhsNumber().deserialize("999 000 00")
    assert refused.value.messages == ["an NHS number has 10 digits; this has 8 characters"]
    assert why_invalid("999 000 0018") is None


def test_a_check_that_is_no_limit_stays_as_it_is() -> None:
    check = validate.Regexp("a")
    assert say_limits(check) is check
