"""A picture of a session's last hour."""

from __future__ import annotations

from itertools import pairwise

from colab_guard.core.chart import Line, svg
from colab_guard.core.words import span
from colab_guard.flight.facts import SHARES, Facts, share
from colab_guard.flight.reading import Flight
from colab_guard.guards.lifetime import HOUR

MARKED = frozenset({"cell-failed", "crash", "signal", "store-lost", "rescue", "shutdown", "released", "warning"})


def picture(flight: Flight) -> str | None:
    """The last hour as SVG: RAM, GPU and disk as shares, where cells ran, and the events; None where there is nothing
    to draw.
    """
    begin = Facts(flight).end - HOUR
    beats = [beat for beat in flight.beats if beat["t"] >= begin]
    drawn = {
        word: [(beat["t"], value) for beat in beats if (value := share(beat, key)) is not None]
        for word, key in SHARES.items()
    }
    lines = [Line(f"{word} {points[-1][1]:.0%}", points) for word, points in drawn.items() if points]
    if len(beats) < 2 or not lines:
        return None
    ran = [(one["t"], two["t"]) for one, two in pairwise(beats) if one.get("cell") is not None]
    marks = [
        (event["t"], event["what"]) for event in flight.events if event["t"] >= begin and event.get("what") in MARKED
    ]
    ends = f"{span(beats[-1]['t'] - beats[0]['t'])} before", "last heard of (grey: a cell ran)"
    return svg("In use:", lines, ends, ran, marks)
