"""`python -m tests.chaos.process services.<name> <role>`: the role itself, with the crash points of a run wrapped in.

The environment variable CHAOS_FOLDER names the folder with the plan of the run.
"""

from __future__ import annotations

import sys

if sys.argv[2:3] == ["serve"]:
    import eventlet

    eventlet.monkey_patch()

import json
import os
import runpy
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from tests.chaos.points import Deaths, Dying, install, note_mailing
from tests.chaos.variants import VARIANTS

FOLDER = "CHAOS_FOLDER"


@dataclass(frozen=True, slots=True)
class Plan:
    """The part of a run that its processes need. `variant` names a deliberate fault."""

    seed: int
    points: Mapping[str, Dying] = field(default_factory=dict)
    variant: str | None = None

    def write(self, folder: Path) -> None:
        (folder / "plan.json").write_text(json.dumps(asdict(self)))

    @classmethod
    def read(cls, folder: Path) -> Plan:
        said = json.loads((folder / "plan.json").read_text())
        points = {name: Dying(**how) for name, how in said["points"].items()}
        return cls(said["seed"], points, said["variant"])


def main(module: str, roles: list[str]) -> None:
    folder = Path(os.environ[FOLDER])
    plan, deaths = Plan.read(folder), Deaths(folder)
    process = f"{module.rpartition('.')[2]}.{roles[-1]}"
    if plan.variant:
        VARIANTS[plan.variant](process)
    install(process, plan.points, deaths, plan.seed)
    if process == "referrals_followup.bus":
        note_mailing(deaths)
    sys.argv = [module, *roles]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
