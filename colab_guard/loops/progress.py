"""How far the loops under ``cg.loop`` are, told by any thread while they run."""

from __future__ import annotations

from colab_guard.capture.tally import tally
from colab_guard.loops import live


def under_way() -> list[tuple[str, int, int | None]]:
    """Of each, in the order in which they began: its name, how many items it was given, the one in progress among
    them, and how many there are, if that is known.
    """
    found: list[tuple[str, int, int | None]] = []
    for level in list(live._names.values()):
        _, left = tally(level.iterator)
        found.append((level.name, level.count, None if left is None else level.count + left))
    return found
