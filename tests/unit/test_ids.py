"""Ids: the same causes give the same id, and none tells an NHS number."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.kernel.ids import (
    derived_id,
    normal_reference,
    person_id_from_nhs_number,
    read_id,
    reference_of,
    stream_id,
    uuid7,
)

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
MILLISECOND = timedelta(milliseconds=1)
KEY = b"a key for tests, of no other use"
instants = st.integers(946_684_800_000, 4_102_444_800_000).map(
    lambda ms: datetime(1970, 1, 1, tzinfo=UTC) + ms * MILLISECOND
)
references = st.uuids().map(lambda uuid: reference_of(str(uuid)))


def is_reference(text: str) -> bool:
    try:
        normal_reference(text)
    except ValueError:
        return False
    return True


@given(instants, st.binary(min_size=10, max_size=10))
def test_a_uuid7_is_one_by_the_standard_and_carries_its_millisecond(now, random):
    made = UUID(uuid7(now, random))

    assert (made.version, made.variant) == (7, "specified in RFC 4122")
    assert datetime(1970, 1, 1, tzinfo=UTC) + (made.int >> 80) * MILLISECOND == now


@given(st.lists(instants, unique=True, min_size=2))
def test_uuid7s_of_different_milliseconds_sort_by_time(moments):
    assert all(uuid7(a) < uuid7(b) for a, b in pairwise(sorted(moments)))


@given(instants, st.binary(min_size=10, max_size=10), st.binary(min_size=10, max_size=10))
def test_uuid7s_of_one_instant_differ_by_their_random_part(now, one, other):
    # Of the 80 random bits six give way to the version and the variant.
    mask = ((1 << 12) - 1) << 68 | (1 << 62) - 1
    differ = int.from_bytes(one, "big") & mask != int.from_bytes(other, "big") & mask

    assert (uuid7(now, one) != uuid7(now, other)) == differ


def test_a_uuid7_takes_ten_random_bytes_and_no_more():
    with pytest.raises(ValueError, match="10 bytes"):
        uuid7(datetime(2013, 1, 14, tzinfo=UTC), b"x" * 11)


def test_a_retried_creation_meets_its_own_stream():
    assert stream_id("ann", "key-1") == stream_id("ann", "key-1")
    assert UUID(stream_id("ann", "key-1")).version == 5


@given(st.lists(st.text(), min_size=2, max_size=3), st.lists(st.text(), min_size=2, max_size=3))
def test_parts_never_run_together_into_one_id(one, other):
    assert (derived_id(*one) == derived_id(*other)) == (one == other)
    assert (stream_id(*one[:2]) == stream_id(*other[:2])) == (one[:2] == other[:2])


def test_a_stream_id_is_no_derived_id_of_the_same_parts():
    assert stream_id("ann", "key-1") != derived_id("ann", "key-1")


def test_the_ids_of_recorded_events_never_change():
    assert stream_id("ann", "key-1") == "1715a95d-aa0d-58c4-9b2a-10133b0daecd"
    assert derived_id("REF-01", "referral/1") == "cc78d02a-81e0-5b30-92fc-065b37d830c7"
    assert person_id_from_nhs_number("9990000018", KEY) == "p_a35c9c0abdf5ee91939c8c9a23de8be4"
    assert reference_of("0190b6a0-0000-7000-8000-000000000000") == "FT-F0S5-0GRB-W"


def test_an_nhs_number_gives_the_same_person_however_it_is_spaced():
    assert person_id_from_nhs_number("999 000 0018", KEY) == person_id_from_nhs_number("9990000018", KEY)


def test_a_person_id_needs_its_key_and_shows_no_number():
    made = person_id_from_nhs_number("9990000018", KEY)

    assert made != person_id_from_nhs_number("9990000018", KEY + b".")
    assert len(made) == 34
    assert "9990000018" not in made


def test_an_invalid_nhs_number_gives_no_person():
    with pytest.raises(ValueError, match="modulus 11") as caught:
        person_id_from_nhs_number("9990000019", KEY)
    assert "9990000019" not in str(caught.value)


@given(references)
def test_a_reference_reads_back_as_it_was_written(reference):
    assert normal_reference(reference) == reference
    assert is_reference(reference)


@given(references)
def test_a_reference_may_be_typed_as_people_type(reference):
    letters = reference.replace("-", "")
    for typed in (reference.lower(), letters, letters[2:], f" {reference[3:].replace('-', ' ')} "):
        assert normal_reference(typed) == reference
    assert normal_reference("FT" + letters[2:].replace("0", "o").replace("1", "l")) == reference
    assert normal_reference("ft" + letters[2:].replace("0", "O").replace("1", "i")) == reference


@given(references, st.integers(0, 8), st.sampled_from(ALPHABET))
def test_one_wrong_character_of_a_reference_is_noticed(reference, place, letter):
    letters = reference.replace("-", "")[2:]
    mistyped = letters[:place] + letter + letters[place + 1 :]

    assert is_reference(mistyped) == (mistyped == letters)


@given(references, st.integers(0, 8), st.integers(0, 8))
def test_two_characters_of_a_reference_that_changed_places_are_noticed(reference, one, other):
    letters = list(reference.replace("-", "")[2:])
    swapped = letters.copy()
    swapped[one], swapped[other] = letters[other], letters[one]

    assert is_reference("".join(swapped)) == (swapped == letters)


@pytest.mark.parametrize(
    "text", ["", "FT-", "FT-7K3M-2HXQ", "FT-UUUU-UUUU-U", "FT-7K3M-2HXQ-Q7", "REF-01", "²²²²²²²²²"]
)
def test_what_is_no_reference_is_told_so(text):
    assert not is_reference(text)
    with pytest.raises(ValueError, match="a reference reads FT-XXXX-XXXX-X"):
        normal_reference(text)


@given(st.uuids(), st.booleans(), st.text(" \t\n\u00a0-\u2010\u2013", max_size=20), st.randoms())
def test_an_id_is_read_in_any_case_and_with_any_blanks_and_dashes(uuid, is_person, noise, random):
    written = f"p_{uuid.hex}" if is_person else str(uuid)
    letters = list(written if is_person else written.replace("-", ""))
    for mark in noise:
        letters.insert(random.randrange(2, len(letters)), mark)
    typed = "".join(random.choice((str.upper, str.lower))(letter) for letter in letters)
    assert read_id(typed) == written
    assert read_id(written) == written


@pytest.mark.parametrize("text", ["", "p_123", "x" * 36, "g" * 32, "a" * 31, "a" * 33, "a" * 32 + " " * 100, "a b c"])
def test_what_is_no_id_stays_as_it_is(text):
    assert read_id(text) == text
