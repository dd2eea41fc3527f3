"""The events of `perinatal`: people, pregnancies, referrals, support, moves, concerns, and agencies' notifications."""

from __future__ import annotations

from marshmallow import fields, validate

from shared.contracts.catalogue import HEALTH, OPERATIONAL, SOCIAL_CARE, EventType
from shared.contracts.fields import Choice, Day, EventData, Mention, PossibleDuplicate, Ref, Slug, Whole, YesNo
from shared.contracts.words import (
    ACCUMULATION_DECISIONS,
    ACTION_AGENCIES,
    ACTION_EVIDENCE,
    ACTION_KINDS,
    ACTION_REPLACED,
    AGE_BANDS,
    AGENCIES,
    ASSESSED,
    CANCELLED_BY,
    CARE_SERVICES,
    CASE_KINDS,
    CASE_NEWS,
    CHANNELS,
    CLOSING_CHECKS,
    CLOSING_REASONS,
    CONCERNS,
    CONSULTATION_ADVICE,
    CONSULTATION_MENTIONS,
    CONSULTATION_SIDES,
    CONTACT_ABOUT,
    CONTACT_DECISIONS,
    CONTACT_REVIEWS,
    CONTACT_SOURCES,
    DETAILS,
    EDD_SOURCES,
    FEEDBACKS,
    HANDOVER_ATTEMPTS,
    HANDOVER_CONTEXTS,
    HARM_DECISIONS,
    HARM_TOLD_BY,
    HARM_WHEN,
    HARMS,
    HOLDER_ENDINGS,
    HOLDER_KINDS,
    INJURIES,
    INJURY_DECISIONS,
    INJURY_LOOKED_FOR,
    LINK_REASONS,
    LOOKED_FOR,
    MEDICALS,
    MEETINGS,
    MOBILITIES,
    NOT_ATTENDED,
    NOT_FOUND,
    NOTIFICATIONS,
    NOTIFIED,
    OFFERS,
    ON_WORD_OF,
    OPEN_ITEMS,
    OUTCOME_TO,
    PARTNER_IS,
    PLACES,
    PRACTITIONERS,
    PREGNANCY_CONCERNS,
    PREGNANCY_OUTCOMES,
    PROTECTIONS,
    RECHECKS,
    REPORTED_BY,
    REVIEWS,
    SCREEN_OUTCOMES,
    SCREENING_OUTCOMES,
    SCREENS,
    SERVICE_KINDS,
    SEVERITIES,
    SITES,
    STRATEGY_OUTCOMES,
    SUPPORT_DECISIONS,
    SUPPORT_KINDS,
    SUPPORT_REVIEWS,
    TOLD_BY,
    TOLD_OF_A_CASE,
    UNHELD_RISKS,
    URGENCIES,
)


class PersonRegistered(EventData):
    """`possible_duplicates`: people registered before who may be this one. Others answer whether they are."""

    person_id = Ref("person", required=True)
    nhs_number_known = fields.Boolean(required=True)
    possible_duplicates = fields.List(fields.Nested(PossibleDuplicate), validate=validate.Length(1, 50))


class ConditionRecorded(EventData):
    condition_id = Ref("condition", required=True)
    person_id = Ref("person", required=True)
    code = Slug(required=True, metadata={"examples": ["depression"]})
    severity = Choice(*SEVERITIES)


class ReferralData(EventData):
    referral_id = Ref("referral", required=True)
    person_id = Ref("person", required=True)


class ReferralAddressed(ReferralData):
    service = Choice(*CARE_SERVICES, required=True)
    service_kind = Choice(*SERVICE_KINDS, required=True)
    urgency = Choice(*URGENCIES, required=True)
    to_team = Slug(names="team")
    condition_id = Ref("condition")


class ReferralIntended(ReferralAddressed):
    reason_code = Slug(required=True)


class ReferralSent(ReferralAddressed):
    """`evidence`: a reference of the sending is held (its text is private)."""

    channel = Choice(*CHANNELS, required=True)
    evidence = fields.Boolean(required=True)
    reason_code = Slug()


class ReferralWithdrawn(ReferralData):
    reason_code = Slug(required=True)
    decided_by = Slug(names="worker", required=True)


class ReferralAcknowledged(ReferralData):
    """`reported_by` sender: the receiver's person and reference are held (private)."""

    reported_by = Choice(*REPORTED_BY, required=True)
    channel = Choice(*CHANNELS)


class ReferralRedirected(ReferralData):
    to_service = Choice(*CARE_SERVICES, required=True)
    to_service_kind = Choice(*SERVICE_KINDS, required=True)
    to_team = Slug(names="team")
    reason_code = Slug()


class ReferralEnded(ReferralData):
    """Any step that needs a reason and nothing else."""

    reason_code = Slug(required=True)


class ReferralAppointmentBooked(ReferralData):
    appointment_on = Day(required=True)


class ReferralNotAttended(ReferralData):
    how = Choice(*NOT_ATTENDED, required=True)


