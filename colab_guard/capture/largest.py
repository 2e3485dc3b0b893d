"""Which variables hold the most memory: what each reaches, with the whole memory of arrays and tensors."""

from __future__ import annotations

import gc
import sys
import time
import types
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from colab_guard.capture.select import is_user_name

BUDGET_SECONDS = 0.2
LOOK_EVERY = 1000  # objects between two looks at the clock
NOT_DATA = (types.ModuleType, types.FunctionType, types.BuiltinFunctionType, type, types.FrameType, types.CodeType)


def largest(namespace: Mapping[str, Any], count: int) -> list[tuple[str, int]]:
    """The ``count`` largest of the user's variables and their sizes in bytes, the largest first.

    What several reach counts for the first of them. Where the walk would take too long, only what it met within its
    time is counted. Raises nothing.
    """
    seen: set[int] = set()
    values = {name: value for name, value in dict(namespace).items() if is_user_name(name)}
    deadline = time.monotonic() + BUDGET_SECONDS
    sizes = {name: _size_bytes(value, seen, deadline) for name, value in values.items()}
    found = sorted(((name, size) for name, size in sizes.items() if size), key=lambda pair: -pair[1])
    return found[:count]


def _size_bytes(root: Any, seen: set[int], deadline: float) -> int:
    todo, total = [root], 0
    for met in range(sys.maxsize):
        if not todo or (met % LOOK_EVERY == LOOK_EVERY - 1 and time.monotonic() > deadline):
            break
        thing = todo.pop()
        # By its type: to say what class it is of is up to a proxy, whose object may be gone.
        if id(thing) in seen or issubclass(type(thing), NOT_DATA):
            continue
        seen.add(id(thing))
        with suppress(Exception):  # what can't be looked into counts for nothing
            own, further = _own(thing, seen)
            total += own
            todo += further
    return total


def _own(thing: Any, seen: set[int]) -> tuple[int, list[Any]]:
    """An object's own bytes, and the objects that it refers to."""
    package = type(thing).__module__.partition(".")[0]
    if package == "numpy" and hasattr(thing, "__array_interface__"):
        if thing.base is not None:
            return 0, [thing.base]
        return int(thing.nbytes), thing.ravel().tolist() if thing.dtype.kind == "O" else []
    if package == "torch" and hasattr(thing, "untyped_storage"):
        try:
            storage = thing.untyped_storage()
            space, address, size_bytes = storage.device.type, storage.data_ptr(), storage.nbytes()
        except (RuntimeError, NotImplementedError):  # one with no storage of its own
            return 0, []
        further = [thing.__dict__, thing.grad if thing.is_leaf else None]
        if space != "cpu" or -address in seen:
            return 0, further
        seen.add(-address)
        return int(size_bytes), further
    # Those of other libraries may count what they refer to, and take long for it.
    own = sys.getsizeof(thing) if package == "builtins" else object.__sizeof__(thing)
    return own, gc.get_referents(thing)
