"""Memory, disk and GPUs as the panel shows them: now, and over the last ten minutes. All from the recorder's beats."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from colab_guard.guards.gpu import gpus

# What drivers say of a GPU beside its model: the maker, the line, how it is built in and what memory it has.
BESIDE = re.compile(r"\b(NVIDIA|Tesla|GeForce|Quadro)\b ?|[ -](SXM|PCIe|NVL|HBM|Laptop|\d+ ?GB).*", re.IGNORECASE)
SPARK = 60  # shares, one a beat

Beat = Mapping[str, Any]


class Readings:
    """Keeps the shares of the last beats, of which ``beat`` gives the newest (docs/flight.md). One thread at a time."""

    def __init__(self, beat: Callable[[], Beat]) -> None:
        self._beat = beat
        self._last: Beat = {}
        self._names: list[str] = []
        self._sparks: dict[str, deque[float]] = {}

    def look(self) -> Beat:
        """The newest beat, taken note of."""
        found = self._beat()
        if found is not self._last:
            self._last = found
            for key in ("ram", "disk"):
                if reading := found.get(key):
                    self._note(key, reading)
            for number, reading in enumerate(found.get("gpu", ())):
                self._note(f"gpu{number}", reading)
        return self._last

    def shown(self) -> dict[str, Any]:
        """The fields ``gpus``, ``ram`` and ``disk`` of the state."""
        beat = self.look()
        found, torch = beat.get("gpu", ()), beat.get("torch", ())
        if len(self._names) != len(found):
            self._names = [model(gpu.name) for gpu in gpus()]
        return {
            "gpus": [
                {
                    "name": self._names[number] if number < len(self._names) else f"GPU {number}",
                    **self._reading(f"gpu{number}", reading),
                    "torch": torch[number][1] if number < len(torch) else None,
                }
                for number, reading in enumerate(found)
            ],
            **{key: self._reading(key, beat[key]) if beat.get(key) else None for key in ("ram", "disk")},
        }

    def _reading(self, key: str, reading: Any) -> dict[str, Any]:
        return {"used": reading[0], "total": reading[1], "spark": list(self._sparks.get(key, ()))}

    def _note(self, key: str, reading: Any) -> None:
        share = reading[0] / reading[1] if reading[1] else 0.0
        self._sparks.setdefault(key, deque(maxlen=SPARK)).append(round(share, 3))


def model(name: str) -> str:
    """A GPU as people call it: T4, not Tesla T4; A100, not NVIDIA A100-SXM4-40GB."""
    return BESIDE.sub("", name) or name
