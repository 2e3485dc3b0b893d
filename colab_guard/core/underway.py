"""What takes long, and how far it is: told by whoever does it, in any thread, and read by any other.

A panel draws it. For who waits on the main thread it is also one line of text, that is written over (``Line``).
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Self

from colab_guard.core.words import size, span

LONG_SECONDS = 1.0  # less is not worth a word
LINE_SECONDS = 0.5  # between two states of a line


@dataclass(eq=False)
class Step:
    """``done`` of ``total`` in a ``unit``: "bytes", or what is counted. Thread-safe."""

    what: str
    total: int
    unit: str
    done: int = 0
    begun: float = field(default_factory=time.monotonic)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def more(self, count: int) -> None:
        """So much more is done."""
        with self._lock:
            self.done += count

    @property
    def seconds(self) -> float:
        """Since it began."""
        return time.monotonic() - self.begun

    @property
    def rate(self) -> float:
        """Units a second, so far."""
        return self.done / max(self.seconds, 1e-9)

    @property
    def left_seconds(self) -> float | None:
        """Until its end, at that rate; None before anything is done."""
        return (self.total - self.done) / self.rate if self.done else None


_steps: list[Step] = []


@contextmanager
def under_way(what: str, total: int, unit: str = "bytes") -> Iterator[Step]:
    """Something that is told of as long as the block runs."""
    step = Step(what, total, unit)
    _steps.append(step)
    try:
        yield step
    finally:
        if step in _steps:  # else this is a child of the process that began it
            _steps.remove(step)


def long_ones() -> list[Step]:
    """What is under way, and has been for longer than LONG_SECONDS; oldest first."""
    return [step for step in list(_steps) if step.seconds > LONG_SECONDS]


def words(done: int, total: int, unit: str, rate: float, left_seconds: float | None) -> str:
    """How far something is: 96.0 MB of 412 MB, 24.0 MB/s, 13 s left."""
    if unit == "bytes":
        amount, speed = f"{size(done)} of {size(total)}", f"{size(rate)}/s"
    else:
        amount, speed = f"{done:,} of {total:,} {unit}", f"{rate:,.3g} {unit}/s"
    left = "" if left_seconds is None or done >= total else f"{span(left_seconds)} left"
    return ", ".join(filter(None, [amount, speed if done else "", left]))


class Line:
    """How far the long steps of a wait are, as one line that is written over; entered around the wait, on the main
    thread: on any other nothing is shown, for what a thread prints comes out anywhere.
    """

    def __init__(self) -> None:
        self._step: Step | None = None  # that it shows
        self._width, self._next = 0, float("-inf")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._step is not None:
            self._put(self._step)  # its end
            _write("\n")

    def show(self, step: Step) -> None:
        """Where it stands; as often as one likes."""
        now = time.monotonic()
        if now < self._next or threading.current_thread() is not threading.main_thread():
            return
        self._next = now + LINE_SECONDS
        if step.seconds <= LONG_SECONDS or not _is_wanted():
            return
        self._put(step)

    def _put(self, step: Step) -> None:
        self._step = step
        text = f"colab_guard: {step.what}: {words(step.done, step.total, step.unit, step.rate, step.left_seconds)}"
        _write(f"\r{text:<{self._width}}")
        self._width = len(text)


def show_lines(when: Callable[[], bool] | None = None) -> None:
    """From now on, in this process, lines are shown where ``when`` says so; None: where what is printed can be written
    over.
    """
    global _is_wanted
    _is_wanted = when or _can_be_written_over


def _can_be_written_over() -> bool:
    # A notebook's output is no terminal, and writes over lines too.
    return "ipykernel" in sys.modules or (sys.stdout is not None and sys.stdout.isatty())


_is_wanted: Callable[[], bool] = _can_be_written_over


def _write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_steps.clear)
