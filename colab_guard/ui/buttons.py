"""Which buttons there are, and which of them can be pressed now."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

READY, WAITING, BUSY, OFF = "ready", "waiting", "busy", "off"
FOR_CELL = "waiting for the cell"


@dataclass(frozen=True)
class Situation:
    """What decides. ``waiting``: buttons that were pressed, and have not acted. ``hears``: whether messages are taken
    at safe points. ``armed``: the runtime is to be released. ``keeps``: keep-alive is on and not paused; None: it is
    off.
    """

    guarded: bool = False  # runs
    plain: bool = False  # another cell runs
    hears: bool = True
    waiting: Collection[str] = ()
    on_colab: bool = False
    mounted: bool = False
    gpu: bool = False
    can_free: bool = False
    armed: bool = False
    keeps: bool | None = None


def buttons(now: Situation) -> list[dict[str, Any]]:
    """The field ``buttons`` of the state."""
    mount = now.on_colab and not now.mounted
    found = [
        _button(now, "save", "Save now", main=not mount),
        _button(
            now, "stop", "Stop after saving", "" if now.guarded else "no guarded cell is running",
            deaf=not now.hears,
        ),
    ]  # fmt: skip
    if now.gpu and now.can_free:
        found.append(_button(now, "free-gpu", "Free GPU memory"))
    if mount:
        found.insert(0, _button(now, "mount", "Mount Drive", main=True))
    if now.keeps is not None:
        found.append(_button(now, "keep-alive", "Pause keep-alive" if now.keeps else "Resume keep-alive"))
    if now.on_colab:
        label = "Keep the runtime when done" if now.armed else "Release when done"
        confirm = None if now.armed else "End this runtime once the guarded cell is done and everything is durable?"
        found.append(_button(now, "release-when-done", label, confirm=confirm))
    return found


def button(
    do: str, label: str, state: str = READY, why: str = "", *, main: bool = False, confirm: str | None = None
) -> dict[str, Any]:
    """One button, as the page has it."""
    return {"do": do, "label": label, "state": state, "why": why, "main": main, "confirm": confirm}


def _button(
    now: Situation, do: str, label: str, off: str = "", *, main: bool = False, deaf: bool = False,
    confirm: str | None = None,
) -> dict[str, Any]:  # fmt: skip
    state, why = READY, ""
    if off:
        state, why = OFF, off
    elif deaf:
        state, why = (
            OFF,
            "this kernel takes no messages while a cell runs: interrupt the cell instead, which stops it so too",
        )
    elif do in now.waiting:
        state, why = (BUSY, "at the next safe point") if now.guarded else (WAITING, FOR_CELL)
    elif now.plain or (now.guarded and not now.hears):
        why = "acts when the cell has ended"
    return button(do, label, state, why, main=main, confirm=confirm)
