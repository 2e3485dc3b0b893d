"""``%guard checklist``: what is to be looked at before a long run, as checks that run, each with how to mend it.

A check reads, and changes nothing. It claims no more than it saw: what can't be told here is said to be unknown.
"""

from __future__ import annotations

from colab_guard.checklist.check import Check, Known
from colab_guard.checklist.machine import disks, gpu, memory_for_model, time_left
from colab_guard.checklist.places import drive, inputs, keep_alive, store
from colab_guard.session import Session

__all__ = ["Check", "checklist", "checklist_text"]

CHECKS = (gpu, memory_for_model, disks, drive, store, inputs, time_left, keep_alive)


def checklist(session: Session) -> list[Check]:
    """Every check, run now. For the thread that runs cells; may wait for a slow store."""
    found, known = [], Known(session)
    for check in CHECKS:
        try:
            found.append(check(known))
        except Exception as error:  # noqa: BLE001 - the other checks have something to say, too
            found.append(Check(check.__name__.replace("_", " "), None, f"{type(error).__name__}: {error}"))
    return found


def checklist_text(session: Session) -> str:
    """The checks, a line each; below what is not right, how to mend it."""
    checks = checklist(session)
    width = max(len(check.name) for check in checks)
    lines = []
    for check in checks:
        lines.append(f"{check.mark:<7} {check.name:<{width}}  {check.said}")
        if check.mend:
            lines.append(f"{'':<7} {'':<{width}}  → {check.mend}")
    wrong = sum(check.fine is False for check in checks)
    lines.append("nothing to mend." if not wrong else f"{wrong} to mend.")
    return "\n".join(lines)
