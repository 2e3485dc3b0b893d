"""What a kernel whose flight is recorded is given before colab_guard is loaded: a clock that runs ahead."""

import functools
import time
import types
from typing import Any

from colab_guard.core.watch import WATCH
from colab_guard.flight import copies, recorder
from colab_guard.guards import machine
from colab_guard.notebook import flight
from colab_guard.session import Session

BEAT_SECONDS, COPY_SECONDS, FIRST_SECONDS = recorder.BEAT_SECONDS, copies.COPY_SECONDS, copies.FIRST_SECONDS


class Clock:
    """Seconds since 1970, as if `speed` of them passed in one."""

    def __init__(self) -> None:
        self._told, self._real, self.speed = time.time(), time.monotonic(), 1.0

    def __call__(self) -> float:
        return self._told + (time.monotonic() - self._real) * self.speed

    def goes(self, speed: float) -> None:
        """From now on so fast."""
        self._told, self._real, self.speed = self(), time.monotonic(), speed

    def run(self, speed: float) -> None:
        """From now on so fast; beats and copies come as often as they would by this clock."""
        self.goes(speed)
        recorder.BEAT_SECONDS = BEAT_SECONDS / speed
        copies.COPY_SECONDS, copies.FIRST_SECONDS = COPY_SECONDS / speed, FIRST_SECONDS / speed
        for name, (_, look) in list(WATCH._due.items()):  # each was to be called by the old pace
            WATCH.add(name, look)


CLOCK = Clock()


def prepare(speed: float, up_seconds: float | None, host: str) -> None:
    """The recorder and the session go by `CLOCK`; the machine says that it was up for so long already, and what it is
    the host of. A request counts as sent when it is handled, for its own time is not by this clock; to end takes a
    session its real time.
    """
    CLOCK.run(speed)
    begun, event = CLOCK(), recorder.RECORDER.event

    def heard(what: str, **fields: Any) -> None:
        if what in ("shutdown", "signal"):
            CLOCK.goes(1.0)
        event(what, **fields)

    recorder.RECORDER.event = heard
    Session.__init__ = functools.partialmethod(Session.__init__, clock=CLOCK)
    flight.time = types.SimpleNamespace(time=CLOCK, monotonic=time.monotonic)
    flight.Recording._listen = lambda self: setattr(self, "_heard", CLOCK())
    if up_seconds is not None:
        machine.uptime = lambda: up_seconds + CLOCK() - begun
    if host:
        flight.platform_name = lambda shell: host
