"""Packs of practice standards, read from YAML. A faulty pack is not used; every fault is told with file and line."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from datetime import date
from pathlib import Path
from typing import Any

from marshmallow import RAISE, Schema, ValidationError, fields, validate, validates_schema

from services.referrals_followup.domain.compiling import AREA, compile_step
from services.referrals_followup.domain.directory import MANAGER, RECEIVER, SENDER
from services.referrals_followup.domain.due_rules import EDD, OPENING, offset_part
from services.referrals_followup.domain.follow_up import OWNER
from services.referrals_followup.domain.predicates import PREDICATES
from services.referrals_followup.domain.rules_history import NATIONAL, RECORD, RESIDENCE
from services.referrals_followup.domain.standards import (
    ANY_THREAD,
    CONTINUES,
    ENDS,
    NEVER_ENDS,
    VIA,
)
from shared.config.yamlfile import Fault, FaultyFile, Located, faults, load_yaml
from shared.contracts.catalogue import Catalogue
from shared.kernel.time import Offset

Place = tuple[Any, ...]
Problem = tuple[Place, str]

ACTOR = "actor"
STEP_ID = r"[A-Z]+-\d\d(\.[a-z-]+)?"
_PREDICATES_OF_A_FIELD = ("field_equals", "field_in", "field_has_any", "field_at_least")
_VALUES: Mapping[str, Any] = {"field_in": list, "field_has_any": list, "field_at_least": int | float}
_VALUES_IN_WORDS = {"field_in": "a list", "field_has_any": "a list", "field_at_least": "a number"}
_OF_A_MATCHER = {"event", "when", "via", "agrees", "by_another"}
_NUMBERS = (
    "weeks_pregnant_from",
    "parent_of_child_under_months",
    "gave_birth_within_months",
    "child_under_months",
)
_ABOUT_PEOPLE = ("person_has", "person_had", "people_had", "siblings_had")


class _Strict(Schema):
    class Meta:
        unknown = RAISE


def _check(read: Callable[[Any], Any]) -> Callable[[Any], None]:
    def checked(value: Any) -> None:
        try:
            read(value)
        except ValueError as error:
            raise ValidationError(str(error)) from None

    return checked


class _OffsetField(fields.Raw):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(validate=_check(Offset.parse), **kwargs)


def _check_interval(value: Any) -> None:
    offset = Offset.parse(value)
    if offset.negated or not any(count for count in offset.to_json().values() if count is not True):
        raise ValueError("an interval moves forward, for example {working_days: 5}")


class _RungSchema(_Strict):
    name = fields.String(required=True, validate=validate.Regexp(r"^[a-z][a-z-]{0,30}$"))
    to = fields.List(fields.String(), required=True, validate=validate.Length(min=1))
    after = _OffsetField()
    start = fields.String(data_key="from", validate=validate.OneOf(["due", "opening"]))
    urgent = fields.Boolean()
    repeat = fields.Raw(validate=_check(_check_interval))


class _Expression(_Strict):
    field = fields.String(required=True)
    event = fields.String()


class _Listed(_Expression):
    event = fields.String(required=True)


class _OwnerPart(fields.Raw):
    """`actor`, or where to read the value: a field of the opening, or of the latest event of a type."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        if value == ACTOR:
            return value
        if not isinstance(value, Mapping):
            raise ValidationError("is either `actor` or a mapping with `field` and, if need be, `event`")
        return _Expression().load(value)


class _OwnerTeam(_OwnerPart):
    """The same, or `area`: whoever has the role in the follow-up's area, not the team that recorded the opening."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        return value if value == AREA else super()._deserialize(value, attr, data, **kwargs)


class _LatestOwner(_Strict):
    """An event that names who has it; `team` and `person` are its fields, or `actor_team` and `actor`."""

    event = fields.String(required=True)
    when = fields.Raw()
    team = fields.String(required=True)
    person = fields.String(required=True)


class _OwnerSchema(_Strict):
    role = fields.String(required=True)
    team = _OwnerTeam()
    person = _OwnerPart()
    latest = fields.List(fields.Nested(_LatestOwner), validate=validate.Length(min=1))
    at = fields.String(validate=validate.OneOf(["opening"]))


class _Said(fields.Raw):
    """Where to read a value, or a list of events of which the last on the thread says it."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        return _Listed(many=True).load(value) if isinstance(value, list) else _Expression().load(value)


class _WordOrSaid(_Said):
    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        return value if isinstance(value, str) else super()._deserialize(value, attr, data, **kwargs)


