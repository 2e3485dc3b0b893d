"""By how much a snapshot a minute slows a training down, end to end: the stall and all that the writing takes away.

A minute with and a minute without a snapshot differ by less than two minutes alike do. So short windows are
compared, of the same number of steps: *plain*, *snapshot* (one is begun after the first step, and is durable before
the window ends) and *plain* again, the snapshot in the middle so that a drift cancels out. What the snapshot's window
takes longer than the mean of its neighbours is the cost of one snapshot, in seconds; divided by 60 s it is the
slowdown. The A/A row is what the second plain window takes longer than the first, divided alike: what a snapshot that
costs nothing would show. Medians over the rounds; ± is the standard error of the median.

Where other programs run, that resolves little. The last row does not depend on them: the stall and the processor time
of the thread that writes, as if the whole training waited for every second of it; the slowdown is at most that.
"""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path

import torch

from benchmarks.engine import Engine
from benchmarks.measure import Row, seconds
from benchmarks.venvs import FOLDER
from colab_guard.store.retention import KEEP

MINUTE = 60.0  # seconds
BATCH = 32
LAYERS = 10
COPIES = 3  # of each parameter: itself, and Adam's two averages
BOUND = 0.5  # per cent
LEAST_STEPS = 20
MOST_ROUNDS = 15


def rows(size_bytes: int, most_threads: int, limit_seconds: float) -> list[Row]:
    """The rows about a perceptron with ``size_bytes`` of parameters and Adam state, on one thread and on
    ``most_threads``, each in about so much time.
    """
    torch.manual_seed(0)
    before = torch.get_num_threads()
    FOLDER.mkdir(parents=True, exist_ok=True)
    found = list[Row]()
    try:
        for threads in dict.fromkeys((1, most_threads)):
            torch.set_num_threads(threads)
            with tempfile.TemporaryDirectory(dir=FOLDER) as folder:
                found += _rows(Path(folder), size_bytes, threads, limit_seconds)
    finally:
        torch.set_num_threads(before)
    return found


def perceptron(size_bytes: int) -> tuple[torch.nn.Module, torch.optim.Optimizer, Callable[[], None]]:
    """A model and its Adam, of so many bytes together, and a step of their training, of which one was done."""
    width = max(8, int((size_bytes / (4 * COPIES * LAYERS)) ** 0.5))
    layers = [part for _ in range(LAYERS) for part in (torch.nn.Linear(width, width), torch.nn.ReLU())]
    model = torch.nn.Sequential(*layers)
    for layer in layers[::2]:
        torch.nn.init.kaiming_normal_(layer.weight)  # smaller weights lead to denormal numbers, which are slow
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-4)
    inputs = torch.randn(BATCH, width)

    def step() -> None:
        (model(inputs) - 1).square().mean().backward()
        optimizer.step()
        optimizer.zero_grad()

    step()
    return model, optimizer, step


def _rows(folder: Path, size_bytes: int, threads: int, limit_seconds: float) -> list[Row]:
    model, optimizer, step = perceptron(size_bytes)
    engine = Engine(folder, {"__name__": "__main__", "model": model, "opt": optimizer}, ["model", "opt"])
    steps, one = _window(engine, step)
    rounds = min(MOST_ROUNDS, max(1, round(limit_seconds / (3 * steps * one))))
    stalls, writing = list[float](), list[float]()

    def plain() -> None:
        for _ in range(steps):
            step()

    def with_snapshot() -> None:
        step()
        before = engine.background_seconds()
        stalls.append(engine.save())
        for _ in range(steps - 1):
            step()
        engine.finish()
        writing.append(engine.background_seconds() - before)

    cost, same = list[float](), list[float]()
    for _ in range(rounds):
        first, middle, last = seconds(plain), seconds(with_snapshot), seconds(plain)
        cost.append(middle - (first + last) / 2)
        same.append(last - first)
    (slower, error), (resolved, its_error) = _median(cost), _median(same)
    stall, wrote = statistics.median(stalls), statistics.median(writing)
    return [
        Row(
            f"a training with {size_bytes / 1e9:g} GB of state, a snapshot a minute, torch threads: {threads}",
            f"{slower:.3f} s a snapshot (± {error:.3f}), stall {stall:.3f} s",
            f"{rounds} windows of {steps} steps of {one:.2f} s",
            slower / MINUTE * 100,
            "% slower",
            BOUND,
        ),
        Row(
            "– A/A: a window without beside the next without",
            f"{resolved:.3f} s (± {its_error:.3f})",
            "0",
            resolved / MINUTE * 100,
            "% slower",
        ),
        Row(
            "– at most, by processor time",
            f"stall {stall:.3f} s + writing {wrote:.3f} s",
            "60 s",
            (stall + wrote) / MINUTE * 100,
            "% slower",
        ),
    ]


def _window(engine: Engine, step: Callable[[], None]) -> tuple[int, float]:
    """How many steps a window must have to hold all of a snapshot's writing, and how long one takes."""
    for _ in range(KEEP + 2):  # the engine's memory is made, it knows what changes, and old snapshots are deleted
        step()
        engine.save()
        engine.finish()
    needed = 1
    step()
    engine.save()
    while not engine.is_durable():
        step()
        needed += 1
    return max(LEAST_STEPS, 2 * needed), min(seconds(step) for _ in range(5))


def _median(values: list[float]) -> tuple[float, float]:
    """The median and its standard error, from the median deviation, so that a disturbed window counts little."""
    middle = statistics.median(values)
    spread = 1.4826 * statistics.median(abs(value - middle) for value in values)
    return middle, 1.2533 * spread / len(values) ** 0.5
