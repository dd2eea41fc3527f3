"""`python -m services.perinatal serve [http|bus] | relay | topology | rebuild | import | parked | check`."""

import sys

if sys.argv[1:2] == ["serve"]:
    import eventlet

    eventlet.monkey_patch()

from services.perinatal.bootstrap import rebuild, run_check
from shared.cli.main import run


def _service() -> type:
    from services.perinatal.service import PerinatalService

    return PerinatalService


if __name__ == "__main__":
    sys.exit(run("perinatal", sys.argv[1:], load_class=_service, rebuild=rebuild, run_check=run_check, imports=True))
