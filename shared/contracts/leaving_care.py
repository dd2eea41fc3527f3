"""The events of `leaving_care`: care leavers, their advisers, and the items of their pathway plans."""

from __future__ import annotations

from marshmallow import fields, validate

from shared.contracts.catalogue import LEAVING_CARE, EventType
from shared.contracts.fields import Choice, Day, EventData, Mention, PossibleDuplicate, Ref, Slug, YesNo
from shared.contracts.words import (
    ACCOMMODATIONS,
    CARE_LEAVER_CATEGORIES,
    DETAILS,
    ENDING_TOPICS,
    ENTITLEMENT_DECISIONS,
    PA_CONTACTS,
    PARENTHOODS,
    PATHWAY_REVIEWS,
    PLAN_ITEM_CONDITIONS,
    PLAN_ITEM_FALLBACKS,
    PLAN_ITEM_KINDS,
)


class CareLeaverData(EventData):
    care_leaver_id = Ref("care-leaver", required=True)
    person_id = Ref("person", required=True)


class CategoryDetermined(CareLeaverData):
    """`entitlement_review_on`: the end of the quarter in which age next changes the entitlement; never a birthday."""

    category = Choice(*CARE_LEAVER_CATEGORIES, required=True)
    entitlement_review_on = Day()


class CareLeaverRegistered(CategoryDetermined):
    """`possible_duplicates`: care leavers registered before who may be this one."""

    possible_duplicates = fields.List(fields.Nested(PossibleDuplicate), validate=validate.Length(1, 50))


class CareLeaverCorrected(CareLeaverData):
    """Which details were corrected; their values are private. `number_person_id`: the id that other services make
    from the corrected NHS number. `entitlement_review_on` follows from the corrected birthday."""

    details = fields.List(Choice(*DETAILS), required=True, validate=validate.Length(1, len(DETAILS)))
    number_person_id = Mention()
    entitlement_review_on = Day()


class CareLeaverToldApart(CareLeaverData):
    """Somebody looked: the care leaver is none of these others."""

    others = fields.List(Mention(), required=True, validate=validate.Length(1, 50))
    confirmed_by = Slug(names="worker", required=True)


class EntitlementDecided(CareLeaverData):
    """`entitlement_review_on`: the end of the next quarter in which age changes the entitlement, if there is one."""

    decision = Choice(*ENTITLEMENT_DECISIONS, required=True)
    decided_by = Slug(names="worker", works_as="personal_adviser", required=True)
    entitlement_review_on = Day()


class SupportAskedFor(CareLeaverData):
    """`how` they asked, or how they were told that they may. `entitlement_review_on` as for a decision."""

    how = Choice(*PA_CONTACTS, required=True)
    entitlement_review_on = Day()


class EndingPlanned(CareLeaverData):
    """`agreed`: whether the young person agrees with what is planned. Their own words are private."""

    topics = fields.List(
        Choice(*ENDING_TOPICS),
        required=True,
        validate=validate.Length(1, len(ENDING_TOPICS)),
        metadata={"description": "what was planned for; `children` are their own"},
    )
    agreed = YesNo(required=True, metadata={"description": "whether the young person agrees with the plan"})


class AuthorityTold(CareLeaverData):
    """`authority`: the area where they now live. Without their agreement nothing is told, and this is recorded too."""

    authority = Slug(
        names="area", required=True, metadata={"description": "the area where they now live, which is told"}
    )
    agreed = YesNo(
        required=True, metadata={"description": "whether the young person agrees; without it nobody is told"}
    )


class AdviserAssigned(CareLeaverData):
    """`adviser` and `team` are directory ids."""

    adviser = Slug(names="worker", required=True)
    team = Slug(names="team", required=True)


class AdviserEnded(CareLeaverData):
    adviser = Slug(names="worker", required=True)
    reason_code = Slug(required=True)


class PaContact(CareLeaverData):
    how = Choice(*PA_CONTACTS, required=True)


class AboutParenthood(CareLeaverData):
    """Of which pregnancy, or of whose household, as far as it is said."""

    pregnancy_id = Ref("pregnancy")
    household_person_id = Ref("person")


class PathwayReviewed(AboutParenthood):
    reason = Choice(*PATHWAY_REVIEWS, required=True)


class AccommodationChanged(CareLeaverData):
    """`provided_by_authority`: SI 2010/2571 reg.8(2) asks for visits. `area` is where it lies."""

    kind = Choice(*ACCOMMODATIONS, required=True)
    provided_by_authority = YesNo(required=True)
    area = Slug(names="area", required=True)


class CareLeaverMoved(CareLeaverData):
    """`out_of_area`: the responsible authority stays responsible."""

    to_area = Slug(names="area", required=True)
    out_of_area = YesNo(required=True)


class CareLeaverMoveLearnt(CareLeaverMoved):
    """`perinatal` said that they moved. `out_of_area`: away from the area that is responsible for them."""

    move_id = Ref("move", required=True)


class AuthorityConfirmed(CareLeaverData):
    authority = Slug(names="area", required=True)


class ParenthoodLearnt(AboutParenthood):
    """`perinatal` said that this care leaver is to be a parent, or has to do with a child."""

    kind = Choice(*PARENTHOODS, required=True)


class ParenthoodLost(AboutParenthood):
    """`perinatal` said that the pregnancy ended in a loss, or that a child died."""


class SupportOfferMade(AboutParenthood):
    support_code = Slug(required=True)


