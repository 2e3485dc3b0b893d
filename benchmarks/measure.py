"""Measuring on a noisy machine: in alternation, many times, the best of each; ratios, never bare times."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """A line of the table. ``bound`` is None where the row only informs, ``result`` where it could not be measured."""

    what: str
    ours: str
    beside: str
    result: float | None
    unit: str
    bound: float | None = None

    @property
    def held(self) -> bool:
        """Whether the result is within its bound."""
        return self.bound is None or (self.result is not None and self.result <= self.bound)


def best_of(repeats: int, *candidates: Callable[[], float]) -> list[float]:
    """The smallest of ``repeats`` results of each candidate, called in turn so that drifts meet all alike."""
    results: list[list[float]] = [[] for _ in candidates]
    for _ in range(repeats):
        for candidate, found in zip(candidates, results, strict=True):
            found.append(candidate())
    return [min(found) for found in results]


def seconds(action: Callable[[], object]) -> float:
    """How long one call takes."""
    begun = time.perf_counter()
    action()
    return time.perf_counter() - begun


def table(rows: Sequence[Row]) -> str:
    """The rows as Markdown, which reads as plain text too."""
    lines = ["| what | colab_guard | beside it | result | bound |", "|---|---|---|---|---|"]
    for row in rows:
        bound = "" if row.bound is None else f"≤ {row.bound:g} {row.unit}{'' if row.held else ' **exceeded**'}"
        result = "–" if row.result is None else f"{row.result:.{3 if abs(row.result) < 1 else 2}f} {row.unit}"
        lines.append(f"| {row.what} | {row.ours} | {row.beside} | {result} | {bound} |")
    return "\n".join(lines)
