"""The leaving-care service: it joins its routes and its queues. `api/` translates and `domain/` decides."""

from __future__ import annotations

from services.leaving_care.api.care_leavers import CareLeaverRoutes
from services.leaving_care.api.plan_items import PlanItemRoutes
from services.leaving_care.bootstrap import SERVICE, build
from shared.messaging.consumer import consume
from shared.messaging.incoming import Delivery, Outcome
from shared.recording.bootstrap import RecordingDependencies
from shared.recording.bulk_routes import CommandRoutes
from shared.recording.views import refresh_views
from shared.runtime.dependencies import BootstrapProvider
from shared.web.parked import ParkedRoutes


class LeavingCareService(CareLeaverRoutes, PlanItemRoutes, CommandRoutes, ParkedRoutes):
    """Care leavers, their personal advisers, and what becomes of each item of their pathway plans."""

    name = SERVICE
    dependencies: RecordingDependencies = BootstrapProvider(build)  # type: ignore[assignment]

    @consume("leaving_care.views")
    def fill_views(self, deliveries: list[Delivery]) -> list[Outcome]:
        return refresh_views(deliveries, *self.dependencies.views.values(), self.dependencies.people.index)

    @consume("leaving_care.reactions")
    def react(self, deliveries: list[Delivery]) -> list[Outcome]:
        self.dependencies.protections.hear(deliveries)
        return self.dependencies.reactions.receive(deliveries)

    @consume("leaving_care.directory")
    def copy_directory(self, deliveries: list[Delivery]) -> list[Outcome]:
        return self.dependencies.directory.receive(deliveries)

    @consume("leaving_care.glass")
    def copy_glass(self, deliveries: list[Delivery]) -> list[Outcome]:
        return self.dependencies.glass.receive(deliveries)

    @consume("leaving_care.check", most=1)
    def check(self, deliveries: list[Delivery]) -> list[Outcome]:
        return self.dependencies.checker.receive(deliveries)
