"""A real tick process for the tests, once a second; its settings come from the environment."""

from __future__ import annotations

import os

from shared.config.config import Config
from shared.runtime.observability import configure_logging
from shared.scheduling.tick import run_tick

if __name__ == "__main__":
    configure_logging("referrals_followup", "tick")
    run_tick(
        Config(
            service="referrals_followup",
            role="tick",
            mongodb_uri=os.environ["TOY_MONGODB_URI"],
            mongodb_database=os.environ["TOY_DATABASE"],
            amqp_uri=os.environ["TOY_AMQP_URI"],
            public_url="http://127.0.0.1",
            bank_holidays_until=2027,
            sweep_interval_seconds=1,
        )
    )
