"""Deliberate faults, each where the design has a remedy. A run with one of them must come out red."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tests.chaos.points import Deaths

VARIANTS: Mapping[str, Callable[[str, Deaths], None]] = {}