class ReferralAppointmentCancelled(ReferralData):
    by = Choice(*CANCELLED_BY, required=True)


class ReferralOutcomeReturned(ReferralData):
    outcome_code = Slug(required=True)
    to = Choice(*OUTCOME_TO, required=True)


class ReferralAssessed(ReferralData):
    """The assessment was held; `treat` asks for treatment to start."""

    outcome = Choice(*ASSESSED, required=True)


class ReferralAlternative(ReferralData):
    """What the referrer does instead, after a rejection or a question."""

    alternative_code = Slug(required=True)


class ReferralMissContacted(ReferralData):
    """Whoever was missed asked why."""

    why_code = Slug(required=True)


class ReferralMissesReviewed(ReferralData):
    """After misses in a row: the safeguarding discussion, and that the referrer was told."""

    decision_code = Slug(required=True)
    referrer_told = YesNo(required=True)


class AboutPerson(EventData):
    person_id = Ref("person", required=True)


# --- people -------------------------------------------------------------------------------------------------------


class PersonLinked(AboutPerson):
    """Two ids are one person: a named person says so. A number re-issued on adoption is never linked."""

    other_person_id = Ref("person", required=True)
    reason = Choice(*LINK_REASONS, required=True)
    confirmed_by = Slug(names="worker", required=True)


class PersonUnlinked(AboutPerson):
    other_person_id = Ref("person", required=True)
    reason_code = Slug(required=True)
    confirmed_by = Slug(names="worker", required=True)


class PersonProtected(AboutPerson):
    """Only the team that says so, and the area's safeguarding leads, confirm the person's moves and links."""

    reason = Choice(*PROTECTIONS, required=True)


class PersonUnprotected(AboutPerson):
    reason_code = Slug(required=True)


class PersonCorrected(AboutPerson):
    """Which details were corrected; their values are private. `number_person_id`: the id that other services make
    from the corrected NHS number."""

    details = fields.List(Choice(*DETAILS), required=True, validate=validate.Length(1, len(DETAILS)))
    nhs_number_known = YesNo(required=True)
    number_person_id = Mention()


class PersonToldApart(AboutPerson):
    """Somebody looked: the person is none of these others."""

    others = fields.List(Mention(), required=True, validate=validate.Length(1, 50))
    confirmed_by = Slug(names="worker", required=True)


class PersonDied(AboutPerson):
    """`family` are those whose workers must not be chased about what was expected for the one who died."""

    family = fields.List(Ref("person"), required=True)


class PractitionerAssigned(AboutPerson):
    """Who is named for a person in a role; `practitioner` and `team` are directory ids."""

    role = Choice(*PRACTITIONERS, required=True)
    practitioner = Slug(names="worker", required=True)
    team = Slug(names="team", required=True)


class AdultJoinedHousehold(AboutPerson):
    """An adult came to live with `person_id` and these children."""

    adult_id = Ref("person", required=True)
    children = fields.List(Ref("person"), required=True)


class BereavementChecked(AboutPerson):
    """Who must be told of a loss or a death was gone through, and they were told."""

    pregnancy_id = Ref("pregnancy")
    told = fields.List(Choice(*PRACTITIONERS), required=True)


class ReviewStep(AboutPerson):
    """A review of the Healthy Child Programme: of the child, or antenatal and then of the pregnancy.

    `birth_known`: whether the service knows the day of the child's birth, with which the review was compared.
    """

    review = Choice(*REVIEWS, required=True)
    pregnancy_id = Ref("pregnancy")
    birth_known = YesNo()


class AccumulationLeadNamed(AboutPerson):
    lead = Slug(names="worker", required=True)
    team = Slug(names="team", required=True)


class AccumulationReviewed(AboutPerson):
    """The merged chronology was read and a decision taken, by a named lead."""

    decision = Choice(*ACCUMULATION_DECISIONS, required=True)
    lead = Slug(names="worker", required=True)
    look_again_on = Day(metadata={"description": "of `monitor`: the day to look again"})


class ContactsReviewed(AboutPerson):
    """Contacts about a household were read together. Only those that are named in `contacts` count as read."""

    decision = Choice(*CONTACT_REVIEWS, required=True)
    reviewer = Slug(names="worker", required=True)
    contacts = fields.List(Ref("contact"), required=True, validate=validate.Length(1, 50))


class ClosingsReviewed(AboutPerson):
    """What led to the closing of these cases was read again, by somebody who closed none of them."""

    decision = Choice(*CONTACT_REVIEWS, required=True)
    reviewer = Slug(names="worker", required=True)
    case_ids = fields.List(Ref("case"), required=True, validate=validate.Length(1, 50))


# --- pregnancies --------------------------------------------------------------------------------------------------


class PregnancyData(AboutPerson):
    """`person_id` is the mother."""

    pregnancy_id = Ref("pregnancy", required=True)


