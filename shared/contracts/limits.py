"""The limits of fields, with messages that say what is allowed and what was given.

Guarantee: no message repeats a text. It says its length. Numbers, counts and the codes of closed lists are no secrets.
"""

from __future__ import annotations

from typing import Any

from marshmallow import ValidationError, validate

from shared.kernel.nearest import say_nearest

# So many letters of a code or a name are compared with those that are known.
LONGEST_COMPARED = 64
# A longer number is not written out.
MOST_DIGITS = 12


class SaidLength(validate.Length):
    """How many characters a text may have, or entries a list."""

    def __call__(self, value: Any) -> Any:
        count = len(value)
        least, most = (self.min, self.max) if self.equal is None else (self.equal, self.equal)
        if (least is None or count >= least) and (most is None or count <= most):
            return value
        unit = "characters" if isinstance(value, str) else "entries"
        raise ValidationError(f"has {count} {unit}; allowed are {_say_bounds(least, most)}")


class SaidRange(validate.Range):
    """From what to what a number may be."""

    def __call__(self, value: Any) -> Any:
        try:
            return super().__call__(value)
        except ValidationError:
            given = str(value) if abs(value) < 10**MOST_DIGITS else f"a number of more than {MOST_DIGITS} digits"
            raise ValidationError(f"is {given}; allowed is {_say_bounds(self.min, self.max)}") from None


class SaidOneOf(validate.OneOf):
    """One of a closed list of codes."""

    def __call__(self, value: Any) -> Any:
        if value in self.choices:
            return value
        nearest = say_nearest(str(value)[:LONGEST_COMPARED].lower(), map(str, self.choices))
        raise ValidationError(f"is one of: {self.choices_text}{nearest}")


def say_limits(check: Any) -> Any:
    """The check with a message that says the limit and what was given, if it is one of a limit."""
    if type(check) is validate.Length:
        return SaidLength(check.min, check.max, equal=check.equal)
    if type(check) is validate.Range and check.min_inclusive and check.max_inclusive:
        return SaidRange(check.min, check.max)
    return SaidOneOf(check.choices, check.labels) if type(check) is validate.OneOf else check


def _say_bounds(least: Any, most: Any) -> str:
    if least is not None and most is not None:
        return f"{least} to {most}" if least != most else f"exactly {least}"
    return f"at least {least}" if most is None else f"at most {most}"
