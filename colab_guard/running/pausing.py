"""Interrupts while a guarded cell runs: the first asks it to pause at its next safe point, the second is immediate."""

from __future__ import annotations

import ast
import os
import signal
import threading
import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from colab_guard.cell.units import Unit
from colab_guard.resume.plan import State

GRACE_SECONDS = 5.0


class Interrupts:
    """Stands in for the process's handler of SIGINT while a cell runs in the main thread; elsewhere, does nothing.

    ``ask`` is called in the handler, by the first interrupt; ``own(frame)`` tells whether the code that runs in a
    Python frame handles interrupts itself: they are its own, and come as they would.
    """

    def __init__(self, ask: Callable[[], None], own: Callable[[types.FrameType], bool]) -> None:
        self.asked = False
        self._ask, self._own = ask, own
        self._before: Any = None
        self._timer: threading.Timer | None = None

    def watch(self) -> None:
        """Takes the place of the handler, if that is one of Python's."""
        handler = signal.getsignal(signal.SIGINT)
        if threading.current_thread() is threading.main_thread() and callable(handler):
            self._pid, self._before = os.getpid(), handler
            signal.signal(signal.SIGINT, self._handle)

    def unwatch(self) -> None:
        """Puts the handler back."""
        if self._timer is not None:
            self._timer.cancel()
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)
            self._before = None

    def _handle(self, number: int, frame: types.FrameType | None) -> None:
        if self.asked or os.getpid() != self._pid or (frame is not None and self._own(frame)):
            self._before(number, frame)
            return
        self.asked = True
        self._timer = threading.Timer(GRACE_SECONDS, _interrupt_again)
        self._timer.name, self._timer.daemon = "colab_guard-interrupt", True
        self._timer.start()
        self._ask()


def _interrupt_again() -> None:
    if hasattr(signal, "pthread_kill"):
        # To the main thread itself, so that it also ends a wait in the system there.
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
    else:
        signal.raise_signal(signal.SIGINT)


@dataclass(frozen=True)
class Kept:
    """Where a run paused: what a manifest would say, and the objects themselves; ``marks`` are the variables'
    fingerprints at that moment.
    """

    body: Mapping[str, Any]
    created: float
    state: State
    names: frozenset[str]
    marks: dict[str, int]


def is_handled(cell: ast.Module, units: Mapping[types.CodeType, Any], frame: types.FrameType | None) -> bool:
    """Whether the cell, or a function of its that is under way in ``frame``, handles interrupts itself."""
    trees = {unit.code: unit.module for unit in units.values() if isinstance(unit, Unit)}
    own = [cell]
    while frame is not None:
        own += [trees[frame.f_code]] if frame.f_code in trees else []
        frame = frame.f_back
    return any(map(_names_interrupt, own))


def _names_interrupt(tree: ast.AST) -> bool:
    return any(
        isinstance(part, ast.ExceptHandler)
        and part.type is not None
        and any(isinstance(name, ast.Name) and name.id == "KeyboardInterrupt" for name in ast.walk(part.type))
        for part in ast.walk(tree)
    )
