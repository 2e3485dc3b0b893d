"""How fast a running cell goes on, and when its outermost loop will be over: from one look at it to the next."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Hashable
from dataclasses import dataclass

from colab_guard.running.progress import Loop

RATE_SECONDS = 60.0  # over which the rate is measured


@dataclass(frozen=True)
class Estimate:
    """``rate``: iterations of the innermost loop a second; ``eta``: seconds until the outermost loop under way is
    over. None: not known yet, or never.
    """

    rate: float | None = None
    eta: float | None = None


class Pace:
    """Looks at one cell after the other. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._what: Hashable = None
        self._looks: deque[tuple[float, tuple[Loop, ...]]] = deque()
        self._first: tuple[float, tuple[Loop, ...]] | None = None
        self._turns: list[tuple[float, int]] = []  # of the outermost loop: the first and the last seen

    def look(self, run: Hashable, loops: tuple[Loop, ...], now: float) -> Estimate:
        """What is known now of the cell that ``run`` stands for; ``now`` in seconds, from any start."""
        with self._lock:
            what = run, loops[0].name if loops else None, loops[0].total if loops else None
            if not loops or what != self._what or self._went_back(loops):
                self._what, self._first = what, (now, loops)
                self._looks.clear()
                self._turns.clear()
            elif self._looks and self._looks[-1][1][0].index != loops[0].index:
                self._turns = [*self._turns[:1], (now, loops[0].index)]
            self._looks.append((now, loops))
            while now - self._looks[0][0] > RATE_SECONDS:
                self._looks.popleft()
            return Estimate(self._rate(), self._eta(now, loops)) if loops else Estimate()

    def _went_back(self, loops: tuple[Loop, ...]) -> bool:
        return bool(self._looks) and self._looks[-1][1][0].index > loops[0].index

    def _rate(self) -> float | None:
        """The newest look beside the oldest of the same loops."""
        now, loops = self._looks[-1]
        for then, before in self._looks:
            moved = _moved(before, loops)
            if now > then and moved is not None:
                return moved / (now - then)
        return None

    def _eta(self, now: float, loops: tuple[Loop, ...]) -> float | None:
        outermost = loops[0]
        if outermost.total is None or self._first is None:
            return None
        if len(self._turns) == 2 and self._turns[1][1] > self._turns[0][1]:
            (begun, first), (last, index) = self._turns
            each = (last - begun) / (index - first)
            return max(each * (outermost.total - index + 1) - (now - last), 0.0)
        then, before = self._first
        share = _share(loops)
        done = share - _share(before)
        return (1 - share) * (now - then) / done if done > 0 else None


def _moved(before: tuple[Loop, ...], now: tuple[Loop, ...]) -> int | None:
    """By how many iterations of the innermost loop; None where that can't be told."""
    if [loop.name for loop in before] != [loop.name for loop in now]:
        return None
    moved = 0
    for was, loop in zip(before, now, strict=True):
        if moved and (loop.total is None or was.total != loop.total):
            return None
        moved = moved * (loop.total or 1) + loop.index - was.index
    return moved if moved >= 0 else None


def _share(loops: tuple[Loop, ...]) -> float:
    """Which share of the outermost loop is over, from 0 to 1: as if each inner loop were all of its iteration."""
    share, weight = 0.0, 1.0
    for loop in loops:
        if not loop.total:
            break
        share += weight * (loop.index - 1) / loop.total
        weight /= loop.total
    return share
