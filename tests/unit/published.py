"""Events as another service publishes them, each recorded a minute after the one before."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from shared.contracts import CATALOGUE
from shared.kernel.decisions import RETRACTION
from shared.kernel.envelope import Event
from shared.kernel.ids import uuid7
from tests.unit.history import NOW

# A number that stands for an id, or the id that a service gave.
Id = int | str


def person(who: Id) -> str:
    return who if isinstance(who, str) else f"p_{who:032x}"


def thing(which: Id) -> str:
    return which if isinstance(which, str) else str(UUID(int=which))


@dataclass
class EventFeed:
    """The events of `perinatal` and `leaving_care`, one after the other. Each is checked against its contract."""

    count: int = 0
    versions: Counter[str] = field(default_factory=Counter)

    def event(self, event_type: str, stream: str, /, **data: Any) -> Event:
        assert CATALOGUE.faults(event_type, data) == {}
        self.count += 1
        self.versions[stream] += 1
        at = NOW + timedelta(minutes=self.count)
        return Event(
            id=uuid7(at),
            source=CATALOGUE[event_type].speakers[0],
            type=event_type,
            subject=data.get("person_id"),
            occurred_at=at,
            recorded_at=at,
            stream=stream,
            version=self.versions[stream],
            actor="somebody",
            role="midwife",
            team="a-team",
            area="essex",
            correlation_id=str(uuid4()),
            data=data,
        )

    def retracted(self, event: Event) -> Event:
        return self.event(RETRACTION, event.stream, event_id=event.id, reason_code="typing-error")

    def registered(self, leaver: Id, who: Id) -> Event:
        ids = {"care_leaver_id": thing(leaver), "person_id": person(who)}
        return self.event("care_leaver.registered.v1", f"care-leaver/{thing(leaver)}", category="relevant", **ids)

    def adviser(self, leaver: Id, who: Id, team: str) -> Event:
        ids = {"care_leaver_id": thing(leaver), "person_id": person(who)}
        return self.event("adviser.assigned.v1", f"care-leaver/{thing(leaver)}", adviser="pa-brook", team=team, **ids)

    def booked(self, pregnancy: Id, mother: Id, event_type: str = "pregnancy.booked.v1") -> Event:
        return self._of_pregnancy(event_type, pregnancy, mother, concerns=[])

    def notified(self, pregnancy: Id, mother: Id) -> Event:
        return self.booked(pregnancy, mother, "pregnancy.notified.v1")

    def partner(self, pregnancy: Id, mother: Id, partner: Id) -> Event:
        of = {"partner_id": person(partner), "relation": "father", "partner_known": True}
        return self._of_pregnancy("pregnancy.partner_named.v1", pregnancy, mother, **of)

    def ended(self, pregnancy: Id, mother: Id, outcome: str, *children: Id) -> Event:
        of = {"outcome": outcome, "children": [person(child) for child in children], "parents": [person(mother)]}
        return self._of_pregnancy("pregnancy.ended.v1", pregnancy, mother, **of)

    def joined(self, household: Id, adult: Id, *children: Id) -> Event:
        of = {"adult_id": person(adult), "children": [person(child) for child in children]}
        return self._of_person("household.adult_joined.v1", household, **of)

    def moved(self, move: Id, *people: Id, to_area: str = "norfolk") -> Event:
        who = [person(one) for one in people]
        data = {"from_area": "essex", "to_area": to_area, "told_by": "family", "handover_needed": True}
        ids = {"move_id": thing(move), "person_id": who[0], "people": who}
        return self.event("household.moved.v1", f"move/{thing(move)}", **ids, **data)

    def died(self, who: Id, *family: Id) -> Event:
        return self._of_person("person.died.v1", who, family=[person(one) for one in family])

    def linked(self, one: Id, other: Id) -> Event:
        of = {"other_person_id": person(other), "reason": "confirmed", "confirmed_by": "hv-wren"}
        return self._of_person("person.linked.v1", one, **of)

    def unlinked(self, one: Id, other: Id) -> Event:
        of = {"other_person_id": person(other), "reason_code": "mistaken", "confirmed_by": "hv-wren"}
        return self._of_person("person.unlinked.v1", one, **of)

    def _of_pregnancy(self, event_type: str, pregnancy: Id, mother: Id, **data: Any) -> Event:
        ids = {"pregnancy_id": thing(pregnancy), "person_id": person(mother)}
        return self.event(event_type, f"pregnancy/{thing(pregnancy)}", **ids, **data)

    def _of_person(self, event_type: str, who: Id, **data: Any) -> Event:
        return self.event(event_type, f"person/{person(who)}", person_id=person(who), **data)
