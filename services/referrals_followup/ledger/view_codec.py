"""Turns a follow-up into its document in `follow_ups`, and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any

from bson.codec_options import CodecOptions

from services.referrals_followup.domain.follow_up import Acts, FollowUp, Matter, Owner, Rung, owner_of
from services.referrals_followup.ledger.totals import SUMMED_IN
from services.referrals_followup.ledger.view_schema import FollowUpView, audience_of
from shared.kernel.time import Offset

_NESTED = ("owner", "rungs", "rules", "why", "areas", "about", "holders")
_COPIED = tuple(name.name for name in fields(FollowUp) if name.name not in _NESTED)
_READ = tuple(name for name in _COPIED if name != "id")
_FIELDS = {kind: tuple(declared.name for declared in fields(kind)) for kind in (Owner, Acts)}
_WRITTEN = tuple((name, field.db_field, field.null) for name, field in FollowUpView._fields.items())

# With aware instants, reading the lines of a page takes more than twice as long.
LINE_OPTIONS: CodecOptions[dict[str, Any]] = CodecOptions(tz_aware=False)


def document_of(follow_up: FollowUp, acts: Acts, next_at: datetime | None) -> dict[str, Any]:
    """The document of a follow-up, its fields in the order of the schema. Its next rung is due at `next_at` (UTC)."""
    owner = owner_of(follow_up, acts)
    matters = [{"type": matter.type, "teams": list(matter.teams)} for matter in follow_up.matters]
    values = {
        **{name: getattr(follow_up, name) for name in _COPIED},
        "areas": list(follow_up.areas),
        "matters": matters,
        **audience_of(matters, acts.given_team),
        "asked_of": _shallow(follow_up.owner),
        "owner_role": owner.role,
        "owner_team": owner.team,
        "owner_person": owner.person,
        "rungs": [_rung_document(rung) for rung in follow_up.rungs],
        "rules": {name.replace(".", "_"): version for name, version in sorted(follow_up.rules.items())},
        "why": dict(follow_up.why),
        "holders": [_shallow(holder) for holder in follow_up.holders] or None,
        "acts": {**_shallow(acts), "chased": dict(acts.chased)},
        "next_rung_at": next_at,
        SUMMED_IN: None,  # The writer of the view sets this field.
    }
    # Mongoengine would make the same document from a FollowUpView, but more slowly than the fold. A test compares the
    # two.
    return {key: values[name] for name, key, null in _WRITTEN if values[name] is not None or null}


def follow_up_of(document: Mapping[str, Any]) -> FollowUp:
    """The follow-up of a document, which was read with aware instants."""
    values: dict[str, Any] = dict(zip(_READ, map(document.get, _READ), strict=True))
    return FollowUp(
        id=document["_id"],
        **values,
        areas=tuple(document["areas"]),
        about=tuple(Matter(matter["type"], tuple(matter["teams"])) for matter in document["matters"][1:]),
        owner=Owner(**document["asked_of"]),
        rungs=tuple(_rung_of(rung) for rung in document["rungs"]),
        rules=document["rules"],
        why=document["why"],
        holders=tuple(Owner(**holder) for holder in document.get("holders", ())),
    )


def line_of(document: dict[str, Any]) -> dict[str, Any]:
    """The document of a line, which was read with `LINE_OPTIONS`, with aware instants (UTC)."""
    acts = document["acts"]
    for name in ("opened_at", "visible_from", "due_at"):
        document[name] = document[name].replace(tzinfo=UTC)
    if acts.get("last_chased_at"):
        acts["last_chased_at"] = acts["last_chased_at"].replace(tzinfo=UTC)
    return document


def _rung_document(rung: Rung) -> dict[str, Any]:
    return {
        "name": rung.name,
        "at": rung.at,
        "to": list(rung.to),
        "urgent": rung.urgent,
        "alarm": rung.alarm,
        "repeat": rung.repeat.to_json() if rung.repeat else None,
    }


def _shallow(value: Owner | Acts) -> dict[str, Any]:
    return {name: getattr(value, name) for name in _FIELDS[type(value)]}


def _rung_of(document: Mapping[str, Any]) -> Rung:
    repeat = Offset.parse(document["repeat"]) if document["repeat"] else None
    return Rung(
        name=document["name"],
        at=document["at"],
        to=tuple(document["to"]),
        urgent=document["urgent"],
        alarm=document["alarm"],
        repeat=repeat,
    )
