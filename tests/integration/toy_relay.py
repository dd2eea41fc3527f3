"""A real relay process for the tests; its settings come from the environment."""

from __future__ import annotations

import os
from datetime import datetime

from shared.config.config import Config
from shared.relay.relay import run_relay
from shared.runtime.observability import configure_logging

if __name__ == "__main__":
    configure_logging("perinatal", "relay")
    config = Config(
        service="perinatal",
        role="relay",
        mongodb_uri=os.environ["TOY_MONGODB_URI"],
        mongodb_database=os.environ["TOY_DATABASE"],
        amqp_uri=os.environ["TOY_AMQP_URI"],
        public_url="http://127.0.0.1",
        bank_holidays_until=2027,
    )
    since = os.environ.get("TOY_REPUBLISH_SINCE")
    run_relay(config, "perinatal", datetime.fromisoformat(since) if since else None)
