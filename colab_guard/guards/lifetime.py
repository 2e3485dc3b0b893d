"""How long the runtime lives: its age, its limit, and whether the running cell ends before that.

Colab's limits were never published: at most 12 h on the free tier, at most 24 h with Pro+ (said by its maintainers in
googlecolab/colabtools#4384), and less when it is busy. Kaggle says 12 h. What the user sets goes first, then what was
measured: an age at which two earlier runtimes ended. On both the limit counts from the machine's start; elsewhere there
is none but what the user sets, from this process's start.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from colab_guard.core.config import limit_seconds, origin
from colab_guard.core.places import on_colab, on_kaggle
from colab_guard.guards.machine import uptime

HOUR = 3600.0
FREE_SECONDS, PAID_SECONDS, KAGGLE_SECONDS = 12 * HOUR, 24 * HOUR, 12 * HOUR
SAME_SHARE = 0.03  # two ages that differ by less are the same limit: beats and copies are minutes apart
_begun = time.monotonic()
_ended: list[float] = []


@dataclass(frozen=True)
class Lifetime:
    """In seconds: how old the runtime is, and how old it can become, if that is known; ``how`` it is, in words."""

    age: float
    limit: float | None
    how: str

    @property
    def left(self) -> float | None:
        """Until the limit; None without one."""
        return None if self.limit is None else max(0.0, self.limit - self.age)


@dataclass(frozen=True)
class Fit:
    """Of a cell that is running: the ``seconds`` until its outermost loop is over, those that are ``left``, and the
    ``place`` it will have come to when it is cut off, empty where it is not.
    """

    cell: str
    seconds: float
    left: float
    place: str


def lifetime() -> Lifetime:
    """Of this runtime. Raises UsageError for a limit that the user set and that is no duration. Thread-safe."""
    given, age = limit_seconds(), age_seconds()
    if given is not None:
        return Lifetime(age, given, f"from {origin('limit')}")
    hosted = on_colab() or on_kaggle()
    if hosted and (measured := _measured(age)) is not None:
        return Lifetime(age, measured, "as two earlier ones ended")
    if on_colab():
        if age > FREE_SECONDS:
            return Lifetime(age, PAID_SECONDS, "the most that Pro+ gives")
        return Lifetime(age, FREE_SECONDS, "the most that the free tier gives, and it may be less")
    if on_kaggle():
        return Lifetime(age, KAGGLE_SECONDS, "what Kaggle gives")
    return Lifetime(age, None, "")


def learn(ages: Sequence[float]) -> None:
    """How old, in seconds, earlier runtimes were when they were cut off."""
    _ended[:] = sorted(ages)


def _measured(age: float) -> float | None:
    shared = [later for one, later in itertools.pairwise(_ended) if later <= one * (1 + SAME_SHARE)]
    return max((one for one in shared if one > age), default=None)


def age_seconds() -> float:
    """Of the machine where that is what the limit counts, else of this process."""
    since = uptime() if on_colab() or on_kaggle() else None
    return time.monotonic() - _begun if since is None else since


def fit(cell: Mapping[str, Any] | None, life: Lifetime) -> Fit | None:
    """How a running ``cell``, as a beat tells of it (docs/flight.md), fits into what is left; None where no end can be
    told of one of both.
    """
    if not cell or life.left is None or (eta := cell.get("eta")) is None or not (loops := cell.get("loops")):
        return None
    name, index, total = loops[0]
    if total is None:
        return None
    place = ""
    if eta > life.left:
        reached = index + int((total - index + 1) * life.left / eta)
        place = f"{name} {min(reached, total)}/{total}"
    return Fit(str(cell["name"]), float(eta), life.left, place)
