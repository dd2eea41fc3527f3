"""The names by which what was recorded under the name of a class is found again."""

from __future__ import annotations

import json
from hashlib import sha256

from services.leaving_care.service import LeavingCareService
from services.perinatal.service import PerinatalService
from services.referrals_followup.service import ReferralsFollowupService
from shared.contracts.former_commands import _BY_OPERATION, former_names
from shared.web.endpoint import endpoints_of


def test_every_operation_that_is_a_route_is_one_of_a_service() -> None:
    services = (PerinatalService, LeavingCareService, ReferralsFollowupService)
    routes = {endpoint.operation for service in services for _, endpoint in endpoints_of(service)}
    assert {operation for operation in _BY_OPERATION if operation.startswith("POST ")} <= routes


def test_the_former_names_are_history_and_never_change() -> None:
    """Not even for a new route, which never had such a name."""
    names = json.dumps({operation: list(found) for operation, found in sorted(_BY_OPERATION.items())})
    assert sha256(names.encode()).hexdigest() == "ac76a1066888d0b5ff834e3612c98517264fd9d2ebe4095f4c78643cdd85a912"


def test_a_retraction_of_any_record_had_one_class() -> None:
    assert former_names("POST /v1/pregnancies/<>/retractions") == ("Retract",)
