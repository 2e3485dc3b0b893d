"""Shares over time, drawn as SVG: for any thread, and with nothing imported, as matplotlib belongs to the user."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import starmap

WIDTH, HEIGHT, MARGIN = 640, 180, 28
COLOURS = ("#d62728", "#ff7f0e", "#1f77b4")


@dataclass(frozen=True)
class Line:
    """``name`` is told with its colour; ``points`` are times, in seconds of any clock and in their order, with shares
    from 0 to 1 (more is drawn as 1).
    """

    name: str
    points: Sequence[tuple[float, float]]


def svg(
    title: str,
    lines: Sequence[Line],
    ends: tuple[str, str],
    spans: Sequence[tuple[float, float]] = (),
    marks: Sequence[tuple[float, str]] = (),
) -> str:
    """At most three lines, of at least one point together. ``ends``: what stands below the earliest and the latest of
    their times; ``spans``: from when to when the ground is grey; ``marks``: when, and in a word what happened.
    """
    times = [time for line in lines for time, _ in line.points]
    first, length = min(times), max(max(times) - min(times), 1.0)
    bottom, right = HEIGHT - MARGIN, WIDTH - MARGIN
    height = bottom - MARGIN

    def x(time: float) -> float:
        return MARGIN + (right - MARGIN) * min(max((time - first) / length, 0.0), 1.0)

    def ground(begin: float, end: float) -> str:
        return f'<rect x="{x(begin):.1f}" y="{MARGIN}" width="{x(end) - x(begin):.1f}" height="{height}" fill="#eee"/>'

    def drawn(line: Line, colour: str) -> str:
        points = " ".join(f"{x(time):.1f},{bottom - height * min(share, 1):.1f}" for time, share in line.points)
        return f'<polyline points="{points}" fill="none" stroke="{colour}"/>'

    def marked(time: float, what: str) -> str:
        text = f'<text transform="rotate(90)" x="3" y="-3" font-size="9">{html.escape(what)}</text>'
        stroke = f'<path d="M0 0V{height}" stroke="#555" stroke-dasharray="2"/>'
        return f'<g transform="translate({x(time):.1f} {MARGIN})">{stroke}{text}</g>'

    coloured = list(zip(lines, COLOURS, strict=False))
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" font-family="sans-serif" '
        f'font-size="12"><rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        *starmap(ground, spans),
        f'<path d="M{MARGIN} {MARGIN}H{right}M{MARGIN} {bottom}H{right}" stroke="#bbb"/>',
        *starmap(drawn, coloured),
        *starmap(marked, marks),
        f'<text x="{MARGIN}" y="18">{html.escape(title)}',
        *(f' <tspan fill="{colour}">{html.escape(line.name)}</tspan>' for line, colour in coloured),
        f'</text><text x="{MARGIN}" y="{HEIGHT - 10}">{html.escape(ends[0])}</text>'
        f'<text x="{right}" y="{HEIGHT - 10}" text-anchor="end">{html.escape(ends[1])}</text></svg>',
    ]
    return "".join(parts)
