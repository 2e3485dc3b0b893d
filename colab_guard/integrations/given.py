"""The modules that the user gave over, ``cg.guard(thing)``: a guarded cell enters their functions as the notebook's.

Nothing else of a library or of the user's own files is entered by itself: most of it is called too often, holds no loop
worth being left in, or is called by code that nobody rewrites. Which modules were given is part of a snapshot, for the
line that gave them does not run again where a cell goes on behind it.
"""

from __future__ import annotations

import inspect
import sys
import types
from collections.abc import Iterable
from typing import Any

from colab_guard.core.errors import UsageError

_given: set[str] = set()


def give(thing: Any) -> None:
    """The module of a function or class, of an object's class, or a module itself. Raises UsageError."""
    if isinstance(thing, str):
        raise UsageError(f"cg.guard takes the thing itself, not its name: cg.guard({thing}), without the quotes.")
    name = thing.__name__ if isinstance(thing, types.ModuleType) else _module_of(thing)
    if name == "__main__":
        return  # the notebook's own are entered anyway
    if not _has_source(sys.modules.get(name)):
        raise UsageError(
            f"{name} has no source in Python that could be read, so that nothing in it can be left in its middle. "
            f"Give what holds the loop: a function, a class or object, or a module written in Python."
        )
    _given.add(name)


def give_again(names: Iterable[str]) -> None:
    """Those that ``given`` told of, in another process; not imported yet, perhaps."""
    _given.update(names)


def given() -> list[str]:
    """The names of all."""
    return sorted(_given)


def is_given(function: types.FunctionType) -> bool:
    """Whether a function belongs to one of them."""
    return function.__module__ in _given and function.__globals__ is getattr(
        sys.modules.get(function.__module__), "__dict__", None
    )


def _has_source(module: types.ModuleType | None) -> bool:
    try:
        return module is not None and inspect.getsourcefile(module) is not None
    except TypeError:  # it is built in
        return False


def _module_of(thing: Any) -> str:
    found = inspect.unwrap(thing) if callable(thing) else thing
    found = getattr(found, "__func__", found)
    known = found if isinstance(found, types.FunctionType | type) else type(found)
    return str(known.__module__)
