"""Packs of practice standards, read from YAML. A faulty pack is not used; every fault names its file and line."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

from marshmallow import RAISE, Schema, ValidationError, fields, validate, validates_schema

from services.referrals_followup.domain.compiling import (
    ACTOR,
    ACTOR_TEAM,
    AREA,
    ASKED_SIDE,
    OWNER_OF_IT,
    compile_step,
    is_count,
)
from services.referrals_followup.domain.directory import MANAGER, RECEIVER, SENDER
from services.referrals_followup.domain.due_rules import check_due
from services.referrals_followup.domain.follow_up import OWNER
from services.referrals_followup.domain.predicates import (
    Place,
    Problem,
    Site,
    check_matcher,
    check_matchers,
    check_predicates,
    check_value,
    is_positive,
)
from services.referrals_followup.domain.rules_history import CALENDAR, NATIONAL, RECORD, RESIDENCE
from services.referrals_followup.domain.standards import (
    ANY_CLAIM,
    ANY_THREAD,
    CONTINUES,
    ENDS,
    NEVER_ENDS,
    PERSON,
)
from shared.config.yamlfile import Fault, FaultyFile, Located, faults, load_yaml
from shared.contracts.catalogue import Catalogue
from shared.kernel.time import Offset

STEP_ID = r"[A-Z]+-\d\d(\.[a-z-]+)?"


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
    until = fields.String()


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
    """The same, or `area`: the team with the role in the follow-up's area, not the team that recorded the opening."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        return value if value == AREA else super()._deserialize(value, attr, data, **kwargs)


class _LatestOwner(_Strict):
    """An event that names an owner; `team` and `person` are its fields, or `actor_team` and `actor`."""

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


