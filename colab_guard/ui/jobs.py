"""What the panel shows of ``cg.jobs``: the table of the sweep that is worked on, or was last; from any thread."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from colab_guard.sweeps.latest import latest
from colab_guard.sweeps.table import FAILED, RUNNING, WAITING, Row
from colab_guard.ui.telling import span

ROWS = 40  # that a state holds: those around the item under way
AHEAD = 3  # of these, how many come behind it
CHARS = 80  # of an error
STOPPED = "stopped"


def jobs(*, runs: bool) -> dict[str, Any] | None:
    """As docs/panel.md has it; None where there was no sweep, or nobody holds it any more. Unless a cell ``runs``, the
    item under way is one that was stopped.
    """
    sweep = latest()
    if sweep is None:
        return None
    rows = sweep.rows
    at = max((number for number, row in enumerate(rows) if row.state != WAITING), default=0)
    end = min(len(rows), max(ROWS, at + 1 + AHEAD))
    shown = [_shown(row, RUNNING if runs else STOPPED) for row in rows[max(0, end - ROWS) : end]]
    return {"name": sweep.name, "text": sweep.summary, "rows": shown}


def _shown(row: Row, under_way: str) -> list[str]:
    took = "" if row.seconds is None or row.state == WAITING else span(row.seconds)
    return [row.name, " · ".join(_words(row, under_way)), took, "bad" if row.state == FAILED else ""]


def _words(row: Row, under_way: str) -> Iterator[str]:
    if row.state in (WAITING, RUNNING):
        yield WAITING if row.state == WAITING else under_way
    for name, value in row.metrics.items():
        yield f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value}"
    if row.state == FAILED:
        yield row.error if len(row.error) <= CHARS else f"{row.error[: CHARS - 1]}…"
    if row.tries > 1:
        yield f"{row.tries} tries"