class _ReceiverSchema(_Strict):
    role = _WordOrSaid(required=True)
    team = _Said()


class StepSchema(_Strict):
    """One step of a pack. Loaded with `partial=True` for an area's overrides."""

    title = fields.String(required=True, validate=validate.Length(min=5, max=120))
    expects = fields.String(required=True, validate=validate.Length(min=5, max=300))
    thread = fields.String(required=True, validate=validate.Regexp(r"^[a-z][a-z-]*$"))
    opens_on = fields.Raw(required=True)
    due = fields.Raw(required=True)
    visible_from = fields.Raw()
    met_by = fields.Raw()
    ended_by = fields.Raw()
    urgent_when = fields.Raw()
    recurs = fields.Boolean()
    for_each_open = fields.Boolean()
    met_by_acceptance = fields.Boolean()
    area = fields.String(validate=validate.OneOf([RESIDENCE, RECORD]))
    after_loss = fields.String(validate=validate.OneOf([ENDS, CONTINUES, NEVER_ENDS]))
    fallback = fields.String()
    owner = fields.Nested(_OwnerSchema, required=True)
    receiver = fields.Nested(_ReceiverSchema)
    ladder = fields.List(fields.Nested(_RungSchema), required=True, validate=validate.Length(min=1))
    basis = fields.String(required=True, validate=validate.OneOf(["LAW", "NAT", "LOC", "DES"]))
    source = fields.String(required=True, validate=validate.Length(min=5))
    confidence = fields.String(required=True, validate=validate.OneOf(["F", "P", "M"]))
    applies_from = fields.String(required=True, validate=_check(date.fromisoformat))

    @validates_schema
    def ladder_has_an_alarm(self, data: Mapping[str, Any], **_: Any) -> None:
        ladder = data.get("ladder") or []
        names = [rung["name"] for rung in ladder]
        if len(set(names)) != len(names):
            raise ValidationError("two rungs have one name; chases could not tell them apart", "ladder")
        if any("repeat" in rung for rung in ladder[:-1]):
            raise ValidationError("only the last rung repeats", "ladder")
        if ladder and "repeat" not in ladder[-1]:
            raise ValidationError("the last rung repeats at an interval, so that nothing falls silent", "ladder")


class _PackSchema(_Strict):
    pack = fields.String(required=True, validate=validate.Regexp(r"^[a-z][a-z-]{0,30}$"))
    version = fields.String(required=True, validate=validate.Regexp(r"^[\w.-]{1,40}$"))
    steps = fields.Dict(required=True)


def load_packs(
    folder: str | Path,
    catalogue: Catalogue,
    roles: Collection[str] | None = None,
    areas: Collection[str] | None = None,
) -> list[dict[str, Any]]:
    """Every pack of the folder, the national one first.

    `roles` are those that a rung may tell, `areas` those that may have a pack; None: any. Raises FaultyFile that lists
    every fault of every file.
    """
    found: list[Fault] = []
    packs: dict[str, Located] = {}
    for path in sorted(Path(folder).glob("*.yaml")):
        try:
            located = load_yaml(path)
        except FaultyFile as error:
            found += error.faults
            continue
        if not isinstance(located.value, dict):
            found.append(located.fault((), "a pack is a mapping with `pack`, `version` and `steps`"))
            continue
        found += faults(located, _PackSchema().validate(located.value))
        name = str(located.value.get("pack"))
        if name in packs:
            found.append(located.fault(("pack",), f"{packs[name].file} is named so already"))
        if areas is not None and name not in {NATIONAL, *areas}:
            found.append(located.fault(("pack",), f"there is no area {name}, so this would never be in force"))
        packs.setdefault(name, located)
    national = packs.get(NATIONAL)
    if national is None and not found:
        found.append(Fault(str(folder), 0, "", f"there is no pack named {NATIONAL}"))
    for located in packs.values():
        found += _faults_of_steps(located, national, catalogue, roles)
    if found or national is None:
        raise FaultyFile(found)
    return [national.value, *(packs[name].value for name in sorted(packs) if name != NATIONAL)]


def _steps(located: Located) -> dict[str, Any]:
    steps = located.value.get("steps")
    return steps if isinstance(steps, dict) else {}


