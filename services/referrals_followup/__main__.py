"""`python -m services.referrals_followup serve [http|bus] | relay | topology | rebuild | parked | check`, and others.

`adopt` brings into force the packs of standards that are new, `tick` asks for sweeps and checks, and `directory import`
records who works where.
"""

import sys

if sys.argv[1:2] == ["serve"]:
    import eventlet

    eventlet.monkey_patch()

from services.referrals_followup.roles import OWN, check_before_serving, events_about, rebuild, run_check
from shared.cli.main import run


def _service() -> type:
    from services.referrals_followup.service import ReferralsFollowupService

    return ReferralsFollowupService


if __name__ == "__main__":
    sys.exit(
        run(
            "referrals_followup",
            sys.argv[1:],
            load_class=_service,
            rebuild=rebuild,
            run_check=run_check,
            own=OWN,
            check=check_before_serving,
            about=events_about,
        )
    )
