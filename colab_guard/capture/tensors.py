"""How torch tensors leave the pickle: by storage, so that what shares memory shares it again.

torch's own pickling forgets ``.grad`` and copies each storage once per tensor; both would change training.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from colab_guard.capture import graphs, rebuild, remake
from colab_guard.capture.memory import ALIGNMENT_BYTES
from colab_guard.capture.room import check_room
from colab_guard.core.errors import LostValue

if TYPE_CHECKING:
    from colab_guard.capture.pickler import Pickler

MOST_GRAPHS = 50  # that are looked at, of one snapshot
HOOKS = ("_backward_hooks", "_post_accumulate_grad_hooks")


def reduce_tensor(pickler: Pickler, tensor: Any) -> Any:
    """A dense tensor on the CPU or a CUDA device as a view of its storage; others as torch pickles them."""
    import torch

    kind = type(tensor)
    plain = (
        kind in (torch.Tensor, torch.nn.Parameter)
        and tensor.layout is torch.strided
        and tensor.device.type in ("cpu", "cuda")
        and not (tensor.is_quantized or tensor.is_conj() or tensor.is_neg() or tensor.is_nested)
    )
    if tensor.grad_fn is not None and kind is torch.Tensor:
        pickler.graphs += 1
        waiting = graphs.waits(tensor) if pickler.graphs <= MOST_GRAPHS else None
        if waiting:
            pickler.awaited = pickler.awaited or pickler.where
        if waiting is not False:
            pickler.note(f"{pickler.where}'s autograd graph")
        return rebuild.lost_graph, (tensor.detach(), pickler.where)
    if not plain:
        return _reduce_other(tensor, kind)
    region = _region(pickler, tensor.untyped_storage())
    make: Any = rebuild.tensor
    made: tuple[Any, ...] = (
        region,
        str(tensor.device),
        tensor.dtype,
        tensor.storage_offset(),
        tuple(tensor.size()),
        tensor.stride(),
        kind,
        tensor.requires_grad,
        _phase(tensor.untyped_storage()),
    )
    if marks := _marks(tensor):
        make, made = remake.marked, (marks, *made)
    state: dict[str, Any] = {"grad": None, "attributes": dict(tensor.__dict__)}
    if tensor.requires_grad:
        hooks = {name: found for name in HOOKS if (found := getattr(tensor, name, None))}
        state |= {"grad": tensor.grad} | ({"hooks": hooks} if hooks else {})
    if state["grad"] is None and not state["attributes"] and "hooks" not in state:
        return make, made
    return make, made, state, None, None, rebuild.tensor_state


def _reduce_other(tensor: Any, kind: Any) -> Any:
    """As torch pickles it, but for what that loses of sparse leaves, and what it says of quantized ones."""
    import torch

    if tensor.is_quantized:
        return remake.quantized, tensor.__reduce_ex__(5)
    if kind in (torch.Tensor, torch.nn.Parameter) and tensor.requires_grad and tensor.layout is not torch.strided:
        state = {"grad": tensor.grad, "attributes": dict(tensor.__dict__)}
        return remake.leaf, (kind, tensor.detach()), state, None, None, rebuild.tensor_state
    return NotImplemented


def _marks(tensor: Any) -> tuple[str, ...]:
    shared = tensor.device.type == "cpu" and tensor.untyped_storage().is_shared()
    found = {"inference": tensor.is_inference(), "shared": shared}
    return tuple(name for name, so in found.items() if so)


def _phase(storage: Any) -> int | None:
    """Where in a line of 64 bytes its memory begins: a product of MKL's (``x @ w``) has other bits where an
    operand begins elsewhere, seen with what ``from_numpy(table[:, 1:])`` looks at.
    """
    return storage.data_ptr() % ALIGNMENT_BYTES if storage.device.type == "cpu" else None


def reduce_optimizer(pickler: Pickler, optimizer: Any) -> Any:
    """With its hooks, and whatever a class of the user's keeps in it (SAM's ``base_optimizer``), which torch drops."""
    import torch

    made = optimizer.__reduce_ex__(5)
    if type(optimizer).__getstate__ is not torch.optim.Optimizer.__getstate__:
        return made
    kept = {name: value for name, value in optimizer.__dict__.items() if name != "step"}
    watched = hasattr(optimizer.step, "_wrapped_by_lr_sched")
    return (*made[:2], ({**kept, **made[2]}, watched), None, None, rebuild.optimizer_state)


def _region(pickler: Pickler, storage: Any) -> Any:
    import torch

    device, address = str(storage.device), storage.data_ptr()
    if (linked := pickler.linked_memory(device, address, address + storage.nbytes())) is not None:
        return linked
    key = (device, address or -len(pickler.storages))  # empty storages all lie at 0, and share nothing
    if key not in pickler.storages:
        flat = torch.empty(0, dtype=torch.uint8, device=storage.device).set_(storage)
        ready = None
        if storage.device.type == "cuda":
            check_room(flat.numel(), "a GPU's memory", spare=pickler.pickles.spare)
            flat, ready = _copied_from_gpu(flat)
        data = memoryview(flat.numpy())
        pickler.storages[key] = pickler.regions.add(device, address, data, (storage, flat), ready)
    return pickler.storages[key]


def _copied_from_gpu(flat: Any) -> tuple[Any, Callable[[], None]]:
    """A copy under way into pinned memory, and what waits for it. Later work on the current stream waits for it too.

    Work that the user has on streams of their own must be waited for before the safe point, as for any other use.
    """
    import torch

    device = flat.device
    current, side = torch.cuda.current_stream(device), _side_stream(device)
    host = torch.empty(flat.numel(), dtype=torch.uint8, pin_memory=True)
    side.wait_stream(current)
    with torch.cuda.stream(side):
        host.copy_(flat, non_blocking=True)
    current.wait_stream(side)
    return host, side.record_event().synchronize


@functools.cache
def _side_stream(device: Any) -> Any:
    import torch

    return torch.cuda.Stream(device)


def reduce_generator(pickler: Pickler, generator: Any) -> Any:
    """A ``torch.Generator`` by its state."""
    return rebuild.torch_generator, (str(generator.device), generator.get_state())


def without_graph(value: Any, name: str) -> Any:
    """``value`` with a graph that can't be followed back: a silent ``backward()`` would miss what came before."""
    import torch

    class GraphOfAnEarlierKernel(torch.autograd.Function):  # type: ignore[misc]
        @staticmethod
        def forward(ctx: Any, tensor: Any) -> Any:
            return tensor.view_as(tensor) if tensor.layout is torch.strided else tensor.clone()

        @staticmethod
        def backward(ctx: Any, *gradients: Any) -> Any:
            raise LostValue(
                f"{name!r} was computed before the kernel died, and the graph behind it is gone. Compute it again "
                f"before calling backward(), or keep sums for display as numbers: total += loss.item()."
            )

    with torch.enable_grad():
        return GraphOfAnEarlierKernel.apply(value.requires_grad_())
