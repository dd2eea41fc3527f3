"""docker-compose.yml follows the Compose Specification and has no loose ends; a broken one is told so."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import yaml

from deploy.check_compose import ROOT, faults

COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())


@pytest.fixture
def compose() -> dict[str, Any]:
    return copy.deepcopy(COMPOSE)


def test_the_compose_file_has_no_faults() -> None:
    assert faults(COMPOSE) == []


def test_every_process_of_the_local_stack_has_a_container_with_the_same_command() -> None:
    from deploy.local.stack import PROCESSES

    local = {(f"services.{service}", *roles) for service, roles in PROCESSES.values()}
    composed = {tuple(service["command"]) for service in COMPOSE["services"].values() if "command" in service}
    assert local <= composed


def test_mongodb_gives_up_a_transaction_as_early_as_in_the_local_stack() -> None:
    from deploy.local.mongo import TRANSACTION_SECONDS

    assert (
        f"--setParameter=transactionLifetimeLimitSeconds={TRANSACTION_SECONDS}"
        in COMPOSE["services"]["mongo"]["command"]
    )


def test_a_key_that_the_specification_does_not_know_is_a_fault(compose: dict[str, Any]) -> None:
    compose["services"]["perinatal"]["healthchek"] = {}
    assert any("healthchek" in fault for fault in faults(compose))


def test_waiting_for_a_service_that_does_not_exist_is_a_fault(compose: dict[str, Any]) -> None:
    compose["services"]["perinatal"]["depends_on"]["redis"] = {"condition": "service_healthy"}
    assert faults(compose) == ["perinatal depends on redis, which is no service"]


def test_waiting_for_the_health_of_a_service_without_a_check_is_a_fault(compose: dict[str, Any]) -> None:
    del compose["services"]["mailpit"]["healthcheck"]
    assert "referrals-followup-bus waits until mailpit is healthy, but mailpit has no health check" in faults(compose)


def test_a_mounted_file_that_is_not_in_the_project_is_a_fault(compose: dict[str, Any]) -> None:
    compose["services"]["mongo"]["volumes"].append("./nowhere.conf:/etc/nowhere.conf:ro")
    assert faults(compose) == ["mongo mounts ./nowhere.conf, which does not exist"]
