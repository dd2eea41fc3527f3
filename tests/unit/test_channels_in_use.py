"""A digest waits only for the channels that the configuration has."""

from __future__ import annotations

import pytest
from pymongo import MongoClient

from deploy.local.replay import outbox_of
from deploy.local.stack import DIRECTORY, STANDARDS
from services.referrals_followup import bootstrap

ENVIRONMENT = {
    "MONGODB_URI": "mongodb://127.0.0.1",
    "AMQP_URI": "amqp://127.0.0.1",
    "DIRECTORY_FILE": str(DIRECTORY),
    "STANDARDS_DIR": str(STANDARDS),
    "SMTP_HOST": "127.0.0.1",
    "MAIL_FROM": "followthrough@localhost",
    "PERINATAL_URL": "http://perinatal.example",
    "LEAVING_CARE_URL": "http://leaving-care.example",
}


def test_a_replay_does_not_wait_for_a_channel_without_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(bootstrap.CHANNELS, "unused", lambda config: None)
    with MongoClient(ENVIRONMENT["MONGODB_URI"], connect=False) as client:
        assert outbox_of(ENVIRONMENT, client["referrals_followup"]).channels == ("smtp",)
