"""The functions that a snapshot's pickle calls when it is loaded.

Their names and arguments are part of the format (docs/format.md): snapshots already written hold them.
What they need of the load in progress (memory, the session's namespace) they find in ``capture.progress``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from colab_guard.capture import codes
from colab_guard.capture.own import Attributes
from colab_guard.capture.progress import current
from colab_guard.capture.remake import reserve
from colab_guard.capture.standin import StandIn, kind_of

# -- arrays and tensors -------------------------------------------------------------------------------


def linked_memory(holder: Any, offset: int, size_bytes: int) -> Any:
    """Takes the place of a region: memory of the session's own, in that of a linked array or tensor."""
    from colab_guard.capture.links import SessionMemory

    return SessionMemory.of(holder, offset, size_bytes)


def array(
    region: Any, offset: int, dtype: Any, shape: Any, strides: Any, writeable: bool, phase: int | None = None
) -> Any:
    """A numpy array that owns its memory, or shares it with what shared it before."""
    import numpy as np

    if not isinstance(region, int):
        new = np.ndarray(shape, dtype, buffer=region.bytes(), offset=offset, strides=strides)
        new.flags.writeable = writeable
        return new
    load = current()
    if load.alone(region) and not offset and is_aligned(phase):
        for order in ("C", "F"):
            new = np.empty(shape, dtype, order=order)
            if new.strides == tuple(strides) or not new.size:
                if new.nbytes:
                    load.fill(region, memoryview(new.ravel(order="K").view(np.uint8)))
                new.flags.writeable = writeable
                return new
    memory, start = load.shared(region, phase)
    new = np.ndarray(shape, dtype, buffer=memory, offset=start + offset, strides=strides)
    new.flags.writeable = writeable
    return new


def view(owner: Any, offset: int, dtype: Any, shape: Any, strides: Any, writeable: bool) -> Any:
    """A numpy array that looks at the memory of ``owner``, ``offset`` bytes from its start."""
    import numpy as np

    memory = owner.ravel(order="K").view(np.uint8) if owner.size else owner
    new = np.ndarray(shape, dtype, buffer=memory, offset=offset, strides=strides)
    new.flags.writeable = writeable
    return new


def is_aligned(phase: int | None) -> bool:
    """Whether memory that began there is as well restored to where allocators put new memory."""
    return not phase or phase % 16 == 0  # MKL's and OpenBLAS's results are the same at all multiples of 16


def tensor(
    region: Any,
    device: str,
    dtype: Any,
    offset: int,
    size: Any,
    stride: Any,
    kind: Any,
    requires_grad: bool,
    phase: int | None = None,
) -> Any:
    """A torch tensor over its storage; ``kind`` is ``Tensor`` or a subclass that wraps one (``Parameter``)."""
    import torch

    storage = current().storage(region, device, phase) if isinstance(region, int) else region.storage()
    new = torch.empty(0, dtype=dtype, device=storage.device)
    new.set_(storage, offset, size, stride)
    if kind is not torch.Tensor:
        return kind(new, requires_grad)
    return new.requires_grad_(requires_grad)


def tensor_state(new: Any, state: dict[str, Any]) -> None:
    """Sets what a tensor carries: ``.grad``, hooks, and attributes of the user's."""
    new.grad = state["grad"]
    for name, hooks in state.get("hooks", {}).items():
        setattr(new, name, hooks)
    reserve(state.get("hooks", {}))
    new.__dict__.update(state["attributes"])


def lost_graph(value: Any, name: str) -> Any:
    """A tensor whose value was kept, but not the graph behind it: ``backward()`` raises LostValue."""
    from colab_guard.capture.tensors import without_graph

    return without_graph(value, name)


def optimizer_state(new: Any, state: tuple[dict[str, Any], bool]) -> None:
    """Fills an optimizer; ``watched``: a scheduler had put a ``step`` over the class's, to see that it is called."""
    attributes, watched = state
    new.__setstate__(attributes)
    reserve(attributes)
    if watched:
        import weakref

        reference: Callable[[], Any] = weakref.ref(new)

        def step(*arguments: Any, **options: Any) -> Any:
            optimizer = reference()
            optimizer._opt_called = True
            return type(optimizer).step(optimizer, *arguments, **options)

        step._wrapped_by_lr_sched = True  # type: ignore[attr-defined]
        new.step = step


def torch_generator(device: str, state: Any) -> Any:
    """A ``torch.Generator`` in that state."""
    import torch

    new = torch.Generator(device)
    new.set_state(state)
    return new


def secret(said: str, masked: str) -> Any:
    """The session's own value in the place of a secret. ``said`` is JSON: ``places``, of name and path each; ``type``;
    ``what`` and ``kind``, in words; ``text``: whether ``masked`` will do where no place leads to one.
    """
    from colab_guard.capture.secrets import session_value

    return session_value(said, masked)


def of_session(what: str, name: str) -> Any:
    """What this session holds under a name, if it is of the same kind; else a stand-in."""
    found = current().find(name)
    return found if found is not None and kind_of(found) == what else StandIn(what, name)


