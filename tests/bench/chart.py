"""The chart of a run: in each race a bar for each contestant, the median of its rounds, with the least and the most."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from itertools import groupby
from statistics import median

WIDTH, LEFT, RIGHT = 760, 200, 90
ROW, GAP, TOP = 22, 34, 44
COLOURS = {"ours": "#1d70b8", "ours, relay running": "#5694ca", "floor": "#b1b4b6"}
OTHER = "#f47738"
STYLE = "text{font:13px sans-serif;fill:#0b0c0c}.race{font-weight:bold}.small{font-size:11px;fill:#505a5f}"
LATENCY = "from 201 to visible"


def draw(rows: Sequence[tuple[str, str, Sequence[dict[str, float]]]], date: str) -> str:
    """Draws the SVG."""
    parts: list[str] = []
    y = TOP
    for race, group in groupby((row for row in rows if row[0] != LATENCY), key=lambda row: row[0]):
        found = [(name, [one["rate"] for one in figures]) for _, name, figures in group]
        longest = max(max(rates) for _, rates in found)
        parts.append(f'<text class="race" x="12" y="{y}">{escape(race)}</text>')
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


def _row(name: str, rates: Sequence[float], y: int, scale: float) -> str:
    middle, least, most = median(rates), min(rates), max(rates)
    centre, colour = y + ROW / 2, COLOURS.get(name, OTHER)
    return (
        f'<text x="{LEFT - 8}" y="{centre + 4}" text-anchor="end">{escape(name)}</text>'
        f'<rect x="{LEFT}" y="{y + 3}" width="{middle * scale:.1f}" height="{ROW - 6}" fill="{colour}"/>'
        f'<path d="M{LEFT + least * scale:.1f} {centre}H{LEFT + most * scale:.1f}" stroke="#0b0c0c"/>'
        f'<text class="small" x="{LEFT + most * scale + 6:.1f}" y="{centre + 4}">{middle:,.0f}</text>'
    )
