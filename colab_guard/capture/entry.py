"""What an iteration began from, so that it can begin again: the random states, and what its parts held.

A loop over a loader depends on the random state at its **entry** (the shuffling, the workers' seeds), and goes
on, between two batches, with the state of the **moment**. So the first is noted when the loop is entered, and
set only while its iterator is made again.

An entry is plain data, for it is part of the snapshot: (global random states, the state of each generator of
randomness that the object holds, the numbers and texts among the attributes of its parts); the latter two by
the path that leads there.
"""

from __future__ import annotations

import random
import sys
import types
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from colab_guard.capture.process import random_state, set_random_state

PLAIN = (bool, int, float, complex, str, type(None))
CONTAINERS = (list, dict, set, deque)
CODE = (type, types.ModuleType, types.FunctionType, types.MethodType, types.BuiltinFunctionType)
WORKING = ("_iterator", "_cg_epochs")  # of a loader: what iterates it, rather than what it is made of
DEPTH = 5  # loader → dataset → the dataset it wraps → its transform → that one's parts
PARTS = 1000  # of an object with more, the rest is not looked at
MEMBERS = 64  # a longer list holds data rather than parts

Entry = tuple[Any, ...]
Path = tuple[str | int, ...]


def note_entry(thing: object) -> Entry:
    """What iterating over ``thing`` would begin from now."""
    sources, attributes = [], []
    for path, part in _parts(thing):
        state = _get(part)
        if state is not None:
            sources.append((path, state))
        elif plain := _plain(_vars(part)):
            attributes.append((path, plain))
    return random_state(), sources, attributes


@contextmanager
def under(entry: Entry, thing: object, *, attributes: bool = True) -> Iterator[None]:
    """Inside, the random states and the parts of ``thing`` are as they were at ``entry``.

    Afterwards all is as it was before, what the block itself drew, counted or collected in them undone: the
    restored values already stand behind what is done again here. Without ``attributes`` only randomness is.
    """
    state, sources, *rest = entry
    now, parts = random_state(), dict(_parts(thing))
    randoms = [(part, source) for part in parts.values() if (source := _get(part)) is not None]
    later = [(part, dict(_vars(part))) for part in parts.values()] if attributes else []
    contents = [(value, value.copy()) for _, kept in later for value in kept.values() if type(value) in CONTAINERS]
    try:
        set_random_state(state)
        for path, source in sources:
            if path in parts:
                _set(parts[path], source)
        for path, plain in rest[0] if rest and attributes else ():
            if path in parts:
                _vars(parts[path]).update(plain)
        yield
    finally:
        for container, content in contents:
            container.clear()
            container.extend(content) if isinstance(container, list | deque) else container.update(content)
        for part, kept in later:
            _vars(part).update(_plain(kept))
        for part, source in randoms:
            _set(part, source)
        set_random_state(now)


def _parts(thing: object) -> list[tuple[Path, Any]]:
    """``thing`` and the objects its attributes hold, with the attributes that lead there, nearest first."""
    found: list[tuple[Path, Any]] = []
    todo, seen = deque[tuple[Path, Any]]([((), thing)]), set[int]()
    while todo and len(found) < PARTS:
        path, part = todo.popleft()
        if id(part) in seen or isinstance(part, CODE) or _is_module(part):
            continue
        seen.add(id(part))
        members: list[tuple[str | int, Any]]
        if isinstance(part, list | tuple):
            members = list(enumerate(part)) if len(part) <= MEMBERS else []
        else:
            found.append((path, part))
            own = _vars(part) if _get(part) is None else {}
            members = [(name, value) for name, value in own.items() if name not in WORKING]
        if len(path) < DEPTH:
            todo.extend(((*path, name), value) for name, value in members if _has_parts(value))
    return found


def _has_parts(value: object) -> bool:
    return isinstance(value, list | tuple) or hasattr(value, "__dict__") or _get(value) is not None


def _vars(part: object) -> dict[str, Any]:
    found = getattr(part, "__dict__", None)
    return found if isinstance(found, dict) else {}


def _plain(attributes: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in attributes.items() if isinstance(value, PLAIN) and name not in WORKING}


def _is_module(thing: object) -> bool:
    """Whether it is a network: those are large, and their state is not the loop's."""
    torch = sys.modules.get("torch")
    return torch is not None and hasattr(torch, "nn") and isinstance(thing, torch.nn.Module | torch.Tensor)


def _get(source: Any) -> Any:
    """The state of a generator of randomness, None for any other object."""
    kind = type(source)
    if issubclass(kind, random.Random):
        return source.getstate()
    if kind.__module__.startswith("numpy.random"):
        if hasattr(kind, "bit_generator"):
            return source.bit_generator.state
        return source.get_state() if hasattr(kind, "get_state") else None
    if kind.__module__ in ("torch._C", "torch") and kind.__name__ == "Generator":
        return source.get_state()
    return None


def _set(source: Any, state: Any) -> None:
    if isinstance(source, random.Random):
        source.setstate(state)
    elif hasattr(source, "bit_generator"):
        source.bit_generator.state = state
    else:
        source.set_state(state)