class PregnancyKnown(PregnancyData):
    """`mother_age_band`: her completed years that day, as far as the service knows her date of birth."""

    edd = Day()
    edd_source = Choice(*EDD_SOURCES)
    concerns = fields.List(Choice(*PREGNANCY_CONCERNS), required=True)
    mother_age_band = Choice(*AGE_BANDS)


class EddCorrected(PregnancyData):
    edd = Day(required=True)
    edd_source = Choice(*EDD_SOURCES, required=True)


class PregnancyConcernNoted(PregnancyData):
    concern = Choice(*PREGNANCY_CONCERNS, required=True)


class PartnerNamed(PregnancyData):
    """`partner_known`: the partner has an id made from an NHS number, so other services know the same id."""

    partner_id = Ref("person", required=True)
    relation = Choice(*PARTNER_IS, required=True)
    partner_known = YesNo(required=True)
    partner_age_band = Choice(*AGE_BANDS)


class CareLeaverLearnt(PregnancyData):
    """A parent is a care leaver: a fact that opens a question, never an assessment. `contact_team` keeps the plan."""

    parent_id = Ref("person", required=True)
    contact_team = Slug(names="team")


class PregnancyEnded(PregnancyData):
    """A birth names every child by id; its time is the day of birth. `parents` are mother and named partners."""

    outcome = Choice(*PREGNANCY_OUTCOMES, required=True)
    children = fields.List(Ref("person"), required=True)
    parents = fields.List(Ref("person"), required=True)


class PregnancyJoined(PregnancyData):
    """Two records are of one pregnancy: what ends the one closes what is asked for in both. `other_person_id`: the
    mother in the other record, if she has another id there."""

    other_pregnancy_id = Ref("pregnancy", required=True)
    other_person_id = Ref("person")
    confirmed_by = Slug(names="worker", required=True)


class ScreeningDecided(PregnancyData):
    outcome = Choice(*SCREENING_OUTCOMES, required=True)
    reason_code = Slug(required=True)
    decided_by = Slug(names="worker", required=True)


class PrebirthReferred(PregnancyData):
    to_team = Slug(names="team")


class AssessmentCompleted(PregnancyData):
    shared_with = fields.List(Choice(*PRACTITIONERS), required=True)


class StrategyDecided(PregnancyData):
    outcome = Choice(*STRATEGY_OUTCOMES, required=True)


class PregnancyReasoned(PregnancyData):
    reason_code = Slug(required=True)


class ParentChecksRecorded(AboutPerson):
    """Both parents were checked: history, care status, adviser; and who was told."""

    pregnancy_id = Ref("pregnancy")
    parents = fields.List(Ref("person"), required=True)
    told = fields.List(Choice(*PRACTITIONERS), required=True)


# --- screens, support and offers ----------------------------------------------------------------------------------


class ScreenData(AboutPerson):
    screen_id = Ref("screen", required=True)


class ScreenRecorded(ScreenData):
    """The score only, and whether the item about harm to oneself was above zero. No question text anywhere."""

    tool = Choice(*SCREENS, required=True)
    score = Whole(0, max(SCREENS.values()), required=True)
    self_harm = YesNo(required=True)
    pregnancy_id = Ref("pregnancy")


class ScreenFollowedUp(ScreenData):
    outcome = Choice(*SCREEN_OUTCOMES, required=True)
    assessed_by = Slug(names="worker", required=True)


class SupportData(AboutPerson):
    support_id = Ref("support", required=True)


class SupportStarted(SupportData):
    kind = Choice(*SUPPORT_KINDS, required=True)
    pregnancy_id = Ref("pregnancy")


class SupportSessionMissed(SupportData):
    how = Choice(*NOT_ATTENDED, required=True)


class SupportMissContacted(SupportData):
    """Whoever was missed asked why."""

    why_code = Slug(required=True)


class SupportMissesReviewed(SupportData):
    """After misses in a row: the safeguarding discussion, and that the referrer was told."""

    decision_code = Slug(required=True)
    referrer_told = YesNo(required=True)


class SupportReviewed(SupportData):
    """`stage` mid: at the fourth visit; end: at the eighth. The repeated score goes with it where there is one."""

    stage = Choice(*SUPPORT_REVIEWS, required=True)
    decision = Choice(*SUPPORT_DECISIONS, required=True)
    reason_code = Slug(required=True)
    tool = Choice(*SCREENS)
    score = Whole(0, max(SCREENS.values()))


class SupportReasoned(SupportData):
    reason_code = Slug(required=True)


class OfferData(AboutPerson):
    offer_id = Ref("offer", required=True)


class OfferMade(OfferData):
    what = Choice(*OFFERS, required=True)


class OfferDeferred(OfferData):
    re_offer_by = Day()


class OfferEnded(OfferData):
    """`manager` agreed; the person's own words are private, that they were asked is not."""

    reason_code = Slug(required=True)
    manager = Slug(names="worker", required=True)
    view_given = YesNo(required=True)


