"""The bodies, queries and answers of the follow-up service's HTTP API."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from services.referrals_followup.api.filters import ANY, SORTS, STATES
from services.referrals_followup.domain.claims import CLAIM_STATES, LOWERINGS, OPENED
from services.referrals_followup.domain.digest_text import BASES
from services.referrals_followup.domain.follow_up import OPEN
from shared.contracts.circle import WHY
from shared.contracts.fields import Choice, Ref, Slug, YesNo
from shared.web.fields import AsOf, Body, FreeText, Instant, OccurredOn
from shared.web.openapi import NextRequest
from shared.web.pages import PageQuery
from shared.web.rows import Rows

_STEP = r"^[A-Z]+-\d\d(\.[a-z-]+)?\Z"


def _step(**options: Any) -> fields.String:
    return fields.String(validate=validate.Regexp(_STEP, error="is not a standard's id, such as REF-01"), **options)


class ScopeQuery(Body):
    """What narrows both the list and the summary. Without `area`, they cover every area of your token."""

    area = Slug()
    team = Slug()
    standard = _step(metadata={"examples": ["REF-01"]})


class FollowUpsQuery(ScopeQuery, PageQuery):
    owner = Slug()
    step = _step(metadata={"examples": ["CL-01.revisit"]})
    state = Choice(*STATES, ANY, load_default=OPEN)
    overdue_by_days = fields.Integer(validate=validate.Range(0, 36_500))
    person = Ref("person")
    inherited = fields.Boolean()
    sort = Choice(*SORTS, *(f"-{name}" for name in SORTS), load_default="due_at")
    as_of = AsOf()

    @validates_schema(skip_on_field_errors=False, pass_original=True)
    def _as_of_somebody(self, data: Any, original: Any, **_: Any) -> None:
        if "as_of" in original and not {"person", "team"} & set(original):
            raise ValidationError("is answered for one `person` or one `team`; name it", "as_of")


class AsOfQuery(Body):
    """`as_of` is an instant or a day of the past. Without it, the answer is as of now."""

    as_of = AsOf()


class ChronologyQuery(AsOfQuery, PageQuery):
    pass


class StandardsQuery(Body):
    area = Slug()
    at = AsOf()


class NoteBody(Body):
    """`note` is free text. It never leaves this service."""

    note = FreeText()


class NotedBody(Body):
    note = FreeText(required=True)


class AssignedBody(Body):
    person = Slug(required=True)
    team = Slug()


class ReasonBody(NoteBody):
    reason_code = Slug(required=True)


class EndedBody(NoteBody):
    """The routine reasons `recorded_elsewhere`, `declined` and `moved_out_of_reach` never end a guarded follow-up."""

    # The decision checks it: a request that earlier versions answered gets its answer again, whatever its reason was.
    reason_code = Slug(required=True)


class ReassignmentBody(Body):
    from_person = Slug(required=True)
    to_person = Slug(required=True)
    team = Slug()
    preview = YesNo(load_default=False)


class EmptyBody(Body):
    """The body may be empty."""


class EvidenceAnswer(Schema):
    """Up to when the evidence behind the answer is complete. It is stale when a source has reported nothing for more
    than five minutes. `set_aside` counts the parked messages and threads, which the answer leaves out."""

    complete_until = Instant(required=True, allow_none=True)
    stale = fields.Boolean(required=True)
    sources = fields.Dict(keys=fields.String(), values=Instant(allow_none=True), required=True)
    set_aside = fields.Integer(required=True)


class OwnerAnswer(Schema):
    role = fields.String(required=True)
    team = fields.String(required=True, allow_none=True)
    person = fields.String(required=True, allow_none=True)


class LinksAnswer(Schema):
    """`record` is the address of the record in the service that recorded it. Only permitted readers can open it."""

    follow_up = fields.String(required=True)
    record = fields.String(required=True, allow_none=True)


class FollowUpAnswer(Schema):
    """One follow-up that you may see. `disclosed` is always true: what you may not see is in no answer.

    Of a protected person, only those who protect them and the leads of their area see the area with its rules, and
    the teams and workers of others: for everybody else these are null.
    """

    id = fields.String(required=True)
    reference = fields.String(required=True)
    standard = fields.String(required=True)
    step = fields.String(required=True)
    title = fields.String(required=True)
    expects = fields.String(required=True)
    disclosed = fields.Boolean(required=True)
    data_problem = fields.Boolean(
        required=True,
        metadata={"description": "something about this person or record could not be read, and may change this"},
    )
    state = fields.String(required=True, validate=validate.OneOf(STATES))
    area = fields.String(required=True, allow_none=True)
    owner = fields.Nested(OwnerAnswer, required=True)
    person = fields.String(required=True, allow_none=True)
    thread = fields.String(required=True)
    opened_at = Instant(required=True)
    visible_from = Instant(required=True)
    due_at = Instant(required=True)
    overdue_by_days = fields.Integer(
        required=True, metadata={"description": "whole days in London, 0 when not overdue"}
    )
    inherited = fields.Boolean(required=True)
    gap = fields.String(required=True, allow_none=True, metadata={"description": "the missing input of the due date"})
    basis = fields.String(required=True, allow_none=True, validate=validate.OneOf(sorted(BASES)))
    source = fields.String(required=True, allow_none=True)
    chases = fields.Integer(required=True)
    last_chased_at = Instant(required=True, allow_none=True)
    acknowledged_by = fields.String(required=True, allow_none=True)
    accepted_by = fields.String(required=True, allow_none=True)
    refused_by = fields.String(required=True, allow_none=True)
    links = fields.Nested(LinksAnswer, required=True)


class AsOfAnswer(Schema):
    """`as_of` is the instant that you asked about, null for now. `evidence` says how complete the evidence is today.

    `left_out`, in answers about the past, counts the threads that cannot be folded today and are missing, as far as you
    may see something of them. The operators are told of each.
    """

    as_of = Instant(required=True, allow_none=True)
    left_out = fields.Integer()
    evidence = fields.Nested(EvidenceAnswer, required=True)


class SignpostsAnswer(AsOfAnswer):
    """`signposts`: whom to ask about what you may not see of the person in question, each once, sorted.

    They are those of now, whatever else you ask for. A question that names no person has none.
    """

    signposts = fields.List(fields.String(), required=True)


class FollowUpList(SignpostsAnswer):
    items = Rows(FollowUpAnswer, required=True)
    next = fields.String(required=True, allow_none=True, metadata={"description": "the `cursor` of the next page"})


class RecipientAnswer(Schema):
    person = fields.String(required=True)
    because = fields.String(required=True)


class RungAnswer(Schema):
    """A rung of the ladder. `tells` names the people whom it would tell today."""

    name = fields.String(required=True)
    at = Instant(required=True)
    to = fields.List(fields.String(), required=True)
    tells = fields.List(fields.Nested(RecipientAnswer), required=True)
    urgent = fields.Boolean(required=True)
    alarm = fields.Boolean(required=True)
    repeats_every = fields.String(required=True, allow_none=True)
    chased_at = Instant(required=True, allow_none=True)


class HistoryEntry(Schema):
    """An event of the follow-up's history: the one that opened it, an act on it, or the one that closed it.

    `occurred_on` is for those that are no acts on it.
    """

    event_id = fields.String(required=True)
    type = fields.String(required=True)
    at = Instant(required=True)
    occurred_on = OccurredOn(required=False)
    recorded_at = Instant(required=True)
    actor = fields.String(required=True, allow_none=True)
    role = fields.String(required=True)
    recipients = fields.List(fields.String())
    rungs = fields.List(fields.String())
    person = fields.String(allow_none=True)
    team = fields.String(allow_none=True)
    reason_code = fields.String()
    note = fields.String()


class WhyAnswer(Schema):
    """Why it is due when it is due."""

    rule = fields.String()
    clock_started = fields.String()
    precision = fields.String()
    skipped = fields.List(fields.String())
    holidays_known = fields.Boolean(metadata={"description": "false: the bank holidays of that year are not published"})
    opened_by = fields.String()
    opened_type = fields.String()
    opened_actor = fields.String(allow_none=True)
    opened_team = fields.String(allow_none=True)
    receiver_team = fields.String(allow_none=True)
    confidence = fields.String()
    rules = fields.Dict(keys=fields.String(), values=fields.String())
    would = Choice(
        *LOWERINGS,
        allow_none=True,
        metadata={"description": "of a question about a claim: what the claim would do to the follow-up if confirmed"},
    )


class ClaimAnswer(Schema):
    """An entry of somebody without standing that bears on the follow-up and waits for an answer.

    `would`: what it does to the follow-up once it is confirmed; `open`: it has opened it. Send its `event_id` to the
    address in `confirm` or `reject`. Both are null if no service keeps the record.
    """

    event_id = fields.String(required=True)
    type = fields.String(required=True)
    role = fields.String(required=True)
    team = fields.String(required=True, allow_none=True)
    since = Instant(required=True)
    would = Choice(OPENED, *LOWERINGS, required=True)
    confirm = fields.String(required=True, allow_none=True)
    reject = fields.String(required=True, allow_none=True)


class FollowUpDetail(FollowUpAnswer):
    """Until `held_until` nobody is chased: somebody died in the person's family, or a pregnancy was lost, or somebody
    without standing said that the person died."""

    version = fields.Integer(required=True, metadata={"description": "what If-Match takes"})
    why = fields.Nested(WhyAnswer, required=True)
    fallback = fields.String(required=True, allow_none=True)
    ladder = fields.List(fields.Nested(RungAnswer), required=True)
    history = fields.List(fields.Nested(HistoryEntry), required=True)
    closed_at = Instant(required=True, allow_none=True)
    closed_actor = fields.String(required=True, allow_none=True)
    closed_reason = fields.String(required=True, allow_none=True)
    guarded = fields.Boolean(
        required=True, allow_none=True, metadata={"description": "about harm; null when it is not disclosed to you"}
    )
    held_until = Instant(required=True, allow_none=True)
    claims = fields.List(fields.Nested(ClaimAnswer), required=True)
    next = fields.List(
        fields.Nested(NextRequest),
        required=True,
        metadata={"description": "what you may do now, here and where it is recorded; empty as of the past"},
    )
    as_of = Instant(required=True, allow_none=True)
    evidence = fields.Nested(EvidenceAnswer, required=True)


class RetractedAnswer(Schema):
    """When an entry was retracted, by whom and why."""

    at = Instant(required=True)
    actor = fields.String(required=True, allow_none=True)
    role = fields.String(required=True)
    team = fields.String(required=True, allow_none=True)
    reason_code = fields.String(required=True)


class ChronologyEntry(Schema):
    """One entry about a person that you may see. So `disclosed` is always true, and `whom_to_ask` is null.

    A chase says in `data` who was told. `stream` is the history that the entry belongs to, `threads` is all it names.
    """

    event_id = fields.String(required=True)
    occurred_at = Instant(required=True)
    occurred_on = OccurredOn()
    recorded_at = Instant(required=True)
    area = fields.String(required=True, allow_none=True)
    disclosed = fields.Boolean(required=True)
    whom_to_ask = fields.String(required=True, allow_none=True)
    type = fields.String()
    precision = fields.String()
    recorded_late_by_days = fields.Integer(metadata={"description": "whole days in London after it happened"})
    actor = fields.String(allow_none=True)
    role = fields.String()
    team = fields.String(allow_none=True)
    source = fields.String()
    stream = fields.String()
    threads = fields.List(fields.String())
    data = fields.Dict(keys=fields.String())
    claim = Choice(
        *CLAIM_STATES,
        allow_none=True,
        metadata={"description": "of an entry of somebody without standing: how far it is answered; otherwise null"},
    )
    retracted = fields.Nested(RetractedAnswer, allow_none=True)


class ChronologyAnswer(SignpostsAnswer):
    """What you may see of a person, in the order in which it happened. `follow_ups` are the follow-ups about them, as
    they stood; null on further pages. `signposts` say whom to ask about the rest."""

    person = fields.String(required=True)
    items = fields.List(fields.Nested(ChronologyEntry), required=True)
    next = fields.String(required=True, allow_none=True, metadata={"description": "the `cursor` of the next page"})
    follow_ups = Rows(FollowUpAnswer, required=True, allow_none=True)


class TeamOfCircle(Schema):
    """A team with a live part in the care of the person. `practitioners` are those who are named for the person."""

    team = fields.String(required=True)
    why = fields.List(fields.String(validate=validate.OneOf(WHY)), required=True)
    practitioners = fields.List(fields.String(), required=True)


class CircleAnswer(Schema):
    """What you may see of the circle. `areas` are where the person lives: every team there is in the circle too.

    Of a protected person, only those who protect them and the leads of their area see areas and other teams.
    `signposts` say whom to ask about the rest, as in the chronology.
    """

    person = fields.String(required=True)
    areas = fields.List(fields.String(), required=True)
    teams = fields.List(fields.Nested(TeamOfCircle), required=True)
    signposts = fields.List(fields.String(), required=True)
    evidence = fields.Nested(EvidenceAnswer, required=True)


class ActAnswer(Schema):
    """The act that was recorded. The same key gets the same answer."""

    id = fields.String(required=True)
    reference = fields.String(required=True)
    version = fields.Integer(required=True)
    recorded = fields.Nested(HistoryEntry, required=True)


class NotMovedAnswer(Schema):
    """A follow-up that stays with its owner. `code` and `reason` say why."""

    reference = fields.String(required=True)
    code = fields.String(required=True)
    reason = fields.String(required=True)


class ReassignmentAnswer(Schema):
    """`id` is the one by which the reassignment is undone."""

    id = fields.String(required=True)
    assigned = fields.List(fields.String(), required=True, metadata={"description": "the references, sorted"})
    refused = fields.List(fields.Nested(NotMovedAnswer), required=True)
    closed_meanwhile = fields.List(fields.String(), required=True)
    evidence = fields.Nested(EvidenceAnswer, required=True)


class UndoneAnswer(Schema):
    given_back = fields.List(fields.String(), required=True, metadata={"description": "the references, sorted"})
    refused = fields.List(fields.Nested(NotMovedAnswer), required=True)
    closed_meanwhile = fields.List(fields.String(), required=True)
    evidence = fields.Nested(EvidenceAnswer, required=True)


class OldestAnswer(Schema):
    reference = fields.String(required=True)
    due_at = Instant(required=True)


class SummaryRow(Schema):
    """`open` and `overdue` leave out inherited follow-ups that nobody has taken on; `inherited` counts those.
    Follow-ups that you may not see are not counted. Those of protected people are in rows without area."""

    standard = fields.String(required=True)
    area = fields.String(required=True, allow_none=True)
    team = fields.String(required=True, allow_none=True)
    open = fields.Integer(required=True)
    overdue = fields.Integer(required=True)
    inherited = fields.Integer(required=True)
    oldest = fields.Nested(OldestAnswer, required=True)


class SummaryAnswer(Schema):
    rows = Rows(SummaryRow, required=True)
    evidence = fields.Nested(EvidenceAnswer, required=True)


class StandardRung(Schema):
    name = fields.String(required=True)
    when = fields.String(required=True)
    to = fields.List(fields.String(), required=True)
    urgent = fields.Boolean(required=True)
    repeats_every = fields.String(required=True, allow_none=True)


class StandardAnswer(Schema):
    step = fields.String(required=True)
    standard = fields.String(required=True)
    title = fields.String(required=True)
    expects = fields.String(required=True)
    thread = fields.String(required=True)
    due = fields.String(required=True)
    recurs = fields.Boolean(required=True)
    guarded = fields.Boolean(required=True, metadata={"description": "about harm: routine reasons never end it"})
    ladder = fields.List(fields.Nested(StandardRung), required=True)
    fallback = fields.String(required=True, allow_none=True)
    basis = fields.String(required=True, validate=validate.OneOf(sorted(BASES)))
    source = fields.String(required=True)
    confidence = fields.String(required=True)
    applies_from = fields.Date(required=True)


class StandardsAnswer(Schema):
    """The standards in force in an area at an instant, with the versions of the packs and the calendar behind them."""

    area = fields.String(required=True)
    at = Instant(required=True)
    in_force_since = Instant(required=True, allow_none=True)
    versions = fields.Dict(keys=fields.String(), values=fields.String(), required=True)
    standards = fields.List(fields.Nested(StandardAnswer), required=True)
