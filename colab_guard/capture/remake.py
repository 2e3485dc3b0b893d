"""More of what a snapshot's pickle calls when it is loaded, beside ``rebuild``: of the kinds in docs/kinds.md.

Their names and arguments are part of the format (docs/format.md), as those of ``rebuild`` are.
"""

from __future__ import annotations

import threading
import weakref
from typing import Any

from colab_guard.capture.progress import current

# -- memory --------------------------------------------------------------------------------------------


def buffer(region: int, size_bytes: int, readonly: bool) -> memoryview:
    """The memory of a region, for what takes a buffer."""
    memory, start = current().shared(region, 0)
    view = memoryview(memory[start : start + size_bytes])
    return view.toreadonly() if readonly else view


def object_view(owner: Any, start: int, shape: Any, strides: Any, writeable: bool) -> Any:
    """An array of objects that looks at those of ``owner``, from its item number ``start`` on."""
    from numpy.lib.stride_tricks import as_strided

    return as_strided(owner.ravel(order="K")[start:], shape, strides, writeable=writeable)


def subclassed(kind: Any, plain: Any) -> Any:
    """An array of a subclass of ``ndarray`` that looks at the memory of a plain one."""
    return plain.view(kind)


def attributes(new: Any, state: dict[str, Any]) -> None:
    """Sets the attributes of an object, past its class."""
    new.__dict__.update(state)


def mapped(path: str, print_: str, dtype: Any, mode: str, offset: int, shape: Any, order: str) -> Any:
    """A memory-mapped file, mapped again; ``print_``: what its content looked like, empty where it may have changed."""
    from colab_guard.capture.mapped import map_again

    return map_again(path, print_, dtype, mode, offset, shape, order)


# -- pandas --------------------------------------------------------------------------------------------


def block_users() -> Any:
    """Those who look at a block's memory: none yet."""
    from pandas._libs.internals import BlockValuesRefs

    return BlockValuesRefs()


def block(values: Any, place: Any, ndim: int, users: Any) -> Any:
    """Columns of one dtype, which share their memory with those among ``users``."""
    from pandas._libs.internals import BlockPlacement
    from pandas.core.internals.blocks import new_block

    return new_block(values, placement=BlockPlacement(place), ndim=ndim, refs=users)


def blocks(kind: Any, parts: tuple[Any, ...], axes: list[Any]) -> Any:
    """What a frame or series consists of."""
    return kind(parts, axes, verify_integrity=False) if len(axes) > 1 else kind(parts[0], axes[0])


def index(make: Any, arguments: tuple[Any, ...], users: Any) -> Any:
    """An index that shares its memory with those among ``users``."""
    new = make(*arguments)
    new._references = users
    users.add_index_reference(new)
    return new


# -- torch ---------------------------------------------------------------------------------------------


def storage(region: Any, device: str) -> Any:
    """A storage that its tensors share."""
    return current().storage(region, device, 0) if isinstance(region, int) else region.storage()


def typed_storage(untyped: Any, dtype: Any) -> Any:
    """A storage of the older kind over one of the newer."""
    import torch

    return torch.storage.TypedStorage(wrap_storage=untyped, dtype=dtype, _internal=True)


def marked(marks: tuple[str, ...], *made: Any) -> Any:
    """A tensor that ``rebuild.tensor`` makes of ``made``: ``"shared"``, its memory with other processes;
    ``"inference"``, under ``inference_mode``.
    """
    import torch

    from colab_guard.capture import rebuild

    if "shared" in marks and isinstance(made[0], int):
        current().storage(made[0], made[1], made[8]).share_memory_()
    with torch.inference_mode("inference" in marks or torch.is_inference_mode_enabled()):
        return rebuild.tensor(*made)