# --- moves and handovers ------------------------------------------------------------------------------------------


class MoveData(AboutPerson):
    move_id = Ref("move", required=True)


class MoveTold(MoveData):
    """`recorded_in`: the area of the two in which whoever records it acts; for who acts in both, the one left."""

    recorded_in = Slug(names="area")


class HouseholdMoved(MoveTold):
    """`people` moved from one area to another, `person_id` among them. `handover_needed`: more than universal work."""

    people = fields.List(Ref("person"), required=True, validate=validate.Length(min=1, max=30))
    from_area = Slug(names="area", required=True)
    to_area = Slug(names="area", required=True)
    told_by = Choice(*TOLD_BY, required=True)
    handover_needed = YesNo(required=True)


class HandoverAttempted(MoveTold):
    outcome = Choice(*HANDOVER_ATTEMPTS, required=True)
    channel = Choice(*CHANNELS, required=True)
    to_team = Slug(names="team")


class HandoverGiven(MoveTold):
    """`contexts` name what the account, which stays private, is about."""

    contexts = fields.List(Choice(*HANDOVER_CONTEXTS), required=True, validate=validate.Length(min=1))
    channel = Choice(*CHANNELS, required=True)
    to_team = Slug(names="team")


class HandoverAcknowledged(MoveData):
    """`practitioner` and `team` take over; by the sender, the receiver's person and reference are held (private)."""

    reported_by = Choice(*REPORTED_BY, required=True)
    practitioner = Slug(names="worker")
    team = Slug(names="team", required=True)
    channel = Choice(*CHANNELS)


# --- concerns and injuries ----------------------------------------------------------------------------------------


class ConcernData(AboutPerson):
    """`person_id` is the child."""

    concern_id = Ref("concern", required=True)


class ConcernRaised(ConcernData):
    kind = Choice(*CONCERNS, required=True)
    seen = YesNo(required=True)
    group_id = Slug(metadata={"description": "the same for every notice of one event"})


class InjuryReported(ConcernData):
    """`seen`: whoever reports it saw the child. `presented`: to a GP or an emergency department."""

    kind = Choice(*INJURIES, required=True)
    site = Choice(*SITES, required=True)
    mobility = Choice(*MOBILITIES, required=True)
    seen = YesNo(required=True)
    clustered = YesNo(required=True)
    presented = YesNo(required=True)
    group_id = Slug(metadata={"description": "the same for every notice of one event"})


class HarmAlleged(ConcernData):
    """Somebody says that a child was harmed. Nothing need be seen. `when` is as it was told."""

    kind = Choice(*HARMS, required=True)
    told_by = Choice(*HARM_TOLD_BY, required=True)
    when = Choice(*HARM_WHEN, required=True)
    injury = Choice(*INJURY_LOOKED_FOR, required=True)
    access_continues = YesNo(
        required=True, metadata={"description": "whether the person named can still be with the child"}
    )
    group_id = Slug(metadata={"description": "the same for every notice of one event"})


class HarmDecided(ConcernData):
    """What follows on alleged harm. A medical was considered in any case, also where nothing was seen."""

    medical = Choice(*MEDICALS, required=True)
    decision = Choice(*HARM_DECISIONS, required=True)
    decided_by = Slug(names="worker", required=True)


class ChildSeen(ConcernData):
    """By a professional; `clinician`: one who can judge an injury. `spoken_to`: the child was, in their own way."""

    clinician = YesNo(required=True)
    by = Slug(names="worker", metadata={"description": "who saw the child, if somebody else records it"})
    alone = YesNo()
    awake = YesNo()
    spoken_to = YesNo()
    home_seen = YesNo()
    bedroom_seen = YesNo()


class ChildNotFound(ConcernData):
    """A visit or a search in vain: who looked for the child, where, and why they did not find them."""

    how = Choice(*LOOKED_FOR, required=True)
    place = Choice(*PLACES, required=True)
    reason = Choice(*NOT_FOUND, required=True)
    by = Slug(names="worker", metadata={"description": "who looked for the child, if somebody else records it"})
    police_told = YesNo()


class InjuryDecided(ConcernData):
    """Whether the explanation fits, and what follows. `senior`: a second, senior professional took part."""

    decision = Choice(*INJURY_DECISIONS, required=True)
    decided_by = Slug(names="worker", required=True)
    senior = YesNo()


# --- consultations ------------------------------------------------------------------------------------------------


class ConsultationData(EventData):
    """`person_id` is the child, once one is named."""

    consultation_id = Ref("consultation", required=True)
    person_id = Ref("person")


class ConsultationHeld(ConsultationData):
    """As one side tells it: what was mentioned, and what was advised."""

    named = YesNo(required=True)
    side = Choice(*CONSULTATION_SIDES, required=True)
    mentions = fields.List(Choice(*CONSULTATION_MENTIONS), required=True)
    advice = Choice(*CONSULTATION_ADVICE, required=True)
    to_team = Slug(names="team", required=True)


