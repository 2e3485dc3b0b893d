"""What a sweep was asked for, what it asks of the world, and what it knows of the process it is in."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from colab_guard.guards.lifetime import Lifetime, lifetime
from colab_guard.sweeps.keeping import Keeper


@dataclass(frozen=True)
class Options:
    """What ``cg.jobs`` was asked for, see docs/jobs.md."""

    name: str
    per_session: int | None = None
    cool_down_seconds: float = 0.0
    clear_gpu: bool = False
    on_error: str = "raise"


@dataclass(frozen=True)
class Around:
    """What a sweep asks of the world."""

    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    life: Callable[[], Lifetime] = lifetime


@dataclass(frozen=True)
class Lent:
    """What only a notebook can do; pickled by their names."""

    free: Callable[[], object]
    offer: Callable[[Path], object]


@dataclass
class Here:
    """What a sweep knows of this process, and no snapshot holds."""

    keeper: Keeper | None = None
    since: tuple[float, int] | None = None  # when the current item began, and in which run of a guarded cell
    begun: set[str] = field(default_factory=set)  # the items that were
    written: float = -math.inf  # when its files were, and which
    files: str = ""
    said: set[str] = field(default_factory=set)