def _faults_of_steps(
    located: Located, national: Located | None, catalogue: Catalogue, roles: Collection[str] | None
) -> list[Fault]:
    """Those of each step as it would be in force; of an override those that the national pack does not have itself."""
    found: list[Fault] = []
    own, around = _steps(located), _steps(national) if national else {}
    for step_id, content in own.items():
        place = ("steps", step_id)
        if not isinstance(step_id, str) or not re.fullmatch(STEP_ID, step_id):
            found.append(located.fault(place, "a step is named like REF-01 or HV-02.attempt"))
            continue
        if not isinstance(content, dict):
            found.append(located.fault(place, "is a mapping"))
            continue
        # Where the national pack cannot be read, nobody can tell an override from a step of the area's own.
        is_override = located is not national and (national is None or step_id in around)
        below = around.get(step_id) if is_override else None
        whole = {**below, **content} if isinstance(below, dict) else content
        errors = StepSchema().validate(whole)
        told = {name: error for name, error in errors.items() if name in content} if is_override else errors
        found += faults(located, {"steps": {step_id: told}})
        if is_override and not {"basis", "source", "confidence"} <= set(content):
            found.append(located.fault(place, "an override states its own basis, source and confidence"))
        judge = _Judge(catalogue, roles, {*around, *own}, whole, errors)
        problems = judge.problems(whole)
        left = judge.problems(_well_formed(below)) if isinstance(below, dict) else []
        found += [
            located.fault((*place, *where), message)
            for where, message in problems
            if not is_override or where[0] in content or (where, message) not in left
        ]
        if not errors and not problems:
            compile_step(step_id, whole)
    return found


def _well_formed(step: Mapping[str, Any]) -> dict[str, Any]:
    errors = StepSchema().validate(step)
    return {name: part for name, part in step.items() if name not in errors}


