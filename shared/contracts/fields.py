"""What an event may carry: slugs, choices, opaque ids, dates, numbers. None has room for a name or a sentence."""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from marshmallow import RAISE, Schema, ValidationError, fields, validate

from shared.contracts.limits import LONGEST_COMPARED, say_limits
from shared.contracts.titles import label_of, words_of
from shared.kernel.envelope import from_text
from shared.kernel.nearest import say_nearest

ALIKE = ("same_number", "same_birthday_and_similar_name")
UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
PERSON_ID = r"p_[0-9a-f]{32}"
EARLIEST_YEAR, LATEST_YEAR = 1900, 2199
YEAR = rf"(?:{EARLIEST_YEAR // 100}|20|{LATEST_YEAR // 100})[0-9][0-9]"
DAY = re.compile(rf"{YEAR}-[0-9][0-9]-[0-9][0-9]")
# The name that OpenAPI pages know for the words of a closed list.
WORDS = "x-enumDescriptions"
SLUG = r"[a-z][a-z0-9]*(?:[._-][a-z0-9]+)*"


class StrictSchema(Schema):
    """Base of every payload, body and query: a field that is not declared is a fault.

    Each field has its title and hint, and each code its words. The messages name limits, and what is nearest.
    """

    contract: ClassVar[type[Schema]] = Schema
    """The payload whose fields a body has."""

    class Meta:
        unknown = RAISE

    def on_bind_field(self, field_name: str, field_obj: fields.Field[Any]) -> None:
        """Give the field its title and hint, and each code its words."""
        label = label_of(field_name, [*type(self).__mro__, *self.contract.__mro__])
        titled = {"title": label.title, "description": label.hint} if label else {}
        field_obj.metadata = {**titled, **field_obj.metadata}
        for one in (field_obj, field_obj.inner) if isinstance(field_obj, fields.List) else (field_obj,):
            one.validators = [say_limits(check) for check in one.validators]
            codes = [list(check.choices) for check in one.validators if isinstance(check, validate.OneOf)]
            if codes:
                one.metadata = {**one.metadata, WORDS: words_of(codes[0])}

    def handle_error(self, error: ValidationError, data: Any, *, many: bool, **kwargs: Any) -> None:
        """Name the known field that is most like one that is unknown."""
        unknown = self.error_messages["unknown"]
        known = [field.data_key or name for name, field in self.load_fields.items()]
        for name, faults in error.messages.items() if isinstance(error.messages, dict) and not many else ():
            if faults == [unknown]:
                error.messages[name] = [_say_known(unknown, str(name), known)]


def _say_known(unknown: str, name: str, known: Iterable[str]) -> str:
    nearest = say_nearest(name[:LONGEST_COMPARED], known)
    return unknown.removesuffix(".") + nearest if nearest else unknown


class EventData(StrictSchema):
    """Base of every payload."""


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
        fault = why_no_day(value)
        if fault:
            raise ValidationError(fault)
        return super()._deserialize(value, attr, data, **kwargs)


def why_no_day(text: str) -> str | None:
    """What is wrong with a text written like a date, in words that do not repeat it. None if there is such a day."""
    year, month, day = map(int, text.split("-"))
    if not 1 <= month <= 12:
        swapped = "; day and month seem to be swapped" if 12 < month <= 31 and 1 <= day <= 12 else ""
        return f"is no date: a month is 01 to 12, and a date is written year-month-day{swapped}"
    last = monthrange(year, month)[1]
    return None if 1 <= day <= last else f"is no date: the days of that month are 01 to {last}"


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
