"""The practice standards as they come, and a clock that the test moves: the real packs, the real fold, real sweeps.

Only the parts are left out: there is no store, no broker and no mail. Each look at the ledger folds the facts twice,
once in order and once shuffled and doubled, and wants the same answer.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from marshmallow import ValidationError, fields, validate

from services.referrals_followup.directory.loader import load_directory
from services.referrals_followup.domain import follow_up as follow_ups
from services.referrals_followup.domain.follow_up import Acts, FollowUp, Owner, Rung, Sweep
from services.referrals_followup.domain.ledger import fold
from services.referrals_followup.domain.rules_history import CALENDAR as CALENDAR_PACK
from services.referrals_followup.domain.rules_history import NATIONAL, Adoption, RulesHistory
from services.referrals_followup.domain.thread_history import Evidence
from services.referrals_followup.standards.loader import load_packs
from shared.contracts import CATALOGUE
from shared.contracts.fields import Choice, Day, Mention, Ref, Whole
from shared.kernel.calendar import WorkingCalendar, england
from shared.kernel.decisions import RETRACTION, Actor, Context
from shared.kernel.envelope import Event
from shared.kernel.time import LONDON, london_date

SERVICE_FOLDER = Path(__file__).parents[2] / "services" / "referrals_followup"
DIRECTORY = load_directory(SERVICE_FOLDER / "directory" / "directory.example.yaml")
PACKS = {pack["pack"]: pack for pack in load_packs(SERVICE_FOLDER / "standards", CATALOGUE, DIRECTORY.roles)}
CALENDAR = england(2027)
# Compiled once for all tests.
HISTORY = RulesHistory.of(
    Adoption(
        datetime(2012, 1, 1, tzinfo=LONDON), name, pack["version"], {"steps": pack["steps"]}, CALENDAR, f"{name}-2012"
    )
    for name, pack in PACKS.items()
)
PERSON, PARTNER, CHILD, TWIN, OTHER = (f"p_{letter * 32}" for letter in "abcde")

GP = Actor("gp-okafor", "gp_practice", "gp-mill-road", ("essex",))
NORFOLK_GP = Actor("gp-lindholm", "gp_practice", "gp-wensum", ("norfolk",))
HV = Actor("hv-pereira", "health_visitor", "hv-harwich", ("essex",))
NORFOLK_HV = Actor("hv-castro", "health_visitor", "hv-yare", ("norfolk",))
MIDWIFE = Actor("midwife-ekwueme", "midwife", "midwifery-colne", ("essex",))
SOCIAL_WORKER = Actor("sw-petrov", "social_worker", "childrens-social-care-essex", ("essex",))
FRONT_DOOR = Actor("fd-laurent", "front_door", "front-door-essex", ("essex",))
CAMHS = Actor("camhs-triage-novak", "mental_health_service", "camhs-essex", ("essex",))
NURSERY = Actor("ey-jansen", "early_years", "little-oaks", ("essex",))
PA = Actor("pa-lindqvist", "personal_adviser", "leaving-care-essex", ("essex",))
MANAGER = Actor("lc-manager-varga", "manager", "leaving-care-essex", ("essex",))
SYSTEM = Actor("sweep", "system", "system", ("england",))


def london(text: str) -> datetime:
    """The instant at which London's clocks show `2013-01-14 09:30`; of a day alone its beginning."""
    return datetime.fromisoformat(text).replace(tzinfo=LONDON)


def as_text(instant: datetime) -> str:
    """What London's clocks show at the instant."""
    return instant.astimezone(LONDON).strftime("%Y-%m-%d %H:%M")


@dataclass(frozen=True)
class Chase:
    """One chase as a reader of the mail sees it: when, which step, which rungs, and who was told."""

    at: str
    step: str
    rungs: tuple[str, ...]
    told: frozenset[str]


def chase(at: str, step: str, rungs: str, *told: str) -> Chase:
    return Chase(at, step, tuple(rungs.split()), frozenset(told))


