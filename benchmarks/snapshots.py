"""What a snapshot costs while the cell waits, and what it takes to come back.

One thread for all, ours and what stands beside it: torch is set to one, the engine copies in the cell's own.
"""

from __future__ import annotations

import collections
import itertools
import pickle
import tempfile
from collections.abc import Sequence
from math import inf
from pathlib import Path

import numpy as np
import torch
import xxhash

from benchmarks.engine import Engine, restored
from benchmarks.measure import Row, best_of, seconds
from benchmarks.state import change, large, model_and_adam, sample, torn
from benchmarks.venvs import FOLDER

CHANGED = 6  # of the 60 parameters, with what Adam keeps of them: 10 %


def rows(size_bytes: int, tuples: int, repeats: int) -> list[Row]:
    """The rows about a model and its Adam state of so many bytes, and about a deque of so many tuples."""
    torch.set_num_threads(1)
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=FOLDER) as folder:
        training = _Training(Path(folder), size_bytes)
        found = [
            *_all_changed(training, repeats),
            *_a_tenth_changed(training, repeats),
            _restored(training, repeats),
        ]
    return [*found, *_small_objects(tuples, repeats)]


class _Training:
    """A model with Adam, memory to copy it to, and an engine."""

    def __init__(self, folder: Path, size_bytes: int) -> None:
        model, optimizer = model_and_adam(size_bytes)
        self.folder, self.size_bytes = folder, size_bytes
        self.tensors = large(model, optimizer)
        self.all = list(self.tensors.values())
        self.tenths = [self.all[start : start + 3 * CHANGED] for start in (0, 3 * CHANGED)]
        self.engine = Engine(folder, {"__name__": "__main__", "model": model, "opt": optimizer}, ["model", "opt"])
        self.saved = inf  # seconds, the least until one was durable
        self._spare = {id(tensor): torch.zeros_like(tensor) for tensor in self.all}

    def stall(self, some: Sequence[torch.Tensor]) -> float:
        """Of a snapshot after these have changed; ends when it is durable."""
        change(some)
        self.engine.new_bytes()
        held = self.engine.save()
        self.saved = min(self.saved, held + self.engine.finish())
        return held

    def copy(self, some: Sequence[torch.Tensor]) -> float:
        """Of these into memory that was used before."""
        return seconds(lambda: [self._spare[id(tensor)].copy_(tensor) for tensor in some])

    def hash(self) -> float:
        """Of all of it."""
        return seconds(lambda: [xxhash.xxh3_128_intdigest(memoryview(tensor.numpy())) for tensor in self.all])

    def torn(self) -> int:
        """How many tensors a snapshot holds that are not as they were, where all change as soon as they may."""
        then = sample(self.tensors)
        self.engine.save()
        change(self.all)
        self.engine.finish()
        back = restored(self.folder)
        return torn(large(back["model"], back["opt"]), then)


def _all_changed(training: _Training, repeats: int) -> list[Row]:
    for _ in range(2):  # the first copies make their memory, the second know what changes
        training.stall(training.all)
    training.saved = inf
    ours, copied, again = best_of(
        repeats,
        lambda: training.stall(training.all),
        lambda: training.copy(training.all),
        lambda: training.copy(training.all),
    )
    wrong = training.torn()
    what = f"{training.size_bytes / 1e9:g} GB of model and Adam, all changed, 1 thread"
    said = f"stall {ours:.3f} s, saved after {training.saved:.2f} s{f'; **{wrong} tensors torn**' if wrong else ''}"
    return [
        Row(what, said, f"copy {copied:.3f} s", ours / copied, "×", 1.3),
        Row("– A/A: the copy beside itself", f"{again:.3f} s", f"{copied:.3f} s", again / copied, "×"),
    ]


def _a_tenth_changed(training: _Training, repeats: int) -> list[Row]:
    first, second = training.tenths
    for _ in range(2):
        training.stall(first)
    training.saved = inf
    ours, beside = best_of(repeats, lambda: training.stall(first), lambda: training.hash() + training.copy(first))
    written, saved = training.engine.new_bytes(), training.saved
    turns = itertools.cycle([second, first])
    [others] = best_of(2 * repeats, lambda: training.stall(next(turns)))
    hashed = f"xxh3 of all + copy of those {beside:.3f} s"
    share = written / training.size_bytes
    return [
        Row(
            "10 % of it changed, always the same tensors",
            f"stall {ours:.3f} s, saved after {saved:.2f} s",
            hashed,
            ours / beside,
            "×",
            1.3,
        ),
        Row("10 % of it changed, others each time", f"stall {others:.3f} s", hashed, others / beside, "×", 1.3),
        Row(
            "– bytes written for those 10 %",
            f"{written / 1e6:.1f} MB",
            f"{training.size_bytes / 1e6:.0f} MB",
            share,
            "×",
            0.105,
        ),
    ]


def _restored(training: _Training, repeats: int) -> Row:
    arrays = {name: tensor.numpy() for name, tensor in training.tensors.items()}
    buffers: list[pickle.PickleBuffer] = []
    skeleton = pickle.dumps(arrays, 5, buffer_callback=buffers.append)
    sizes = [buffer.raw().nbytes for buffer in buffers]
    with tempfile.NamedTemporaryFile(dir=FOLDER) as file:
        for buffer in buffers:
            file.write(buffer.raw())
        file.flush()

        def read() -> None:
            back: list[np.ndarray] = []
            with open(file.name, "rb", buffering=0) as source:
                for size in sizes:
                    back.append(np.empty(size, np.uint8))
                    source.readinto(back[-1])
            pickle.loads(skeleton, buffers=back)

        ours, theirs = best_of(repeats, lambda: seconds(lambda: restored(training.folder)), lambda: seconds(read))
    what = f"restore of {training.size_bytes / 1e9:g} GB, digests compared"
    return Row(what, f"{ours:.2f} s", f"pickle 5 with readinto {theirs:.2f} s", ours / theirs, "×", 1.5)


def _small_objects(tuples: int, repeats: int) -> list[Row]:
    replay = collections.deque(
        (number, number / 7, f"state {number % 1000}", (number % 4, True)) for number in range(tuples)
    )
    table = {
        f"row {row}": {f"column {column}": {"count": row * column} for column in range(20)}
        for row in range(tuples // 100)
    }
    namespace = {"__name__": "__main__", "replay": replay, "table": table}
    with tempfile.TemporaryDirectory(dir=FOLDER) as folder:
        engine = Engine(Path(folder), namespace, ["replay", "table"])

        def stall() -> float:
            replay.rotate()
            held = engine.save()
            engine.finish()
            return held

        def dumps() -> float:
            return seconds(lambda: pickle.dumps({"replay": replay, "table": table}, 5))

        stall()
        ours, plain, again = best_of(2 * repeats, stall, dumps, dumps)
    return [
        Row(
            f"a deque of {tuples:,} tuples, nested dicts",
            f"stall {ours:.3f} s",
            f"`pickle.dumps` {plain:.3f} s",
            ours / plain,
            "×",
            1.2,
        ),
        Row("– A/A: `pickle.dumps` beside itself", f"{again:.3f} s", f"{plain:.3f} s", again / plain, "×"),
    ]
