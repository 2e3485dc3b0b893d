"""What is said when a guarded cell ran out of GPU memory: what held it, by variable, and which batch would fit."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from colab_guard.core.words import size
from colab_guard.gpumem.keepers import Keepers, roots
from colab_guard.gpumem.reach import UNNAMED, Reached, reach
from colab_guard.gpumem.sizing import rounded
from colab_guard.guards import gpu

UNITS = {"bytes": 1, "KiB": 1024, "MiB": 1024**2, "GiB": 1024**3}
AMOUNT = r"([\d.]+) (bytes|KiB|MiB|GiB)"
# torch's own sentences, the same since 2.1.
SENTENCES = {
    "wanted": rf"Tried to allocate {AMOUNT}",
    "allocated": rf"{AMOUNT} is allocated by PyTorch",
    "cached": rf"{AMOUNT} is reserved by PyTorch but unallocated",
    "free": rf"of which {AMOUNT} is free",
    "allowed": rf"{AMOUNT} allowed",
}
SHOWN = 5
THEN = (
    "%gpumem clear frees what the error keeps; then run the cell again: it goes on from its snapshot. If that runs "
    "out, too, restart the kernel and run all."
)
SIZES = ("batch_size", "BATCH_SIZE", "per_device_train_batch_size", "train_batch_size")


def message(error: BaseException, keepers: Keepers, cell: str) -> str:
    """Several lines; from the thread that ran the cell, while the frames of the error are still there."""
    told = _told(str(error))
    reached = reach(keepers)
    reached = reached.on("cuda") if gpu.allocators() else reached
    wanted = f" when {size(told['wanted'])} more were wanted" if told.get("wanted") else ""
    held = " What held it:" if reached.tensors else ""
    lines = [*_holders(reached), *_batch(told, reached, keepers), THEN]
    return "\n".join([f"{cell} ran out of GPU memory{wanted}.{held}", *lines])


def _told(text: str) -> dict[str, float]:
    """Bytes, as far as the error says them."""
    found = {name: re.search(pattern, text) for name, pattern in SENTENCES.items()}
    return {name: float(one[1]) * UNITS[one[2]] for name, one in found.items() if one}


def _holders(reached: Reached) -> Iterator[str]:
    sums = reached.by_variable()
    for variable, count in sums[:SHOWN]:
        largest = next(one for one in reached.tensors if one.variable == variable)
        through = f", the largest {size(largest.size_bytes)} as {largest.name}" if largest.name != variable else ""
        name = "tensors that no variable reaches" if variable == UNNAMED else variable
        yield f"  {size(count):>7}  {name}{through}"
    if rest := sum(count for _, count in sums[SHOWN:]):
        yield f"  {size(rest):>7}  {len(sums) - SHOWN} other variables"


def _batch(told: dict[str, float], reached: Reached, keepers: Keepers) -> Iterator[str]:
    """How many examples fit, if all but what a training keeps grows with them; at most, for the step was not done."""
    batch = batch_size(keepers)
    allocated = told.get("allocated", reached.size_bytes)
    there = allocated + told.get("cached", 0) + told.get("free", 0)
    there = min(there, told.get("allowed", there))
    state = sum(one.size_bytes for one in reached.tensors if one.state)
    varying = allocated + told.get("wanted", 0) - state
    if "allocated" not in told or "free" not in told or varying <= 0 or there <= state:
        if batch:
            yield f"With {batch[0]} = {batch[1]} it did not fit: try half, or %gpumem suggest --measure STEP."
        return
    if there >= allocated + told.get("wanted", 0):
        yield (
            "There was enough, but in pieces: put %gpumem limit 0.9 above the first cell that uses the GPU, restart "
            "the kernel and run all."
        )
        return
    share = (there - state) / varying
    if batch is None:
        yield f"At most {share:.0%} of the batch would have fitted; %gpumem suggest --measure STEP finds it out."
    elif (fits := rounded(min(int(batch[1] * share), batch[1] - 1))) > 0:
        yield (
            f"{batch[0]} = {batch[1]} did not fit, {fits} might (at most, for the step was not done; %gpumem suggest "
            f"--measure STEP finds it out). A resumed cell keeps the old size: for another one run it with --fresh "
            f"(docs/gpumem.md says how what was trained is kept)."
        )
    else:
        yield "Not even one example would have fitted: gradient checkpointing, a smaller model, or a larger GPU."


def batch_size(keepers: Keepers) -> tuple[str, int] | None:
    """The name and value of what seems to be the batch size: a loader's, else a variable's of such a name."""
    found: list[tuple[str, Any]] = [(root.name, root.value) for phase in roots(keepers) for root in phase]
    loaders = [
        (f"{name}.batch_size", value.batch_size)
        for name, value in found
        if any(kind.__name__ == "DataLoader" for kind in type(value).__mro__) and isinstance(value.batch_size, int)
    ]
    training = [one for one in loaders if "train" in one[0]]
    named = [(name, value) for name, value in found if name in SIZES and isinstance(value, int) and value > 0]
    return next(iter([*training, *named, *loaders]), None)
