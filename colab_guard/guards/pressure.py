"""How near the RAM is to its bound, and what is to be done about it: a warning, a rescue, a stop.

Beyond the bound the system kills the kernel, without a word. So what runs is asked for a **rescue**, a snapshot out of
turn, at 92 %, and again whenever half of what was free then is gone: whatever it takes in each iteration, only the
last few are lost. Where memory goes so fast that 8 % would not last, the first one is asked for up to 12 % earlier.

How soon to look again follows from how much is left, and how fast it went so far: 4 GB/s is the speed at which one
thread can fill memory that it never touched, which is assumed of what has just begun to run. Where little is left and
it goes fast, the thread that watches may come too late, for it has to wait for the interpreter's lock at each file that
it reads: who takes the memory then looks itself at safe points, at most every 5 ms, for a look costs 0.1 ms.
"""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from colab_guard.core.config import stop_share
from colab_guard.core.memory import Memory, memory
from colab_guard.core.queues import taken
from colab_guard.core.watch import WATCH

LOOK = "memory"  # its name among what is looked at
WARN_SHARE = 0.85  # of all memory in use
RESCUE_SHARE, EARLIEST_SHARE = 0.92, 0.80
CALM_SHARE, CALM_SECONDS = 0.75, 60.0  # less, and so long after the last rescue: the next is at 92 % again
GROWTH_SECONDS = 5.0  # what was taken in these may be taken again in the next
FILL_BYTES_PER_SECOND = 4e9
LONGEST_SECONDS, IDLE_SECONDS = 1.0, 5.0  # between two looks, while something runs that can be asked, and else
FAST_BYTES_PER_SECOND = FILL_BYTES_PER_SECOND / 20
LATE_SECONDS = 0.1  # that a look in the background may take beside a thread that works, if it never took longer
NEAR_LOOKS = 4  # so many of the longest, and less, until something is due, if memory goes on so fast
SHORTEST_SECONDS, RESTING_SECONDS = 0.005, 0.05  # while memory goes fast, and else


@dataclass(frozen=True)
class Notice:
    """What is to be told: a ``"warning"``, or a ``"rescue"`` that was asked for and had its turn."""

    kind: str
    memory: Memory


@dataclass(frozen=True)
class Asked:
    """Who can be asked: ``act`` where a snapshot or a stop is wanted, ``tell`` where there is something to tell. Both
    are called in the thread that watches.
    """

    act: Callable[[], None]
    tell: Callable[[], None]


