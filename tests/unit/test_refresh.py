"""How often a process looks whether what it keeps has changed."""

from __future__ import annotations

import eventlet
import pytest

from shared.runtime import dependencies
from shared.runtime.dependencies import LATE, SOON


class Stopped(BaseException):
    """Ends the look that would go on for ever."""


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    waited: list[float] = []
    monkeypatch.setattr(eventlet, "sleep", waited.append)
    return waited


def look(answers: list[bool | Exception]) -> None:
    """Looks as often as there are answers."""
    left = iter(answers)

    def refresh() -> bool:
        answer = next(left, None)
        if answer is None:
            raise Stopped
        if isinstance(answer, Exception):
            raise answer
        return answer

    with pytest.raises(Stopped):
        dependencies._keep_fresh(refresh)


def test_a_process_looks_less_often_while_nothing_changes_and_soon_again_after_a_change(waits: list[float]) -> None:
    look([False, False, False, False, True, False])
    assert waits == [SOON, 2.0, LATE, LATE, LATE, SOON, 2.0]


def test_a_process_goes_on_looking_after_an_error(waits: list[float]) -> None:
    look([False, OSError("away"), True])
    assert waits == [SOON, 2.0, 2.0, SOON]