class Practice:
    """Facts in, follow-ups and chases out. All packs are in force from 2012 on."""

    def __init__(self) -> None:
        self._events: dict[str, Event] = {}
        self._versions: dict[str, int] = {}
        self.history = HISTORY

    # --- rules ----------------------------------------------------------------------------------------------------

    def adopt(
        self,
        pack: str,
        at: str,
        changed: Mapping[str, Mapping[str, Any] | None] | None = None,
        calendar: WorkingCalendar = CALENDAR,
    ) -> None:
        """The pack comes into force again with these steps changed; a step that is None is no longer in it."""
        steps = {name: {**step, **((changed or {}).get(name) or {})} for name, step in PACKS[pack]["steps"].items()}
        gone = [name for name, step in (changed or {}).items() if step is None]
        kept = {name: step for name, step in steps.items() if name not in gone}
        self._adopt(pack, london(at), at, kept, calendar)

    def _adopt(
        self, pack: str, at: datetime, version: str, steps: Mapping[str, Any], calendar: WorkingCalendar
    ) -> None:
        adopted = Adoption(at, pack, version, {"steps": steps}, calendar, f"{pack}-{at.isoformat()}")
        self.history = RulesHistory.of([*self.history.adoptions, adopted])

    def adopt_calendar(
        self, at: str, *, version: str = "more", more: str | None = None, less: str | None = None
    ) -> None:
        """England's bank holidays of the year of this day come into force anew, with one more of them or one less."""
        year = (more or less or "")[:4]
        days = {day: name for day, name in CALENDAR.holidays.items() if str(day.year) == year and str(day) != less}
        days |= {date.fromisoformat(more): "Extra bank holiday"} if more else {}
        calendar = WorkingCalendar(days, version)
        adopted = Adoption(london(at), CALENDAR_PACK, version, {"steps": {}}, calendar, f"calendar-{version}")
        self.history = RulesHistory.of([*self.history.adoptions, adopted])

    def calendar(self) -> WorkingCalendar:
        return self.history.calendar(NATIONAL)

    # --- facts ----------------------------------------------------------------------------------------------------

    def referral(self, *, by: Actor = GP, **said: Any) -> Thread:
        """A referral to CAMHS, unless it is said to be another; nothing has been recorded of it yet."""
        usual = {
            "person_id": PERSON,
            "service": "camhs",
            "service_kind": "health",
            "urgency": "routine",
            "reason_code": "depression",
            "channel": "letter",
            "evidence": True,
            "decided_by": "gp-okafor",
            "reported_by": "receiver",
            "to_service": "talking_therapies",
            "to_service_kind": "health",
            "appointment_on": "2013-02-04",
            "how": "did_not_attend",
            "by": "patient",
            "outcome_code": "treated",
            "to": "referrer",
            "outcome": "treat",
            "alternative_code": "talking-therapies",
            "why_code": "no-transport",
            "decision_code": "offer-again",
            "referrer_told": True,
        }
        return Thread(self, "referral", "perinatal", by, {**usual, **said})

    def record_of(self, kind: str, *, by: Actor = HV, key: str | None = None, **said: Any) -> Thread:
        """A record of any kind, `pregnancy` or `care-leaver` say, about the usual person unless another is said.

        Its events are named in full; a field that an event needs and nobody said gets its usual value. `key` is the id:
        of a `person` it is the person's.
        """
        source = "leaving_care" if kind in ("care-leaver", "plan-item") else "perinatal"
        if kind == "person":
            said.setdefault("person_id", key or PERSON)
        return Thread(
            self,
            kind,
            source,
            by,
            {"person_id": PERSON, **said},
            key=said.get("person_id") if kind == "person" else key,
        )

    def birth(self, child: str, on: str, *, mother: str = PERSON, parents: tuple[str, ...] = (), **said: Any) -> Thread:
        """A pregnancy, booked 200 days before, that ended in this child's birth; recorded that day."""
        pregnancy = self.record_of("pregnancy", by=MIDWIFE, person_id=mother)
        pregnancy.was(
            "pregnancy.booked.v1", str(date.fromisoformat(on) - timedelta(days=200)), mother_age_band="from_20", edd=on
        )
        pregnancy.was(
            "pregnancy.ended.v1",
            on,
            precision="day",
            outcome="birth",
            children=[child],
            parents=[mother, *parents],
            **said,
        )
        return pregnancy

    def plan_item(self, *, by: Actor = PA, **said: Any) -> Thread:
        """An item of a pathway plan; nothing has been recorded of it yet."""
        usual = {
            "person_id": PERSON,
            "care_leaver_id": str(UUID(int=1)),
            "kind": "counselling",
            "condition": "when_ready",
            "fallback": "mental_health_worker",
            "owner": "pa-lindqvist",
            "trigger_code": "says-ready",
            "review_by": "2013-06-01",
            "reason_code": "no-longer-wanted",
            "young_person_view_given": True,
            "manager": "lc-manager-varga",
        }
        return Thread(self, "plan-item", "leaving_care", by, {**usual, **said})

    def adviser(self, adviser: str, at: str, team: str = "leaving-care-essex") -> Event:
        """The care leaver of the plan items gets this personal adviser."""
        leaver = str(UUID(int=1))
        data = {"care_leaver_id": leaver, "person_id": PERSON, "adviser": adviser, "team": team}
        return self.record("adviser.assigned.v1", f"care-leaver/{leaver}", data, london(at), "leaving_care", MANAGER)

    def record(
        self,
        event_type: str,
        stream: str,
        data: Mapping[str, Any],
        at: datetime,
        source: str,
        by: Actor,
        *,
        recorded_at: datetime | None = None,
        precision: str = "minute",
        area: str | None = None,
        standing: str | None = None,
    ) -> Event:
        """One fact, which keeps its contract."""
        assert CATALOGUE.faults(event_type, data) == {}
        self._versions[stream] = self._versions.get(stream, 0) + 1
        number = len(self._events) + 1
        event = Event(
            id=str(UUID(int=number)),
            source=source,
            type=event_type,
            subject=None if source == "referrals_followup" else data.get("person_id", PERSON),
            occurred_at=at,
            precision=precision,
            recorded_at=recorded_at or at,
            stream=stream,
            version=self._versions[stream],
            actor=by.id,
            role=by.role,
            team=by.team,
            area=area or by.areas[0],
            correlation_id=str(UUID(int=number)),
            data=data,
            standing=standing,
        )
        self._events[event.id] = event
        return event

    def events(self) -> list[Event]:
        """Every fact there is."""
        return list(self._events.values())

    # --- what comes of them ---------------------------------------------------------------------------------------

    def follow_ups(self, thread: str) -> list[FollowUp]:
        """Everything about a thread, in order of its due date."""
        evidence = [Evidence(event, frozenset(CATALOGUE.refs(event))) for event in self._events.values()]
        found = fold(self.history, thread, evidence)
        shuffled = evidence * 2
        random.Random(len(evidence)).shuffle(shuffled)
        assert fold(self.history, thread, shuffled) == found
        return sorted(found, key=lambda follow_up: (follow_up.due_at, follow_up.step, follow_up.opened_at))

    def acts(self, follow_up: FollowUp) -> Acts:
        stream = f"follow-up/{follow_up.id}"
        return follow_ups.acts_of(event for event in self._events.values() if event.stream == stream)

    def owner(self, follow_up: FollowUp) -> Owner:
        return follow_ups.owner_of(follow_up, self.acts(follow_up))

    def act(self, command: Any, at: str, by: Actor = GP) -> Event:
        """Somebody does something about a follow-up. Raises Refused as the service would."""
        return self._decided(command, london(at), by)

    def sweep(self, at: str) -> list[Chase]:
        """Look at everything there is, and chase what is owed at this moment."""
        return self._swept(london(at))

    def days_pass(self, until: str) -> list[Chase]:
        """Sweep at every instant up to this one at which something falls due."""
        chases: list[Chase] = []
        while (at := self._next_at()) is not None and at <= london(until):
            found = self._swept(at)
            assert found, "a rung has fallen due, so somebody is chased"
            chases += found
        assert self._swept(london(until)) == []
        return chases

    def _open(self) -> list[FollowUp]:
        kinds = self.history.thread_kinds()
        refs = {ref for event in self._events.values() for ref in CATALOGUE.refs(event)}
        threads = sorted(ref for ref in refs if ref.partition("/")[0] in kinds)
        return [follow_up for thread in threads for follow_up in self.follow_ups(thread)]

    def _next_at(self) -> datetime | None:
        instants = [follow_ups.next_rung_at(found, self.acts(found), self.calendar()) for found in self._open()]
        return min((at for at in instants if at is not None), default=None)

    def _swept(self, at: datetime) -> list[Chase]:
        chases = []
        for found in self._open():
            acts = self.acts(found)
            if not follow_ups.owed(found, acts, self.calendar(), at):
                continue

            def find_recipients(rung: Rung, owner: Owner, found: FollowUp = found) -> tuple[str, ...]:
                recipients = DIRECTORY.find_recipients(found, rung, owner, london_date(at))
                return tuple(recipient.person for recipient in recipients)

            event = self._decided(Sweep(found, at, self.calendar(), find_recipients), at, SYSTEM)
            names = tuple(rung["name"] for rung in event.data["rungs"])
            chases.append(Chase(as_text(at), found.step, names, frozenset(event.data["recipients"])))
        return chases

    def _decided(self, command: Any, at: datetime, by: Actor) -> Event:
        stream = f"follow-up/{command.follow_up.id}"
        fact = follow_ups.decide(self.acts(command.follow_up), command, Context(now=at, actor=by, stream=stream))
        return self.record(fact.type, stream, fact.data, at, "referrals_followup", by, area=fact.area)