class ConsultationAccount(ConsultationData):
    side = Choice(*CONSULTATION_SIDES, required=True)
    mentions = fields.List(Choice(*CONSULTATION_MENTIONS), required=True)


class ConsultationOutcomeGiven(ConsultationData):
    channel = Choice(*CHANNELS, required=True)


class ConsultationRechecked(ConsultationData):
    outcome = Choice(*RECHECKS, required=True)


class ConsultationLinked(ConsultationData):
    person_id = Ref("person", required=True)


class ConsultationReferred(ConsultationLinked):
    """`referral_id`: the referral that was sent. Without it, this is a claim and meets nothing."""

    referral_id = Ref("referral")


# --- between professionals ----------------------------------------------------------------------------------------


class NotificationData(AboutPerson):
    notification_id = Ref("notification", required=True)
    to_role = Choice(*NOTIFIED, required=True)
    condition_id = Ref("condition")
    pregnancy_id = Ref("pregnancy")


class NotificationSent(NotificationData):
    about = Choice(*NOTIFICATIONS, required=True)
    to_team = Slug(names="team")
    channel = Choice(*CHANNELS, required=True)


class NotificationAcknowledged(NotificationData):
    reported_by = Choice(*REPORTED_BY, required=True)
    channel = Choice(*CHANNELS)


class ContactData(AboutPerson):
    contact_id = Ref("contact", required=True)


class ContactReceived(ContactData):
    """Anybody may make contact, such as a school or a neighbour. So `from_team` need not be in the directory.

    `source`: who speaks. A contact without one is of a professional, as all were before it was asked. Only a
    professional has a team and an id here: the name of anybody else is private. `on_word_of`: on whose word the police,
    or another professional, passes it on. `happened_on`: the day of what it is about. `people`: who else it is about.
    """

    from_team = Slug()
    from_person = Slug()
    channel = Choice(*CHANNELS, required=True)
    source = Choice(*CONTACT_SOURCES)
    on_word_of = Choice(*ON_WORD_OF)
    feedback = Choice(*FEEDBACKS)
    anonymity_asked = YesNo()
    about = fields.List(Choice(*CONTACT_ABOUT), validate=validate.Length(1, len(CONTACT_ABOUT)))
    people = fields.List(Ref("person"), validate=validate.Length(max=30))
    group_id = Slug(metadata={"description": "the same for every notice of one event"})
    happened_on = Day()


class ContactDecided(ContactData):
    decision = Choice(*CONTACT_DECISIONS, required=True)


class ContactReferrerTold(ContactData):
    channel = Choice(*CHANNELS, required=True)


class ContactChased(ContactData):
    """The referrer, who has heard nothing, asked what was decided."""

    channel = Choice(*CHANNELS, required=True)


class CaseData(AboutPerson):
    """An agency's case about these people."""

    case_id = Ref("case", required=True)
    agency = Choice(*AGENCIES, required=True)
    people = fields.List(Ref("person"), required=True, validate=validate.Length(min=1, max=30))


class CaseOpened(CaseData):
    kind = Choice(*CASE_KINDS, required=True)


class CaseClosed(CaseData):
    reason_code = Slug(required=True)


class CaseClosedWithReason(CaseData):
    """Who was told that day, who authorised the closing, and who leads the care from now on."""

    reason = Choice(*CLOSING_REASONS, required=True)
    told = fields.List(Choice(*TOLD_OF_A_CASE), required=True)
    authorised_by = Slug(names="worker", required=True)
    next_lead = Slug(names="worker")


class CaseHolderNamed(CaseData):
    """`holder` of `team` holds the case from then on."""

    holder = Slug(names="worker", required=True)
    team = Slug(names="team", required=True)
    held_as = Choice(*HOLDER_KINDS, required=True)


class CaseHolderEnded(CaseData):
    holder = Slug(names="worker", required=True)
    reason = Choice(*HOLDER_ENDINGS, required=True)


class CaseLeavingAnnounced(CaseData):
    """`holder` of `team` holds the case until `last_day`."""

    holder = Slug(names="worker", required=True)
    team = Slug(names="team", required=True)
    last_day = Day(required=True)


class CaseHandoverGiven(CaseData):
    """What is still open, as codes; the account of it is private."""

    to_holder = Slug(names="worker", required=True)
    to_team = Slug(names="team", required=True)
    open_items = fields.List(Choice(*OPEN_ITEMS), required=True)
    joint_visit = YesNo(required=True)


class CaseTakenOn(CaseData):
    """`holder` of `team` holds the case from then on: the new holder says so, or it is reported for them."""

    holder = Slug(names="worker", required=True)
    team = Slug(names="team", required=True)
    reported_by = Choice(*REPORTED_BY, required=True)
    channel = Choice(*CHANNELS)


class CaseUnheldReviewed(CaseData):
    """A manager looked at a case that nobody holds."""

    risk = Choice(*UNHELD_RISKS, required=True)
    child_seen_on = Day()


