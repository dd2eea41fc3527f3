"""Whose plan: who only works in the area adds to a care leaver's record, and closes nothing that the adviser owes."""

from __future__ import annotations

from tests.integration import test_names
from tests.integration.recording import Caller, Running
from tests.integration.test_names import LEAVER, OF_LEAVING_CARE

leaving_care = test_names.leaving_care


def stamped(service: Running, caller: Caller, path: str, body: dict[str, object]) -> str:
    answer = caller.post(path, body)
    assert answer.status_code == 201, answer.text
    return str(service.database.events.find_one({"_id": answer.json()["event_id"]})["event"]["standing"])


def test_a_social_worker_without_a_part_makes_no_contact_for_the_adviser(leaving_care: Running) -> None:
    adviser = leaving_care.caller(*OF_LEAVING_CARE)
    worker = leaving_care.caller("sw-petrov", "social_worker", "childrens-social-care-essex")
    leaver = adviser.post("/v1/care-leavers", {**LEAVER, "given_name": "Heron"}).json()["care_leaver_id"]
    for caller, stamp in ((worker, "none"), (adviser, "circle")):
        for verb, body in (("contact-made", {"how": "phone"}), ("pathway-reviewed", {"reason": "routine"})):
            assert stamped(leaving_care, caller, f"/v1/care-leavers/{leaver}/{verb}", body) == stamp
