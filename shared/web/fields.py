"""The kinds of field in HTTP bodies. The fields of events are in `shared.contracts.fields`.

Guarantee: no message repeats a value. A body is loaded strictly: an unknown field, a number sent as text and a date
that does not exist are faults.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime, time
from typing import Any, NamedTuple

from marshmallow import RAISE, Schema, ValidationError, fields, validate

from shared.contracts.fields import DAY, YEAR, Choice
from shared.contracts.fields import Day as Day
from shared.contracts.fields import Whole as Whole
from shared.contracts.fields import YesNo as YesNo
from shared.contracts.words import DOUBTS
from shared.kernel.envelope import from_text, to_text
from shared.kernel.nhs_number import digits_of, why_invalid
from shared.kernel.time import at_london

_MONTH = re.compile(rf"{YEAR}-[0-9][0-9]")
_INSTANT = re.compile(
    rf"{YEAR}-[0-9][0-9]-[0-9][0-9]T[0-9][0-9]:[0-9][0-9](:[0-9][0-9](\.[0-9]{{1,9}})?)?(Z|[+-][0-9][0-9]:[0-9][0-9])"
)
# Tabs and line breaks are allowed in a text. Other control characters are not.
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


class Body(Schema):
    """Base of every body and query: a field that is not declared is a fault."""

    class Meta:
        unknown = RAISE


class Moment(NamedTuple):
    """When something happened (UTC), and how exactly that is known: minute, day or month."""

    occurred_at: datetime
    precision: str


class OccurredAt(fields.String):
    """`2013-01-14T09:30:00Z`, `2013-01-14` or `2013-01`. Loads to a `Moment`; days and months begin in London."""

    def __init__(self, **options: Any) -> None:
        description = "when it happened: an RFC 3339 instant with an offset, a date, or a month; left out, it is now"
        super().__init__(metadata={"description": description, "examples": ["2013-01-14T09:30:00Z"]}, **options)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        text = super()._deserialize(value, attr, data, **kwargs)
        try:
            if _INSTANT.fullmatch(text):
                return Moment(from_text(text), "minute")
            if DAY.fullmatch(text):
                return Moment(at_london(date.fromisoformat(text), time()), "day")
            if _MONTH.fullmatch(text):
                return Moment(at_london(date.fromisoformat(f"{text}-01"), time()), "month")
        except ValueError:
            pass
        raise ValidationError("is an RFC 3339 instant with an offset, a date (2013-01-14) or a month (2013-01)")


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
        raise ValidationError("is not an RFC 3339 instant with an offset")

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> Any:
        return None if value is None else to_text(value)


class FreeText(fields.String):
    """What a person wrote: not empty, at most `most` characters, stripped. It belongs in the private part only."""

    def __init__(self, most: int = 4000, **options: Any) -> None:
        super().__init__(validate=validate.Length(1, most), **options)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        text = super()._deserialize(value, attr, data, **kwargs).strip()
        if _CONTROL.search(text):
            raise ValidationError("holds control characters")
        return text


class NhsNumber(fields.String):
    """An NHS number with or without spaces. Loads to its ten digits."""

    def __init__(self, **options: Any) -> None:
        description = "ten digits, spaces allowed; the last one checks the others"
        super().__init__(metadata={"description": description}, **options)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        text = super()._deserialize(value, attr, data, **kwargs)
        fault = why_invalid(text)
        if fault:
            raise ValidationError(fault)
        return digits_of(text)


class CommandBody(Body):
    """Base of the bodies that record something: when it happened, and a note that stays in the recording service.

    `confirms` says that what is unlikely about it is right. It is no part of what is asked for: a request is the same
    with it and without it.
    """

    occurred_at = OccurredAt()
    note = FreeText(2000, metadata={"description": "free text; it never leaves this service"})
    confirms = fields.List(
        Choice(*DOUBTS),
        validate=validate.Length(1, len(DOUBTS)),
        metadata={"description": "the codes of the doubts that were looked at: it is right all the same"},
    )


def timing(body: Mapping[str, Any]) -> dict[str, Any]:
    """`occurred_at` and `precision` of a loaded body, in the form that a command needs. Empty without them."""
    moment: Moment | None = body.get("occurred_at")
    return moment._asdict() if moment else {}
