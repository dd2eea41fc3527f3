"""The chart of a run: in each race a bar for each contestant, the median of its rounds, with the least and the most."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from html import escape
from statistics import median

from tests.bench.contestants import WHOLE

WIDTH, LEFT, RIGHT = 760, 200, 90
ROW, GAP, TOP = 22, 34, 44
COLOURS = {"ours": "#1d70b8", "ours, relay running": "#5694ca", "floor": "#b1b4b6"}
OTHER = "#f47738"
STYLE = "text{font:13px sans-serif;fill:#0b0c0c}.race{font-weight:bold}.small{font-size:11px;fill:#505a5f}"
LATENCY = "from 201 to visible"
# What a race is called in the chart, by the figure that is drawn. A ledger race of earlier results has a `rate`, which
# leaves out the first tenth of the work.
LABELS = {"rate": "{}", WHOLE: "{}, first to last event"}


def draw(rows: Sequence[tuple[str, str, Sequence[dict[str, float]]]], date: str) -> str:
    """Draws the SVG."""
    parts: list[str] = []
    y = TOP
    races: dict[str, list[tuple[str, list[float]]]] = defaultdict(list)
    for race, name, figures in rows:
        if race != LATENCY:
            for label, rates in rates_of(race, figures):
                races[label].append((name, rates))
    for label, found in races.items():
        longest = max(max(rates) for _, rates in found)
        parts.append(f'<text class="race" x="12" y="{y}">{escape(label)}</text>')
        y += 8
        for name, rates in found:
            parts.append(_row(name, rates, y, (WIDTH - LEFT - RIGHT) / longest))
            y += ROW
        y += GAP
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{y}" viewBox="0 0 {WIDTH} {y}" role="img">'
        f"<title>What each contestant does in a second</title><style>{STYLE}</style>"
        f'<rect width="{WIDTH}" height="{y}" fill="#fff"/>'
        f'<text class="small" x="12" y="18">a second, median of the rounds; the line is from the least to the most; '
        f"2 cores shared by all processes; {date}</text>"
    )
    return "\n".join([head, *parts, "</svg>\n"])


def rates_of(race: str, figures: Sequence[dict[str, float]]) -> list[tuple[str, list[float]]]:
    """The rates of one contestant in the rounds of a race, under what they are called."""
    found = [(label.format(race), [one[name] for one in figures if name in one]) for name, label in LABELS.items()]
    return [(label, rates) for label, rates in found if rates]


def _row(name: str, rates: Sequence[float], y: int, scale: float) -> str:
    middle, least, most = median(rates), min(rates), max(rates)
    centre, colour = y + ROW / 2, COLOURS.get(name, OTHER)
    return (
        f'<text x="{LEFT - 8}" y="{centre + 4}" text-anchor="end">{escape(name)}</text>'
        f'<rect x="{LEFT}" y="{y + 3}" width="{middle * scale:.1f}" height="{ROW - 6}" fill="{colour}"/>'
        f'<path d="M{LEFT + least * scale:.1f} {centre}H{LEFT + most * scale:.1f}" stroke="#0b0c0c"/>'
        f'<text class="small" x="{LEFT + most * scale + 6:.1f}" y="{centre + 4}">{middle:,.0f}</text>'
    )
