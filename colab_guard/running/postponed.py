"""The safe points at which the snapshot that is due was not taken, so that the next one takes it.

Some can't be left at all. At others an autograd graph waits for its ``backward()``: between ``loss = …`` and
``loss.backward()``, or while losses are summed up. What was restored there could not go on, for no graph can be stored;
a moment later ``backward()`` has been called, and nothing is lost with the graph. So these are passed over, but not for
longer than PATIENCE_SECONDS, for some graphs are kept and no ``backward()`` ever comes. A future without its result is
waited for in the same way.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable

from colab_guard.capture.pickler import Unsaveable

PATIENCE_SECONDS = 15.0


class Awaited(Unsaveable):
    """A snapshot at this moment would lose a graph, or a result, that is still to come."""


class Postponed:
    """Of one snapshot that is due; for the thread that runs the cell. ``in_haste`` tells whether it can't wait."""

    def __init__(self, in_haste: Callable[[], bool]) -> None:
        self._in_haste = in_haste
        self.clear()

    def clear(self) -> None:
        """It was taken."""
        self._blocked: set[Hashable] = set()
        self._early: set[Hashable] = set()
        self._until: float | None = None

    def __contains__(self, point: Hashable) -> bool:
        return point in self._blocked or (point in self._early and self._is_patient())

    def check(self, awaited: str, *, midway: bool) -> None:
        """Raises Awaited where there is a variable that is ``awaited``, and the cell is ``midway``."""
        if awaited and midway and self._is_patient():
            raise Awaited(awaited)

    def add(self, point: Hashable, place: object, error: Exception) -> list[str]:
        """It was not taken at a safe point; what there is to say of that."""
        if isinstance(error, Awaited):
            self._early.add(point)
            return []
        self._blocked.add(point)
        return [f"the loop in {place} can't be left in its middle: {error}"]

    def _is_patient(self) -> bool:
        if self._until is None:
            self._until = time.monotonic() + PATIENCE_SECONDS
        return time.monotonic() < self._until and not self._in_haste()
