"""A replayed case as one HTML page: what happened beside the alarms, a timeline, and how early the alarms came.

The page needs no script and no other file, and can be printed on A4 landscape. It has only the case's descriptions of
the facts and the alarms, and none of the recorded bodies.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from html import escape
from string import Template

from deploy.local.case import Alarm, Case, Judgement
from deploy.local.missed_steps import OWNER, MissedStep, day_text, list_missed_steps, standing_text
from shared.kernel.time import london_date

_PAGE = Template("""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8"/>
<meta name="viewport" content="width=device-width, initial-scale=1"/>
<title>$title</title>
<style>
$style
</style>
</head>
<body>
<main>
<h1>$title</h1>
<p class="verdict">$verdict</p>
<p>$account</p>
<h2 id="timeline">What happened, and what was raised</h2>
<p class="key">$key</p>
$timeline
<h2 id="missed">What was missed, and how early it was said</h2>
$missed
<h2 id="days">Day by day</h2>
<p>Each alarm is listed once, when it was first raised; how often it was repeated is a number. A fact in italics is one
that nobody recorded. Assumed is what the source does not say.</p>
$days
<h2 id="mail">One of the mails</h2>
<pre>$mail</pre>
</main>
</body>
</html>
""")

_STYLE = """
:root { color: #1b1b1b; background: #ffffff; font: 15px/1.45 system-ui, "DejaVu Sans", sans-serif; }
body { margin: 0; }
main { max-width: 1180px; margin: 0 auto; padding: 24px; }
h1 { font-size: 1.8rem; margin: 0 0 .3rem; }
h2 { font-size: 1.25rem; margin: 2rem 0 .5rem; }
.verdict { font-weight: 600; }
svg { width: 100%; height: auto; display: block; }
svg text { font: 11px system-ui, "DejaVu Sans", sans-serif; fill: #1b1b1b; }
svg .name { font-weight: 600; }
svg .small { font-size: 9.5px; fill: #4a4a4a; }
table { border-collapse: collapse; width: 100%; }
caption { text-align: left; font-weight: 600; padding-bottom: .4rem; }
th, td { text-align: left; vertical-align: top; padding: .35rem .5rem; border-bottom: 1px solid #b8b8b8; }
thead th { border-bottom: 2px solid #1b1b1b; }
td.day, td.number { white-space: nowrap; }
td.number { text-align: right; }
tr.alarm td { background: #fdf1e3; }
.assumed { color: #4a4a4a; font-size: .87em; display: block; }
.told { color: #4a4a4a; }
pre { white-space: pre-wrap; background: #f3f3f3; padding: 1rem; font-size: .85rem; }
@page { size: A4 landscape; margin: 12mm; }
@media print {
  :root { font-size: 8.5pt; }
  main { max-width: none; padding: 0; }
  h1 { font-size: 1.5rem; }
  h2 { margin-top: .8rem; }
  p { margin: .4rem 0; }
  th, td { padding: .15rem .4rem; }
  table { font-size: 7.6pt; }
  svg { width: auto; max-width: 100%; max-height: 140mm; margin: 0 auto; }
  h2 { break-after: avoid; }
  figure, tr, pre { break-inside: avoid; }
  thead { display: table-header-group; }
  tr.alarm td, pre { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  #missed, #days { break-before: page; }
  .wide { overflow: visible; }
}
figure { margin: 0; }
.wide { overflow-x: auto; }
"""

_BLUE, _ORANGE, _RED, _GREY = "#1d4f91", "#9a4a00", "#a3142a", "#6b6b6b"

# The timeline's measures, in units of its view box.
_WIDTH, _LABELS, _RIGHT = 1180, 190, 24
_TOP, _LANE = 46, 46


def page(case: Case, judgement: Judgement, alarms: Sequence[Alarm], verdict: str, mail: str) -> str:
    """The whole page, as text."""
    missed_steps = list_missed_steps(case, judgement, alarms)
    return _PAGE.substitute(
        title=escape(f"{case.name}: replayed"),
        style=_STYLE,
        verdict=escape(verdict),
        account=escape(_account(case, missed_steps)),
        key=_key(),
        timeline=_timeline(case, missed_steps),
        missed=_missed(case, missed_steps),
        days=_days(case, judgement, alarms),
        mail=escape(mail),
    )


def _account(case: Case, missed_steps: Sequence[MissedStep]) -> str:
    raised = [missed_step.first.on for missed_step in missed_steps if missed_step.first]
    recorded = len(case.recorded)
    text = f"{recorded} facts were recorded between {day_text(case.begins.date())} and {day_text(case.ends)}."
    if case.harm and raised:
        on, what = case.harm
        early = sum(day < on for day in raised)
        text += f" {day_text(on)}: {what}. Of {len(missed_steps)} missed steps, {early} had been said before that day"
        text += f", the first {(on - min(raised)).days} days before."
    return text


def _key() -> str:
    return (
        "Above each line what happened: &#9679; a fact. Below it what the system raised: &#9670; a first alarm, "
        "&#9632; an escalation to somebody further up, | the same alarm repeated. Everything in the picture is also in "
        "the tables below it."
    )


# --- the timeline -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Scale:
    """From a day to a place along the timeline."""

    first: date
    last: date

    def x(self, day: date) -> float:
        days = (self.last - self.first).days or 1
        return round(_LABELS + (day - self.first).days / days * (_WIDTH - _LABELS - _RIGHT), 1)


def _timeline(case: Case, missed_steps: Sequence[MissedStep]) -> str:
    first = case.begins.date().replace(day=1)
    scale = _Scale(first, case.ends)
    height = _TOP + _LANE * (len(missed_steps) + 1) + 14
    parts = [*_months(scale, height), *_marked_days(case, scale, height)]
    others = [(london_date(fact.at), fact.happened) for fact in case.facts if fact.row is None]
    parts += _lane_of(scale, 0, "", "Other facts", others, ())
    for number, missed_step in enumerate(missed_steps, start=1):
        facts = [(london_date(fact.at), fact.happened) for fact in missed_step.facts]
        parts += _lane_of(scale, number, missed_step.row.id, missed_step.row.practice, facts, missed_step.alarms)
    says = "; ".join(_missed_step_in_words(missed_step) for missed_step in missed_steps)
    described = f"Facts and alarms from {day_text(scale.first)} to {day_text(scale.last)}. {says}."
    return (
        '<figure class="wide">'
        f'<svg viewBox="0 0 {_WIDTH} {height}" role="img" aria-labelledby="picture-name picture-says" '
        'xmlns="http://www.w3.org/2000/svg">'
        f'<title id="picture-name">{escape(case.name)}: timeline</title>'
        f'<desc id="picture-says">{escape(described)}</desc>'
        f"{''.join(parts)}</svg></figure>"
    )


def _missed_step_in_words(missed_step: MissedStep) -> str:
    raised = f"first raised on {day_text(missed_step.first.on)}" if missed_step.first else "never raised"
    return f"{missed_step.row.id}, {missed_step.row.missed}: {raised}"


def _months(scale: _Scale, height: int) -> Iterable[str]:
    day = scale.first
    while day <= scale.last:
        x, starts_year = scale.x(day), day.month == 1
        if day.month in (1, 4, 7, 10):
            width = 2 if starts_year else 1
            yield f'<line x1="{x}" y1="30" x2="{x}" y2="{height}" stroke="#d4d4d4" stroke-width="{width}"/>'
            if x < _WIDTH - _RIGHT - 60:  # where it fits
                yield f'<text x="{x + 3}" y="40">{day:%b %Y}</text>'
        day = (day + timedelta(days=32)).replace(day=1)


def _marked_days(case: Case, scale: _Scale, height: int) -> Iterable[str]:
    for day in case.looked_at:
        if case.harm and day == case.harm[0]:
            continue
        x = scale.x(day)
        yield f'<line x1="{x}" y1="18" x2="{x}" y2="{height}" stroke="{_GREY}" stroke-dasharray="4 3"/>'
        yield f'<text x="{x}" y="14" text-anchor="middle">{day_text(day)}</text>'
    if case.harm:
        on, what = case.harm
        x = scale.x(on)
        yield f'<line x1="{x}" y1="18" x2="{x}" y2="{height}" stroke="{_RED}" stroke-width="2"/>'
        name = f"{day_text(on)}: the injury"
        yield f'<text x="{x}" y="14" text-anchor="end" style="fill:{_RED}" class="name">{name}</text>'
        yield f'<circle cx="{x}" cy="20" r="4" fill="{_RED}"><title>{escape(what)}</title></circle>'


def _lane_of(
    scale: _Scale, number: int, name: str, practice: str, facts: Sequence[tuple[date, str]], alarms: Sequence[Alarm]
) -> Iterable[str]:
    middle = _TOP + number * _LANE + _LANE // 2
    yield f'<line x1="0" y1="{middle - _LANE // 2}" x2="{_WIDTH}" y2="{middle - _LANE // 2}" stroke="#ececec"/>'
    yield f'<line x1="{_LABELS}" y1="{middle}" x2="{_WIDTH - _RIGHT}" y2="{middle}" stroke="{_GREY}"/>'
    yield f'<text x="4" y="{middle + 4}"><tspan class="name">{escape(name)}</tspan> {escape(practice)}</text>'
    for day, happened in facts:
        yield (
            f'<circle cx="{scale.x(day)}" cy="{middle - 9}" r="4" fill="{_BLUE}" stroke="#ffffff" stroke-width=".7">'
            f"<title>{day_text(day)}: {escape(happened)}</title></circle>"
        )
    for alarm in alarms:
        for again in alarm.again:
            x = scale.x(again)
            yield f'<line x1="{x}" y1="{middle + 4}" x2="{x}" y2="{middle + 10}" stroke="{_ORANGE}" stroke-width=".6"/>'
    for alarm in reversed(alarms):
        x, y = scale.x(alarm.on), middle + 9
        says = f"<title>{escape(_alarm_text(alarm))}</title>"
        if alarm.rung == OWNER:
            points = f"{x},{y - 5.5} {x + 5.5},{y} {x},{y + 5.5} {x - 5.5},{y}"
            yield f'<polygon points="{points}" fill="{_ORANGE}" stroke="#ffffff" stroke-width=".7">{says}</polygon>'
        else:
            yield (
                f'<rect x="{x - 3.5}" y="{y - 3.5}" width="7" height="7" fill="{_RED}" stroke="#ffffff" '
                f'stroke-width=".7">{says}</rect>'
            )
    if alarms:
        x = scale.x(alarms[0].on)
        yield f'<text x="{x - 7}" y="{middle + 20}" text-anchor="end" class="small">{day_text(alarms[0].on)}</text>'


def _alarm_text(alarm: Alarm) -> str:
    return f"{day_text(alarm.on)}: {alarm.step}, {alarm.rung}: {', '.join(alarm.told)}"


# --- the tables ---------------------------------------------------------------------------------------------------


def _missed(case: Case, missed_steps: Sequence[MissedStep]) -> str:
    heads = [
        "",
        "what was missed",
        "asked for by",
        "first alarm",
        "told",
        *(f"by {day_text(day)}" for day in case.looked_at),
    ]
    if case.harm:
        heads.append("days before the injury")
    rows = []
    for missed_step in missed_steps:
        first = missed_step.first
        cells = [
            f'<th scope="row">{escape(missed_step.row.id)}</th>',
            f"<td>{escape(missed_step.row.missed)}</td>",
            f"<td>{escape(missed_step.row.practice)}</td>",
            f'<td class="day">{day_text(first.on) if first else "never"}</td>',
            f"<td>{escape(', '.join(first.told) if first else '')}</td>",
            *(f"<td>{escape(standing_text(missed_step.by(day)))}</td>" for day in case.looked_at),
        ]
        if case.harm:
            lead = missed_step.lead_days(case.harm[0])
            cells.append(f'<td class="number">{"" if lead is None else lead}</td>')
        rows.append(f"<tr>{''.join(cells)}</tr>")
    return _table("Each missed step, its first alarm and how far it had gone", heads, rows)


def _days(case: Case, judgement: Judgement, alarms: Sequence[Alarm]) -> str:
    rows = []
    for fact in case.facts:
        happened = escape(fact.happened) if fact.is_recorded else f"<i>{escape(fact.happened)}</i>"
        assumed = f'<span class="assumed">Assumed: {escape(fact.assumed)}.</span>' if fact.assumed else ""
        day = london_date(fact.at)
        rows.append((day, 0, _day_row("", day, fact.row, happened + assumed, "", "", escape(fact.by), "")))
    for alarm in alarms:
        raised = f"{alarm.step}: {alarm.title}" if alarm.rung == OWNER else f"{alarm.step}: escalated, {alarm.rung}"
        again = str(len(alarm.again)) if alarm.again else ""
        told = escape(", ".join(alarm.told))
        row = judgement.row_of(alarm)
        rows.append((alarm.on, 1, _day_row("alarm", alarm.on, row, "", escape(raised), alarm.basis, told, again)))
    heads = ["day", "step", "what happened", "what was raised", "basis", "by, or told", "repeated"]
    ordered = [text for _, _, text in sorted(rows, key=lambda row: row[:2])]
    return _table("Every fact and every alarm", heads, ordered)


def _day_row(
    kind: str, day: date, row: str | None, happened: str, raised: str, basis: str, who: str, again: str
) -> str:
    return (
        f'<tr class="{kind}"><td class="day">{day_text(day)}</td><td>{escape(row or "")}</td><td>{happened}</td>'
        f'<td>{raised}</td><td>{escape(basis)}</td><td class="told">{who}</td><td class="number">{again}</td></tr>'
    )


def _table(caption: str, heads: Iterable[str], rows: Iterable[str]) -> str:
    cells = "".join(f'<th scope="col">{escape(head)}</th>' if head else "<td></td>" for head in heads)
    return (
        f'<div class="wide"><table><caption>{escape(caption)}</caption><thead><tr>{cells}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )
