"""Who acts when no person does."""

from __future__ import annotations

from shared.contracts.access import SYSTEM
from shared.kernel.decisions import Actor

SYSTEM_ACTOR = Actor(id=SYSTEM, role=SYSTEM, team=SYSTEM, areas=("england",))