class _ValueOrList(fields.Raw):
    """Where to read a value: one event, or a list of events of which the last on the thread decides."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        return _Listed(many=True).load(value) if isinstance(value, list) else _Expression().load(value)


class _WordOrValue(_ValueOrList):
    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        return value if isinstance(value, str) else super()._deserialize(value, attr, data, **kwargs)


class _ReceiverSchema(_Strict):
    role = _WordOrValue(required=True)
    team = _ValueOrList()


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
    guarded = fields.Boolean()
    holds = _OffsetField()
    listed_after = _OffsetField()
    told_after = _OffsetField()
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
    """Every pack of the folder, the national one first. Arguments and faults as for `locate_packs`."""
    return [located.value for located in locate_packs(folder, catalogue, roles, areas)]


def locate_packs(
    folder: str | Path,
    catalogue: Catalogue,
    roles: Collection[str] | None = None,
    areas: Collection[str] | None = None,
    *,
    instead: Located | None = None,
) -> list[Located]:
    """Every pack of the folder with its file and lines, the national one first.

    A rung may tell only these `roles`, and only these `areas` may have a pack; None allows any. A pack `instead` takes
    the place of that of the same name. Raises FaultyFile with every fault of every file.
    """
    found: list[Fault] = []
    packs: dict[str, Located] = {}
    for located in _load_files(folder, instead, found):
        if not isinstance(located.value, dict):
            found.append(located.fault((), "a pack is a mapping with `pack`, `version` and `steps`"))
            continue
        found += faults(located, _PackSchema().validate(located.value))
        name = str(located.value.get("pack"))
        if name in packs:
            found.append(located.fault(("pack",), f"{packs[name].file} is named so already"))
        if name == CALENDAR:
            found.append(located.fault(("pack",), "is what a calendar is adopted as; use `calendar import`"))
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
    return [national, *(packs[name] for name in sorted(packs) if name != NATIONAL)]


def _load_files(folder: str | Path, instead: Located | None, found: list[Fault]) -> Iterator[Located]:
    """The files of the folder that are YAML, and `instead`. The faults of the others are added to `found`."""
    given = instead.value.get("pack") if instead and isinstance(instead.value, dict) else None
    for path in sorted(Path(folder).glob("*.yaml")):
        try:
            located = load_yaml(path)
        except FaultyFile as error:
            found += error.faults
        else:
            if given is None or not isinstance(located.value, dict) or located.value.get("pack") != given:
                yield located
    if instead:
        yield instead


def _steps(located: Located) -> dict[str, Any]:
    steps = located.value.get("steps")
    return steps if isinstance(steps, dict) else {}


def _faults_of_steps(
    located: Located, national: Located | None, catalogue: Catalogue, roles: Collection[str] | None
) -> list[Fault]:
    """The faults of each step as it would be in force; for an override only those that the national pack lacks."""
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
        checker = _StepChecker(catalogue, roles, {*around, *own}, whole, errors)
        problems = checker.problems(whole)
        left = checker.problems(_well_formed(below)) if isinstance(below, dict) else []
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


class _StepChecker:
    """What a schema cannot see: whether the events, fields, roles and steps that a step names exist, and whether the
    events can name a thread of its kind. It is the `Names` by which predicates and due rules are checked."""

    def __init__(
        self,
        catalogue: Catalogue,
        roles: Collection[str] | None,
        steps: Collection[str],
        whole: Mapping[str, Any],
        ill_formed: Collection[str],
    ) -> None:
        """The schema has reported the `ill_formed` parts already; they are not looked at."""
        self._catalogue = catalogue
        self._roles = roles
        self._steps = steps
        self._thread = None if "thread" in ill_formed else whole["thread"]
        self._recipients = {OWNER, MANAGER, SENDER, *([RECEIVER] if "receiver" in whole else [])}
        self._ill_formed = ill_formed

    def problems(self, step: Mapping[str, Any]) -> list[Problem]:
        step = {name: part for name, part in step.items() if name not in self._ill_formed}
        found: list[Problem] = []
        openers: tuple[str, ...] = ()
        if "opens_on" in step:
            openers, found = self._check_opening(step["opens_on"])
            openers = (*openers, *_again(step.get("ended_by", [])))
        for part in ("due", "visible_from"):
            if part in step:
                found += check_due(step[part], Site((part,), openers, self))
        if "urgent_when" in step:
            found += check_predicates(step["urgent_when"], Site(("urgent_when",), openers, self))
        for part in ("met_by", "ended_by"):
            found += check_matchers(step.get(part, []), self._site(part))
        if not step.get("met_by") and not step.get("met_by_acceptance"):
            found.append((("met_by",), "nothing meets it; name at least one event"))
        found += self._check_parties(step, openers)
        for index, rung in enumerate(step.get("ladder", [])):
            roles = [name for name in rung["to"] if name not in self._recipients]
            found += self.check_roles(("ladder", index, "to"), roles)
        if "fallback" in step and step["fallback"] not in self._steps:
            found.append((("fallback",), f"there is no step {step['fallback']}"))
        return found

    def _site(self, *place: Any) -> Site:
        return Site(place, (), self)

    def _check_opening(self, content: Any) -> tuple[tuple[str, ...], list[Problem]]:
        """The types of event that open the step, and what is wrong with how they are written."""
        if content == ANY_CLAIM:
            return (), []
        found: list[Problem] = []
        site = self._site("opens_on")
        if is_count(content):
            count, days = content.get("count"), content.get("within_days")
            needed, allowed = {"count", "of", "within_days"}, {"reset_by", "once_per_record", "or_count", "emptied_by"}
            if set(content) - allowed != needed or not is_positive(count) or not is_positive(days):
                found += site.fault("a count has `count`, `of`, `within_days` and, if need be, `reset_by`")
            if not isinstance(content.get("once_per_record", False), bool):
                found += site.at("once_per_record").fault("is true or false")
            for index, other in enumerate(content.get("or_count", [])):
                if not isinstance(other, list) or len(other) != 2 or not all(map(is_positive, other)):
                    found += site.at("or_count", index).fault("is a count and its days, such as [5, 1095]")
            for part in ("reset_by", "emptied_by"):
                found += check_matchers(content.get(part, []), site.at(part))
            site, content = site.at("of"), content.get("of", [])
        found += check_matchers(content, site)
        openers = _types(content)
        return openers, found if openers else [*found, (("opens_on",), "names no event")]

    def _check_parties(self, step: Mapping[str, Any], openers: tuple[str, ...]) -> list[Problem]:
        """What is wrong with who owns the step and who receives it."""
        found: list[Problem] = []
        role = step.get("owner", {}).get("role")
        if role not in (None, ACTOR, ASKED_SIDE, OWNER_OF_IT):
            found += self.check_roles(("owner", "role"), [role])
        for party in ("owner", "receiver"):
            for index, entry in enumerate(step.get(party, {}).get("latest", [])):
                found += self._check_named_owner(entry, self._site(party, "latest", index))
            for part, value in step.get(party, {}).items():
                site = Site((party, part), openers, self)
                if isinstance(value, Mapping):
                    found += check_value(value, site)
                elif isinstance(value, list) and part != "latest":
                    found += [problem for i, one in enumerate(value) for problem in check_value(one, site.at(i))]
                elif party == "receiver":
                    found += self.check_roles((party, part), [value])
        return found

    def _check_named_owner(self, entry: Mapping[str, str], site: Site) -> list[Problem]:
        matcher = {"event": entry["event"], "via": PERSON, **({"when": entry["when"]} if "when" in entry else {})}
        fields_named = [part for part in (entry["team"], entry["person"]) if part not in (ACTOR, ACTOR_TEAM)]
        here = site.about(entry["event"])
        return [
            *check_matcher(matcher, site),
            *(problem for part in fields_named for problem in here.check_field(part)),
        ]

    def check_event(self, place: Place, event: Any) -> list[Problem]:
        known = isinstance(event, str) and event in self._catalogue
        return [] if known else [(place, f"no event type is called {event}")]

    def check_event_of_thread(self, place: Place, event: Any) -> list[Problem]:
        unknown = self.check_event(place, event)
        if unknown or self._thread in (None, ANY_THREAD) or self._thread in self._catalogue[event].ref_kinds():
            return unknown
        return [(place, f"{event} names no {self._thread}; add `via: person` if it is about the same person")]

    def check_field(self, place: Place, field: Any, events: Collection[str]) -> list[Problem]:
        known = [event for event in events if event in self._catalogue]
        if not isinstance(field, str):
            return [(place, "a field is named by a word")]
        if not known or any(field in self._catalogue[event].schema().fields for event in known):
            return []
        return [(place, f"{' and '.join(known)} has no field {field}")]

    def check_date(self, place: Place, field: Any, events: Collection[str]) -> list[Problem]:
        known = [event for event in events if event in self._catalogue]
        declared = [self._catalogue[event].schema().fields.get(str(field)) for event in known]
        if all(one is None or isinstance(one, fields.Date) for one in declared):
            return []
        return [(place, f"{field} is not a date")]

    def check_roles(self, place: Place, roles: Collection[str]) -> list[Problem]:
        unknown = [role for role in roles if self._roles is not None and role not in self._roles]
        return [(place, f"nobody is known as {role}") for role in unknown]


def _again(content: Any) -> tuple[str, ...]:
    """The types of event that start again what had ended."""
    items = content if isinstance(content, list) else [content]
    return tuple(one for item in items if isinstance(item, Mapping) for one in _types(item.get("until", [])))


def _types(content: Any) -> tuple[str, ...]:
    items = content if isinstance(content, list) else [content]
    found = [item.get("event") if isinstance(item, Mapping) else item for item in items]
    return tuple(item for item in found if isinstance(item, str))
