"""Which batch size fits, found out by running a real step of the training at growing sizes.

Memory grows with the batch along a line: what is there whatever the batch is, and so much for each example. The sizes
1, 2, 4 … are run until the next would go past the cap, or one runs out of memory; the line is fitted to the peaks.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from colab_guard.capture.process import random_state, set_random_state
from colab_guard.core.errors import UsageError
from colab_guard.gpumem.keepers import collect_cycles
from colab_guard.guards import gpu

MOST_EXAMPLES = 4096
MARGIN = 0.05  # of the cap: what a peak of tensors does not show, pieces between them
STRAIGHT = 0.1  # of how much the peaks grew: how far one may lie from the line


class Meter(Protocol):
    """Tells the most memory that one step had in tensors."""

    def capped(self, cap_bytes: int) -> Any:
        """A context in which no more can be had."""

    def begin(self) -> None:
        """A step comes next."""

    def peak_bytes(self) -> int:
        """The most since ``begin``."""


@dataclass(frozen=True)
class Measured:
    """``peaks``: (examples, bytes) of the steps that were run; ``fits``: the examples that fit by the line, at least
    those of the largest step that ran; ``failed``: those of the step that ran out of memory, 0 for none.
    """

    peaks: Sequence[tuple[int, int]]
    fixed_bytes: float
    example_bytes: float
    fits: int
    failed: int
    straight: bool


def measure(step: Callable[[int], object], cap_bytes: int, meter: Meter) -> Measured:
    """Runs ``step(examples)``; what it trains stays trained, random states are put back.

    Raises UsageError where one example does not fit, or memory does not grow with the examples; what ``step`` raises.
    """
    _check(step)
    states = random_state()
    peaks: list[tuple[int, int]] = []
    failed = 0
    try:
        with meter.capped(cap_bytes):
            _peak(step, 1, meter)  # the first step makes what stays: the optimizer's state, workspaces
            examples = 1
            while examples <= MOST_EXAMPLES and (peak := _peak(step, examples, meter)) is not None:
                peaks.append((examples, peak))
                if len(peaks) > 1 and peak + 2 * (peak - peaks[-2][1]) > cap_bytes:
                    break
                examples *= 2
            else:
                failed = examples if examples <= MOST_EXAMPLES else 0
    finally:
        set_random_state(states)
    if not peaks:
        raise UsageError("One example does not fit: a smaller model, LoRA, or a GPU with more memory is needed.")
    return _fitted(peaks, failed, cap_bytes)


def _check(step: object) -> None:
    if not callable(step):
        raise UsageError("What is measured is a function that runs one step of the training: def step(batch_size): …")


def _peak(step: Callable[[int], object], examples: int, meter: Meter) -> int | None:
    """None where it runs out of memory."""
    meter.begin()
    try:
        step(examples)
    except Exception as error:
        if gpu.is_out_of_memory(error):
            return None
        raise
    return meter.peak_bytes()


def _fitted(peaks: list[tuple[int, int]], failed: int, cap_bytes: int) -> Measured:
    """Least squares over the peaks."""
    count = len(peaks)
    mean_x = sum(x for x, _ in peaks) / count
    mean_y = sum(y for _, y in peaks) / count
    spread = sum((x - mean_x) ** 2 for x, _ in peaks)
    if not spread:
        return Measured(peaks, peaks[0][1], 0.0, peaks[0][0], failed, True)
    slope = sum((x - mean_x) * (y - mean_y) for x, y in peaks) / spread
    if slope <= 0:
        raise UsageError(
            f"Memory did not grow from {peaks[0][0]} to {peaks[-1][0]} examples: does the function use its argument as "
            f"the batch size, and run forward and backward?"
        )
    fixed = mean_y - slope * mean_x
    fits = max(int((cap_bytes * (1 - MARGIN) - fixed) / slope), peaks[-1][0])
    fits = min(fits, failed - 1) if failed else fits
    grew = peaks[-1][1] - peaks[0][1]
    straight = all(abs(fixed + slope * x - y) <= STRAIGHT * grew for x, y in peaks)
    return Measured(peaks, fixed, slope, fits if straight else peaks[-1][0], failed, straight)


def measure_here(step: Callable[[int], object], fraction: float) -> Measured:
    """``measure`` on the first GPU, within a share of it. Raises UsageError where there is none, too."""
    _check(step)
    found = gpu.gpus()
    if not found:
        raise UsageError(f"There is nothing to measure on: {gpu.missing()}.")
    if not usable():
        raise UsageError("torch is missing here, or can't use the GPU: a build without CUDA, or for another driver.")
    return measure(step, int(found[0].total_bytes * fraction), TorchMeter(found[0].index))


def usable() -> bool:
    """Whether torch can use a GPU; imports it where it is installed."""
    try:
        import torch
    except ImportError:
        return False
    return bool(torch.cuda.is_available())


class TorchMeter:
    """Of one GPU, as torch's allocator counts."""

    def __init__(self, index: int = 0) -> None:
        self._index = index

    @contextmanager
    def capped(self, cap_bytes: int) -> Iterator[None]:
        """See Meter."""
        import torch

        cuda: Any = torch.cuda
        total = cuda.get_device_properties(self._index).total_memory
        before = getattr(cuda, "get_per_process_memory_fraction", lambda _: 1.0)(self._index)
        cuda.set_per_process_memory_fraction(min(cap_bytes / total, 1.0), self._index)
        try:
            yield
        finally:
            cuda.set_per_process_memory_fraction(before, self._index)

    def begin(self) -> None:
        """See Meter."""
        collect_cycles()
        cuda = sys.modules["torch"].cuda
        cuda.empty_cache()
        cuda.reset_peak_memory_stats(self._index)

    def peak_bytes(self) -> int:
        """See Meter."""
        cuda = sys.modules["torch"].cuda
        cuda.synchronize(self._index)
        return int(cuda.max_memory_allocated(self._index))
