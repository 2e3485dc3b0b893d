"""A table as bars, an SVG: drawn here, for matplotlib may not be there, and would take long to load."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from colab_guard.sweeps.table import DONE, FAILED, Row, metrics_of

WIDTH, NAMES, FIGURES, BAR, GAP, HEAD = 720, 200, 80, 16, 4, 26
COLOURS = {DONE: "#1a7f4b", FAILED: "#b3261e"}
NAME_CHARS = 30


@dataclass(frozen=True)
class Plot:
    """An SVG, which a notebook shows."""

    svg: str = field(repr=False)

    def _repr_svg_(self) -> str:
        return self.svg


def plot(title: str, rows: Sequence[Row]) -> Plot:
    """A bar for each row: the seconds, then each number that was reported."""
    parts = [f'<text x="8" y="18" font-weight="bold">{html.escape(title)}</text>']
    y = HEAD
    for heading in ("seconds", *metrics_of(rows)):
        values = [_number(row.seconds if heading == "seconds" else row.metrics.get(heading)) for row in rows]
        known = [value for value in values if value is not None]
        if not known:
            continue
        low, high = min(0.0, *known), max(0.0, *known)
        scale = (WIDTH - NAMES - FIGURES) / ((high - low) or 1.0)
        parts.append(f'<text x="{NAMES}" y="{y + 14}" fill="#555">{html.escape(heading)}</text>')
        y += HEAD
        for row, value in zip(rows, values, strict=True):
            name = row.name if len(row.name) <= NAME_CHARS else f"{row.name[: NAME_CHARS - 1]}…"
            parts.append(f'<text x="{NAMES - 6}" y="{y + 12}" text-anchor="end">{html.escape(name)}</text>')
            if value is not None:
                x, width = NAMES + (min(value, 0.0) - low) * scale, abs(value) * scale
                colour = COLOURS.get(row.state, "#888")
                parts.append(f'<rect x="{x:.1f}" y="{y}" width="{width:.1f}" height="{BAR}" fill="{colour}"/>')
                parts.append(f'<text x="{WIDTH - FIGURES + 6}" y="{y + 12}">{value:.4g}</text>')
            y += BAR + GAP
    return Plot(
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{y + GAP}" font-family="sans-serif" '
        f'font-size="12"><rect width="{WIDTH}" height="{y + GAP}" fill="white"/>{"".join(parts)}</svg>'
    )


def _number(value: object) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if is_number else None  # type: ignore[arg-type]