class _Judge:
    """What a schema cannot see: whether event types, their fields, roles and steps that a step names exist, and
    whether the events can bear on a thread of its kind at all."""

    def __init__(
        self,
        catalogue: Catalogue,
        roles: Collection[str] | None,
        steps: Collection[str],
        whole: Mapping[str, Any],
        ill_formed: Collection[str],
    ) -> None:
        """Parts that are `ill_formed` have been told already and are not looked at."""
        self._catalogue = catalogue
        self._roles = roles
        self._steps = steps
        self._thread = None if "thread" in ill_formed else whole["thread"]
        self._named = {OWNER, MANAGER, SENDER, *([RECEIVER] if "receiver" in whole else [])}
        self._ill_formed = ill_formed

    def problems(self, step: Mapping[str, Any]) -> list[Problem]:
        step = {name: part for name, part in step.items() if name not in self._ill_formed}
        found: list[Problem] = []
        openers: list[str] = []
        if "opens_on" in step:
            openers, found = self._opening(step["opens_on"])
        for part in ("due", "visible_from"):
            if part in step:
                found += self._due((part,), step[part], openers)
        if "urgent_when" in step:
            found += self._predicates(("urgent_when",), step["urgent_when"], openers)
        for part in ("met_by", "ended_by"):
            found += self._matchers((part,), step.get(part, []))
        if not step.get("met_by") and not step.get("met_by_acceptance"):
            found.append((("met_by",), "nothing meets it; name at least one event"))
        if step.get("owner", {}).get("role") not in (None, ACTOR):
            found += self._recipients(("owner", "role"), [step["owner"]["role"]])
        for whose in ("owner", "receiver"):
            for index, named in enumerate(step.get(whose, {}).get("latest", [])):
                found += self._named_owner((whose, "latest", index), named)
            for part, expression in step.get(whose, {}).items():
                if isinstance(expression, Mapping):
                    found += self._expression((whose, part), expression, openers)
                elif isinstance(expression, list) and part != "latest":
                    for index, one in enumerate(expression):
                        found += self._expression((whose, part, index), one, openers)
                elif whose == "receiver":
                    found += self._recipients((whose, part), [expression])
        for index, rung in enumerate(step.get("ladder", [])):
            others = [name for name in rung["to"] if name not in self._named]
            found += self._recipients(("ladder", index, "to"), others)
        if "fallback" in step and step["fallback"] not in self._steps:
            found.append((("fallback",), f"there is no step {step['fallback']}"))
        return found

    def _opening(self, content: Any) -> tuple[list[str], list[Problem]]:
        """The event types that open it, and what is wrong with how they are written."""
        found: list[Problem] = []
        where: Place = ("opens_on",)
        if isinstance(content, Mapping) and "count" in content:
            count, days = content.get("count"), content.get("within_days")
            known = {"count", "of", "within_days"}
            more = {"reset_by", "once_per_record"}
            if set(content) - more != known or not _is_positive(count) or not _is_positive(days):
                found.append((where, "a count has `count`, `of`, `within_days` and, if need be, `reset_by`"))
            if not isinstance(content.get("once_per_record", False), bool):
                found.append(((*where, "once_per_record"), "is true or false"))
            found += self._matchers((*where, "reset_by"), content.get("reset_by", []))
            where, content = ("opens_on", "of"), content.get("of", [])
        found += self._matchers(where, content)
        openers = _types(content)
        return openers, found if openers else [*found, (("opens_on",), "names no event")]

    def _recipients(self, where: Place, names: Collection[str]) -> list[Problem]:
        unknown = [name for name in names if self._roles is not None and name not in self._roles]
        return [(where, f"nobody is known as {name}") for name in unknown]

    def _matchers(self, where: Place, content: Any) -> list[Problem]:
        found: list[Problem] = []
        for index, item in enumerate(content if isinstance(content, list) else [content]):
            place = (*where, index) if isinstance(content, list) else where
            found += self._matcher(place, item)
        return found

    def _matcher(self, place: Place, item: Any) -> list[Problem]:
        if isinstance(item, Mapping):
            if not {"event"} <= set(item) <= _OF_A_MATCHER or item.get("via", VIA[0]) not in VIA:
                return [(place, "has `event` and, if need be, `when` and `via: person`, `people` or `siblings`")]
            if not isinstance(item.get("by_another", False), bool):
                return [((*place, "by_another"), "is true or false")]
            event = item["event"]
            named = [event] if isinstance(event, str) else []
            return [
                *self._agreeing((*place, "agrees"), item.get("agrees", {}), named),
                *(self._type(place, event) if "via" in item else self._type_of_thread(place, event)),
                *self._predicates((*place, "when"), item.get("when", []), named),
            ]
        return self._type_of_thread(place, item)

    def _agreeing(self, place: Place, agrees: Any, events: Collection[str]) -> list[Problem]:
        if not isinstance(agrees, Mapping) or not all(isinstance(name, str) for name in agrees.values()):
            return [(place, "maps fields of this event to fields of the opening")]
        return [problem for name in agrees for problem in self._field(place, name, events)]

    def _type(self, place: Place, event: Any) -> list[Problem]:
        known = isinstance(event, str) and event in self._catalogue
        return [] if known else [(place, f"no event type is called {event}")]

    def _type_of_thread(self, place: Place, event: Any) -> list[Problem]:
        unknown = self._type(place, event)
        known = (None, ANY_THREAD)
        if unknown or self._thread in known or self._thread in self._catalogue[event].ref_kinds():
            return unknown
        return [(place, f"{event} names no {self._thread}; add `via: person` if it is about the same person")]

    def _predicates(self, where: Place, content: Any, events: Collection[str]) -> list[Problem]:
        if not isinstance(content, list):
            return [(where, "is a list of predicates")]
        found: list[Problem] = []
        for index, item in enumerate(content):
            found += self._predicate((*where, index), item, events)
        return found

    def _predicate(self, place: Place, item: Any, events: Collection[str]) -> list[Problem]:
        if not isinstance(item, Mapping) or len(item) != 1 or next(iter(item)) not in PREDICATES:
            return [(place, f"is one of: {', '.join(PREDICATES)}")]
        ((name, argument),) = item.items()
        if name in _PREDICATES_OF_A_FIELD:
            if not isinstance(argument, list) or len(argument) != 2:
                return [(place, f"{name} takes a field and a value")]
            if not isinstance(argument[1], _VALUES.get(name, object)):
                return [(place, f"the value of {name} is {_VALUES_IN_WORDS[name]}")]
            return self._field(place, argument[0], events)
        if name in ("field_present", "thread_is"):
            return self._field(place, argument, events)
        if name == "not":
            return self._predicate(place, argument, events)
        if name in ("any_of", "all_of"):
            return self._predicates(place, argument, events)
        if name in _NUMBERS:
            return [] if _is_positive(argument) else [(place, f"{name} takes a whole number from 1")]
        if name == "role_in":
            if not isinstance(argument, list) or not all(isinstance(role, str) for role in argument):
                return [(place, "role_in takes a list of roles")]
            return self._recipients(place, argument)
        if name in ("pregnant", "about_partner", "moved_with_the_person"):
            return [] if isinstance(argument, bool) else [(place, f"{name} is true or false")]
        if name in _ABOUT_PEOPLE and not isinstance(argument, Mapping):
            return self._type(place, argument)
        return self._matcher(place, {**argument, "via": "person"} if name in _ABOUT_PEOPLE else argument)

    def _field(self, place: Place, name: Any, events: Collection[str]) -> list[Problem]:
        known = [event for event in events if event in self._catalogue]
        if not isinstance(name, str):
            return [(place, "a field is named by a word")]
        if not known or any(name in self._catalogue[event].schema().fields for event in known):
            return []
        return [(place, f"{' and '.join(known)} has no field {name}")]

    def _expression(self, place: Place, expression: Mapping[str, Any], openers: Collection[str]) -> list[Problem]:
        event = expression.get("event")
        if event is None:
            return self._field(place, expression.get("field"), openers)
        return self._type(place, event) or self._field(place, expression.get("field"), [event])

    def _named_owner(self, place: Place, named: Mapping[str, str]) -> list[Problem]:
        event = named["event"]
        matcher = {"event": event, "via": "person", **({"when": named["when"]} if "when" in named else {})}
        problems = self._matcher(place, matcher)
        for part in (named["team"], named["person"]):
            if part not in (ACTOR, "actor_team"):
                problems += self._field(place, part, [event])
        return problems

    def _is_date(self, place: Place, anchor: Mapping[str, Any], openers: Collection[str]) -> list[Problem]:
        events = [event for event in ([anchor["event"]] if "event" in anchor else openers) if event in self._catalogue]
        declared = [self._catalogue[event].schema().fields.get(str(anchor["field"])) for event in events]
        if all(field is None or isinstance(field, fields.Date) for field in declared):
            return []
        return [(place, f"{anchor['field']} is not a date")]

    def _due(self, where: Place, content: Any, openers: Collection[str]) -> list[Problem]:
        if not isinstance(content, Mapping):
            return [(where, "is a mapping such as {working_days: 2}")]
        for several in ("earliest", "latest"):
            if several in content:
                if not isinstance(content[several], list) or len(content) != 1 or not content[several]:
                    return [(where, f"{several} is a list of due rules and stands alone")]
                parts = enumerate(content[several])
                return [fault for i, part in parts for fault in self._due((*where, several, i), part, openers)]
        if "choose" in content:
            if len(content) != 1:
                return [(where, "choose stands alone")]
            return self._cases((*where, "choose"), content["choose"], openers)
        found: list[Problem] = []
        anchor = content.get("after", OPENING)
        if isinstance(anchor, Mapping):
            if "nth" in anchor:
                rest = {name: value for name, value in anchor.items() if name not in ("nth", "since")}
                found += self._matcher((*where, "after"), rest)
                if not _is_positive(anchor["nth"]):
                    found.append(((*where, "after", "nth"), "is a whole number from 1"))
                if anchor.get("since", OPENING) != OPENING:
                    found.append(((*where, "after", "since"), "is `opening`: of the events from then on"))
            elif "field" in anchor and set(anchor) <= {"field", "event"}:
                found += self._expression((*where, "after"), anchor, openers)
                found += self._is_date((*where, "after"), anchor, openers)
            else:
                found.append(((*where, "after"), "has `event` and `nth`, or `field`"))
        elif anchor not in (OPENING, EDD):
            found.append(((*where, "after"), "is `opening`, `edd`, or a mapping with `event` and `nth`, or `field`"))
        try:
            Offset.parse(offset_part(content))
        except ValueError as error:
            found.append((where, str(error)))
        return found

    def _cases(self, where: Place, cases: Any, openers: Collection[str]) -> list[Problem]:
        if not isinstance(cases, list) or not cases:
            return [(where, "is a list of cases")]
        found: list[Problem] = []
        for index, case in enumerate(cases):
            place = (*where, index)
            if not isinstance(case, Mapping) or not set(case) <= {"when", "then"} or "then" not in case:
                found.append((place, "a case has `then` and, unless it is the last, `when`"))
                continue
            found += self._predicates((*place, "when"), case.get("when", []), openers)
            found += self._due((*place, "then"), case["then"], openers)
        if isinstance(cases[-1], Mapping) and cases[-1].get("when"):
            found.append((where, "the last case has no `when`, so that there is always a due date"))
        return found


def _types(content: Any) -> list[str]:
    items = content if isinstance(content, list) else [content]
    found = [item.get("event") if isinstance(item, Mapping) else item for item in items]
    return [item for item in found if isinstance(item, str)]


def _is_positive(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0