class Pressure:
    """Of this process. ``look`` is for the thread that watches; all else is for the thread that runs cells, which calls
    ``look_if_near`` at each safe point while it is ``near``. In a forked child, does nothing.
    """

    def __init__(
        self, probe: Callable[[], Memory | None] = memory, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.rescue_wanted = self.stop_wanted = self.near = False
        self._probe, self._clock = probe, clock
        self._lock, self._pid = threading.Lock(), os.getpid()
        self._asked: dict[object, Asked] = {}
        self._stop_share: float | None = None
        self._notices: deque[Notice] = deque()
        self._warned = self._always = False
        self._used: deque[tuple[float, int]] = deque()
        self._looked_at = -SHORTEST_SECONDS
        self._late = 0.0  # how long a look took at most, halved every GROWTH_SECONDS
        self._speed = 0.0  # at which memory goes, in bytes a second: the highest, halved every GROWTH_SECONDS
        self._next_free_bytes: float | None = None  # at which there is a rescue again
        self._rescued_at = 0.0

    def ask(self, who: object, act: Callable[[], None], tell: Callable[[], None]) -> None:
        """From now on ``who`` can be asked, a cell or loop that has just saved all there is. Raises UsageError for a
        share to stop at that is none.
        """
        if os.getpid() == self._pid:
            with self._lock:
                self._stop_share = stop_share()
                if who in self._asked:
                    self._settle()
                if not self._asked:
                    self._speed, self.near = FILL_BYTES_PER_SECOND, True  # until looks have shown better
                self._asked[who] = Asked(act, tell)
            WATCH.add(LOOK, self.look)

    def ask_no_more(self, who: object) -> None:
        """From now on ``who`` can't be asked."""
        if os.getpid() != self._pid or who not in self._asked:
            return
        with self._lock:
            del self._asked[who]
            if self._asked:
                return
            self.rescue_wanted = self.stop_wanted = self.near = False
        if not self._always:
            WATCH.drop(LOOK)

    def begin(self) -> None:
        """From now on the memory is looked at also while there is nobody to be asked: for warnings."""
        self._always = True
        WATCH.add(LOOK, self.look)

    def end(self) -> None:
        """Ends that."""
        self._always = False
        if not self._asked:
            WATCH.drop(LOOK)

    def notices(self) -> list[Notice]:
        """What is to be told, once."""
        return taken(self._notices)

    def look_if_near(self) -> None:
        """Looks, where the thread that watches may come too late."""
        if self.near and self._clock() - self._looked_at >= SHORTEST_SECONDS:
            self.look()

    def look(self) -> float:
        """Reads the memory and asks for what is due; the seconds until it is to be read again."""
        if os.getpid() != self._pid:  # the lock may have been held by a thread that is not here
            return IDLE_SECONDS
        with self._lock:
            begun = self._clock()
            found, now = self._probe(), self._clock()
            if found is None:
                self._be_near(False)
                return IDLE_SECONDS
            self._looked_at, self._late = now, max(now - begun, self._late)
            growth_bytes = self._note(found, now)
            self._warn(found)
            if not self._asked:
                return IDLE_SECONDS
            low = self._low(found, growth_bytes)
            self.stop_wanted = self._stop_share is not None and found.used_share >= self._stop_share
            self.rescue_wanted = found.free_bytes <= low
            if self.rescue_wanted or self.stop_wanted:
                for one in self._asked.values():
                    one.act()
            room = found.free_bytes - (low if found.free_bytes > low else low / 2)
            fast, late = self._speed > FAST_BYTES_PER_SECOND, max(self._late, LATE_SECONDS)
            self._be_near(fast and room < NEAR_LOOKS * late * self._speed)
            least = SHORTEST_SECONDS if fast else RESTING_SECONDS
            soon = room / max(2 * self._speed, FILL_BYTES_PER_SECOND) - late
            return min(max(soon, least), LONGEST_SECONDS)

    def _be_near(self, near: bool) -> None:
        if near != self.near and self._asked:
            self.near = near
            self._tell()

    def _tell(self) -> None:
        for one in self._asked.values():
            one.tell()

    def _low(self, found: Memory, growth_bytes: int) -> float:
        """The free bytes at which a rescue is due."""
        if found.used_share < CALM_SHARE and self._clock() - self._rescued_at > CALM_SECONDS:
            self._next_free_bytes = None
        least, most = ((1 - share) * found.total_bytes for share in (RESCUE_SHARE, EARLIEST_SHARE))
        low = min(max(2 * growth_bytes, least), most)
        return low if self._next_free_bytes is None else min(low, self._next_free_bytes)

    def _settle(self) -> None:
        """A snapshot was taken, or could not be: the next rescue is due when half of what is free is gone."""
        if not self.rescue_wanted or (found := self._probe()) is None:
            return
        self.rescue_wanted = False
        self._next_free_bytes, self._rescued_at = found.free_bytes / 2, self._clock()
        self._notices.append(Notice("rescue", found))

    def _note(self, found: Memory, now: float) -> int:
        """How many bytes were taken in the last seconds."""
        used = found.total_bytes - found.free_bytes
        then, before = self._used[-1] if self._used else (now, used)
        if now > then:  # a speed is not forgotten while the cell is held
            forgotten = 0.5 ** ((now - then) / GROWTH_SECONDS)
            self._late *= forgotten
            self._speed *= forgotten
            self._speed = max(self._speed, (used - before) / (now - then))
        self._used.append((now, used))
        while self._used[0][0] < now - GROWTH_SECONDS:
            self._used.popleft()
        return max(0, used - min(bytes_ for _, bytes_ in self._used))

    def _warn(self, found: Memory) -> None:
        if found.used_share < CALM_SHARE:
            self._warned = False
        elif found.used_share >= WARN_SHARE and not self._warned:
            self._warned = True
            self._notices.append(Notice("warning", found))
            self._tell()


PRESSURE = Pressure()
