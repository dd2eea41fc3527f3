"""The perinatal service: it joins its routes and its queues. `api/` translates and `domain/` decides."""

from __future__ import annotations

from services.perinatal.api.agencies import AgencyRoutes
from services.perinatal.api.care import CareRoutes
from services.perinatal.api.concerns import ConcernRoutes
from services.perinatal.api.moves import MoveRoutes
from services.perinatal.api.people import PeopleRoutes
from services.perinatal.api.pregnancies import PregnancyRoutes
from services.perinatal.api.referrals import ReferralRoutes
from services.perinatal.bootstrap import SERVICE, build
from shared.messaging.consumer import consume
from shared.messaging.incoming import Delivery, Outcome
from shared.recording.bootstrap import RecordingDependencies
from shared.recording.bulk_routes import CommandRoutes
from shared.recording.views import refresh_views
from shared.runtime.dependencies import BootstrapProvider
from shared.web.parked import ParkedRoutes


class PerinatalService(
    PeopleRoutes,
    PregnancyRoutes,
    CareRoutes,
    ReferralRoutes,
    MoveRoutes,
    ConcernRoutes,
    AgencyRoutes,
    CommandRoutes,
    ParkedRoutes,
):
    """People and pregnancies, screens, support and referrals, moves and concerns, and what passed between agencies."""

    name = SERVICE
    dependencies: RecordingDependencies = BootstrapProvider(build)  # type: ignore[assignment]

    @consume("perinatal.views")
    def fill_views(self, deliveries: list[Delivery]) -> list[Outcome]:
        return refresh_views(deliveries, *self.dependencies.views.values(), self.dependencies.people.index)

    @consume("perinatal.reactions")
    def react(self, deliveries: list[Delivery]) -> list[Outcome]:
        return self.dependencies.reactions.receive(deliveries)

    @consume("perinatal.directory")
    def copy_directory(self, deliveries: list[Delivery]) -> list[Outcome]:
        return self.dependencies.directory.receive(deliveries)

    @consume("perinatal.glass")
    def copy_glass(self, deliveries: list[Delivery]) -> list[Outcome]:
        return self.dependencies.glass.receive(deliveries)

    @consume("perinatal.check", most=1)
    def check(self, deliveries: list[Delivery]) -> list[Outcome]:
        return self.dependencies.checker.receive(deliveries)
