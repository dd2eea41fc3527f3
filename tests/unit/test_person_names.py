"""Names of people: what can be one, when two spellings are the same name, and when they are nearly the same."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.kernel.person_names import differing, fold, is_alike, spellings, why_not_a_name

LETTERS = "abcdefghijklmnopqrstuvwxyz"
WREN = {"given_name": "Wren", "family_name": "Exampleton", "date_of_birth": "1996-03-02"}


@pytest.mark.parametrize("name", ["Wren", "O’Brien", "Åsa-Lí", "李", "अनन्या", "مُحَمَّد", "ni\u200dm", "?", "X Æ A-12"])
def test_a_name_of_any_script_is_a_name(name: str) -> None:
    assert why_not_a_name(name) is None


@pytest.mark.parametrize(
    "name",
    [
        "Wr\nen",
        "Wren\u2028",
        "\u202enerW",
        "Wr\u200ben",
        "\ufeff",
        "\u2066Wren\u2069",
        "Wr\x07en",
        "Wr\u00aden",
        "a\u2029b",
    ],
)
def test_a_name_with_line_breaks_or_hidden_characters_or_another_direction_is_none(name: str) -> None:
    assert "line breaks" in str(why_not_a_name(name))


@pytest.mark.parametrize("name", ["\u3164", "\u2800\u2800", "\u200d", "\u0301", "\u00a0"])
def test_a_name_of_which_nothing_can_be_seen_is_none(name: str) -> None:
    assert "can be seen" in str(why_not_a_name(name))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"family_name": "O'Brien"}, {"family_name": "OBRIEN"}),
        ({"family_name": "Núñez  Ortega"}, {"family_name": "nunez-ortega"}),
        ({"family_name": "Łoś"}, {"family_name": "Los"}),
        ({"given_name": "Anna Maria"}, {"given_name": "Maria-Anna"}),
        ({"given_name": "Annamaria"}, {"given_name": "Anna Maria"}),
        ({"given_name": "Anna"}, {"given_name": "Anna Louise"}),
        ({"date_of_birth": "1996-03-02"}, {}),
    ],
)
def test_case_accents_spaces_and_the_order_of_given_names_do_not_count(
    one: dict[str, str], other: dict[str, str]
) -> None:
    assert differing({**WREN, **one}, {**WREN, **one, **other}) == []


@pytest.mark.parametrize(
    ("name", "value"), [("given_name", "Robin"), ("family_name", "Exampleson"), ("date_of_birth", "1996-02-03")]
)
def test_each_detail_that_differs_is_named(name: str, value: str) -> None:
    assert differing(WREN, {**WREN, name: value}) == [name]


def test_names_without_a_letter_are_compared_as_they_are() -> None:
    assert differing({**WREN, "given_name": "-"}, {**WREN, "given_name": "?"}) == ["given_name"]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Thompson", "Thomson"),
        ("Hussain", "Hussein"),
        ("Muhammad", "Mohammed"),
        ("Stephens", "Stevens"),
        ("Catherwood", "Katherwood"),
        ("Li", "Lee"),
        ("Smith-Jones", "Jones"),
        ("Kowalska", "Kowlaska"),
    ],
)
def test_a_family_name_spelled_about_right_is_found(one: str, other: str) -> None:
    assert not spellings(one).isdisjoint(spellings(other))


@pytest.mark.parametrize(("one", "other"), [("Exampleton", "Sampleford"), ("Khan", "Brown"), ("Patel", "Begum")])
def test_another_family_name_is_not_found(one: str, other: str) -> None:
    assert spellings(one).isdisjoint(spellings(other))


@given(st.text(LETTERS, min_size=4, max_size=20), st.data())
def test_one_letter_wrong_missing_added_or_swapped_is_about_right(name: str, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(name) - 1))
    letter = data.draw(st.sampled_from(LETTERS))
    swapped = name[:place] + name[place + 1 : place + 2] + name[place] + name[place + 2 :]
    wrong, missing, added = name[:place] + letter + name[place + 1 :], name[:place] + name[place + 1 :], letter + name
    for mistyped in (swapped, wrong, added, missing if len(missing) > 3 else name):
        assert not spellings(name).isdisjoint(spellings(mistyped)), mistyped


@given(st.text(max_size=30))
def test_the_fold_of_a_fold_is_the_same(name: str) -> None:
    assert fold(fold(name)) == fold(name)


def test_twins_are_not_one_person() -> None:
    assert not is_alike(WREN, {**WREN, "given_name": "Robin"})


def test_a_person_is_alike_with_one_letter_mistyped() -> None:
    assert is_alike(WREN, {**WREN, "given_name": "Wran Louise", "family_name": "Examplton"})