class Thread:
    """One referral, or one plan item: what happens to it, and what is expected of it."""

    def __init__(
        self, practice: Practice, kind: str, source: str, by: Actor, said: Mapping[str, Any], key: str | None = None
    ) -> None:
        self._practice = practice
        self._noun = kind.replace("-", "_")
        self._source = source
        self._by = by
        self.id = key or str(UUID(int=1_000 + len(practice._versions)))
        self._said = {**said, f"{self._noun}_id": self.id}
        self.name = f"{kind}/{self.id}"
        practice._versions.setdefault(self.name, 0)

    def was(
        self,
        what: str,
        at: str,
        *,
        by: Actor | None = None,
        recorded: str | None = None,
        precision: str = "minute",
        **said: Any,
    ) -> Event:
        """`what` happened at this time of London; `said` goes before what is usually said, None leaves it out."""
        event_type = what if what in CATALOGUE else f"{self._noun}.{what}.v1"
        declared = CATALOGUE[event_type].schema().fields
        known = {**{name: value for name, value in self._said.items() if fits(declared.get(name), value)}, **said}
        usual = {name: usually(name, field) for name, field in declared.items() if field.required and name not in known}
        data = {name: value for name, value in {**usual, **known}.items() if name in declared and value is not None}
        return self._practice.record(
            event_type,
            self.name,
            data,
            london(at),
            self._source,
            by or self._by,
            recorded_at=london(recorded) if recorded else None,
            precision=precision,
        )

    def retracted(self, event: Event, at: str) -> Event:
        """The entry was a mistake."""
        return self.was(RETRACTION, at, event_id=event.id, reason_code="wrong-patient")

    def all(self, step: str) -> list[FollowUp]:
        return [found for found in self._practice.follow_ups(self.name) if found.step == step]

    def the(self, step: str) -> FollowUp:
        """The one follow-up under this step."""
        (found,) = self.all(step)
        return found

    def steps(self) -> list[str]:
        return sorted(found.step for found in self._practice.follow_ups(self.name))


