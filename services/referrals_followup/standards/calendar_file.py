"""A file of bank holidays, to be adopted like a pack. Each year that it names replaces what is known of that year."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from marshmallow import RAISE, Schema, ValidationError, fields, validate

from services.referrals_followup.domain.rules_history import NATIONAL
from shared.config.yamlfile import FaultyFile, Located, faults, load_yaml
from shared.kernel.calendar import ENGLAND_SINCE, WorkingCalendar

# England has eight bank holidays a year (Banking and Financial Dealings Act 1971, with Good Friday and Christmas Day).
FEWEST = 8
LAST_YEAR = 2100


def _check_day(value: str) -> None:
    try:
        year = date.fromisoformat(value).year
    except ValueError:
        raise ValidationError("is a day such as 2027-05-03") from None
    if not ENGLAND_SINCE <= year <= LAST_YEAR:
        raise ValidationError(f"lies outside the years {ENGLAND_SINCE} to {LAST_YEAR}")


class _CalendarSchema(Schema):
    class Meta:
        unknown = RAISE

    calendar = fields.String(required=True, validate=validate.Equal(NATIONAL, error=f"is {NATIONAL}"))
    version = fields.String(required=True, validate=validate.Regexp(r"^[\w.-]{1,40}$"))
    source = fields.String(required=True, validate=validate.Length(5, 300))
    holidays = fields.Dict(
        keys=fields.String(validate=_check_day),
        values=fields.String(validate=validate.Length(2, 80)),
        required=True,
        validate=validate.Length(min=1),
    )


@dataclass(frozen=True, slots=True)
class CalendarFile:
    """The bank holidays of some whole years, and who published them."""

    calendar: WorkingCalendar
    source: str


def load_calendar(path: Path) -> CalendarFile:
    """Raises FaultyFile with every fault: a day that is none, or a year of which most days are missing."""
    located = load_yaml(path)
    if not isinstance(located.value, Mapping):
        raise FaultyFile([located.fault((), "has `calendar`, `version`, `source` and `holidays`")])
    found = faults(located, _by_day(_CalendarSchema().validate(located.value)))
    if not found:
        found = [
            located.fault(
                ("holidays",),
                f"lists {count} of {year}, and a year has at least {FEWEST}; the file replaces the years that it names",
            )
            for year, count in sorted(_days_by_year(located).items())
            if count < FEWEST
        ]
    if found:
        raise FaultyFile(found)
    value = located.value
    holidays = {date.fromisoformat(day): name for day, name in sorted(value["holidays"].items())}
    return CalendarFile(WorkingCalendar(holidays, value["version"]), value["source"])


def _by_day(errors: Mapping[str, object]) -> dict[str, object]:
    """Marshmallow tells a fault of an entry under its key and then `key` or `value`; the file has the key alone."""
    days = errors.get("holidays")
    if not isinstance(days, Mapping):
        return dict(errors)
    told = {
        day: [message for part in parts.values() for message in part] if isinstance(parts, Mapping) else parts
        for day, parts in days.items()
    }
    return {**errors, "holidays": told}


def _days_by_year(located: Located) -> Counter[int]:
    return Counter(date.fromisoformat(day).year for day in located.value["holidays"])


def find_differences(in_force: WorkingCalendar, new: WorkingCalendar) -> Iterator[str]:
    """How the days of the years in the file differ from those in force, in order."""
    known = {day: name for day, name in in_force.holidays.items() if new.covers(day.year)}
    for day in sorted(known.keys() | new.holidays.keys()):
        if day not in known:
            yield f"added: {day} {new.holidays[day]}"
        elif day not in new.holidays:
            yield f"gone: {day} {known[day]}"
        elif known[day] != new.holidays[day]:
            yield f"renamed: {day} {known[day]} -> {new.holidays[day]}"
