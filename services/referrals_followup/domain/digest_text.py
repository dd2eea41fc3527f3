"""The text of a digest: what is expected, since when, on what basis, and who else was told.

It holds ids, codes, dates and links, and the recipient's own name, but nothing about the family.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from services.referrals_followup.domain.links import Links
from shared.contracts.access import WHEREABOUTS, WHOM_TO_ASK
from shared.kernel.time import LONDON, days_overdue, london_date

BASES = {
    "LAW": "law",
    "NAT": "national guidance",
    "LOC": "local procedure",
    "DES": "a default of this system, to be confirmed locally",
}
_MOST_IN_SUBJECT = 3
_MOST_PARKED = 20


@dataclass(frozen=True, slots=True)
class ChasedItem:
    """One chased follow-up that its recipient may see. `record_url` is None when there is no record to open.

    `because` says as whom the recipient is told. Of a protected person, the recipient may see neither the area nor who
    else is told: both are None.
    """

    reference: str
    step: str
    title: str
    expects: str
    area: str | None
    due_at: datetime
    basis: str
    source: str
    others_told: tuple[str, ...] | None
    record_url: str | None
    urgent: bool = False
    inherited: bool = False
    gap: str | None = None
    data_problem: bool = False
    because: str | None = None


@dataclass(frozen=True, slots=True)
class SilentSource:
    """A service whose position stands still, and the instant (UTC) until which it is complete; None: it never spoke."""

    service: str
    complete_until: datetime | None


@dataclass(frozen=True, slots=True)
class ParkedItem:
    """A message, thread or digest (`kind`) that could not be handled: its id with its kind before it, and why."""

    kind: str
    what: str
    reason_code: str


@dataclass(frozen=True, slots=True)
class FindingItem:
    """A finding of the nightly check of a service: `<service>-<code>`."""

    what: str


@dataclass(frozen=True, slots=True)
class NoticeItem:
    """Something that its recipient is told, with nothing to do by a day: what, for the subject, and the whole text."""

    what: str
    text: str


@dataclass(frozen=True, slots=True)
class DecidedItem:
    """A follow-up that somebody ended or reopened, as its owner may see it; `reason_code` is that of an ending."""

    reference: str
    step: str
    title: str
    by: str
    is_ended: bool
    reason_code: str | None = None


@dataclass(frozen=True, slots=True)
class WithheldItem:
    """A chased follow-up that its recipient may not see: only whom to ask about it."""

    signposts: tuple[str, ...]


Item = ChasedItem | WithheldItem | DecidedItem | NoticeItem | SilentSource | ParkedItem | FindingItem


def render(items: Sequence[Item], recipient: str, now: datetime, links: Links) -> tuple[str, str]:
    """Subject and plain-text body. `recipient` is how the directory writes their name; `now` is aware UTC."""
    silent = [item for item in items if isinstance(item, SilentSource)]
    parked = [item for item in items if isinstance(item, ParkedItem)]
    findings = [item for item in items if isinstance(item, FindingItem)]
    signposts = sorted({text for item in items if isinstance(item, WithheldItem) for text in item.signposts})
    inherited = [item for item in items if isinstance(item, ChasedItem) and item.inherited]
    chased = sorted(
        (item for item in items if isinstance(item, ChasedItem) and not item.inherited),
        key=lambda item: (item.due_at, item.reference),
    )
    notices = [item for item in items if isinstance(item, NoticeItem)]
    decided = sorted((item for item in items if isinstance(item, DecidedItem)), key=lambda item: item.reference)
    parts = [f"Dear {recipient},", _write_opening(chased, now)]
    parts += [_write_paragraph(number, item, now, links) for number, item in enumerate(chased, start=1)]
    if inherited:
        steps = ", ".join(sorted({item.step for item in inherited}))
        what = "is open from" if len(inherited) == 1 else "are open from"
        parts.append(
            f"{_count(len(inherited), 'follow-up')} ({steps}) {what} before these standards applied here. Nobody is "
            f"chased about them until somebody takes them on:\n  {links.inherited}"
        )
    parts += [_write_decision(item, links) for item in decided]
    parts += [item.text for item in notices]
    if signposts:
        parts.append("\n  ".join(["Something is expected that you may not see. Please ask:", *signposts]))
    parts += [_write_silence(source) for source in silent]
    if parked:
        parts.append(_list_parked(parked))
    if findings:
        parts.append(_list_findings(findings))
    parts.append(
        "Record what was done where it happened, and this stops by itself. The standard is a prompt; what to do is "
        "yours to decide.\nFollowthrough"
    )
    return _write_subject(chased, inherited, decided, notices, signposts, silent, parked, findings, now), "\n\n".join(
        part for part in parts if part
    ) + "\n"


def _write_subject(
    chased: Sequence[ChasedItem],
    inherited: Sequence[ChasedItem],
    decided: Sequence[DecidedItem],
    notices: Sequence[NoticeItem],
    signposts: Sequence[str],
    silent: Sequence[SilentSource],
    parked: Sequence[ParkedItem],
    findings: Sequence[FindingItem],
    now: datetime,
) -> str:
    if chased:
        overdue = [item for item in chased if item.due_at <= now]
        urgent = "urgent, " if any(item.urgent for item in chased) else ""
        counts = [f"{len(overdue)} overdue"] if overdue else []
        counts += [f"{len(chased) - len(overdue)} coming up"] if len(overdue) < len(chased) else []
        steps = list(dict.fromkeys(item.step for item in [*overdue, *chased]))
        named = ", ".join(steps[:_MOST_IN_SUBJECT]) + (" and more" if len(steps) > _MOST_IN_SUBJECT else "")
        return f"[Followthrough] {urgent}{', '.join(counts)}: {named} ({_name_areas(chased)})"
    if inherited:
        return f"[Followthrough] {_count(len(inherited), 'inherited follow-up')} ({_name_areas(inherited)})"
    if decided:
        decisions = Counter("ended" if item.is_ended else "reopened" for item in decided)
        return f"[Followthrough] {', '.join(f'{decisions[what]} {what}' for what in sorted(decisions))}"
    if notices:
        whats = list(dict.fromkeys(item.what for item in notices))
        more = " and more" if len(whats) > _MOST_IN_SUBJECT else ""
        return f"[Followthrough] {', '.join(whats[:_MOST_IN_SUBJECT])}{more}"
    if signposts:
        return "[Followthrough] something is expected that you may not see"
    if parked:
        kinds = Counter(item.kind for item in parked)
        return f"[Followthrough] set aside: {', '.join(_count(kinds[kind], kind) for kind in sorted(kinds))}"
    if findings:
        return (
            f"[Followthrough] the check found: {', '.join(sorted(item.what for item in findings)[:_MOST_IN_SUBJECT])}"
        )
    return f"[Followthrough] silent: {', '.join(sorted(source.service for source in silent))}"


def _name_areas(items: Sequence[ChasedItem]) -> str:
    return ", ".join(sorted({item.area or "area withheld" for item in items}))


def _write_opening(chased: Sequence[ChasedItem], now: datetime) -> str:
    overdue = sum(item.due_at <= now for item in chased)
    coming = len(chased) - overdue
    if overdue and coming:
        return f"{_count(overdue, 'step')} {_be(overdue)} overdue, and {coming} {_be(coming)} coming up."
    if overdue:
        return f"{_count(overdue, 'step')} {_be(overdue)} overdue, as far as has been recorded."
    return f"{_count(coming, 'step')} {_be(coming)} coming up." if coming else ""


def _write_paragraph(number: int, item: ChasedItem, now: datetime, links: Links) -> str:
    lines = [f"{number}. {item.step}: {item.title} [{item.reference}]"]
    if item.expects:
        lines.append(f"Expected: {item.expects}")
    lines.append(f"Due: {_write_moment(item.due_at)}, {_write_lateness(item.due_at, now)}")
    if item.gap:
        lines.append(f"Missing: {item.gap.replace('_', ' ')}; please record it, the due date rests on it")
    if item.data_problem:
        lines.append("Data problem: something about this person or record could not be read and may change this")
    lines.append(f"Basis: {BASES[item.basis]}" + (f". {item.source}" if item.source else ""))
    if item.because:
        lines.append(f"You are told as: {item.because}")
    if item.others_told is None:
        lines.append(f"Protected person: {WHOM_TO_ASK[WHEREABOUTS]}")
    else:
        lines.append(f"Also told: {', '.join(item.others_told) if item.others_told else 'nobody else'}")
    lines.append(f"Follow-up: {links.follow_up(item.reference)}")
    if item.record_url:
        lines.append(f"Record: {item.record_url}")
    return "\n   ".join(lines)


def _write_decision(item: DecidedItem, links: Links) -> str:
    what = f"{item.step}: {item.title} [{item.reference}]"
    link = f"Follow-up: {links.follow_up(item.reference)}"
    if not item.is_ended:
        return f"{item.by} has reopened {what}. It is expected again, and its clock goes on as before.\n   {link}"
    reason = f" ({item.reason_code.replace('_', ' ')})" if item.reason_code else ""
    return f"{item.by} has ended {what}{reason}. If that is wrong, reopen it.\n   {link}"


def write_broken_glass(by: str, reason_code: str, until: datetime, circle_url: str) -> NoticeItem:
    """Somebody outside the circle of a person reads what is recorded about them, until this instant (UTC)."""
    text = (
        f"{by} has broken the glass for somebody in whose care you have a part, until {_write_moment(until)}: "
        f"{reason_code.replace('_', ' ')}. They may read what is recorded and end nothing. If this is not right, "
        f"tell your safeguarding lead, who is told too.\n   Circle: {circle_url}"
    )
    return NoticeItem(f"urgent, glass broken by {by}", text)


def write_begun_record(by: str, kind: str, event_id: str, record_url: str | None, circle_url: str) -> NoticeItem:
    """Somebody outside the circle of a person began a record about them."""
    text = (
        f"{by} has begun a record ({kind.replace('-', ' ')}) about somebody in whose care you have a part. It raises "
        f"what it raises, and ends nothing of yours. If it is not right, object to the entry {event_id}."
    )
    links = [f"Record: {record_url}"] if record_url else []
    return NoticeItem(f"a record by {by}", "\n   ".join([text, *links, f"Circle: {circle_url}"]))


def write_objection(by: str, reason_code: str, event_id: str, record_url: str | None) -> NoticeItem:
    """Somebody of the circle objects to an entry of the recipient."""
    text = (
        f"{by} objects to your entry {event_id}: {reason_code.replace('_', ' ')}. It stands as it is. A safeguarding "
        "lead answers the objection. If your entry was an error, retract it."
    )
    return NoticeItem(f"an objection by {by}", "\n   ".join([text, *([f"Record: {record_url}"] if record_url else [])]))


def _write_silence(source: SilentSource) -> str:
    since = f"since {_write_moment(source.complete_until)}" if source.complete_until else "so far"
    return (
        f"{source.service} has not reported its position {since}. Until it does, nobody is chased on what it may have "
        "recorded meanwhile. Please look at its relay."
    )


def _list_parked(items: Sequence[ParkedItem]) -> str:
    explained = (
        "Set aside, because it could not be handled. What these messages say is not taken into account, nobody is "
        "chased about these threads, and these letters are not delivered. What may pass later is tried again. Please "
        "look at:"
    )
    lines = [explained]
    lines += [f"{item.what}: {item.reason_code}" for item in items[:_MOST_PARKED]]
    if len(items) > _MOST_PARKED:
        lines.append(f"and {len(items) - _MOST_PARKED} more")
    return "\n  ".join(lines)


def _list_findings(items: Sequence[FindingItem]) -> str:
    explained = "The nightly check found what must not be. `check` of the service names it all and says what to do:"
    return "\n  ".join([explained, *sorted(item.what for item in items)])


def _write_lateness(due_at: datetime, now: datetime) -> str:
    if due_at > now:
        days = (london_date(due_at) - london_date(now)).days
        return f"in {_count(days, 'day')}" if days else "today"
    days = days_overdue(due_at, now)
    return f"{_count(days, 'day')} late" if days else "late since today"


def _write_moment(instant: datetime) -> str:
    """`Wed 16 Jan 2013, 17:00`, London time."""
    return instant.astimezone(LONDON).strftime("%a %d %b %Y, %H:%M")


def _count(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _be(count: int) -> str:
    return "is" if count == 1 else "are"