USUAL_WORDS = {
    "practitioner": "hv-pereira",
    "team": "hv-harwich",
    "to_team": "front-door-essex",
    "from_team": "little-oaks",
    "decided_by": "midwife-ekwueme",
    "assessed_by": "hv-pereira",
    "confirmed_by": "lead-achterberg",
    "lead": "hv-pereira",
    "manager": "hv-manager-ito",
    "from_area": "essex",
    "to_area": "norfolk",
    "area": "essex",
    "authority": "essex",
    "adviser": "pa-lindqvist",
}


def fits(declared: fields.Field | None, value: Any) -> bool:
    """Whether the field, if there is one, takes a value that another event has under the same name."""
    try:
        return value is None or declared is None or declared.deserialize(value) is not None
    except ValidationError:
        return False


def usually(name: str, field: fields.Field) -> Any:
    """A value that the field's contract takes: nobody, no, zero, the first word, a known id of the directory."""
    if isinstance(field, fields.List):
        needs_one = any(isinstance(rule, validate.Length) and rule.min for rule in field.validators)
        return [usually(name, field.inner)] if needs_one else []
    if isinstance(field, Choice):
        return field.validators[0].choices[0]  # type: ignore[attr-defined]
    if isinstance(field, fields.Boolean):
        return False
    if isinstance(field, Whole):
        return 0
    if isinstance(field, Day):
        return "2014-06-15"
    if isinstance(field, Mention):
        return PERSON
    if isinstance(field, Ref):
        return PERSON if field.metadata["ref"] == "person" else str(UUID(int=7))
    return USUAL_WORDS.get(name, "agreed")


def with_holiday(day: str) -> WorkingCalendar:
    """England's calendar with one more bank holiday."""
    more = {**CALENDAR.holidays, date.fromisoformat(day): "Extra bank holiday"}
    return WorkingCalendar(more, f"{CALENDAR.version}-and-{day}")
