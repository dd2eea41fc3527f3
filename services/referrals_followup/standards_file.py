"""Packs of practice standards, read from YAML. A faulty pack is not used; every fault is told with file and line."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import date
from pathlib import Path
from typing import Any

from marshmallow import RAISE, Schema, ValidationError, fields, validate, validates_schema

from services.referrals_followup.domain.standards import NATIONAL, PREDICATES, compile_step, offset_part
from shared.contracts.catalogue import Catalogue
from shared.kernel.time import Offset
from shared.yamlfile import Fault, FaultyFile, Located, faults, load_yaml

STEP_ID = r"^[A-Z]+-\d\d(\.[a-z-]+)?$"
RECIPIENTS = ("owner", "manager", "sender")
_PREDICATES_OF_A_FIELD = ("field_equals", "field_in", "field_at_least")


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


class _RungSchema(_Strict):
    name = fields.String(required=True, validate=validate.Regexp(r"^[a-z][a-z-]{0,30}$"))
    to = fields.List(fields.String(), required=True, validate=validate.Length(min=1))
    after = _OffsetField()
    start = fields.String(data_key="from", validate=validate.OneOf(["due", "opening"]))
    urgent = fields.Boolean()
    repeat = _OffsetField()


class _Expression(_Strict):
    field = fields.String(required=True)
    event = fields.String()


class _OwnerPart(fields.Raw):
    """`actor`, or where to read the value: a field of the opening, or of the latest event of a type."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        if value == "actor":
            return value
        if not isinstance(value, Mapping):
            raise ValidationError("is either `actor` or a mapping with `field` and, if need be, `event`")
        return _Expression().load(value)


class _OwnerSchema(_Strict):
    role = fields.String(required=True)
    team = _OwnerPart()
    person = _OwnerPart()


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
    recurs = fields.Boolean()
    fallback = fields.String()
    owner = fields.Nested(_OwnerSchema, required=True)
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
    steps = fields.Dict(
        keys=fields.String(validate=validate.Regexp(STEP_ID, error="a step is named like REF-01 or HV-02.attempt")),
        values=fields.Raw(),
        required=True,
    )


def load_packs(folder: str | Path, catalogue: Catalogue, roles: Collection[str]) -> list[dict[str, Any]]:
    """Every pack of the folder, the national one first. `roles` are those that a rung may tell.

    Raises FaultyFile that lists every fault of every file.
    """
    found: list[Fault] = []
    packs: dict[str, Located] = {}
    for path in sorted(Path(folder).glob("*.yaml")):
        try:
            located = load_yaml(path)
            _PackSchema().load(located.value if isinstance(located.value, dict) else {})
        except FaultyFile as error:
            found += error.faults
        except ValidationError as error:
            found += faults(located, error.messages)
        else:
            packs[located.value["pack"]] = located
    national = packs.get(NATIONAL)
    if national is None and not found:
        found.append(Fault(str(folder), 0, "", f"there is no pack named {NATIONAL}"))
    if national is not None:
        for located in packs.values():
            found += _faults_of_steps(located, national.value["steps"], _Judge(catalogue, roles))
    if found or national is None:
        raise FaultyFile(found)
    return [national.value, *(packs[name].value for name in sorted(packs) if name != NATIONAL)]


def _faults_of_steps(located: Located, national: Mapping[str, Any], judge: _Judge) -> list[Fault]:
    found: list[Fault] = []
    is_national = located.value["pack"] == NATIONAL
    for step_id, content in located.value["steps"].items():
        place = ("steps", step_id)
        if not isinstance(content, dict):
            found.append(located.fault(place, "is a mapping"))
            continue
        is_override = not is_national and step_id in national
        try:
            StepSchema(partial=is_override).load(content)
        except ValidationError as error:
            found += faults(located, {"steps": {step_id: error.messages}})
            continue
        if is_override and not {"basis", "source", "confidence"} <= set(content):
            found.append(located.fault(place, "an override states its own basis, source and confidence"))
        whole = {**national.get(step_id, {}), **content} if is_override else content
        known = {*national, *located.value["steps"]}
        problems = judge.problems(whole, known)
        found += [located.fault((*place, *where), message) for where, message in problems]
        if not problems:
            compile_step(step_id, whole)
    return found


