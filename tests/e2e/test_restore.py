"""Three exports restore the whole system: the same lists and follow-ups, and no digest is sent twice."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from deploy.local.case import load_case
from deploy.local.folders import fresh_name
from deploy.local.replay import Replay, outbox_of
from deploy.local.stack import LocalStack, local_stack
from shared.config.config import SERVICES
from shared.events.mongo import open_database
from shared.runtime.clock import ReplayClock
from shared.scheduling.tick import publish_sweep
from tests.e2e.system import System
from tests.e2e.world import World, world_on
from tests.support import eventually, without_foreign_backends

pytestmark = pytest.mark.heavy

BEGIN = datetime(2013, 1, 14, 9, tzinfo=UTC)


@pytest.fixture
def stack() -> Iterator[LocalStack]:
    """A system with a history: entries with names and notes, reactions, chases, mails and an act on a follow-up."""
    with (
        local_stack(
            fresh_name("test"), replay_clock=BEGIN, without=("perinatal.relay",), environment=without_foreign_backends()
        ) as stack,
        world_on(stack, Replay(stack, load_case())) as world,
    ):
        _live(world)
        databases = {service: open_database(stack.backends.mongodb_uri, service) for service in SERVICES}
        here = System(stack.backends.amqp_uri, databases, stack.environments)
        eventually(lambda: here.is_settled(ReplayClock(stack.clock_file).now()), within=60)  # type: ignore[arg-type]
        yield stack


def _live(world: World) -> None:
    def record(by: str, service: str, path: str, /, **body: Any) -> dict[str, Any]:
        answer = world.post(by, path, body, service)
        assert answer.status_code == 201, answer.text
        found: dict[str, Any] = answer.json()
        return found

    his = {"given_name": "Jory", "family_name": "Tidewell", "date_of_birth": "1994-11-03", "nhs_number": "999 000 0026"}
    leaver = record("pa-lindqvist", "leaving_care", "/v1/care-leavers", **his, category="former_relevant")
    path = f"/v1/care-leavers/{leaver['care_leaver_id']}"
    record("lc-manager-varga", "leaving_care", f"{path}/adviser", adviser="pa-lindqvist", team="leaving-care-essex")
    name = {"given_name": "Tamsin", "family_name": "Underwillow", "date_of_birth": "1996-06-21"}
    mother = record("gp-okafor", "perinatal", "/v1/people", **name)["person_id"]
    assert record("gp-okafor", "perinatal", "/v1/people", **his)["person_id"] == leaver["person_id"]
    booked = record("midwife-ekwueme", "perinatal", "/v1/pregnancies", person_id=mother, concerns=["mental_ill_health"])
    path = f"/v1/pregnancies/{booked['pregnancy_id']}/partner-named"
    record("midwife-ekwueme", "perinatal", path, partner_id=leaver["person_id"], relation="father")
    noted = record(
        "gp-okafor",
        "perinatal",
        "/v1/referrals",
        stage="intended",
        person_id=mother,
        service="camhs",
        to_team="camhs-essex",
        reason_code="depression",
        note="She would rather not be telephoned.",
    )
    world.move_to(BEGIN + timedelta(days=3))
    world.sweep()
    world.wait_until_told()
    late = world.follow_up("REF-01", noted["referral_id"])
    assert late is not None
    note = {"note": "The letter is on my desk."}
    record("gp-okafor", "referrals_followup", f"/v1/follow-ups/{late['id']}/noted", **note)
    world.move_to(BEGIN + timedelta(days=3, minutes=1))


@contextmanager
def _empty_system(stack: LocalStack) -> Iterator[System]:
    """Empty databases and an empty virtual host beside those of the stack."""
    amqp_uri = stack.backends.new_vhost("restored")
    environments = {
        service: {
            **stack.environments[service],
            "MONGODB_DATABASE": f"restored_{service}",
            "AMQP_URI": amqp_uri,
            "HTTP_ADDRESS": f"127.0.0.1:{stack.backends.ports.take(f'restored {service}')}",
            "LOG_LEVEL": "warning",
        }
        for service in SERVICES
    }
    databases = {service: open_database(stack.backends.mongodb_uri, f"restored_{service}") for service in SERVICES}
    yield System(amqp_uri, databases, environments)


def test_three_exports_restore_the_same_system_and_no_digest_is_sent_twice(stack: LocalStack, tmp_path: Path) -> None:
    databases = {service: open_database(stack.backends.mongodb_uri, service) for service in SERVICES}
    before = System(stack.backends.amqp_uri, databases, stack.environments)
    key = tmp_path / "export.key"
    key.write_text("a secret that is kept apart from the exports")
    sealed = ("--private", "--key-file", str(key))
    assert before.events("referrals_followup")
    assert [event for event in before.events("leaving_care") if event["event"]["role"] == "system"]
    delivered = sorted(path.name for path in (stack.backends.maildir / "new").iterdir())
    assert delivered
    for service in SERVICES:
        before.run(service, "export", str(tmp_path / f"{service}.ndjson"), *sealed)

    with _empty_system(stack) as after:
        for service in SERVICES:
            said = after.run(service, "restore", str(tmp_path / f"{service}.ndjson"), "--key-file", str(key))
            assert f"{len(before.events(service))} events restored, with private parts" in said
        clock = ReplayClock(stack.clock_file)  # type: ignore[arg-type]
        with after.running():
            eventually(lambda: after.is_settled(clock.now()), within=240)
            eventually(lambda: after.views() == before.views(), within=20)
            for service in SERVICES:
                after.run(service, "rebuild")
            assert after.views() == before.views()

            sweep = {"_id": publish_sweep(after.amqp_uri, clock), "finished_at": {"$exists": True}}
            followup = after.databases["referrals_followup"]
            done = eventually(lambda: followup.sweeps.find_one(sweep), within=30)
            assert done["as_of"] == clock.now()
            assert done["chased"] == 0
            assert outbox_of(after.environments["referrals_followup"], followup).is_idle()
            eventually(lambda: after.is_settled(clock.now()), within=30)
        for service in SERVICES:
            assert after.events(service) == before.events(service)
            after.run(service, "verify", str(tmp_path / f"{service}.ndjson"), "--database", "--key-file", str(key))
        assert sorted(path.name for path in (stack.backends.maildir / "new").iterdir()) == delivered
