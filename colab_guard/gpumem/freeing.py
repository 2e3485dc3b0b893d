"""Memory that is held for nobody, let go of: what cells displayed, the frames of the last error, cycles, torch's cache.

The usual reason that an out-of-memory error can't be recovered from is the error itself: its traceback keeps the
frames of all functions that it went through, and they keep the batch, the outputs and the graph. No variable of the
user's is deleted; gradients go only where they were asked for.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from colab_guard.core.words import size
from colab_guard.gpumem import reach
from colab_guard.gpumem.keepers import Keepers, clear_frames, collect_cycles
from colab_guard.guards import gpu


@dataclass(frozen=True)
class Step:
    """One thing let go of, and how many bytes of tensors went with it."""

    what: str
    freed_bytes: int


@dataclass(frozen=True)
class Freed:
    """``given_back_bytes``: from torch's cache to the GPU, where other programs can have it; ``left_bytes``: still in
    tensors. All is counted on the GPU, or in RAM where torch has not used one.
    """

    steps: tuple[Step, ...]
    given_back_bytes: int
    left_bytes: int
    on_gpu: bool

    @property
    def freed_bytes(self) -> int:
        """Of all steps."""
        return sum(step.freed_bytes for step in self.steps)

    def __str__(self) -> str:
        rows = [(step.what, size(step.freed_bytes)) for step in self.steps]
        if self.on_gpu:
            rows.append(("given back to the GPU by torch's cache", size(self.given_back_bytes)))
        width = max(len(what) for what, _ in rows)
        lines = [f"{what:<{width}}  {freed:>7}" for what, freed in rows]
        where = "on the GPU" if self.on_gpu else "in RAM (torch has not used a GPU)"
        left = f"{size(self.left_bytes)} of tensors are left {where}: %gpumem top names what holds them."
        return "\n".join([*lines, left])


def free(keepers: Keepers, *, grads: bool = False) -> Freed:
    """Lets go of what nobody asked to keep, and counts what each step freed. Not while another thread trains.

    ``grads`` drops the ``.grad`` of every tensor, so that what a gradient accumulation had gathered is lost.
    """
    steps: list[Step] = []

    def step(what: str, let_go: Callable[[], object]) -> None:
        before = _held_bytes()
        let_go()
        steps.append(Step(what, max(before - _held_bytes(), 0)))

    step("what cells displayed (Out, _)", keepers.forget_history)
    step("the frames of the last error", lambda: clear_frames(keepers.errors()))
    if grads:
        step("gradients", _drop_gradients)
    step("cycles", collect_cycles)
    reserved = sum(one.reserved_bytes for one in gpu.allocators())
    _empty_cache()
    given_back = reserved - sum(one.reserved_bytes for one in gpu.allocators())
    return Freed(tuple(steps), max(given_back, 0), _held_bytes(), bool(gpu.allocators()))


def _held_bytes() -> int:
    """What torch's allocator has in tensors; where it has no GPU, the tensors that Python knows."""
    if found := gpu.allocators():
        return sum(one.allocated_bytes for one in found)
    return sum(dict(map(reach.storage_of, reach.tensors())).values())


def _drop_gradients() -> None:
    for tensor in reach.tensors():
        if _is_leaf(tensor) and tensor.grad is not None:
            tensor.grad = None


def _is_leaf(tensor: Any) -> bool:
    try:
        return bool(tensor.is_leaf)
    except Exception:  # noqa: BLE001 - a library's own kind of tensor
        return False


def _empty_cache() -> None:
    torch: Any = sys.modules.get("torch")
    if gpu.allocators() and torch is not None:
        torch.cuda.empty_cache()
