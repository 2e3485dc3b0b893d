"""What is asked of a guarded cell from outside while it runs: to pause (SIGINT), to come to its end (SIGTERM), or to do
something at its next safe point.

The first interrupt asks it to pause at its next safe point, the second is immediate. The first SIGTERM asks for a last
snapshot there, after which the process ends; where no safe point comes in time, or a second one does, it ends at once.
What is saved at that safe point may take longer.
"""

from __future__ import annotations

import ast
import os
import signal
import threading
import types
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from colab_guard.cell.units import Unit
from colab_guard.flight.recorder import RECORDER
from colab_guard.saving.writer import WRITER

GRACE_SECONDS = 5.0  # within which a cell reaches a safe point


class Signals:
    """Stands in for the process's handlers while a cell runs in the main thread; elsewhere, does nothing.

    ``ask`` is called in the handler, by the first signal; ``own(frame)`` tells whether the code that runs in a Python
    frame handles interrupts itself: they are its own, and come as they would.
    """

    def __init__(self, ask: Callable[[], None], own: Callable[[types.FrameType], bool]) -> None:
        self.to_pause = self.to_end = False
        self._ask, self._own = ask, own
        self._before: dict[int, Any] = {}
        self._timers: list[threading.Timer] = []
        self._is_doing = False
        self._overdue: list[Callable[[], None]] = []
        self._errand: Callable[[], None] | None = None
        self._home: tuple[int, int] | None = None  # process and thread of the cell

    @property
    def asked(self) -> bool:
        """Whether the next safe point has something to do."""
        return self.to_pause or self.to_end

    def call(self, errand: Callable[[], None]) -> None:
        """Has ``errand`` called once at the next safe point, by the thread that runs the cell; in place of one that
        waits. For any thread.
        """
        self._errand = errand
        self._ask()

    def attend(self) -> None:
        """A safe point is reached, at which the flag is up."""
        if self._errand is not None and self._home == (os.getpid(), threading.get_ident()):
            errand, self._errand = self._errand, None
            errand()

    @contextmanager
    def doing(self) -> Iterator[None]:
        """A safe point has come, and what was asked for is done there, however long that takes. Where it can't be done
        after all, what became due meanwhile follows.
        """
        self._is_doing = True
        try:
            yield
        finally:
            self._is_doing = False
        while self._overdue:
            self._overdue.pop()()

    def come_to_the_end(self) -> None:
        """The cell has run: no safe point comes any more, and what was asked for is done by ``unwatch``."""
        self._is_doing = True

    def watch(self) -> None:
        """The cell begins: takes the place of the handlers: of SIGINT's, if that is one of Python's; of SIGTERM's, if
        it is ours or nobody's.
        """
        self._home = os.getpid(), threading.get_ident()
        if threading.current_thread() is not threading.main_thread():
            return
        self._pid = os.getpid()
        if callable(signal.getsignal(signal.SIGINT)):
            self._before[signal.SIGINT] = signal.signal(signal.SIGINT, self._interrupted)
        if WRITER.ends_by_signal():
            self._before[signal.SIGTERM] = signal.signal(signal.SIGTERM, self._terminated)

    def unwatch(self) -> None:
        """Puts the handlers back; ends the process, if that was asked for."""
        for timer in self._timers:
            timer.cancel()
        while self._before:
            signal.signal(*self._before.popitem())
        if self.to_end:
            WRITER.end_process()

    def _interrupted(self, number: int, frame: types.FrameType | None) -> None:
        if self.to_pause or os.getpid() != self._pid or (frame is not None and self._own(frame)):
            self._before[number](number, frame)
            return
        self.to_pause = True
        self._later("colab_guard-interrupt", _interrupt_again)

    def _terminated(self, number: int, frame: types.FrameType | None) -> None:
        RECORDER.event("signal", signal="SIGTERM")
        if self.to_end or os.getpid() != self._pid:
            signal.signal(number, self._before[number])
            os.kill(os.getpid(), number)
            return
        self.to_end = True
        self._later("colab_guard-end", lambda: os.kill(self._pid, number))

    def _later(self, name: str, do: Callable[[], None]) -> None:
        timer = threading.Timer(GRACE_SECONDS, self._no_safe_point_came, [do])
        timer.name, timer.daemon = name, True
        self._timers.append(timer)
        timer.start()
        self._ask()

    def _no_safe_point_came(self, do: Callable[[], None]) -> None:
        if self._is_doing:
            self._overdue.append(do)
        else:
            do()


def _interrupt_again() -> None:
    if hasattr(signal, "pthread_kill"):
        # To the main thread itself, so that it also ends a wait in the system there.
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
    else:
        signal.raise_signal(signal.SIGINT)


def is_handled(cell: ast.Module, units: Mapping[types.CodeType, Any], frame: types.FrameType | None) -> bool:
    """Whether the cell, or a function of its that is under way in ``frame``, handles interrupts itself."""
    trees = {unit.code: unit.module for unit in units.values() if isinstance(unit, Unit) and not unit.home}
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
