"""A plot of GPU memory over time."""

from __future__ import annotations

import time
from collections import deque

from colab_guard.core.chart import Line, svg
from colab_guard.core.words import ago, size
from colab_guard.guards import gpu

POINTS = 600
WORDS = ("used", "torch holds", "in tensors")


class Plot:
    """Of each GPU, with the newest POINTS. For one thread at a time."""

    def __init__(self) -> None:
        self._points: dict[tuple[str, int], deque[tuple[float, tuple[int, int, int]]]] = {}

    def now(self) -> str:
        """One more point of each, and all drawn, as SVG."""
        torchs = {one.index: one for one in gpu.allocators()}
        for one in gpu.gpus():
            torch = torchs.get(one.index)
            held = (torch.reserved_bytes, torch.allocated_bytes) if torch else (0, 0)
            points = self._points.setdefault((f"GPU {one.index} {one.name}", one.total_bytes), deque(maxlen=POINTS))
            points.append((time.monotonic(), (one.used_bytes, *held)))
        return "".join(_drawn(name, total, list(points)) for (name, total), points in self._points.items())


def _drawn(name: str, total_bytes: int, points: list[tuple[float, tuple[int, int, int]]]) -> str:
    (first, _), (last, newest) = points[0], points[-1]
    lines = [
        Line(f"{word} {size(newest[which])}", [(at, sizes[which] / total_bytes) for at, sizes in points])
        for which, word in enumerate(WORDS)
    ]
    return svg(f"{name}, of {size(total_bytes)}:", lines, (ago(last - first), "now"))