class _Judge:
    """What a schema cannot see: whether event types, their fields, roles and steps that a step names exist."""

    def __init__(self, catalogue: Catalogue, roles: Collection[str]) -> None:
        self._catalogue = catalogue
        self._recipients = {*RECIPIENTS, *roles}

    def problems(self, step: Mapping[str, Any], known: Collection[str]) -> list[tuple[tuple[Any, ...], str]]:
        found: list[tuple[tuple[Any, ...], str]] = []
        opening = step["opens_on"]
        if isinstance(opening, Mapping) and "count" in opening:
            count, days = opening.get("count"), opening.get("within_days")
            if set(opening) != {"count", "of", "within_days"} or not _is_positive(count) or not _is_positive(days):
                found.append((("opens_on",), "a count has `count`, `of` and `within_days`"))
            found += self._matchers(("opens_on", "of"), opening.get("of", []))
            openers = _types(opening.get("of", []))
        else:
            found += self._matchers(("opens_on",), opening)
            openers = _types(opening)
        if not openers:
            found.append((("opens_on",), "names no event"))
        found += self._due(("due",), step["due"], openers)
        if "visible_from" in step:
            found += self._due(("visible_from",), step["visible_from"], openers)
        for part in ("met_by", "ended_by"):
            found += self._matchers((part,), step.get(part, []))
        if not step.get("met_by"):
            found.append((("met_by",), "nothing meets it; name at least one event"))
        for part in ("team", "person"):
            expression = step["owner"].get(part)
            if isinstance(expression, Mapping):
                found += self._expression(("owner", part), expression, openers)
        for index, rung in enumerate(step["ladder"]):
            unknown = [name for name in rung["to"] if name not in self._recipients]
            found += [(("ladder", index, "to"), f"nobody is known as {name}") for name in unknown]
        if step.get("fallback") and step["fallback"] not in known:
            found.append((("fallback",), f"there is no step {step['fallback']}"))
        return found

    def _matchers(self, where: tuple[Any, ...], content: Any) -> list[tuple[tuple[Any, ...], str]]:
        found: list[tuple[tuple[Any, ...], str]] = []
        for index, item in enumerate(content if isinstance(content, list) else [content]):
            place = (*where, index) if isinstance(content, list) else where
            found += self._matcher(place, item)
        return found

    def _matcher(self, place: tuple[Any, ...], item: Any) -> list[tuple[tuple[Any, ...], str]]:
        if isinstance(item, Mapping):
            if not set(item) <= {"event", "when", "via", "nth"} or item.get("via", "person") != "person":
                return [(place, "has `event` and, if need be, `when` and `via: person`")]
            event = item.get("event")
            return [
                *self._type(place, event),
                *self._predicates((*place, "when"), item.get("when", []), [event] if isinstance(event, str) else []),
            ]
        return self._type(place, item)

    def _type(self, place: tuple[Any, ...], event: Any) -> list[tuple[tuple[Any, ...], str]]:
        return [] if event in self._catalogue else [(place, f"no event type is called {event}")]

    def _predicates(
        self, where: tuple[Any, ...], content: Any, events: Collection[str]
    ) -> list[tuple[tuple[Any, ...], str]]:
        if not isinstance(content, list):
            return [(where, "is a list of predicates")]
        found: list[tuple[tuple[Any, ...], str]] = []
        for index, item in enumerate(content):
            found += self._predicate((*where, index), item, events)
        return found

    def _predicate(
        self, place: tuple[Any, ...], item: Any, events: Collection[str]
    ) -> list[tuple[tuple[Any, ...], str]]:
        if not isinstance(item, Mapping) or len(item) != 1 or next(iter(item)) not in PREDICATES:
            return [(place, f"is one of: {', '.join(PREDICATES)}")]
        ((name, argument),) = item.items()
        if name in _PREDICATES_OF_A_FIELD:
            if not isinstance(argument, list) or len(argument) != 2:
                return [(place, f"{name} takes a field and a value")]
            return self._field(place, argument[0], events)
        if name == "field_present":
            return self._field(place, argument, events)
        if name == "not":
            return self._predicate(place, argument, events)
        if name == "any_of":
            return self._predicates(place, argument, events)
        return self._matcher(place, argument)

    def _field(self, place: tuple[Any, ...], name: Any, events: Collection[str]) -> list[tuple[tuple[Any, ...], str]]:
        known = [event for event in events if event in self._catalogue]
        if not known or any(name in self._catalogue[event].schema().fields for event in known):
            return []
        return [(place, f"{' and '.join(known)} has no field {name}")]

    def _expression(
        self, place: tuple[Any, ...], expression: Mapping[str, Any], openers: Collection[str]
    ) -> list[tuple[tuple[Any, ...], str]]:
        event = expression.get("event")
        if event is None:
            return self._field(place, expression.get("field"), openers)
        return self._type(place, event) or self._field(place, expression.get("field"), [event])

    def _due(self, where: tuple[Any, ...], content: Any, openers: Collection[str]) -> list[tuple[tuple[Any, ...], str]]:
        if not isinstance(content, Mapping):
            return [(where, "is a mapping such as {working_days: 2}")]
        for several in ("earliest", "latest"):
            if several in content:
                if not isinstance(content[several], list) or len(content) != 1 or not content[several]:
                    return [(where, f"{several} is a list of due rules and stands alone")]
                parts = enumerate(content[several])
                return [fault for i, part in parts for fault in self._due((*where, several, i), part, openers)]
        if "choose" in content:
            return self._cases((*where, "choose"), content["choose"], openers)
        found: list[tuple[tuple[Any, ...], str]] = []
        anchor = content.get("after", "opening")
        if isinstance(anchor, Mapping):
            if "nth" in anchor:
                found += self._matcher((*where, "after"), anchor)
                if not _is_positive(anchor["nth"]):
                    found.append(((*where, "after", "nth"), "is a whole number from 1"))
            elif "field" in anchor:
                found += self._expression((*where, "after"), anchor, openers)
            else:
                found.append(((*where, "after"), "has `event` and `nth`, or `field`"))
        elif anchor != "opening":
            found.append(((*where, "after"), "is `opening`, or a mapping with `event` and `nth`, or `field`"))
        try:
            Offset.parse(offset_part(content))
        except ValueError as error:
            found.append((where, str(error)))
        return found

    def _cases(self, where: tuple[Any, ...], cases: Any, openers: Collection[str]) -> list[tuple[tuple[Any, ...], str]]:
        if not isinstance(cases, list) or not cases:
            return [(where, "is a list of cases")]
        found: list[tuple[tuple[Any, ...], str]] = []
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
