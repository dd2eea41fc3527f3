"""What is stored as the view of a record is what its mongoengine document would store, for each kind of record."""

from __future__ import annotations

from uuid import UUID

import pytest

from services.leaving_care.api.views import VIEWS as OF_LEAVING_CARE
from services.leaving_care.domain import plan_item
from services.perinatal.api.views import VIEWS as OF_PERINATAL
from services.perinatal.domain import referral
from shared.recording.views import ViewOf
from tests.unit import referrals
from tests.unit.history import PERSON, Stream
from tests.unit.records import VISITOR
from tests.unit.test_plan_item import ADD, PA


def a_referral() -> Stream:
    stream = Stream(referral.AGGREGATE, str(UUID(int=1)))
    stream.give(referrals.begin("intended", person_id=PERSON, service="camhs", reason_code="depression"), VISITOR)
    stream.give(referrals.append("sent", channel="letter"), VISITOR)
    return stream


def a_plan_item() -> Stream:
    stream = Stream(plan_item.AGGREGATE, str(UUID(int=1)))
    stream.give(ADD, PA)
    return stream


@pytest.mark.parametrize(
    ("view", "stream"),
    [(OF_PERINATAL["referral"], a_referral()), (OF_LEAVING_CARE["plan-item"], a_plan_item())],
    ids=["referral", "plan item"],
)
def test_a_stored_view_is_what_its_document_stores(view: ViewOf, stream: Stream) -> None:
    stored = view.fold(stream.events)
    given = {("id" if name == "_id" else name): value for name, value in stored.items()}
    assert view.document(**given).to_mongo().to_dict() == stored
    assert stored["version"] == len(stream.events)
    assert None not in stored.values()
