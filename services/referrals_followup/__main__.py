"""`python -m services.referrals_followup serve [http|bus] | relay | topology | rebuild | parked | adopt | tick`."""

import sys

if sys.argv[1:2] == ["serve"]:
    import eventlet

    eventlet.monkey_patch()

from services.referrals_followup.roles import OWN, checked_files, rebuild
from shared.commands import run


def _service() -> type:
    from services.referrals_followup.service import ReferralsFollowupService

    return ReferralsFollowupService


if __name__ == "__main__":
    sys.exit(
        run("referrals_followup", sys.argv[1:], load_class=_service, rebuild=rebuild, own=OWN, check=checked_files)
    )
