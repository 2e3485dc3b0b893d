"""When the next snapshot is due: a timer that raises the flag of the safe points, or a count of iterations."""

from __future__ import annotations

import threading
from collections.abc import Callable

from colab_guard.core.settings import Interval
from colab_guard.flight.recorder import RECORDER
from colab_guard.guards.pressure import PRESSURE


class Alarm:
    """Used by the thread that runs the cell; the timer, and what watches the memory, only ever raise the flag, and call
    ``wake`` where there is something to tell. ``now`` is the interval in force.
    """

    def __init__(self, interval: Interval, flag: Callable[[bool], None], wake: Callable[[], None]) -> None:
        self.interval = self.now = interval
        self._flag, self._wake = flag, wake
        self._timer: threading.Timer | None = None
        self._count = self._depth = 0
        self._rang = False

    def set(self, stall_seconds: float, counted: int, last_call: float | None = None) -> None:
        """Lowers the flag until the next snapshot is due, in ``last_call`` seconds if not before; ``counted``
        iterations of that interval have begun.
        """
        self._stop_timer()
        # First: what it asks for again from here on is asked for again and again.
        PRESSURE.ask(self, self._press, self._wake)
        self._count, self._rang = counted, False
        self.now = self.interval.after(stall_seconds)
        self._flag(self.interval.iterations is not None or PRESSURE.near)
        waits = [seconds for seconds in (self.now.seconds, last_call) if seconds is not None]
        if waits:
            self._timer = threading.Timer(min(waits), self.ring)
            self._timer.name, self._timer.daemon = "colab_guard-timer", True
            self._timer.start()

    def off(self) -> None:
        """Stops the timer, so that nothing raises the flag any more."""
        PRESSURE.ask_no_more(self)
        self._stop_timer()

    @property
    def is_rescue(self) -> bool:
        """Whether it is the want of memory that asks for a snapshot."""
        return PRESSURE.rescue_wanted or PRESSURE.stop_wanted

    @property
    def is_stop(self) -> bool:
        """Whether the cell is to be stopped for want of memory."""
        return PRESSURE.stop_wanted

    def ring(self) -> None:
        """A snapshot is due, at the next safe point."""
        self._rang = True
        self._flag(True)

    def is_due(self, depth: int, counts: bool) -> bool:
        """Whether a snapshot is due at a safe point with the flag up, ``depth`` functions below the cell, which
        ``counts`` an iteration: one of the innermost loop that is running, and no other.
        """
        PRESSURE.look_if_near()
        if self.interval.iterations is None:
            return self._rang
        self._count += counts and depth >= self._depth
        self._depth = depth
        return self._rang or self._count > self.interval.iterations

    def lower(self, unless: Callable[[], bool]) -> None:
        """Lowers the flag, which somebody else has raised, unless it is to be up."""
        if self.interval.iterations is None:
            self._flag(False)
            if self._rang or PRESSURE.near or unless():
                self._flag(True)

    def _press(self) -> None:
        rang = self._rang
        self.ring()  # again, too: ``set`` may just have lowered the flag
        if not rang:
            RECORDER.event("rescue", reason="memory")

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer.join()
            self._timer = None