# -- the notebook's functions and classes -------------------------------------------------------------


def namespace() -> dict[str, Any]:
    """The session's user namespace."""
    return current().namespace


def function(qualname: str | None, code: Any, name: str, closure: Any) -> Any:
    """The notebook's function of that name, or one made from the code that was saved."""
    import types

    found = current().find(qualname, code.co_qualname) if qualname else None
    if isinstance(found, types.FunctionType) and codes.takes_the_same(found.__code__, code):
        if not codes.is_same(found.__code__, code):
            current().edited(code.co_qualname)
        if not closure:
            return found
        code = found.__code__  # what it closes over is data, and comes from the snapshot
    return types.FunctionType(code, current().namespace, name, None, closure)


def cell() -> Any:
    """An empty closure cell."""
    import types

    return types.CellType()


def cell_state(new: Any, contents: tuple[Any]) -> None:
    """Fills a closure cell."""
    new.cell_contents = contents[0]


def cached_function(qualname: str | None, wrapped: Any, parameters: dict[str, Any]) -> Any:
    """A function under ``functools.lru_cache``, its cache empty."""
    import functools

    found = current().find(qualname) if qualname else None
    return found if hasattr(found, "cache_parameters") else functools.lru_cache(**parameters)(wrapped)


def function_state(new: Any, state: dict[str, Any]) -> None:
    """Sets what a function carries besides its code; on one of the session's own, when the restore is sure."""
    if owner := current().owner(new):
        values = {name: value for name, value in state.items() if name != "__dict__"}
        current().later(Attributes(new, values | state["__dict__"]), owner)
        return
    for attribute, value in state.items():
        if attribute == "__dict__":
            new.__dict__.update(value)
        else:
            setattr(new, attribute, value)


def notebook_class(qualname: str | None, make: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    """The notebook's class of that name, or one made from what was saved."""
    found = current().find(qualname) if qualname else None
    return found if isinstance(found, type) else make(*arguments)


def class_state(new: Any, state: Any) -> None:
    """Fills a class made from what was saved; of one that the notebook defined, only its data is put back."""
    set_all, contents, data = state
    if current().find(new.__qualname__) is not new:
        set_all(new, contents)
    else:
        current().later(Attributes(new, data), current().owner(new))


# -- things that are under way ------------------------------------------------------------------------


def dict_iterator(owner: dict[Any, Any], view: str, taken: int, size: int) -> Any:
    """The iterator of the ``keys``, ``values`` or ``items`` of a dict of that size that has given ``taken``."""
    from colab_guard.capture import positions

    return positions.dict_iterator(owner, view, taken, size)


def list_iterator(owner: list[Any], index: int) -> Any:
    """A list's iterator that stands at an index behind the list's end."""
    from colab_guard.capture import positions

    return positions.list_iterator(owner, index)


def generator(*frame: Any) -> Any:
    """A generator that goes on behind the ``yield`` at which it stood."""
    from colab_guard.capture.generators import resume

    return resume(*frame)


def generator_expression(code: Any, iterator: Any, closure: Any, globals_: dict[str, Any]) -> Any:
    """A generator expression over what is left of its iterator."""
    import types

    return types.FunctionType(code, globals_, code.co_name, None, closure)(iterator)


def exhausted() -> Any:
    """A generator that has ended."""
    new = (_ for _ in ())
    next(new, None)
    return new


def module_globals(name: str) -> dict[str, Any]:
    """The globals of an importable module."""
    import importlib

    return vars(importlib.import_module(name))


def closed_file(text: bool) -> Any:
    """A file that was closed: any use of it says so."""
    import os

    with open(os.devnull, "r" if text else "rb") as file:
        return file


def open_file(path: str, options: dict[str, Any], position: int, size: int | None) -> Any:
    """A file open as it was, at its position; one that was being written is cut to ``size`` bytes."""
    from colab_guard.capture.files import reopen

    return reopen(path, options, position, size)


def loader_iterator(
    loader: Any, entry: Any, taken: int, seconds: float = 0.0, place: dict[str, Any] | None = None
) -> Any:
    """A DataLoader's iterator that has given ``taken`` batches, within ``seconds``; ``place``: where it stands."""
    from colab_guard.capture.loaders import Resumed

    return Resumed(loader, entry, taken, seconds, place or {})


def same(thing: Any) -> Any:
    """The thing itself: an iterator whose items were counted in vain, since it could be saved as it stood."""
    return thing


def counted(iterable: Any, entry: Any, taken: int, seconds: float, state: tuple[str, Any] | None) -> Any:
    """An iterator of ``iterable`` that has given ``taken`` items. ``state``: what ``state_dict()`` of the
    ``"iterator"`` or the ``"iterable"`` returned.
    """
    from colab_guard.capture.iterables import Resumed

    return Resumed(iterable, entry, taken, seconds, state)


def progress_bar(kind: Any, options: dict[str, Any], iterable: Any, state: dict[str, Any] | None = None) -> Any:
    """A tqdm bar that starts at the count it had reached; ``state``: attributes that are no arguments."""
    new = kind(iterable, **options)
    vars(new).update(state or {})
    return new
