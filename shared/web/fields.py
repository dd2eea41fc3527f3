"""The kinds of field in HTTP bodies. The fields of events are in `shared.contracts.fields`.

Guarantee: no message repeats a value. A body is loaded strictly: an unknown field, a number sent as text and a date
that does not exist are faults.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime, time
from typing import Any, NamedTuple

from marshmallow import ValidationError, fields, validate

from shared.contracts.fields import DAY, YEAR, Choice, StrictSchema
from shared.contracts.fields import Day as Day
from shared.contracts.fields import Whole as Whole
from shared.contracts.fields import YesNo as YesNo
from shared.contracts.words import DOUBTS
from shared.kernel.envelope import from_text, to_text
from shared.kernel.nhs_number import digits_of, why_invalid
from shared.kernel.person_names import why_not_a_name
from shared.kernel.time import at_london, span

_MONTH = re.compile(rf"{YEAR}-[0-9][0-9]")
_YEAR = re.compile(YEAR)
_INSTANT = re.compile(
    rf"{YEAR}-[0-9][0-9]-[0-9][0-9]T[0-9][0-9]:[0-9][0-9](:[0-9][0-9](\.[0-9]{{1,9}})?)?(Z|[+-][0-9][0-9]:[0-9][0-9])"
)
_SPACE_FOR_PLUS = re.compile(r"T\S* [0-9][0-9]:[0-9][0-9]\Z")
_PLUS = "in an address, write the + of an offset as %2B"
# Tabs and line breaks are allowed in a text. Other control characters are not.
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


class Body(StrictSchema):
    """Base of every body and query."""


class Moment(NamedTuple):
    """When something happened (UTC), and how exactly that is known: minute, day, month or year."""

    occurred_at: datetime
    precision: str


class OccurredAt(fields.String):
    """`2013-01-14T09:30:00Z`, `2013-01-14`, `2013-01` or `2013`. Loads to a `Moment`; each begins in London."""

    def __init__(self, **options: Any) -> None:
        super().__init__(metadata={"examples": ["2013-01-14T09:30:00Z"]}, **options)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        text = super()._deserialize(value, attr, data, **kwargs)
        try:
            if _INSTANT.fullmatch(text):
                return Moment(from_text(text), "minute")
            if DAY.fullmatch(text):
                return Moment(at_london(date.fromisoformat(text), time()), "day")
            if _MONTH.fullmatch(text):
                return Moment(at_london(date.fromisoformat(f"{text}-01"), time()), "month")
            if _YEAR.fullmatch(text):
                return Moment(at_london(date.fromisoformat(f"{text}-01-01"), time()), "year")
        except ValueError:
            pass
        raise ValidationError(
            "is an RFC 3339 instant with an offset, a day (2013-01-14), month (2013-01) or year (2013)"
        )


class Instant(fields.String):
    """An RFC 3339 instant with an offset. Loads to an aware UTC datetime, and dumps one in milliseconds."""

    def __init__(self, **options: Any) -> None:
        super().__init__(metadata={"format": "date-time"}, **options)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        text = super()._deserialize(value, attr, data, **kwargs)
        try:
            if _INSTANT.fullmatch(text):
                return from_text(text)
        except ValueError:
            pass
        raise ValidationError(_why_no_instant(text, "is not an RFC 3339 instant with an offset"))

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> Any:
        return None if value is None else to_text(value)


class AsOf(Instant):
    """An instant of the past, or a day, which stands for the end of that day in London."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.metadata = {
            "description": f"an RFC 3339 instant with an offset ({_PLUS}), or a day: then as things stood at its end",
            "examples": ["2013-01-14", "2013-01-14T09:30:00Z"],
        }

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        if isinstance(value, str) and DAY.fullmatch(value):
            try:
                return span(at_london(date.fromisoformat(value), time()), "day")[1]
            except ValueError:
                raise ValidationError("is not a day of the calendar") from None
        try:
            return super()._deserialize(value, attr, data, **kwargs)
        except ValidationError:
            message = "is neither a day (2013-01-14) nor an RFC 3339 instant with an offset (2013-01-14T09:30:00Z)"
            raise ValidationError(_why_no_instant(str(value), message)) from None


class OccurredOn(fields.String):
    """The day, month or year in which something happened, as far as it is known."""

    def __init__(self, *, required: bool = True) -> None:
        description = "the day in London on which it happened (2026-10-01), the month (2026-10) or the year (2026)"
        super().__init__(required=required, metadata={"description": description})


class FreeText(fields.String):
    """What a person wrote: not empty, at most `most` characters, stripped. It belongs in the private part only."""

    def __init__(self, most: int = 4000, **options: Any) -> None:
        super().__init__(validate=validate.Length(1, most), **options)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        text = super()._deserialize(value, attr, data, **kwargs).strip()
        if _CONTROL.search(text):
            raise ValidationError("holds control characters")
        return text


class PersonName(FreeText):
    """A person's given names or family name. It has something that can be seen, and nothing that hides or breaks it."""

    def __init__(self, **options: Any) -> None:
        super().__init__(200, **options)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        text = super()._deserialize(value, attr, data, **kwargs)
        fault = why_not_a_name(text) if text else None  # a text that is too short has its own message
        if fault:
            raise ValidationError(fault)
        return text


class NhsNumber(fields.String):
    """An NHS number, with whatever was pasted between its groups. Loads to its ten digits."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        text = super()._deserialize(value, attr, data, **kwargs)
        fault, digits = why_invalid(text), digits_of(text)
        if fault:
            raise ValidationError(fault if len(digits) == 10 else f"{fault}; this has {len(digits)} characters")
        return digits


class CommandBody(Body):
    """Base of the bodies that record something: when it happened, and a note that stays in the recording service.

    `confirms` says that what is unlikely about it is right. It is no part of what is asked for: a request is the same
    with it and without it.
    """

    occurred_at = OccurredAt()
    note = FreeText(2000)
    confirms = fields.List(Choice(*DOUBTS), validate=validate.Length(1, len(DOUBTS)))


def timing(body: Mapping[str, Any]) -> dict[str, Any]:
    """`occurred_at` and `precision` of a loaded body, in the form that a command needs. Empty without them."""
    moment: Moment | None = body.get("occurred_at")
    return moment._asdict() if moment else {}


def _why_no_instant(text: str, message: str) -> str:
    """The message, which also explains `+` if it seems to have been read as a space."""
    return f"{message}; {_PLUS}" if _SPACE_FOR_PLUS.search(text) else message
