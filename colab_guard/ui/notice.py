"""How the last session ended, as the panel shows it until a cell is guarded in this one."""

from __future__ import annotations

from typing import Any

from colab_guard.session import Session
from colab_guard.store.manifest import Manifest
from colab_guard.ui.abilities import End
from colab_guard.ui.buttons import button
from colab_guard.ui.state import durable_times
from colab_guard.ui.telling import span
from colab_guard.ui.timeline import Timeline, place_of


def notice(session: Session, timeline: Timeline, end: End | None) -> tuple[str, dict[str, Any] | None]:
    """How the last session ended, in words, and the field ``notice`` of the state; "" and None where nothing was cut
    off, and nothing was wrong.
    """
    last = timeline.unfinished()
    if session.runs or (last is None and end is None):
        return "", None
    when = end.when if end is not None else last.created if last is not None else 0.0
    words = end.words if end is not None else "it was in the middle of its cell"
    shown = {
        "ram": list(end.ram) if end is not None else [],
        "resume": "" if last is None else _resume(last),
        "lost": "" if last is None or end is None or when <= last.created else f"{span(when - last.created)} lost",
        "buttons": [button("why", "Why")] if end is not None else [],
    }
    return f"{words}, {{age:{when:.0f}}} ago", shown


def _resume(last: Manifest) -> str:
    durable = " · durable" if last.created <= durable_times().get(last.cell, 0.0) else ""
    return f"`{last.cell}` · {place_of(last)}{durable}: run all cells, and it goes on there"
