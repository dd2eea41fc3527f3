"""What is impossible or unlikely in the records of this service, by type of event.

`known` has what was looked up: `born_on` (the mother's birthday, or that of a child whose review it is), `children` (a
`Child` for each that a birth names), and the histories of the person's other `pregnancies` and `supports` by id.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from services.perinatal.domain import (
    action,
    case,
    concern,
    condition,
    consultation,
    contact,
    move,
    notification,
    offer,
    person,
    pregnancy,
    referral,
    screen,
    support,
)
from services.perinatal.domain.person import CORRECTED, REGISTERED
from shared.contracts.urgent import SETTLING
from shared.contracts.words import SCREENS, SCREENS_WITH_SELF_HARM_ITEM
from shared.kernel.decisions import CLAIM_CONFIRMED, RETRACTION
from shared.kernel.doubts import (
    DAY,
    OCCURRED_AT,
    WEEK,
    Doubt,
    Entry,
    Table,
    day_ahead,
    first_day_of,
    in_words,
    last_day_of,
    left_out_of_order,
    not_before,
    standing_of,
    years_on,
)
from shared.kernel.envelope import Event
from shared.kernel.gestation import TERM

# A pregnancy is recorded from 2 weeks before its expected date at the latest, and from 44 weeks before at the earliest.
SOONEST_EDD, LATEST_EDD = 2 * WEEK, 44 * WEEK
# No pregnancy lasts 60 weeks. More than 44 weeks are unlikely.
LONG_PREGNANCY, LONGEST_PREGNANCY = 44 * WEEK, 60 * WEEK
# A child born before 22 weeks does not live. Before 24 weeks, the law does not call a loss a stillbirth.
FIRST_WEEK_OF = {"birth": 22, "stillbirth": 24}
# Dating by the last period and by a scan differ by a cycle at most.
FURTHEST_CORRECTION = 4 * WEEK
YOUNGEST_MOTHER, OLDEST_MOTHER, OLDEST_PERSON = 11, 55, 110
SAME_BIRTH, OTHER_YEAR = DAY, timedelta(days=180)
# The highest answer to the item about harm to oneself.
ITEM_AT_MOST = 3
APPOINTMENT_AHEAD, PLANNED_AHEAD, LOOK_AGAIN_AHEAD = timedelta(days=365), timedelta(days=2 * 365), timedelta(days=183)

KNOWN, ENDED = ("pregnancy.notified.v1", "pregnancy.booked.v1"), "pregnancy.ended.v1"
JOINED, LINKED = "pregnancy.joined.v1", "person.linked.v1"
EDD_SAID = (*KNOWN, "pregnancy.edd_corrected.v1")
STARTED, DIED = "support.started.v1", "person.died.v1"
REVIEWED = ("review.offered.v1", "review.completed.v1", "review.declined.v1")
BOOKED, CANCELLED = "referral.appointment_booked.v1", "referral.appointment_cancelled.v1"
ATTENDED, MISSED = "referral.attended.v1", "referral.not_attended.v1"

LOOKED_UP_BY = (
    *((kind, "person_id") for kind in (*KNOWN, STARTED)),
    (ENDED, "children"),
    (LINKED, "other_person_id"),
)
"""The fields of events by which other records are looked up."""


@dataclass(frozen=True, slots=True)
class Child:
    """A child whom a birth names: their birthday and the day of their first review, as far as these are known."""

    born_on: date | None = None
    first_review_on: date | None = None


# --- expected dates and the length of pregnancies -------------------------------------------------------------------


def _edd_far_out(entry: Entry) -> str | None:
    edd = entry.day("edd")
    if edd is None or (edd >= entry.first + SOONEST_EDD and edd <= entry.last + LATEST_EDD):
        return None
    limits = f"an expected date is {SOONEST_EDD.days // 7} to {LATEST_EDD.days // 7} weeks after it"
    return f"is {_apart(edd, entry)} the day of this entry; {limits}; enter late what happened earlier, with its day"


def _edd_impossible(entry: Entry) -> str | None:
    edd = entry.day("edd")
    if edd is None:
        return None
    too_long = edd + LONGEST_PREGNANCY - TERM < entry.first
    if not too_long and edd <= entry.last + LONGEST_PREGNANCY:
        return None
    limit = f"no pregnancy lasts {LONGEST_PREGNANCY.days // 7} weeks"
    return f"is {_apart(edd, entry)} the day of this entry; {limit}; enter late what happened earlier, with its day"


def _apart(edd: date, entry: Entry) -> str:
    if edd < entry.first:
        return f"{in_words(entry.first - edd)} before"
    return f"{in_words(edd - entry.last)} after" if edd > entry.last else "on"


def _edd_moved_far(entry: Entry) -> str | None:
    edd, first = entry.day("edd"), next(_edds(entry.standing), None)
    if edd is None or first is None or abs(edd - first) <= FURTHEST_CORRECTION:
        return None
    moved = in_words(abs(edd - first))
    return f"is {moved} from the first expected date; it moves by {in_words(FURTHEST_CORRECTION)} at most"


def _edds(standing: Sequence[Event]) -> Iterator[date]:
    """The expected dates that were recorded, in the order of recording."""
    for event in standing:
        if event.type in EDD_SAID and event.data.get("edd"):
            yield date.fromisoformat(event.data["edd"])


def _begun_on(standing: Sequence[Event]) -> date | None:
    return min((first_day_of(event) for event in standing if event.type in KNOWN), default=None)


def _longest(standing: Sequence[Event], at_most: timedelta) -> date | None:
    """The last day on which a pregnancy of this length still goes on. Without an expected date, it counts from the
    first entry. None if nothing is known of the pregnancy."""
    edd, begun_on = next(reversed([*_edds(standing)]), None), _begun_on(standing)
    if edd is not None:
        return edd - TERM + at_most
    return None if begun_on is None else begun_on + at_most


def _ended_impossibly(entry: Entry) -> str | None:
    edd, latest = next(reversed([*_edds(entry.standing)]), None), _longest(entry.standing, LONGEST_PREGNANCY)
    if edd is not None and entry.last < edd - TERM:
        return f"is {in_words(edd - TERM - entry.last)} before the pregnancy began by its expected date"
    if latest is not None and entry.first > latest:
        over = in_words(entry.first - latest + LONGEST_PREGNANCY)
        return f"makes a pregnancy of {over}; the most is {LONGEST_PREGNANCY.days // 7}; correct the day or the EDD"
    return None


def _ended_unlikely(entry: Entry) -> str | None:
    edd, latest = next(reversed([*_edds(entry.standing)]), None), _longest(entry.standing, LONG_PREGNANCY)
    outcome = entry.get("outcome")
    if edd is not None and outcome in FIRST_WEEK_OF:
        earliest = edd - TERM + FIRST_WEEK_OF[outcome] * WEEK
        if entry.last < earliest:
            weeks = (entry.last - edd + TERM).days // 7
            return f"is in week {weeks} by the expected date; a {outcome} is in week {FIRST_WEEK_OF[outcome]} or later"
    if latest is not None and entry.first > latest:
        over = in_words(entry.first - latest + LONG_PREGNANCY)
        return f"makes a pregnancy of {over}; it lasts {LONG_PREGNANCY.days // 7} weeks at most"
    return None


def _ended_before_its_first_word(least: timedelta, most: timedelta) -> Doubt:
    """Without an expected date, the end is compared with the first entry of the record."""

    def finds(entry: Entry) -> str | None:
        begun_on = _begun_on(entry.standing)
        if begun_on is None or next(_edds(entry.standing), None) or not least < begun_on - entry.last <= most:
            return None
        return f"is {in_words(begun_on - entry.last)} before the first entry of this pregnancy; correct one of the days"

    return Doubt("out-of-order", OCCURRED_AT, finds, impossible=most == timedelta.max)


def _second_pregnancy(entry: Entry) -> str | None:
    histories = {one: standing_of(history) for one, history in entry.known.get("pregnancies", {}).items()}
    for pregnancy_id, standing in histories.items():
        joined = [event for one in _joined_with(pregnancy_id, histories) for event in histories[one]]
        ends = [event for event in joined if event.type == ENDED]
        if pregnancy_id != entry.get("pregnancy_id") and _is_live(standing, entry, ends):
            booked = any(event.type == "pregnancy.booked.v1" for event in standing)
            go_on = "" if booked else f", such as POST /v1/pregnancies/{pregnancy_id}/booked"
            return (
                f"has another pregnancy that has not ended: {pregnancy_id}; go on with that record{go_on}, or record"
                " first how it ended; twins are one pregnancy"
            )
    return None


def _joined_with(pregnancy_id: str, histories: Mapping[str, Sequence[Event]]) -> set[str]:
    """The records of this pregnancy, as far as they are known: itself, and those that were joined with it."""
    pairs = [
        {one, str(event.data["other_pregnancy_id"])}
        for one, standing in histories.items()
        for event in standing
        if event.type == JOINED
    ]
    found, before = {pregnancy_id}, set[str]()
    while found != before:
        before = found
        found = found.union(*(pair for pair in pairs if not pair.isdisjoint(found)))
    return found & histories.keys()


def _is_live(standing: Sequence[Event], entry: Entry, ended: Sequence[Event]) -> bool:
    """Whether the pregnancy goes on when the entry happened. Without an end it is over after its longest time."""
    begun_on, latest = _begun_on(standing), _longest(standing, LONGEST_PREGNANCY)
    if begun_on is None or latest is None:
        return False
    ends = [first_day_of(event) for event in ended]
    edd = next(reversed([*_edds(standing)]), begun_on)
    return edd - TERM <= entry.last and entry.first <= min([latest, *(end - DAY for end in ends)])


def _mothers_age(entry: Entry) -> str | None:
    born_on = entry.known.get("born_on")
    if born_on is None:
        return None
    oldest, youngest = years_on(born_on, entry.last), years_on(born_on, entry.first)
    if oldest < YOUNGEST_MOTHER or youngest > OLDEST_MOTHER:
        return f"is {max(oldest, 0)} years old by her birthday; a mother is {YOUNGEST_MOTHER} to {OLDEST_MOTHER}"
    return None


# --- children and their reviews -------------------------------------------------------------------------------------


def _days_apart(born_on: date, entry: Entry) -> timedelta:
    return max(born_on - entry.last, entry.first - born_on, timedelta())


def _born_another_day(least: timedelta, most: timedelta, why: str) -> Doubt:
    def finds(entry: Entry) -> str | None:
        for child in entry.known.get("children", ()):
            apart = _days_apart(child.born_on, entry) if child.born_on else timedelta()
            if least < apart <= most:
                return f"names a child whose birthday is {in_words(apart)} from the birth; {why}"
        return None

    return Doubt("child-born-another-day", "children", finds, impossible=most == timedelta.max)


def _reviewed_before_birth(entry: Entry) -> str | None:
    for child in entry.known.get("children", ()):
        if child.first_review_on and child.first_review_on < entry.first:
            early = in_words(entry.first - child.first_review_on)
            return f"names a child who was reviewed {early} before this birth; correct the day of the one or the other"
    return None


def _before_birth(entry: Entry) -> str | None:
    """Of a review or a death."""
    born_on = entry.known.get("born_on")
    if entry.get("review") == "antenatal" or born_on is None or entry.last >= born_on:
        return None
    return f"is {in_words(born_on - entry.last)} before they were born; give the day when it was"


def _died_on(entry: Entry) -> date | None:
    """The day of the death on record. What somebody without standing claims is none until it is confirmed."""
    confirmed = {event.data["event_id"] for event in entry.history if event.type == CLAIM_CONFIRMED}
    deaths = (event for event in entry.of(DIED) if not event.is_claim or event.id in confirmed)
    return min(map(last_day_of, deaths), default=None)


def _after_death(entry: Entry) -> str | None:
    died = _died_on(entry)
    if entry.get("review") == "antenatal" or died is None or entry.first <= died:
        return None
    return f"is {in_words(entry.first - died)} after they died; give the day when it was"


def _born_after_reviews(entry: Entry) -> str | None:
    """A corrected birthday."""
    born, reviews = entry.day("date_of_birth"), entry.of(*REVIEWED)
    days = [last_day_of(event) for event in reviews if event.data["review"] != "antenatal"]
    if born is None or all(day >= born for day in days):
        return None
    return f"is {in_words(born - min(days))} after a review of theirs; correct the day of the one or the other"


def _born_after_death(entry: Entry) -> str | None:
    """A corrected birthday."""
    born, died = entry.day("date_of_birth"), _died_on(entry)
    if born is None or died is None or died >= born:
        return None
    return f"is {in_words(born - died)} after their death; correct the day of the one or the other"


def _born_at_no_birth(least: timedelta, most: timedelta) -> Doubt:
    """A corrected birthday, compared with the birth on record."""

    def finds(entry: Entry) -> str | None:
        born, birth = entry.day("date_of_birth"), entry.known.get("birth_on")
        if born is None or birth is None or not least < abs(born - birth) <= most:
            return None
        return f"is {in_words(abs(born - birth))} from the birth on record, {birth}; correct the one or the other"

    return Doubt("child-born-another-day", "date_of_birth", finds, impossible=most == timedelta.max)


def _antenatal_before_conception(entry: Entry) -> str | None:
    edd = next(reversed([*_edds(entry.standing)]), None)
    if edd is None or entry.last >= edd - TERM:
        return None
    return f"is {in_words(edd - TERM - entry.last)} before the pregnancy began by its expected date; give its day"


def _antenatal_after_birth(entry: Entry) -> str | None:
    ended = min((first_day_of(event) for event in entry.of(ENDED)), default=None)
    if ended is None or entry.first <= ended:
        return None
    return f"is {in_words(entry.first - ended)} after the pregnancy ended; give the day when it took place"


# --- screens, appointments and support ------------------------------------------------------------------------------


def _zero_with_self_harm(entry: Entry) -> str | None:
    if entry.get("score") != 0 or not entry.get("self_harm"):
        return None
    return "is 0, but the item about self-harm counts towards it and is above zero"


def _high_without_self_harm(entry: Entry) -> str | None:
    tool, score = entry.get("tool"), entry.get("score")
    if tool not in SCREENS_WITH_SELF_HARM_ITEM or entry.get("self_harm") or score <= SCREENS[tool] - ITEM_AT_MOST:
        return None
    most = SCREENS[tool] - ITEM_AT_MOST
    return f"is no, but a score of {score} needs it: without the item about self-harm the most is {most}"


def _born_long_ago(entry: Entry) -> str | None:
    born = entry.day("date_of_birth")
    age = 0 if born is None else years_on(born, entry.first)
    return f"makes them {age} years old; the most is {OLDEST_PERSON}" if age > OLDEST_PERSON else None


def _appointment(entry: Entry) -> tuple[date | None, list[date]]:
    """The day of the appointment that is still to come about, and the days of all that were not cancelled."""
    present, days = None, []
    for event in entry.of(BOOKED, CANCELLED, ATTENDED, MISSED):
        if event.type == BOOKED:
            present = date.fromisoformat(event.data["appointment_on"])
            days.append(present)
            continue
        if event.type == CANCELLED and present is not None:
            days.remove(present)
        present = None
    return present, days


def _before_appointment(entry: Entry) -> str | None:
    present, _ = _appointment(entry)
    if present is None or entry.last >= present:
        return None
    return f"is {in_words(present - entry.last)} before the day of the appointment; give the day when it was"


def _before_any_appointment(entry: Entry) -> str | None:
    _, days = _appointment(entry)
    return _before_appointment(entry) if all(entry.last < day for day in days) else None


def _missed_again(entry: Entry) -> str | None:
    """The same appointment is missed once: after a miss of a booked appointment, another one is booked first."""
    settled, booked = None, False
    for event in entry.of(BOOKED, CANCELLED, ATTENDED, MISSED, "referral.offered.v1"):
        settled, booked = (event if event.type == MISSED and booked else None), event.type == BOOKED
    if settled is not None:
        return "was recorded as missed before, and no other appointment was offered or booked since"
    return _missed_that_day(entry, MISSED)


def _missed_that_day(entry: Entry, missed: str) -> str | None:
    if entry.first != entry.last:
        return None
    if all(first_day_of(event) != entry.first for event in entry.of(missed)):
        return None
    return "is a day for which a miss is recorded already; a second one on that day is unlikely"


def _equal_support(entry: Entry) -> str | None:
    for support_id, history in entry.known.get("supports", {}).items():
        standing = standing_of(history)
        started = [event for event in standing if event.type == STARTED]
        ends = [first_day_of(event) for event in standing if event.type == "support.ended.v1"]
        if support_id == entry.get("support_id") or not started or started[0].data["kind"] != entry.get("kind"):
            continue
        if first_day_of(started[0]) <= entry.last and all(entry.first < end for end in ends):
            return f"is under way for this person already: {support_id}; go on with that record, or end it first"
    return None


def _seen_later(entry: Entry) -> str | None:
    """A child who was seen was seen by the day of the entry."""
    day = entry.day("child_seen_on")
    if day is None or day <= entry.last:
        return None
    return f"is {in_words(day - entry.last)} after the day of this entry; give the day when the child was seen"


EDD = (Doubt("edd-far-out", "edd", _edd_far_out), Doubt("edd-far-out", "edd", _edd_impossible, impossible=True))
MOVED_FAR = Doubt("edd-moved-far", "edd", _edd_moved_far)
MOTHER = Doubt("mother-age", "person_id", _mothers_age)
SECOND = Doubt("second-live-pregnancy", "person_id", _second_pregnancy)
REVIEW = (
    Doubt("out-of-order", OCCURRED_AT, _before_birth, impossible=True),
    Doubt("out-of-order", OCCURRED_AT, _after_death, impossible=True),
    Doubt("out-of-order", OCCURRED_AT, _antenatal_before_conception, impossible=True),
    Doubt("out-of-order", OCCURRED_AT, _antenatal_after_birth, impossible=True),
)

_SENT = not_before("the referral was sent", "referral.sent.v1")
# What was attended or missed may itself show that there were appointments before the first offer on record.
_OFFERED = not_before("the first appointment was offered", "referral.offered.v1", BOOKED, ATTENDED, MISSED)
_TREATED = not_before("the treatment started", "referral.treatment_started.v1")
_RETURNED = not_before("the outcome was returned", "referral.outcome_returned.v1")
_BEGUN = not_before("the referral began", "referral.intended.v1", "referral.sent.v1")
_MISS = not_before("the first miss", MISSED)
_SUPPORT = not_before("the support started", STARTED)
_SESSION = not_before("the first missed session", "support.session_missed.v1")
_OFFER = not_before("it was offered", "offer.made.v1")
_CONSULTED = not_before("the consultation was held", "consultation.held.v1")
_CONTACT = not_before("the contact was received", "contact.received.v1")
_CASE = not_before("the case was opened", "case.opened.v1")
_DECIDED = not_before("it was decided", "action.decided.v1")
_ASSESSED = not_before("the assessment started", "prebirth.assessment_started.v1")

_ROWS = {
    module.AGGREGATE.kind: module.ROWS
    for module in (
        action,
        case,
        concern,
        condition,
        consultation,
        contact,
        move,
        notification,
        offer,
        person,
        pregnancy,
        referral,
        screen,
        support,
    )
}

DOUBTS: Table = {
    RETRACTION: (left_out_of_order(_ROWS, spared=SETTLING),),
    REGISTERED: (Doubt("born-long-ago", "date_of_birth", _born_long_ago),),
    CORRECTED: (
        Doubt("born-long-ago", "date_of_birth", _born_long_ago),
        Doubt("out-of-order", "date_of_birth", _born_after_reviews, impossible=True),
        Doubt("out-of-order", "date_of_birth", _born_after_death, impossible=True),
        _born_at_no_birth(SAME_BIRTH, OTHER_YEAR),
        _born_at_no_birth(OTHER_YEAR, timedelta.max),
    ),
    DIED: (Doubt("out-of-order", OCCURRED_AT, _before_birth, impossible=True),),
    "pregnancy.notified.v1": (*EDD, MOTHER, SECOND),
    "pregnancy.booked.v1": (*EDD, MOVED_FAR, MOTHER, SECOND),
    "pregnancy.edd_corrected.v1": (*EDD, MOVED_FAR),
    ENDED: (
        Doubt("pregnancy-length", OCCURRED_AT, _ended_unlikely),
        Doubt("pregnancy-length", OCCURRED_AT, _ended_impossibly, impossible=True),
        _born_another_day(SAME_BIRTH, OTHER_YEAR, "twins are born a day apart at most"),
        _born_another_day(OTHER_YEAR, timedelta.max, "it is another birth"),
        Doubt("out-of-order", "children", _reviewed_before_birth, impossible=True),
        _ended_before_its_first_word(timedelta(), LONG_PREGNANCY),
        _ended_before_its_first_word(LONG_PREGNANCY, timedelta.max),
    ),
    "prebirth.referral_accepted.v1": (not_before("the assessment was asked for", "prebirth.referred.v1"),),
    "prebirth.assessment_completed.v1": (_ASSESSED,),
    "accumulation.reviewed.v1": day_ahead("look_again_on", LOOK_AGAIN_AHEAD),
    "bereavement.checked.v1": (not_before("the pregnancy ended", ENDED), not_before("the death", DIED)),
    "review.offered.v1": REVIEW,
    "review.completed.v1": REVIEW,
    "review.declined.v1": REVIEW,
    "screen.recorded.v1": (
        Doubt("score-and-self-harm", "score", _zero_with_self_harm),
        Doubt("score-and-self-harm", "self_harm", _high_without_self_harm),
    ),
    "screen.followed_up.v1": (not_before("the screen", "screen.recorded.v1"),),
    STARTED: (Doubt("equal-support", "kind", _equal_support),),
    "support.session_held.v1": (_SUPPORT,),
    "support.session_missed.v1": (
        _SUPPORT,
        Doubt("missed-twice", OCCURRED_AT, lambda entry: _missed_that_day(entry, "support.session_missed.v1")),
    ),
    "support.miss_contacted.v1": (_SUPPORT, _SESSION),
    "support.misses_reviewed.v1": (_SUPPORT, _SESSION),
    "support.reviewed.v1": (_SUPPORT,),
    "support.ended.v1": (_SUPPORT,),
    "offer.accepted.v1": (_OFFER,),
    "offer.declined.v1": (_OFFER,),
    "offer.deferred.v1": (*day_ahead("re_offer_by", PLANNED_AHEAD), _OFFER),
    "offer.fallback_started.v1": (_OFFER,),
    "offer.ended.v1": (_OFFER,),
    "handover.acknowledged.v1": (not_before("the handover was given", "handover.given.v1"),),
    "harm.decided.v1": (not_before("the harm was alleged", "harm.alleged.v1"),),
    "injury.decided.v1": (not_before("the injury was reported", "injury.reported.v1"),),
    "consultation.account_added.v1": (_CONSULTED,),
    "consultation.linked.v1": (_CONSULTED,),
    "consultation.referred.v1": (_CONSULTED,),
    "consultation.outcome_given.v1": (_CONSULTED,),
    "consultation.outcome_acknowledged.v1": (_CONSULTED,),
    "consultation.rechecked.v1": (_CONSULTED,),
    "notification.acknowledged.v1": (not_before("it was sent", "notification.sent.v1"),),
    "contact.chased.v1": (_CONTACT,),
    "contact.decided.v1": (_CONTACT,),
    "contact.referrer_told.v1": (_CONTACT,),
    "case.closed.v1": (_CASE,),
    "case.closed.v2": (_CASE,),
    "case.holder_named.v1": (_CASE,),
    "case.holder_ended.v1": (_CASE,),
    "case.leaving_announced.v1": (_CASE, *day_ahead("last_day", PLANNED_AHEAD)),
    "case.handover_given.v1": (_CASE,),
    "case.taken_on.v1": (_CASE,),
    "case.unheld_reviewed.v1": (_CASE, Doubt("day-passed", "child_seen_on", _seen_later, impossible=True)),
    "case.told.v1": (_CASE,),
    "case.closing_proposed.v1": (_CASE, *day_ahead("close_on", PLANNED_AHEAD)),
    "case.closing_checked.v1": (_CASE,),
    "action.decided.v1": (*day_ahead("due_on", PLANNED_AHEAD), *day_ahead("next_meeting_on", PLANNED_AHEAD)),
    "action.arranged.v1": (_DECIDED, *day_ahead("due_on", PLANNED_AHEAD)),
    "action.done.v1": (_DECIDED,),
    "action.replaced.v1": (_DECIDED,),
    "action.swept.v1": (_DECIDED, *day_ahead("next_meeting_on", PLANNED_AHEAD)),
    "referral.sent.v1": (not_before("it was decided on", "referral.intended.v1"),),
    "referral.withdrawn.v1": (_BEGUN,),
    "referral.acknowledged.v1": (_SENT,),
    "referral.accepted.v1": (_SENT,),
    "referral.rejected.v1": (_SENT,),
    "referral.redirected.v1": (_SENT,),
    "referral.more_info_requested.v1": (_SENT,),
    "referral.more_info_given.v1": (not_before("it was asked for", "referral.more_info_requested.v1"),),
    "referral.offered.v1": (_SENT,),
    BOOKED: (*day_ahead("appointment_on", APPOINTMENT_AHEAD), _SENT),
    ATTENDED: (_OFFERED, _SENT, Doubt("appointment-later", OCCURRED_AT, _before_appointment)),
    MISSED: (
        _OFFERED,
        _SENT,
        Doubt("appointment-later", OCCURRED_AT, _before_appointment),
        Doubt("appointment-later", OCCURRED_AT, _before_any_appointment, impossible=True),
        Doubt("missed-twice", OCCURRED_AT, _missed_again),
    ),
    CANCELLED: (_OFFERED,),
    "referral.miss_contacted.v1": (_MISS,),
    "referral.misses_reviewed.v1": (_MISS,),
    "referral.assessed.v1": (_SENT,),
    "referral.treatment_started.v1": (_SENT,),
    "referral.treatment_declined.v1": (_SENT,),
    "referral.treatment_ended.v1": (_TREATED,),
    "referral.outcome_returned.v1": (_SENT,),
    "referral.outcome_acknowledged.v1": (_RETURNED,),
    "referral.closed.v1": (_BEGUN,),
}
