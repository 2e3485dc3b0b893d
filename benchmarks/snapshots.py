"""What a snapshot costs while the cell waits, and what it takes to come back.

One thread for all, ours and what stands beside it: torch is set to one, the engine copies in the cell's own.
"""

from __future__ import annotations

import collections
import pickle
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import xxhash

from benchmarks.engine import Engine, restored
from benchmarks.measure import Row, best_of, seconds
from benchmarks.venvs import FOLDER

CHANGED = 6  # of the 60 parameters, with what Adam keeps of them: 10 %


def rows(size_bytes: int, tuples: int, repeats: int) -> list[Row]:
    """The rows about a model and its Adam state of so many bytes, and about a deque of so many tuples."""
    import torch

    from benchmarks.state import change, large, model_and_adam

    torch.set_num_threads(1)
    FOLDER.mkdir(parents=True, exist_ok=True)
    model, optimizer = model_and_adam(size_bytes)
    tensors = large(model, optimizer)
    parts = [list(tensors.values())[start : start + 3 * CHANGED] for start in (0, 3 * CHANGED)]
    spare = {id(tensor): torch.zeros_like(tensor) for tensor in tensors.values()}

    def copy(some: Sequence[torch.Tensor]) -> None:
        for tensor in some:
            spare[id(tensor)].copy_(tensor)

    def hash_and_copy() -> None:
        for tensor in tensors.values():
            xxhash.xxh3_128_intdigest(memoryview(tensor.numpy()))
        copy(parts[0])

    found = []
    with tempfile.TemporaryDirectory(dir=FOLDER) as folder:
        engine = Engine(Path(folder), {"__name__": "__main__", "model": model, "opt": optimizer}, ["model", "opt"])
        later: list[float] = []

        def stall(some: Sequence[torch.Tensor]) -> float:
            change(some)
            engine.new_bytes()
            held = engine.save()
            later.append(held + engine.finish())
            return held

        everything = list(tensors.values())
        for _ in range(2):  # the first copies make their memory, the second know what changes
            stall(everything)
        ours, copied, again = best_of(
            repeats,
            lambda: stall(everything),
            lambda: seconds(lambda: copy(everything)),
            lambda: seconds(lambda: copy(everything)),
        )
        gigabytes = f"{size_bytes / 1e9:g} GB of model and Adam"
        saved = f"stall {ours:.3f} s, saved after {min(later):.2f} s"
        found += [
            Row(f"{gigabytes}, all changed, 1 thread", saved, f"copy {copied:.3f} s", ours / copied, "×", 1.3),
            Row("– A/A: the copy beside itself", f"{again:.3f} s", f"{copied:.3f} s", again / copied, "×"),
        ]

        for _ in range(2):
            stall(parts[0])
        later.clear()
        ours, beside = best_of(repeats, lambda: stall(parts[0]), lambda: seconds(hash_and_copy))
        written = engine.new_bytes() / size_bytes
        turn = 0

        def other() -> float:
            nonlocal turn
            turn += 1
            return stall(parts[turn % 2])

        [others] = best_of(2 * repeats, other)
        saved = f"stall {ours:.3f} s, saved after {min(later):.2f} s"
        hashed = f"xxh3 of all + copy of those {beside:.3f} s"
        found += [
            Row("10 % of it changed, always the same tensors", saved, hashed, ours / beside, "×", 1.3),
            Row("10 % of it changed, others each time", f"stall {others:.3f} s", hashed, others / beside, "×", 1.3),
            Row(
                "– bytes written",
                f"{written * size_bytes / 1e6:.1f} MB",
                f"{size_bytes / 1e6:.0f} MB",
                written,
                "× the state",
                0.105,
            ),
        ]
        found.append(_restored(Path(folder), tensors, size_bytes, repeats))
    found += _small_objects(tuples, repeats)
    return found


def _restored(store: Path, tensors: Any, size_bytes: int, repeats: int) -> Row:
    arrays = {name: tensor.numpy() for name, tensor in tensors.items()}
    buffers: list[pickle.PickleBuffer] = []
    skeleton = pickle.dumps(arrays, 5, buffer_callback=buffers.append)
    sizes = [buffer.raw().nbytes for buffer in buffers]
    with tempfile.NamedTemporaryFile(dir=FOLDER) as file:
        for buffer in buffers:
            file.write(buffer.raw())
        file.flush()

        def read() -> None:
            import numpy as np

            back = []
            with open(file.name, "rb", buffering=0) as source:
                for size in sizes:
                    back.append(np.empty(size, np.uint8))
                    source.readinto(back[-1])
            pickle.loads(skeleton, buffers=back)

        ours, theirs = best_of(repeats, lambda: seconds(lambda: restored(store)), lambda: seconds(read))
    what = f"restore of {size_bytes / 1e9:g} GB, digests compared"
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
