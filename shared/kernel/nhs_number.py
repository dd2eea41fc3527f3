"""NHS numbers: ten digits. The last digit checks the others (modulus 11, NHS Data Dictionary).

No message of this module repeats the number.
"""

from __future__ import annotations

import unicodedata

_DIGITS = frozenset("0123456789")
# The kinds of characters that people, and the programs from which they paste, put between the groups: spaces, line
# breaks, dashes, joiners. Two dashes and one joiner are of kinds that also have other characters.
_BETWEEN, _ALSO_BETWEEN = frozenset({"Zs", "Zl", "Zp", "Cf", "Pd"}), frozenset("\u2212\u2043\u034f")


def digits_of(text: str) -> str:
    """The text without the spaces, line breaks, dashes and joiners between its groups."""
    if text.isascii() and text.isdigit():
        return text
    return "".join(one for one in text if not _is_between(one))


def why_invalid(text: str) -> str | None:
    """What is wrong with the text as an NHS number, in words for the person who typed it. None if it is valid."""
    digits = digits_of(text)
    if len(digits) != 10 or not set(digits) <= _DIGITS:
        return "an NHS number has 10 digits"
    if len(set(digits)) == 1:
        # These numbers pass modulus 11, but people type them for "not known". Two strangers would become one person.
        return "one digit repeated is a placeholder; leave the NHS number out until it is known"
    weighted = sum(int(digit) * weight for digit, weight in zip(digits, range(10, 1, -1), strict=False))
    # A remainder of 1 would need the check digit 10, which is not one digit. Such numbers are never issued.
    if (11 - weighted % 11) % 11 != int(digits[9]):
        return "the NHS number is mistyped: its last digit does not fit the others (modulus 11)"
    return None


def format_nhs_number(text: str) -> str:
    """The number as it is shown to people, 3-3-4: `999 000 0018`. Raises ValueError for an invalid one."""
    fault = why_invalid(text)
    if fault:
        raise ValueError(fault)
    digits = digits_of(text)
    return f"{digits[:3]} {digits[3:6]} {digits[6:]}"


def _is_between(character: str) -> bool:
    return character.isspace() or unicodedata.category(character) in _BETWEEN or character in _ALSO_BETWEEN
