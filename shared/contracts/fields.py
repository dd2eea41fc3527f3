"""What an event may carry: slugs, choices, opaque ids, dates, numbers. None has room for a name or a sentence."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from marshmallow import RAISE, Schema, ValidationError, fields, validate

from shared.kernel.envelope import from_text

ALIKE = ("same_number", "same_birthday_and_similar_name")
UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
PERSON_ID = r"p_[0-9a-f]{32}"
EARLIEST_YEAR, LATEST_YEAR = 1900, 2199
YEAR = rf"(?:{EARLIEST_YEAR // 100}|20|{LATEST_YEAR // 100})[0-9][0-9]"
DAY = re.compile(rf"{YEAR}-[0-9][0-9]-[0-9][0-9]")
SLUG = r"[a-z][a-z0-9]*(?:[._-][a-z0-9]+)*"


class EventData(Schema):
    """Base of every payload; a field that is not declared is a fault."""

    class Meta:
        unknown = RAISE


class Slug(fields.String):
    """A code word of at most 64 characters: lower-case letters, digits, single `.`, `_`, `-`; begins with a letter.

    `names`: what it names in the directory (`area`, `team` or `worker`), if it does. `works_as`: the role of the team
    that a named worker is of, if it has to be one.
    """

    def __init__(
        self,
        *,
        names: str | None = None,
        works_as: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> None:
        message = "is a code word: lower-case letters, digits and . _ -, beginning with a letter"
        checks = [validate.Length(max=64), validate.Regexp(f"^{SLUG}\\Z", error=message)]
        named = {"names": names} if names else {}
        named |= {"works_as": works_as} if works_as else {}
        super().__init__(validate=checks, metadata={**(metadata or {}), **named}, **options)


class Choice(fields.String):
    """One of a closed list of words."""

    def __init__(self, *words: str, **options: Any) -> None:
        super().__init__(validate=validate.OneOf(words, error="is one of: {choices}"), **options)


class Ref(fields.String):
    """The id of another thing of `kind`; the catalogue collects it as `<kind>/<id>`."""

    def __init__(self, kind: str, **options: Any) -> None:
        pattern = PERSON_ID if kind == "person" else UUID
        check = validate.Regexp(f"^{pattern}\\Z", error=f"is not the id of a {kind}")
        super().__init__(validate=check, metadata={"ref": kind}, **options)


class Mention(fields.String):
    """The id of a person whom an event only mentions. It joins nobody's history, as a `Ref` does."""

    def __init__(self, **options: Any) -> None:
        check = validate.Regexp(f"^{PERSON_ID}\\Z", error="is not the id of a person")
        super().__init__(validate=check, **options)


class PossibleDuplicate(EventData):
    """Somebody who was registered before and may be the same person, and what says so."""

    person_id = Mention(required=True)
    why = Choice(*ALIKE, required=True)


class Instant(fields.String):
    """An RFC 3339 instant with an offset, kept as the text that travels."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        text = super()._deserialize(value, attr, data, **kwargs)
        try:
            from_text(text)
        except (ValueError, OverflowError):
            raise ValidationError("is not an RFC 3339 instant with an offset") from None
        return text


class EventId(fields.String):
    """The id of a recorded event."""

    def __init__(self, **options: Any) -> None:
        super().__init__(validate=validate.Regexp(f"^{UUID}\\Z", error="is not the id of an event"), **options)


class Day(fields.Date):
    """A date written `2013-01-14`."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        if not isinstance(value, str) or not DAY.fullmatch(value):
            raise ValidationError(f"is not a date of {EARLIEST_YEAR} to {LATEST_YEAR} such as 2013-01-14")
        return super()._deserialize(value, attr, data, **kwargs)


class Whole(fields.Integer):
    """A whole JSON number from `least` to `most`; neither text nor true and false."""

    def __init__(self, least: int = 0, most: int = 2**31 - 1, **options: Any) -> None:
        super().__init__(strict=True, validate=validate.Range(least, most), **options)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        if isinstance(value, bool) or not isinstance(value, int):
            raise self.make_error("invalid", input=value)
        return super()._deserialize(value, attr, data, **kwargs)


class YesNo(fields.Boolean):
    """JSON true or false, and nothing that merely looks like it."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        if not isinstance(value, bool):
            raise self.make_error("invalid", input=value)
        return value
