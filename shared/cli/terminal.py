"""What commands print: tables and lines, for a person at a terminal or for another program."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console


def console() -> Console:
    """Prints to standard output. A table that another program reads is not cut to the width of a terminal."""
    from rich.console import Console  # not at the top: every role makes the parser of every command

    return Console(width=None if sys.stdout.isatty() else 220, markup=False, highlight=False)
