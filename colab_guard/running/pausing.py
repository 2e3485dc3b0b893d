"""What a paused run keeps, to be gone on with from memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from colab_guard.resume.plan import State


@dataclass(frozen=True)
class Kept:
    """Where a run paused: what a manifest would say, and the objects themselves; ``marks`` are the variables'
    fingerprints at that moment.
    """

    body: Mapping[str, Any]
    created: float
    state: State
    names: frozenset[str]
    marks: dict[str, int]
