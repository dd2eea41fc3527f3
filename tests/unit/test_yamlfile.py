"""Files that people write are answered fault by fault, each with its line."""

import pytest
from marshmallow import Schema, ValidationError, fields, validate

from shared.config.yamlfile import Fault, FaultyFile, Located, faults, load_yaml


@pytest.fixture
def written(tmp_path):
    def write(text: str | bytes):
        path = tmp_path / "pack.yaml"
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    return write


def faults_of(path) -> list[tuple[int, str, str]]:
    with pytest.raises(FaultyFile) as caught:
        load_yaml(path)
    assert all(fault.file == str(path) for fault in caught.value.faults)
    assert str(caught.value).splitlines() == [str(fault) for fault in caught.value.faults]
    return [(fault.line, fault.where, fault.message) for fault in caught.value.faults]


def test_every_place_in_a_file_knows_its_line(written):
    located = load_yaml(written("standards:\n  - id: REF-01\n    due:\n      working_days: 2\n  - id: REF-02\n"))

    assert located.value == {"standards": [{"id": "REF-01", "due": {"working_days": 2}}, {"id": "REF-02"}]}
    assert located.line(("standards", 0, "due", "working_days")) == 4
    assert located.line(("standards", 1)) == 5


def test_a_place_that_is_not_there_has_the_line_of_what_is_around_it(written):
    located = load_yaml(written("standards:\n  - id: REF-01\n"))

    assert located.line(("standards", 0, "title")) == 2
    assert located.line(("nothing",)) == 1
    assert located.at(("standards", 0, "title", "deeper")) is None


def test_dates_times_and_words_like_no_stay_text(written):
    text = "from: 2013-01-14\nat: 17:30\non: no\ncode: 0123\nreal: true\nnone: null\nempty:\nsome: -1.5\nmany: 12\n"

    assert load_yaml(written(text)).value == {
        "from": "2013-01-14",
        "at": "17:30",
        "on": "no",
        "code": "0123",
        "real": True,
        "none": None,
        "empty": None,
        "some": -1.5,
        "many": 12,
    }


def test_an_empty_file_holds_nothing(written):
    assert load_yaml(written("# nothing yet\n")) == Located(str(written("# nothing yet\n")), None, {(): 1})


def test_every_key_that_is_there_twice_is_named_with_both_lines(written):
    path = written("a: 1\nb:\n  c: 1\n  c: 2\na: 2\n")

    assert faults_of(path) == [(4, "b.c", "is here twice, first on line 3"), (5, "a", "is here twice, first on line 1")]


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("a: 1\nb: [1, 2\nc: 3\n", 3, "flow sequence"),
        ("a: 1\n\tb: 2\n", 2, "a tab character that violates indentation"),
        ("a: 1\n---\nb: 2\n", 2, "single document"),
        ("a: 1\nb: *nowhere\n", 2, "undefined alias"),
        ("a: 1\nb: !!python/object:os.system {}\n", 2, "could not determine a constructor"),
        ("a: 1\n? [x, y]\n: 2\n", 2, "a key is one plain word"),
        ("a: &a\n  b: *a\n", 2, "an alias stands inside what it names"),
        ("a: 1\nb: \x00\n", 2, "control character"),
        ("é: ééééé\nb: \x00\nc: 1\n", 2, "control character"),
        (b"a: \xff\n", 0, "is not UTF-8 text"),
    ],
)
def test_what_is_no_yaml_is_told_with_its_line(written, text, line, message):
    [(found_line, _, found)] = faults_of(written(text))

    assert (found_line, message in found) == (line, True), found


def test_a_file_that_is_not_there_is_a_fault_like_any_other(tmp_path):
    assert faults_of(tmp_path / "absent.yaml") == [(0, "", "cannot be read: No such file or directory")]


def test_an_anchor_may_be_used_again(written):
    located = load_yaml(written("a: &ladder [1, 2]\nb: *ladder\nc:\n  <<: {}\n"))

    assert located.value["b"] == [1, 2]


class Rung(Schema):
    after = fields.Integer(required=True)
    to = fields.String(required=True)
    value = fields.Integer()


class Pack(Schema):
    title = fields.String(required=True)
    ladder = fields.List(fields.Nested(Rung))
    teams = fields.Dict(keys=fields.String(validate=validate.NoneOf(["none"])), values=fields.Integer())
    people = fields.Dict(values=fields.Nested(Rung))


def test_every_fault_that_a_schema_finds_has_file_line_and_place(written):
    path = written(
        "ladder:\n"
        "  - after: 1\n"
        "    to: duty\n"
        "  - after: soon\n"
        "teams:\n"
        "  north: two\n"
        "  none: 1\n"
        "people:\n"
        "  ann:\n"
        "    after: never\n"
        "    to: 1\n"
        "surplus: 1\n"
    )
    located = load_yaml(path)
    with pytest.raises(ValidationError) as caught:
        Pack().load(located.value)

    assert {(fault.line, fault.where, fault.message) for fault in faults(located, caught.value.messages)} == {
        (1, "title", "Missing data for required field."),
        (4, "ladder[1].after", "Not a valid integer."),
        (4, "ladder[1].to", "Missing data for required field."),
        (6, "teams.north", "Not a valid integer."),
        (7, "teams.none", "Invalid input."),
        (10, "people.ann.after", "Not a valid integer."),
        (11, "people.ann.to", "Not a valid string."),
        (12, "surplus", "Unknown field."),
    }


def test_a_field_that_is_itself_called_value_keeps_its_name(written):
    located = load_yaml(written("ladder:\n  - {after: 1, to: duty, value: much}\n"))

    [fault] = faults(located, {"ladder": {0: {"value": ["Not a valid integer."]}}})

    assert fault == Fault(located.file, 2, "ladder[0].value", "Not a valid integer.")


def test_a_file_of_the_wrong_shape_is_one_fault_of_the_whole(written):
    located = load_yaml(written("- 1\n"))
    with pytest.raises(ValidationError) as caught:
        Pack().load(located.value)

    assert [str(fault) for fault in faults(located, caught.value.messages)] == [
        f"{located.file}:1: Invalid input type."
    ]
