"""Each date, score, count and reference of every contract has its bounds, or a stated reason for having none.

A date or a number is bounded by a row of the table of doubts, by its contract, or by a check of the record. The time of
an entry is bounded by what it cannot come before. A reference is bounded because its record has to be known.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest
from marshmallow import Schema, fields

from services.leaving_care.api.care_leavers import REGISTRATION as LEAVER
from services.leaving_care.domain import care_leaver, plan_item
from services.leaving_care.domain.doubts import DOUBTS as OF_LEAVING_CARE
from services.perinatal.api.lookups import KNOWN
from services.perinatal.api.people import REGISTRATION as PERSON
from services.perinatal.domain import condition, referral
from services.perinatal.domain.doubts import DOUBTS as OF_PERINATAL
from shared.contracts import CATALOGUE
from shared.contracts.fields import Instant, Ref
from shared.contracts.urgent import ALARMS
from shared.kernel.tables import Row
from tests.unit.practice import PACKS
from tests.unit.records import MODULES

TABLES = {**OF_PERINATAL, **OF_LEAVING_CARE}
RECORDING = {"perinatal", "leaving_care"}
ROWS: Mapping[str, Row] = {
    event_type: row
    for module in (*MODULES.values(), condition, referral, care_leaver, plan_item)
    for event_type, row in module.ROWS.items()
}

BY_A_SERVICE = "a service works it out; nobody types it"
BY_THE_DIRECTORY = "the file of the directory is checked when it is loaded"
# Dates and numbers without a row of the tables.
REASONS: Mapping[str, str] = {
    "entitlement_review_on": BY_A_SERVICE,
    "happened_on": "a contact can raise an alarm, so it is recorded whatever the day of what it is about",
    "score": "the row of the record compares it with the highest score of the tool",
    **dict.fromkeys(("absences.first", "absences.last", "closed_on", "left_on"), BY_THE_DIRECTORY),
    **dict.fromkeys(("added", "changed", "gone"), BY_A_SERVICE),
    **dict.fromkeys(("as_of", "due_at", "rungs.at", "complete_until", "until", "findings.since"), BY_A_SERVICE),
    **dict.fromkeys(("findings.count", "last", "manifest.number", "parked.count"), BY_A_SERVICE),
}
# References to records that need not be known where they are recorded, by field.
UNKNOWN_HERE: Mapping[str, str] = {
    "care_leaver_id": "the route of a plan item looks the care leaver up; other entries are in their record",
    **dict.fromkeys(("follow_up_id", "glass_id", "objection_id"), "it is the record itself"),
    **dict.fromkeys(("contacts", "case_ids"), "what is named and not known here empties no count"),
    "other_person_id": "the other id may be of another service",
    "parent_id": BY_A_SERVICE,
    "household_person_id": "the household is known to the other service",
    "plan_item_id": "it is the record itself",
    "pregnancy_id": "leaving care knows of a pregnancy from the other service",
    "move_id": "leaving care knows of a move from the other service",
    "person_id": "the record is about this person",
    "replaced_by": "the route of an action looks the other action up",
}
ANY_ORDER = "such entries are made in any order, and each may be the first that is known"
BEFORE_THE_RECORD = "it may have happened before the record began"
# Entries whose time is bounded by nothing but the future. Nothing of a record comes before its beginning, and what can
# raise an alarm is recorded whatever its day, so these need no reason here.
ANY_TIME: Mapping[str, str] = {
    **dict.fromkeys(("record.retracted.v1", "record.claim_confirmed.v1", "record.claim_rejected.v1"), BY_A_SERVICE),
    "record.doubts_confirmed.v1": BY_A_SERVICE,
    **dict.fromkeys(("private_part.erased.v1", "position.reported.v1", "check.finished.v1"), BY_A_SERVICE),
    **dict.fromkeys(("pregnancy.care_leaver_learnt.v1", "care_leaver.move_learnt.v1"), BY_A_SERVICE),
    **dict.fromkeys(("parenthood.learnt.v1", "parenthood.lost.v1"), BY_A_SERVICE),
    **dict.fromkeys(("person.linked.v1", "person.unlinked.v1", "practitioner.assigned.v1"), BEFORE_THE_RECORD),
    **dict.fromkeys(("household.adult_joined.v1", "accumulation.lead_named.v1"), BEFORE_THE_RECORD),
    **dict.fromkeys(("accumulation.reviewed.v1", "parent.checks_recorded.v1"), BEFORE_THE_RECORD),
    **dict.fromkeys(("contacts.reviewed.v1", "closing.reread.v1", "closings.reviewed.v1"), BEFORE_THE_RECORD),
    **dict.fromkeys(("person.protected.v1", "person.unprotected.v1"), BEFORE_THE_RECORD),
    **dict.fromkeys(("person.corrected.v1", "care_leaver.corrected.v1"), "details may be corrected at any time"),
    "child.not_found.v1": "somebody may have looked for the child before the concern was recorded",
    **dict.fromkeys(("person.told_apart.v1", "care_leaver.told_apart.v1"), "somebody may look at any time"),
    "pregnancy.edd_corrected.v1": "its bounds are those of the date that it brings",
    "pregnancy.concern_noted.v1": BEFORE_THE_RECORD,
    "pregnancy.partner_named.v1": BEFORE_THE_RECORD,
    "pregnancy.joined.v1": "somebody may look at any time",
    **dict.fromkeys(("prebirth.screening_decided.v1", "prebirth.referred.v1"), ANY_ORDER),
    **dict.fromkeys(("prebirth.assessment_started.v1", "prebirth.strategy_decided.v1"), ANY_ORDER),
    **dict.fromkeys(("prebirth.conference_held.v1", "prebirth.threshold_not_met.v1"), ANY_ORDER),
    "referral.alternative_recorded.v1": "something else may have begun before the answer came",
    **dict.fromkeys(("handover.attempted.v1", "handover.given.v1"), "a handover may be given before the move"),
    "handover.first_contact_made.v1": "the new area may have met the family before the move",
    "child.seen.v1": "the child may have been seen before the concern was raised",
    **dict.fromkeys(("care_leaver.category_changed.v1", "care_leaver.entitlement_decided.v1"), BEFORE_THE_RECORD),
    **dict.fromkeys(("care_leaver.reminded.v1", "care_leaver.ending_planned.v1"), BEFORE_THE_RECORD),
    "care_leaver.authority_told.v1": BEFORE_THE_RECORD,
    "adviser.assigned.v1": BEFORE_THE_RECORD,
    **dict.fromkeys(("pa_contact.made.v1", "pa_contact.failed.v1", "pa_contact.lost.v1"), BEFORE_THE_RECORD),
    **dict.fromkeys(("pathway.assessed.v1", "pathway.planned.v1", "pathway.reviewed.v1"), BEFORE_THE_RECORD),
    **dict.fromkeys(("accommodation.changed.v1", "care_leaver.moved.v1"), BEFORE_THE_RECORD),
    **dict.fromkeys(("authority.confirmed.v1", "parenthood.acknowledged.v1"), BEFORE_THE_RECORD),
    "support_offer.made.v1": BEFORE_THE_RECORD,
    "plan_item.arranged.v1": ANY_ORDER,
    "plan_item.offered.v1": "the offer may be older than the item in the plan",
    "plan_item.fallback_started.v1": "the fallback may be older than the item in the plan",
}


def fields_of(schema: Schema, path: str = "") -> Iterator[tuple[str, fields.Field]]:
    """Each field of a contract, with its path."""
    for name, declared in schema.fields.items():
        inner = declared.inner if isinstance(declared, fields.List) else declared
        if isinstance(inner, fields.Nested):
            yield from fields_of(inner.schema, f"{path}{name}.")
        else:
            yield path + name, inner


CONTRACTS = [(one.name, path, field) for one in CATALOGUE for path, field in fields_of(one.schema())]
MEASURES = [
    (event_type, path)
    for event_type, path, field in CONTRACTS
    if isinstance(field, fields.Date | fields.DateTime | fields.Number | Instant)
]
PRIVATE = [
    (body.event_type, name)
    for body in (PERSON, LEAVER)
    for name, field in body.private.items()
    if isinstance(field, fields.Date | fields.Number)
]
REFERENCES = [(event_type, path, field) for event_type, path, field in CONTRACTS if isinstance(field, Ref)]


def is_bounded(event_type: str, name: str) -> bool:
    return any(doubt.field == name for doubt in TABLES.get(event_type, ()))


@pytest.mark.parametrize(("event_type", "name"), [*MEASURES, *PRIVATE])
def test_a_date_a_score_and_a_count_has_its_bounds_or_a_reason(event_type: str, name: str) -> None:
    assert is_bounded(event_type, name) or name in REASONS, f"bound {name} in domain/doubts.py, or say why not"


def test_there_are_dates_scores_and_counts_to_ask_about() -> None:
    assert {name for _, name in (*MEASURES, *PRIVATE)} >= {"edd", "score", "date_of_birth", "review_by", "added"}


@pytest.mark.parametrize(("event_type", "name", "field"), REFERENCES)
def test_a_reference_is_to_a_record_that_has_to_be_known_or_there_is_a_reason(
    event_type: str, name: str, field: Ref
) -> None:
    kind = field.metadata["ref"]
    is_own = name == f"{kind.replace('-', '_')}_id" and ROWS.get(event_type) is not None
    assert kind in KNOWN or is_own or name in UNKNOWN_HERE


@pytest.mark.parametrize("event_type", sorted(one.name for one in CATALOGUE if RECORDING & set(one.speakers)))
def test_an_entry_has_a_bound_for_its_time_or_a_reason(event_type: str) -> None:
    row = ROWS.get(event_type)
    reasons = [
        is_bounded(event_type, "occurred_at"),
        row is not None and row.may_begin,
        event_type in ALARMS,
        event_type in ANY_TIME,
    ]
    assert any(reasons), f"say in domain/doubts.py what {event_type} cannot come before, or here why nothing"


def test_no_reason_is_given_for_what_has_bounds() -> None:
    assert [event_type for event_type in ANY_TIME if is_bounded(event_type, "occurred_at")] == []
    measures = {name for _, name in MEASURES}
    assert set(REASONS) <= measures
    assert set(ANY_TIME) <= {one.name for one in CATALOGUE}


def test_every_row_of_the_tables_is_about_an_event_and_a_field_of_its_body() -> None:
    private = {"date_of_birth"}
    for event_type, doubts in TABLES.items():
        declared = {*CATALOGUE[event_type].schema().fields, *private, "occurred_at"}
        assert {doubt.field for doubt in doubts} <= declared, event_type


# What a doubt compares an entry with that may be missing, and the step that then asks for it.
ASKED_FOR = {
    "edd-far-out": "DATA-01.birth",  # its gap: without the date, somebody is asked for it at once
    "pregnancy-length": "DATA-01.birth",
    "second-live-pregnancy": "DATA-01.birth",
    "mother-age": "DATA-01.age",
    "child-born-another-day": "HV-01.new-birth",  # the birth that names the child is the day of birth
}
OF_REVIEWS = "DATA-01.birthday"
# Doubts about what the entry itself says, or about what the record has to hold before the entry can follow.
NEEDS_NOTHING_ELSE = {
    "appointment-later",
    "born-long-ago",
    "care-leaver-age",
    "day-far-out",
    "day-passed",
    "edd-moved-far",
    "equal-support",
    "missed-twice",
    "out-of-order",
    "score-and-self-harm",
}


def test_what_a_doubt_rests_on_is_asked_for_where_it_may_be_missing() -> None:
    codes = {doubt.code for doubts in TABLES.values() for doubt in doubts}
    assert codes == ASKED_FOR.keys() | NEEDS_NOTHING_ELSE
    assert {*ASKED_FOR.values(), OF_REVIEWS} <= PACKS["england"]["steps"].keys()