def quantized(make: Any, arguments: tuple[Any, ...]) -> Any:
    """A quantized tensor, without torch's words on how it does that."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return make(*arguments)


def leaf(kind: Any, value: Any) -> Any:
    """A tensor of a layout of its own, with gradients."""
    import torch

    return value.requires_grad_() if kind is torch.Tensor else kind(value)


def reserve(attributes: dict[str, Any]) -> None:
    """No new hook gets the number of one among these, whose place it would take: torch numbers them by process."""
    from torch.utils.hooks import RemovableHandle

    hooks = [value for name, value in attributes.items() if "_hooks" in name and isinstance(value, dict)]
    taken = [number + 1 for one in hooks for number in one if isinstance(number, int)]
    RemovableHandle.next_id = max([RemovableHandle.next_id, *taken])


def module_state(new: Any, state: dict[str, Any]) -> None:
    """Fills a module that has hooks."""
    new.__setstate__(state)
    reserve(state)


def module(kind: Any) -> Any:
    """A module, to be filled."""
    return kind.__new__(kind)


def parametrized(base: Any) -> Any:
    """A module of the class that it had before it was parametrized."""
    return base.__new__(base)


def parametrized_state(new: Any, state: dict[str, Any]) -> None:
    """Fills such a module, and gives it a class of its own, as ``register_parametrization`` does."""
    from torch.nn.utils import parametrize

    module_state(new, state)
    parametrize._inject_new_class(new)
    for name in state["_modules"]["parametrizations"]:
        parametrize._inject_property(new, name)


def scaler(kind: Any) -> Any:
    """A gradient scaler."""
    return kind.__new__(kind)


def scaler_state(new: Any, state: tuple[dict[str, Any], list[tuple[Any, Any]]]) -> None:
    """Fills it; with what it keeps of each optimizer in the middle of a step."""
    from collections import defaultdict

    from torch.amp.grad_scaler import _refresh_per_optimizer_state

    attributes, under_way = state
    new.__dict__.update(attributes)
    new._per_optimizer_states = defaultdict(_refresh_per_optimizer_state)
    for optimizer, one in under_way:
        new._per_optimizer_states[id(optimizer)] = one


def compiled(thing: Any, backend: Any, options: dict[str, Any]) -> Any:
    """A module or function under ``torch.compile``."""
    import torch

    return torch.compile(thing, backend=backend, **options)


def not_compiled(thing: Any) -> Any:
    """A function under ``torch.compiler.disable``."""
    import torch

    return torch.compiler.disable(thing)


# -- Keras ---------------------------------------------------------------------------------------------


def keras_object(kind: Any) -> Any:
    """A layer, model, optimizer, metric, loss or container of Keras, to be filled."""
    return kind.__new__(kind)


def keras_state(new: Any, state: tuple[dict[str, Any], list[tuple[Any, int]]]) -> None:
    """Fills it; what Keras finds by addresses gets those of now."""
    attributes, nodes = state
    new.__dict__.update(attributes)
    if nodes:
        from keras.src.ops.function import make_node_key

        new.__dict__["_nodes"] = {make_node_key(layer, number) for layer, number in nodes}
    if "_trainable_variables_indices" in attributes:
        variables = attributes["_trainable_variables"]
        new.__dict__["_trainable_variables_indices"] = {new._var_key(one): n for n, one in enumerate(variables)}


def tracked_state(new: Any, state: tuple[Any, Any, dict[str, Any]]) -> None:
    """Fills a container that tells a layer what is put into it, without telling."""
    base, content, attributes = state
    (base.extend if base is list else base.update)(new, content)
    new.__dict__.update(attributes)


# -- Python's own --------------------------------------------------------------------------------------


class _Nobody:
    """What a dead reference led to."""


def weak_reference(kind: Any, target: Any, callback: Any) -> Any:
    """A weak reference of that ``kind`` to ``target``, a dead one for None."""
    if target is None:
        return weakref.ref(_Nobody())
    return kind(target) if callback is None else kind(target, callback)


def weak_proxy(target: Any) -> Any:
    """A weak proxy of ``target``, a dead one for None."""
    return weakref.proxy(_Nobody() if target is None else target)


def finalizer(alive: tuple[Any, ...] | None) -> Any:
    """A ``weakref.finalize`` of (object, function, arguments, keyword arguments, atexit); one that is done for None."""
    if alive is None:
        return weakref.finalize(_Nobody(), int)  # which dies at once, and is done
    target, function, arguments, options, at_exit = alive
    new = weakref.finalize(target, function, *arguments, **(options or {}))
    new.atexit = at_exit
    return new


def lock() -> Any:
    """A lock that is free."""
    return threading.Lock()


def recursive_lock() -> Any:
    """A recursive lock that is free."""
    return threading.RLock()


# -- logs ----------------------------------------------------------------------------------------------


def summary_writer(kind: Any, is_open: bool, mark: str, folder: str, sizes: dict[str, int]) -> Any:
    """A writer of TensorBoard's event files, which are cut back to ``sizes`` (bytes, by path)."""
    from colab_guard.capture.logs import writer_again

    return writer_again(kind, is_open, mark, folder, sizes)


def wandb_run(facts: dict[str, Any], step: int) -> Any:
    """The run of wandb with the id in ``facts``, at ``step`` or where its server says."""
    from colab_guard.capture.logs import run_again

    return run_again(facts, step)


def wandb_config(values: dict[str, Any]) -> Any:
    """The configuration of a run of wandb that is over."""
    import wandb

    config = wandb.Config()
    config.update(values)
    return config
