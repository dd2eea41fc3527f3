"""The health check of a container, by exit status.

`http` asks its `/health/ready`. `lease NAME` checks that somebody renews the lease that this process (relay or tick)
shares with its replicas.
"""

from __future__ import annotations

import os
import sys
import urllib.request

from shared.config.config import load_config
from shared.events.mongo import open_database


def http_is_ready() -> bool:
    """Whether this container's HTTP process answers that it is ready."""
    port = os.environ["HTTP_ADDRESS"].rpartition(":")[2]
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health/ready", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def lease_is_held(name: str) -> bool:
    """Whether the lease is in force by the database server's clock."""
    config = load_config(os.environ, service=os.environ["MONGODB_DATABASE"], role=name)
    leases = open_database(config.mongodb_uri, config.mongodb_database)["leases"]
    return leases.find_one({"_id": name, "$expr": {"$gt": ["$until", "$$NOW"]}}) is not None


if __name__ == "__main__":
    sys.exit(0 if (lease_is_held(sys.argv[2]) if sys.argv[1] == "lease" else http_is_ready()) else 1)
