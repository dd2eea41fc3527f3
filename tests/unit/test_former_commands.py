"""The names by which what was recorded under the name of a class is found again."""

from __future__ import annotations

from services.leaving_care.service import LeavingCareService
from services.perinatal.service import PerinatalService
from services.referrals_followup.service import ReferralsFollowupService
from shared.contracts.former_commands import _BY_OPERATION, former_names
from shared.web.endpoint import endpoints_of


def test_every_operation_that_is_a_route_is_one_of_a_service() -> None:
    services = (PerinatalService, LeavingCareService, ReferralsFollowupService)
    routes = {endpoint.operation for service in services for _, endpoint in endpoints_of(service)}
    assert {operation for operation in _BY_OPERATION if operation.startswith("POST ")} <= routes


def test_every_step_of_a_referral_and_of_a_plan_item_had_a_class() -> None:
    for service, url in ((PerinatalService, "POST /v1/referrals"), (LeavingCareService, "POST /v1/plan-items")):
        for _, endpoint in endpoints_of(service):
            if endpoint.operation.startswith(url):
                assert former_names(endpoint.operation), endpoint.operation


def test_a_retraction_of_any_record_had_one_class() -> None:
    assert former_names("POST /v1/pregnancies/<>/retractions") == ("Retract",)
