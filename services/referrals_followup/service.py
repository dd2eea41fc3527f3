"""The follow-up service: its routes and its queues. They translate; the ledger computes and `domain/` decides."""

from __future__ import annotations

from services.referrals_followup.api.directory import DirectoryRoutes
from services.referrals_followup.api.follow_ups import FollowUpRoutes
from services.referrals_followup.api.people import PersonRoutes
from services.referrals_followup.api.standards import StandardRoutes
from services.referrals_followup.bootstrap import SERVICE, Dependencies, build
from shared.messaging.consumer import consume
from shared.messaging.incoming import Delivery, Outcome
from shared.messaging.topology import EVIDENCE, SWEEP, check_queue_of
from shared.runtime.dependencies import BootstrapProvider
from shared.web.parked import ParkedRoutes

CHECK = check_queue_of(SERVICE)


class ReferralsFollowupService(FollowUpRoutes, PersonRoutes, StandardRoutes, DirectoryRoutes, ParkedRoutes):
    """What is expected next, of whom, by when and why; who was chased; and people's acts on it."""

    name = SERVICE
    dependencies: Dependencies = BootstrapProvider(build)  # type: ignore[assignment]

    @consume(EVIDENCE)
    def hear_evidence(self, deliveries: list[Delivery]) -> list[Outcome]:
        return self.dependencies.ingest.receive(deliveries)

    @consume(SWEEP, most=1)
    def sweep(self, deliveries: list[Delivery]) -> list[Outcome]:
        return self.dependencies.sweeps.receive(deliveries)

    @consume(CHECK, most=1)
    def check(self, deliveries: list[Delivery]) -> list[Outcome]:
        return self.dependencies.checker.receive(deliveries)
