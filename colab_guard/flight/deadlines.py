"""Warns of a running cell that will not end before the runtime does, once; by what the newest beat tells of it."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from colab_guard.core.errors import UsageError
from colab_guard.core.queues import taken
from colab_guard.core.watch import WATCH
from colab_guard.flight.causes import LIMITS, Cause, Here, cause_of
from colab_guard.flight.facts import Facts
from colab_guard.flight.reading import Flight
from colab_guard.flight.recorder import RECORDER
from colab_guard.guards.lifetime import Fit, Lifetime, fit, lifetime

LOOK = "time"  # its name among what is looked at
LOOK_SECONDS = 30.0
SURE_SECONDS = 120.0  # a cell runs before its pace is believed
SURE_SHARE = 1.1  # of what is left: an estimate that is nearer to it may still change its mind
SHORT_SECONDS = 1800.0  # a session that ended sooner did not meet a limit


class Deadlines:
    """``look`` is for the thread that watches, all else for the thread that runs cells. Of ``beat``, the newest one,
    ``t`` and ``cell`` are looked at.
    """

    def __init__(self, beat: Callable[[], Mapping[str, Any]], life: Callable[[], Lifetime] = lifetime) -> None:
        self._beat, self._life = beat, life
        self._warned: object = None
        self._notices: deque[Fit] = deque()

    def begin(self) -> None:
        """From now on it is looked at."""
        WATCH.add(LOOK, self.look)

    def end(self) -> None:
        """Ends that."""
        WATCH.drop(LOOK)

    def notices(self) -> list[Fit]:
        """What is to be told, once."""
        return taken(self._notices)

    def look(self) -> float:
        """Looks at the newest beat; the seconds until the next look."""
        beat = self._beat()
        cell = beat.get("cell")
        try:
            found = fit(cell, self._life())
        except UsageError:  # the environment's limit is none, which %guard status says
            return LOOK_SECONDS
        if cell and found and found.seconds > SURE_SHARE * found.left and beat["t"] - cell["since"] > SURE_SECONDS:
            which = cell["name"], cell["since"]
            if which != self._warned:
                self._warned = which
                self._notices.append(found)
        return LOOK_SECONDS


def cut_off_after(flights: Sequence[Flight], machine: str) -> list[float]:
    """How old, in seconds, other machines of hosted notebooks were when they were taken away while a cell ran, newest
    first: what the limit turned out to be. ``flights``: newest first; of each machine the newest tells.
    """
    ages, seen = list[float](), {None, machine}
    for flight in flights:
        if flight.machine not in seen:
            seen.add(flight.machine)
            facts = Facts(flight)
            cause = cause_of(flight, Here(time.time(), boot="another")).cause
            if facts.host in LIMITS and facts.running and cause in (Cause.LIMIT, Cause.RECLAIMED):
                ages.append(facts.age or 0.0)
    return [age for age in ages if age > SHORT_SECONDS]


DEADLINES = Deadlines(lambda: RECORDER.last)