class CaseTold(CaseData):
    """`not_there`: whom there is not to tell, such as a referrer of a case that nobody referred."""

    to = fields.List(Choice(*TOLD_OF_A_CASE), required=True, validate=validate.Length(min=1))
    not_there = fields.List(Choice(*TOLD_OF_A_CASE))
    about = Choice(*CASE_NEWS, required=True)
    channel = Choice(*CHANNELS, required=True)


class CaseClosingProposed(CaseData):
    """The agency means to close the case on `close_on`, after the checks."""

    close_on = Day(required=True)
    reason = Choice(*CLOSING_REASONS, required=True)


class CaseClosingChecked(CaseData):
    """`checks` were made, and those that are `missing` were not."""

    checks = fields.List(Choice(*CLOSING_CHECKS), required=True)
    missing = fields.List(Choice(*CLOSING_CHECKS), required=True)


# --- decided actions ----------------------------------------------------------------------------------------------


class ActionData(AboutPerson):
    """What a meeting decided that somebody does about a person, or about an unborn child: then of the pregnancy."""

    action_id = Ref("action", required=True)


class ActionDecided(ActionData):
    """What is to be done stays private. `owner` of `team` does it by `due_on`, as far as that is known.

    `chair` of `chair_team` goes through what is open at the next meeting.
    """

    meeting = Choice(*MEETINGS, required=True)
    kind = Choice(*ACTION_KINDS, required=True)
    agency = Choice(*ACTION_AGENCIES)
    owner = Slug(names="worker")
    team = Slug(names="team")
    due_on = Day()
    chair = Slug(names="worker", required=True)
    chair_team = Slug(names="team", required=True)
    next_meeting_on = Day()
    case_id = Ref("case")
    pregnancy_id = Ref("pregnancy")


class ActionArranged(ActionData):
    """Whose it is and by when. A later day does not move the first one: replace the action for that."""

    owner = Slug(names="worker", required=True)
    team = Slug(names="team", required=True)
    agency = Choice(*ACTION_AGENCIES)
    due_on = Day(required=True)


class ActionDone(ActionData):
    """It was done, and what shows it. Its reference stays private."""

    evidence = Choice(*ACTION_EVIDENCE, required=True)
    referral_id = Ref("referral")


class ActionReplaced(ActionData):
    reason = Choice(*ACTION_REPLACED, required=True)
    replaced_by = Ref("action")


class ActionSwept(ActionData):
    """A meeting went through what is open, this action among it."""

    meeting = Choice(*MEETINGS, required=True)
    next_meeting_on = Day()


# Who hears an event. The follow-up service hears every event. `leaving_care` hears the events that may affect a care
# leaver.
_USUAL = ("perinatal", "referrals_followup")
_AND_LEAVING_CARE = ("perinatal", "leaving_care", "referrals_followup")


def _type(name: str, schema: type[EventData], hearers: tuple[str, ...], disclosure: str) -> EventType:
    return EventType(name, schema, speakers=("perinatal",), hearers=hearers, disclosure=disclosure)


