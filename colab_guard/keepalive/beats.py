"""What the frame says, as it comes from a page: nothing of it is trusted beyond its type."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from colab_guard.keepalive.contact import Step

TEXT_CHARS = 100
CONNECT = ("connected", "connecting", "disconnected", "dialog", "unknown")
MOST_PRESSES = 10**6


@dataclass(frozen=True)
class Page:
    """The page's script: when it was last heard of by the frame, what it sees of Colab's connect button, and how often
    it has pressed it.
    """

    at: float
    connect: str
    presses: int
    version: str


@dataclass(frozen=True)
class Beat:
    """One beat of one view of the frame. Times in seconds since 1970 by the browser's clock; ``rtt``: seconds that the
    last one took to the kernel and back; ``interacted``: the newest key or click that the frame saw.
    """

    view: str
    number: int
    sent: float
    rtt: float | None
    hidden: bool
    page: Page | None
    audio: str
    wake_lock: str
    notify: str
    interacted: float | None


def beat_of(content: Mapping[str, Any]) -> Beat | None:
    """The beat in a message; None where it is none."""
    sent, view, number = _seconds(content.get("sent")), content.get("view"), content.get("n")
    if content.get("what") != "beat" or sent is None or not isinstance(view, str) or type(number) is not int:
        return None
    page = content.get("page")
    return Beat(
        view[:TEXT_CHARS],
        number,
        sent,
        _seconds(content.get("rtt_ms")),
        content.get("hidden") is True,
        _page(page) if isinstance(page, Mapping) else None,
        _text(content.get("audio")),
        _text(content.get("wake_lock")),
        _text(content.get("notify")),
        _seconds(content.get("interacted")),
    )


def moved_of(content: Mapping[str, Any]) -> Step | None:
    """The step of the page's script or of the frame in a message, by the browser's clock; None where it is none."""
    at, before, after = _seconds(content.get("at")), _text(content.get("from")), _text(content.get("to"))
    if content.get("what") != "moved" or at is None or not before or not after:
        return None
    who = "page" if content.get("who") == "page" else "frame"
    return Step(at, who, before, after, _text(content.get("why")))


def _page(content: Mapping[str, Any]) -> Page | None:
    at, connect, presses = _seconds(content.get("at")), content.get("connect"), content.get("presses")
    if at is None:
        return None
    known = connect if connect in CONNECT else "unknown"
    count = min(max(presses, 0), MOST_PRESSES) if type(presses) is int else 0
    return Page(at, str(known), count, _text(content.get("version")))


def _seconds(milliseconds: object) -> float | None:
    if isinstance(milliseconds, bool) or not isinstance(milliseconds, int | float):
        return None
    try:
        seconds = float(milliseconds) / 1000
    except OverflowError:
        return None
    return seconds if math.isfinite(seconds) and seconds >= 0 else None


def _text(value: object) -> str:
    text = value if isinstance(value, str) else ""
    return "".join(c for c in text[:TEXT_CHARS] if c.isprintable())
