"""NHS numbers: modulus 11, with test numbers only (999 000 0000 to 999 999 9999)."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from shared.kernel.nhs_number import format_nhs_number, why_invalid

VALID = ["9990000018", "9990000026", "9990000034", "9990000042", "9990000050", "9990000069"]
numbers = st.integers(999_000_000, 999_999_999).map(str)


def with_check_digit(nine: str) -> str | None:
    return next((nine + last for last in "0123456789" if why_invalid(nine + last) is None), None)


@pytest.mark.parametrize("number", VALID)
def test_a_published_test_number_is_valid(number):
    assert why_invalid(number) is None


@pytest.mark.parametrize("number", ["9111111124", "9222222228"])
def test_a_number_that_web_lists_wrongly_call_valid_is_not(number):
    assert "modulus 11" in why_invalid(number)


@pytest.mark.parametrize("written", ["999 000 0018", "999-000-0018", " 9990000018 "])
def test_a_number_may_be_written_in_groups(written):
    assert why_invalid(written) is None
    assert format_nhs_number(written) == "999 000 0018"


@pytest.mark.parametrize("text", ["", "999000001", "99900000180", "999000001X", "९९९००००१८०", "999.000.0018"])
def test_what_has_not_ten_digits_is_no_number(text):
    assert why_invalid(text) == "an NHS number has 10 digits"


@pytest.mark.parametrize("digit", "0123456789")
def test_one_digit_repeated_is_a_placeholder_and_no_number(digit):
    assert "placeholder" in why_invalid(digit * 10)


@given(numbers)
def test_at_most_one_check_digit_fits(nine):
    assert sum(why_invalid(nine + last) is None for last in "0123456789") <= 1


@pytest.mark.parametrize("nine", ["999000000", "999000014", "999000028"])
def test_a_number_whose_check_digit_would_be_ten_is_never_issued(nine):
    assert with_check_digit(nine) is None


@given(numbers, st.integers(0, 9), st.sampled_from("0123456789"))
def test_one_mistyped_digit_is_always_noticed(nine, place, digit):
    number = with_check_digit(nine)
    assume(number is not None and number[place] != digit)

    assert why_invalid(number[:place] + digit + number[place + 1 :]) is not None


def test_an_invalid_number_is_not_shown_and_not_repeated_in_the_message():
    with pytest.raises(ValueError, match="modulus 11") as caught:
        format_nhs_number("9990000019")
    assert "9990000019" not in str(caught.value)


@pytest.mark.parametrize(
    "between", ["\u00a0", "\u2009", "\u200b", "\u2011", "\u2013", "\u2212", "\u00ad", "\r\n", "\t", "\u2060"]
)
def test_a_number_may_be_pasted_with_any_space_dash_joiner_or_line_break(between):
    assert format_nhs_number(between.join(["\ufeff999", "000", "0018"])) == "999 000 0018"
