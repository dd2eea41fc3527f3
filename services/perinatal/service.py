"""The perinatal service: its routes and its queues. They translate; `domain/` decides and `views.py` remembers."""

from __future__ import annotations

from services.perinatal.parts import SERVICE, build
from services.perinatal.routes.agencies import AgencyRoutes
from services.perinatal.routes.care import CareRoutes
from services.perinatal.routes.concerns import ConcernRoutes
from services.perinatal.routes.moves import MoveRoutes
from services.perinatal.routes.people import PeopleRoutes
from services.perinatal.routes.pregnancies import PregnancyRoutes
from services.perinatal.routes.referrals import ReferralRoutes
from shared.messaging.consumer import consume
from shared.messaging.incoming import Delivery, Outcome
from shared.recording import RecordingParts
from shared.views import heard
from shared.web.commands import CommandRoutes
from shared.web.parked import ParkedRoutes
from shared.web.parts import Parts


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
    parts: RecordingParts = Parts(build)  # type: ignore[assignment]

    @consume("perinatal.views")
    def fill_views(self, deliveries: list[Delivery]) -> list[Outcome]:
        return heard(deliveries, *self.parts.views.values())

    @consume("perinatal.reactions")
    def react(self, deliveries: list[Delivery]) -> list[Outcome]:
        return self.parts.reactions.hear(deliveries)

    @consume("perinatal.check", batch=1)
    def check(self, deliveries: list[Delivery]) -> list[Outcome]:
        return self.parts.watch.hear(deliveries)
