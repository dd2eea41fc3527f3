"""`python -m services.leaving_care serve [http|bus] | relay | topology | rebuild | import | parked | check`."""

import sys

if sys.argv[1:2] == ["serve"]:
    import eventlet

    eventlet.monkey_patch()

from services.leaving_care.bootstrap import rebuild, run_check
from shared.cli.main import run


def _service() -> type:
    from services.leaving_care.service import LeavingCareService

    return LeavingCareService


if __name__ == "__main__":
    sys.exit(run("leaving_care", sys.argv[1:], load_class=_service, rebuild=rebuild, run_check=run_check, imports=True))
