"""What every peer does, as plainly as it can be said: a referral noted opens a row that is due two days on, a referral
sent closes it, and whatever else is heard of something is noted on its row."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import jwt
from pymongo import ASCENDING

DUE_AFTER = timedelta(days=2)
QUEUE = "outstanding"
INDEXES = ([("state", ASCENDING), ("due_at", ASCENDING)],)

Event = dict[str, Any]


class Tokens:
    """Verifies bearer tokens, each time they come."""

    def __init__(self) -> None:
        self._key = Path(os.environ["JWT_PUBLIC_KEY_FILE"]).read_text()
        self._named = {"issuer": os.environ["JWT_ISSUER"], "audience": os.environ["JWT_AUDIENCE"]}

    def actor_of(self, authorization: str | None) -> str:
        """Who asks. Raises PyJWTError."""
        token = (authorization or "").removeprefix("Bearer ")
        claims = jwt.decode(token, self._key, algorithms=["EdDSA"], options={"require": ["exp", "sub"]}, **self._named)
        return str(claims["sub"])


def event_of(kind: str, actor: str, thing: str, thing_id: str, data: dict[str, Any]) -> Event:
    """The event as it is stored (under `_id`) and published."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    event_id = str(uuid4())
    return {
        "_id": event_id,
        "id": event_id,
        "type": kind,
        "stream": f"{thing}/{thing_id}",
        "time": now,
        "recordedat": now,
        "actor": actor,
        "data": {**data, f"{thing}_id": thing_id},
    }


def change_of(event: Event) -> tuple[dict[str, Any], dict[str, Any]]:
    """Which row an event changes, and how: the filter and the update of an upsert."""
    change: dict[str, Any] = {"last": event["type"]}
    if event["type"] == "referral.intended.v1":
        due_at = datetime.fromisoformat(event["time"]) + DUE_AFTER
        change |= {"due_at": due_at, "person_id": event["data"]["person_id"], "owner": event["actor"]}
        return {"_id": event["stream"]}, {"$set": change, "$setOnInsert": {"state": "open"}, "$inc": {"heard": 1}}
    if event["type"] == "referral.sent.v1":
        change |= {"state": "met", "met_at": event["time"]}
    return {"_id": event["stream"]}, {"$set": change, "$inc": {"heard": 1}}