TYPES = (
    _type("person.registered.v1", PersonRegistered, _USUAL, OPERATIONAL),
    _type("person.corrected.v1", PersonCorrected, _USUAL, OPERATIONAL),
    _type("person.told_apart.v1", PersonToldApart, _USUAL, OPERATIONAL),
    _type("condition.recorded.v1", ConditionRecorded, _USUAL, HEALTH),
    _type("referral.intended.v1", ReferralIntended, _USUAL, HEALTH),
    _type("referral.sent.v1", ReferralSent, _USUAL, HEALTH),
    _type("referral.withdrawn.v1", ReferralWithdrawn, _USUAL, HEALTH),
    _type("referral.acknowledged.v1", ReferralAcknowledged, _USUAL, HEALTH),
    _type("referral.accepted.v1", ReferralData, _USUAL, HEALTH),
    _type("referral.rejected.v1", ReferralEnded, _USUAL, HEALTH),
    _type("referral.redirected.v1", ReferralRedirected, _USUAL, HEALTH),
    _type("referral.more_info_requested.v1", ReferralData, _USUAL, HEALTH),
    _type("referral.more_info_given.v1", ReferralData, _USUAL, HEALTH),
    _type("referral.offered.v1", ReferralData, _USUAL, HEALTH),
    _type("referral.appointment_booked.v1", ReferralAppointmentBooked, _USUAL, HEALTH),
    _type("referral.attended.v1", ReferralData, _USUAL, HEALTH),
    _type("referral.not_attended.v1", ReferralNotAttended, _USUAL, HEALTH),
    _type("referral.appointment_cancelled.v1", ReferralAppointmentCancelled, _USUAL, HEALTH),
    _type("referral.treatment_started.v1", ReferralData, _USUAL, HEALTH),
    _type("referral.treatment_ended.v1", ReferralEnded, _USUAL, HEALTH),
    _type("referral.outcome_returned.v1", ReferralOutcomeReturned, _USUAL, HEALTH),
    _type("referral.closed.v1", ReferralEnded, _USUAL, HEALTH),
    _type("referral.assessed.v1", ReferralAssessed, _USUAL, HEALTH),
    _type("referral.treatment_declined.v1", ReferralData, _USUAL, HEALTH),
    _type("referral.alternative_recorded.v1", ReferralAlternative, _USUAL, HEALTH),
    _type("referral.outcome_acknowledged.v1", ReferralData, _USUAL, HEALTH),
    _type("referral.miss_contacted.v1", ReferralMissContacted, _USUAL, HEALTH),
    _type("referral.misses_reviewed.v1", ReferralMissesReviewed, _USUAL, HEALTH),
    _type("person.linked.v1", PersonLinked, _AND_LEAVING_CARE, OPERATIONAL),
    _type("person.unlinked.v1", PersonUnlinked, _AND_LEAVING_CARE, OPERATIONAL),
    _type("person.protected.v1", PersonProtected, _USUAL, SOCIAL_CARE),
    _type("person.unprotected.v1", PersonUnprotected, _USUAL, SOCIAL_CARE),
    _type("person.died.v1", PersonDied, _AND_LEAVING_CARE, OPERATIONAL),
    _type("practitioner.assigned.v1", PractitionerAssigned, _USUAL, OPERATIONAL),
    _type("household.adult_joined.v1", AdultJoinedHousehold, _AND_LEAVING_CARE, SOCIAL_CARE),
    _type("bereavement.checked.v1", BereavementChecked, _USUAL, HEALTH),
    _type("review.offered.v1", ReviewStep, _USUAL, HEALTH),
    _type("review.completed.v1", ReviewStep, _USUAL, HEALTH),
    _type("review.declined.v1", ReviewStep, _USUAL, HEALTH),
    _type("accumulation.lead_named.v1", AccumulationLeadNamed, _USUAL, SOCIAL_CARE),
    _type("accumulation.reviewed.v1", AccumulationReviewed, _USUAL, SOCIAL_CARE),
    _type("contacts.reviewed.v1", ContactsReviewed, _USUAL, SOCIAL_CARE),
    _type("closing.reread.v1", ClosingsReviewed, _USUAL, SOCIAL_CARE),
    _type("closings.reviewed.v1", ClosingsReviewed, _USUAL, SOCIAL_CARE),
    _type("pregnancy.booked.v1", PregnancyKnown, _AND_LEAVING_CARE, HEALTH),
    _type("pregnancy.notified.v1", PregnancyKnown, _AND_LEAVING_CARE, HEALTH),
    _type("pregnancy.edd_corrected.v1", EddCorrected, _USUAL, HEALTH),
    _type("pregnancy.concern_noted.v1", PregnancyConcernNoted, _USUAL, HEALTH),
    _type("pregnancy.partner_named.v1", PartnerNamed, _AND_LEAVING_CARE, HEALTH),
    _type("pregnancy.care_leaver_learnt.v1", CareLeaverLearnt, _USUAL, HEALTH),
    _type("pregnancy.joined.v1", PregnancyJoined, _USUAL, HEALTH),
    _type("pregnancy.ended.v1", PregnancyEnded, _AND_LEAVING_CARE, HEALTH),
    _type("prebirth.screening_decided.v1", ScreeningDecided, _USUAL, SOCIAL_CARE),
    _type("prebirth.referred.v1", PrebirthReferred, _USUAL, SOCIAL_CARE),
    _type("prebirth.referral_accepted.v1", PregnancyData, _USUAL, SOCIAL_CARE),
    _type("prebirth.assessment_started.v1", PregnancyData, _USUAL, SOCIAL_CARE),
    _type("prebirth.assessment_completed.v1", AssessmentCompleted, _USUAL, SOCIAL_CARE),
    _type("prebirth.strategy_decided.v1", StrategyDecided, _USUAL, SOCIAL_CARE),
    _type("prebirth.conference_held.v1", PregnancyData, _USUAL, SOCIAL_CARE),
    _type("prebirth.threshold_not_met.v1", PregnancyReasoned, _USUAL, SOCIAL_CARE),
    _type("parent.checks_recorded.v1", ParentChecksRecorded, _USUAL, SOCIAL_CARE),
    _type("screen.recorded.v1", ScreenRecorded, _USUAL, HEALTH),
    _type("screen.followed_up.v1", ScreenFollowedUp, _USUAL, HEALTH),
    _type("support.started.v1", SupportStarted, _USUAL, HEALTH),
    _type("support.session_held.v1", SupportData, _USUAL, HEALTH),
    _type("support.session_missed.v1", SupportSessionMissed, _USUAL, HEALTH),
    _type("support.miss_contacted.v1", SupportMissContacted, _USUAL, HEALTH),
    _type("support.misses_reviewed.v1", SupportMissesReviewed, _USUAL, HEALTH),
    _type("support.reviewed.v1", SupportReviewed, _USUAL, HEALTH),
    _type("support.ended.v1", SupportReasoned, _USUAL, HEALTH),
    _type("offer.made.v1", OfferMade, _USUAL, HEALTH),
    _type("offer.accepted.v1", OfferData, _USUAL, HEALTH),
    _type("offer.declined.v1", OfferData, _USUAL, HEALTH),
    _type("offer.deferred.v1", OfferDeferred, _USUAL, HEALTH),
    _type("offer.fallback_started.v1", OfferMade, _USUAL, HEALTH),
    _type("offer.ended.v1", OfferEnded, _USUAL, HEALTH),
    _type("household.moved.v1", HouseholdMoved, _AND_LEAVING_CARE, SOCIAL_CARE),
    _type("handover.attempted.v1", HandoverAttempted, _USUAL, SOCIAL_CARE),
    _type("handover.given.v1", HandoverGiven, _USUAL, SOCIAL_CARE),
    _type("handover.acknowledged.v1", HandoverAcknowledged, _USUAL, SOCIAL_CARE),
    _type("handover.first_contact_made.v1", MoveData, _USUAL, SOCIAL_CARE),
    _type("concern.raised.v1", ConcernRaised, _USUAL, SOCIAL_CARE),
    _type("injury.reported.v1", InjuryReported, _USUAL, SOCIAL_CARE),
    _type("child.seen.v1", ChildSeen, _USUAL, SOCIAL_CARE),
    _type("child.not_found.v1", ChildNotFound, _USUAL, SOCIAL_CARE),
    _type("harm.alleged.v1", HarmAlleged, _USUAL, SOCIAL_CARE),
    _type("harm.decided.v1", HarmDecided, _USUAL, SOCIAL_CARE),
    _type("injury.decided.v1", InjuryDecided, _USUAL, SOCIAL_CARE),
    _type("consultation.held.v1", ConsultationHeld, _USUAL, SOCIAL_CARE),
    _type("consultation.account_added.v1", ConsultationAccount, _USUAL, SOCIAL_CARE),
    _type("consultation.outcome_given.v1", ConsultationOutcomeGiven, _USUAL, SOCIAL_CARE),
    _type("consultation.outcome_acknowledged.v1", ConsultationData, _USUAL, SOCIAL_CARE),
    _type("consultation.rechecked.v1", ConsultationRechecked, _USUAL, SOCIAL_CARE),
    _type("consultation.linked.v1", ConsultationLinked, _USUAL, SOCIAL_CARE),
    _type("consultation.referred.v1", ConsultationReferred, _USUAL, SOCIAL_CARE),
    _type("notification.sent.v1", NotificationSent, _USUAL, HEALTH),
    _type("notification.acknowledged.v1", NotificationAcknowledged, _USUAL, HEALTH),
    _type("contact.received.v1", ContactReceived, _USUAL, SOCIAL_CARE),
    _type("contact.decided.v1", ContactDecided, _USUAL, SOCIAL_CARE),
    _type("contact.referrer_told.v1", ContactReferrerTold, _USUAL, SOCIAL_CARE),
    _type("contact.chased.v1", ContactChased, _USUAL, SOCIAL_CARE),
    _type("case.opened.v1", CaseOpened, _USUAL, SOCIAL_CARE),
    _type("case.closed.v1", CaseClosed, _USUAL, SOCIAL_CARE),
    _type("case.closed.v2", CaseClosedWithReason, _USUAL, SOCIAL_CARE),
    _type("case.holder_named.v1", CaseHolderNamed, _USUAL, SOCIAL_CARE),
    _type("case.holder_ended.v1", CaseHolderEnded, _USUAL, SOCIAL_CARE),
    _type("case.leaving_announced.v1", CaseLeavingAnnounced, _USUAL, SOCIAL_CARE),
    _type("case.handover_given.v1", CaseHandoverGiven, _USUAL, SOCIAL_CARE),
    _type("case.taken_on.v1", CaseTakenOn, _USUAL, SOCIAL_CARE),
    _type("case.unheld_reviewed.v1", CaseUnheldReviewed, _USUAL, SOCIAL_CARE),
    _type("case.told.v1", CaseTold, _USUAL, SOCIAL_CARE),
    _type("case.closing_proposed.v1", CaseClosingProposed, _USUAL, SOCIAL_CARE),
    _type("case.closing_checked.v1", CaseClosingChecked, _USUAL, SOCIAL_CARE),
    _type("action.decided.v1", ActionDecided, _USUAL, SOCIAL_CARE),
    _type("action.arranged.v1", ActionArranged, _USUAL, SOCIAL_CARE),
    _type("action.done.v1", ActionDone, _USUAL, SOCIAL_CARE),
    _type("action.replaced.v1", ActionReplaced, _USUAL, SOCIAL_CARE),
    _type("action.swept.v1", ActionSwept, _USUAL, SOCIAL_CARE),
)
