"""What ``%gpumem show`` and ``%gpumem top`` tell, as text."""

from __future__ import annotations

from collections.abc import Iterable

from colab_guard.core.words import count_of, size
from colab_guard.gpumem.keepers import Keepers
from colab_guard.gpumem.reach import MOST_OBJECTS, UNNAMED, Held, reach
from colab_guard.guards import gpu
from colab_guard.guards.gpu import Allocator, Gpu

BAR = 30  # characters
NAME = 52


def show_text() -> str:
    """Each GPU as its driver and torch see it, or why there is none."""
    found = gpu.gpus()
    if not found:
        return f"No GPU is seen: {gpu.missing()}."
    torchs = {one.index: one for one in gpu.allocators()}
    return "\n".join(line for one in found for line in _gpu_lines(one, torchs.get(one.index)))


def _gpu_lines(one: Gpu, torch: Allocator | None) -> Iterable[str]:
    warm = "" if one.temperature is None else f" · {one.temperature} °C"
    busy = "" if one.busy is None else f" · busy {one.busy:.0%}"
    yield f"GPU {one.index}  {one.name}{warm}{busy}"
    filled = round(BAR * one.used_bytes / one.total_bytes)
    free = size(one.total_bytes - one.used_bytes)
    used = f"{size(one.used_bytes)} of {size(one.total_bytes)} used, {free} free"
    yield f"  {'█' * filled}{'░' * (BAR - filled)}  {used}"
    if torch is None:
        yield "  torch   has not used it in this kernel"
    else:
        cached = torch.reserved_bytes - torch.allocated_bytes
        give = f"; up to {size(cached)} of it can be given back (%gpumem clear)" if cached else ""
        yield f"  torch   {size(torch.allocated_bytes)} in tensors, at most {size(torch.peak_bytes)} so far"
        yield f"          {size(torch.reserved_bytes)} held{give}"
    yield f"  others  {_others(one, torch)}"


def _others(one: Gpu, torch: Allocator | None) -> str:
    """What this process does not hold, as far as the driver tells processes apart."""
    if one.own_bytes is not None:
        return f"{size(max(one.used_bytes - one.own_bytes, 0))} held by other processes and the driver"
    rest = size(max(one.used_bytes - (torch.reserved_bytes if torch else 0), 0))
    return f"{rest} held by CUDA itself, by other libraries and processes: the driver does not tell them apart here"


def top_text(keepers: Keepers, count: int = 10) -> str:
    """The largest tensors by the variable that reaches them: on GPUs, or in RAM where torch has used none."""
    used = gpu.allocators()
    reached = reach(keepers).on("cuda" if used else "cpu")
    where = "on the GPU" if used else "in RAM (torch has not used a GPU in this kernel)"
    unseen = sum(one.allocated_bytes for one in used) - reached.size_bytes
    if not reached.tensors and unseen <= 0:
        return f"No tensors {where}."
    shown = reached.tensors[:count]
    lines = [_row(one) for one in shown]
    rest = reached.tensors[count:]
    if rest:
        lines.append(f"{size(sum(one.size_bytes for one in rest)):>7}  {count_of(len(rest), 'smaller one')}")
    if unseen > 0:
        lines.append(f"{size(unseen):>7}  in no tensor of Python's: rounding, workspaces, what C++ alone holds")
    if not reached.complete:
        lines.append(f"Only {MOST_OBJECTS:,} objects were looked at: names may be missing.")
    return "\n".join([f"{size(reached.size_bytes)} in {count_of(len(reached.tensors), 'tensor')} {where}", *lines])


def _row(one: Held) -> str:
    shape = "of several shapes" if one.shape is None else "×".join(map(str, one.shape)) or "a number"
    device = "" if one.device in ("cpu", "cuda:0") else f" {one.device}"
    if one.name == UNNAMED:
        kept = f"; kept by {_listed(one.keepers)}" if one.keepers else ""
        return f"{size(one.size_bytes):>7}  in {UNNAMED}; {one.dtype} {shape}{device}{kept}"
    also = f"; also {_listed(one.keepers)}" if one.keepers else ""
    return f"{size(one.size_bytes):>7}  {_short(one.name)}; {one.dtype} {shape}{device}{also}"


def _listed(names: Iterable[str]) -> str:
    return ", ".join(map(_short, names))


def _short(name: str) -> str:
    """A long name without its middle."""
    return name if len(name) <= NAME else f"{name[: NAME // 2]}…{name[-NAME // 2 + 1 :]}"
