"""What tests of the follow-up service's API share: the service over HTTP, and in this process what it hears."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from uuid import uuid4

import pytest

from deploy.local.backends import Backends
from shared.runtime.clock import ReplayClock
from tests.contract.toy import free_port
from tests.integration.following import following
from tests.integration.ledger import MONDAY, Ledger, config
from tests.integration.recording import Running


@pytest.fixture(scope="module")
def clock(backends: Backends) -> ReplayClock:
    """The clock of the service. It begins long before the usual Monday."""
    clock = ReplayClock(backends.folder / f"clock-{uuid4().hex}")
    clock.set(MONDAY - timedelta(days=300))
    return clock


@pytest.fixture(scope="module")
def service(backends: Backends, tmp_path_factory: pytest.TempPathFactory, clock: ReplayClock) -> Iterator[Running]:
    """The follow-up service over HTTP."""
    with following(backends, tmp_path_factory.mktemp("followup"), "serve", "http", clock=clock) as service:
        yield service


@pytest.fixture(scope="module")
def smtp_port() -> int:
    """Where the ledger takes its mails. Nobody listens there unless a test starts a mail server."""
    return free_port()


@pytest.fixture(scope="module")
def whole_ledger(service: Running, clock: ReplayClock, smtp_port: int) -> Iterator[Ledger]:
    """The other half of the service, in this process: what arrives on the bus."""
    ledger = Ledger(config(service.database, service.environment["MONGODB_URI"], smtp_port), clock)
    yield ledger
    ledger.close()
