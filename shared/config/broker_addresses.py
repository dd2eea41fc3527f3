"""The setting that says where the broker is: one address, or one for each node of a cluster."""

from __future__ import annotations

import re

_BETWEEN = re.compile(r"[,\s]+(?=amqps?://)")


def addresses_of(amqp_uri: str) -> list[str]:
    """Every address that the setting names, in its order."""
    return _BETWEEN.split(amqp_uri.strip())
