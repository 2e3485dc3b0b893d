"""Whether a browser is there, as far as beats tell the kernel. Pure."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

MISSED, GONE = 2.5, 5.0  # intervals of silence: one late beat is no news, five are
NOT_KNOWN, CONNECTED, SUSPECT, LOST = "not known", "connected", "suspect", "lost"
KEPT = 500  # transitions
SAME_SECONDS = 1.0  # by how much two tellings of one may differ: the way that beats take is never the same


@dataclass(frozen=True)
class Contact:
    """The connection to a browser: its state, and since when it is in it."""

    state: str = NOT_KNOWN
    since: float = 0.0

    def step(self, heard: float | None, listening: float | None, interval: float, now: float) -> Contact:
        """A look at ``now``: ``heard``: when the newest beat was sent; ``listening``: since when beats would have come
        through, None where they would not (a cell runs that takes no messages, or keep-alive rests).
        """
        if heard is not None and now - heard <= MISSED * interval:
            return self._to(CONNECTED, now)
        if listening is None or heard is None:
            return self
        silent = now - max(heard, listening)
        if silent > GONE * interval:
            return self._to(LOST, now)
        return self._to(SUSPECT, now) if silent > MISSED * interval and self.state == CONNECTED else self

    def _to(self, state: str, now: float) -> Contact:
        return self if state == self.state else Contact(state, now)


@dataclass(frozen=True)
class Step:
    """A transition ``at`` a time, in seconds since 1970, that ``who`` went through: the kernel, the page's script, or
    the frame.
    """

    at: float
    who: str
    before: str
    after: str
    why: str


@dataclass
class Log:
    """The newest transitions. For any thread."""

    steps: deque[Step] = field(default_factory=lambda: deque(maxlen=KEPT))

    def add(self, step: Step) -> None:
        """One more, if it is not there: each frame tells of the page's."""
        if not any(_same(step, one) for one in list(self.steps)):
            self.steps.append(step)

    def in_order(self) -> list[Step]:
        """Oldest first: a page tells of some long after."""
        return sorted(self.steps, key=lambda step: step.at)


def _same(one: Step, other: Step) -> bool:
    same = (one.who, one.before, one.after) == (other.who, other.before, other.after)
    return same and abs(one.at - other.at) < SAME_SECONDS
