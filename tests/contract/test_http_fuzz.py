"""No request, however odd, makes a service fail, or answer what its own OpenAPI document does not say.

A method that a path does not have (405) is not in the document, which has no place for it; the edge's own tests ask.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from uuid import uuid4

import pytest

from deploy.local.backends import Backends
from shared.config.config import SERVICES
from shared.messaging.topology import EVIDENCE
from shared.runtime.clock import ReplayClock
from tests.contract.fuzzing import Fuzzing
from tests.integration.bus import publish
from tests.integration.following import following
from tests.integration.ledger import MONDAY, item_planned, referral_noted
from tests.integration.recording import Running, running
from tests.support import eventually

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "4"))
SEED = int(os.environ.get("FUZZ_SEED", "1" if os.environ.get("CI") else random.SystemRandom().randrange(1_000_000)))
PERSON, TEAM = "gp-okafor", "gp-mill-road"
KNOWN = {"area": "essex", "person": PERSON, "team": TEAM, "date_of_birth": "2007-05-01"}
KNOWN |= {"given_name": "Wren", "family_name": "Exampleton"}


@contextmanager
def served(name: str, backends: Backends, folder: Path) -> Iterator[Running]:
    """The service; the one that follows up has something to follow."""
    if name != "referrals_followup":
        with running(name, backends, folder) as service:
            yield service
        return
    clock = ReplayClock(backends.folder / f"clock-{uuid4().hex}")
    clock.set(MONDAY)
    with following(backends, folder, "serve", clock=clock) as service:
        publish(service.environment["AMQP_URI"], EVIDENCE, referral_noted(), referral_noted(), *item_planned())
        manager = service.caller(PERSON, "manager", TEAM)
        eventually(lambda: len(manager.get("/v1/follow-ups").json()["items"]) >= 3)
        yield service


def token_of(service: Running) -> Callable[[str, tuple[str, ...]], str]:
    """A token for a role in some areas, minted once."""
    return cache(lambda role, areas: service.caller(PERSON, role, TEAM, *areas).token)


@pytest.mark.parametrize("name", SERVICES)
def test_whatever_is_asked_of_a_service_it_answers_as_its_document_says(
    name: str, backends: Backends, tmp_path: Path
) -> None:
    print(f"FUZZ_SEED={SEED} FUZZ_EXAMPLES={EXAMPLES} asks the same; more examples ask more of each operation")
    with served(name, backends, tmp_path) as service:
        fuzzing = Fuzzing(service.url, token_of(service), KNOWN, examples=EXAMPLES, seed=SEED)
        fuzzing.run()
    assert not fuzzing.failures, "\n\n".join(fuzzing.failures.values())
    # Refusals alone would prove little.
    assert len(fuzzing.never_passed) < 2 / 3 * len(fuzzing.statuses), fuzzing.never_passed
