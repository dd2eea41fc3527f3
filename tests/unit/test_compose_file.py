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


def test_a_port_of_the_machine_for_a_service_that_runs_several_times_is_a_fault(compose: dict[str, Any]) -> None:
    compose["services"]["referrals-followup"]["ports"] = ["127.0.0.1:8003:8000"]
    (fault,) = faults(compose)
    assert fault.startswith("referrals-followup runs several times")


def test_the_proxy_sends_requests_to_all_processes_that_answer_http() -> None:
    services = COMPOSE["services"]
    several = [name for name, service in services.items() if service.get("deploy", {}).get("replicas", 1) > 1]
    port = services[several[0]]["environment"]["HTTP_ADDRESS"].rpartition(":")[2]
    proxy = (ROOT / "deploy/compose/nginx.conf").read_text()
    assert several == ["referrals-followup"]
    assert f"server {several[0]}:{port} resolve;" in proxy
    assert "access_log off;" in proxy