class PlanItemData(CareLeaverData):
    plan_item_id = Ref("plan-item", required=True)


class PlanItemAdded(PlanItemData):
    """`condition` says when it is to be offered, `fallback` what is to happen if it is not taken up."""

    kind = Choice(*PLAN_ITEM_KINDS, required=True)
    condition = Choice(*PLAN_ITEM_CONDITIONS, required=True)
    fallback = Choice(*PLAN_ITEM_FALLBACKS, required=True)
    review_by = Day()


class PlanItemArranged(PlanItemData):
    """`owner` is a directory id; `trigger_code` says what will show that the condition is met."""

    owner = Slug(names="worker", required=True)
    trigger_code = Slug(required=True)
    fallback = Choice(*PLAN_ITEM_FALLBACKS, required=True)
    review_by = Day(required=True)


class PlanItemDeferred(PlanItemData):
    re_offer_by = Day()


class PlanItemReviewed(PlanItemData):
    next_review_by = Day()


class PlanItemEnded(PlanItemData):
    """`manager` agreed to it, by directory id; the young person's own words are private."""

    reason_code = Slug(required=True)
    young_person_view_given = YesNo(required=True)
    manager = Slug(names="worker", works_as="personal_adviser", required=True)


# Who hears an event. The follow-up service hears every event. `perinatal` hears the events that may affect a pregnancy.
_USUAL = ("leaving_care", "referrals_followup")
_AND_PERINATAL = ("leaving_care", "perinatal", "referrals_followup")


def _type(name: str, schema: type[EventData], hearers: tuple[str, ...], disclosure: str) -> EventType:
    return EventType(name, schema, speakers=("leaving_care",), hearers=hearers, disclosure=disclosure)


TYPES = (
    _type("care_leaver.registered.v1", CareLeaverRegistered, _AND_PERINATAL, LEAVING_CARE),
    _type("care_leaver.corrected.v1", CareLeaverCorrected, _USUAL, LEAVING_CARE),
    _type("care_leaver.told_apart.v1", CareLeaverToldApart, _USUAL, LEAVING_CARE),
    _type("care_leaver.category_changed.v1", CategoryDetermined, _USUAL, LEAVING_CARE),
    _type("care_leaver.entitlement_decided.v1", EntitlementDecided, _USUAL, LEAVING_CARE),
    _type("care_leaver.support_requested.v1", SupportAskedFor, _USUAL, LEAVING_CARE),
    _type("care_leaver.reminded.v1", SupportAskedFor, _USUAL, LEAVING_CARE),
    _type("care_leaver.ending_planned.v1", EndingPlanned, _USUAL, LEAVING_CARE),
    _type("care_leaver.authority_told.v1", AuthorityTold, _USUAL, LEAVING_CARE),
    _type("adviser.assigned.v1", AdviserAssigned, _AND_PERINATAL, LEAVING_CARE),
    _type("adviser.ended.v1", AdviserEnded, _USUAL, LEAVING_CARE),
    _type("pa_contact.made.v1", PaContact, _USUAL, LEAVING_CARE),
    _type("pa_contact.failed.v1", PaContact, _USUAL, LEAVING_CARE),
    _type("pa_contact.lost.v1", CareLeaverData, _USUAL, LEAVING_CARE),
    _type("pathway.assessed.v1", CareLeaverData, _USUAL, LEAVING_CARE),
    _type("pathway.planned.v1", CareLeaverData, _USUAL, LEAVING_CARE),
    _type("pathway.reviewed.v1", PathwayReviewed, _USUAL, LEAVING_CARE),
    _type("accommodation.changed.v1", AccommodationChanged, _USUAL, LEAVING_CARE),
    _type("care_leaver.moved.v1", CareLeaverMoved, _USUAL, LEAVING_CARE),
    _type("care_leaver.move_learnt.v1", CareLeaverMoveLearnt, _USUAL, LEAVING_CARE),
    _type("authority.confirmed.v1", AuthorityConfirmed, _USUAL, LEAVING_CARE),
    _type("parenthood.learnt.v1", ParenthoodLearnt, _USUAL, LEAVING_CARE),
    _type("parenthood.acknowledged.v1", AboutParenthood, _USUAL, LEAVING_CARE),
    _type("parenthood.lost.v1", ParenthoodLost, _USUAL, LEAVING_CARE),
    _type("support_offer.made.v1", SupportOfferMade, _USUAL, LEAVING_CARE),
    _type("plan_item.added.v1", PlanItemAdded, _USUAL, LEAVING_CARE),
    _type("plan_item.arranged.v1", PlanItemArranged, _USUAL, LEAVING_CARE),
    _type("plan_item.offered.v1", PlanItemData, _USUAL, LEAVING_CARE),
    _type("plan_item.taken_up.v1", PlanItemData, _USUAL, LEAVING_CARE),
    _type("plan_item.declined.v1", PlanItemData, _USUAL, LEAVING_CARE),
    _type("plan_item.deferred.v1", PlanItemDeferred, _USUAL, LEAVING_CARE),
    _type("plan_item.reviewed.v1", PlanItemReviewed, _USUAL, LEAVING_CARE),
    _type("plan_item.fallback_started.v1", PlanItemData, _USUAL, LEAVING_CARE),
    _type("plan_item.completed.v1", PlanItemData, _USUAL, LEAVING_CARE),
    _type("plan_item.ended.v1", PlanItemEnded, _USUAL, LEAVING_CARE),
)
