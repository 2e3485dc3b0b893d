"""How the notebook's functions and classes leave the pickle: by name, with a copy for a session that lacks it.

Code comes from the notebook, data from the snapshot: at a restore the session's own function or class is
found by name, and given the state (defaults, attributes) that was saved. What the guarded cell itself
defines is not there yet at that time, or stands for an older definition, so it is always made from the copy.
Code is never dragged along with its globals: a function's globals are the session's namespace.
"""

from __future__ import annotations

import dis
import enum
import importlib
import sys
import types
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import cloudpickle

from colab_guard.capture import of_torch, rebuild

if TYPE_CHECKING:
    from colab_guard.capture.pickler import Pickler


def reduce_function(pickler: Pickler, function: types.FunctionType) -> Any:
    """A function whose globals are the notebook's; any other goes the ordinary way."""
    if of_torch.is_compiled(function):
        return of_torch.reduce_compiled(pickler, function)
    if function.__globals__ is not pickler.namespace:
        return NotImplemented
    pickler.wanted.update(global_names(function.__code__))
    pickler.files.add(function.__code__.co_filename)
    state: dict[str, Any] = {
        "__qualname__": function.__qualname__,
        "__defaults__": function.__defaults__,
        "__kwdefaults__": function.__kwdefaults__,
        "__dict__": dict(function.__dict__),
        "__annotations__": dict(function.__annotations__),
        "__doc__": function.__doc__,
        "__module__": function.__module__,
    }
    made = (pickler.notebook_name(function), function.__code__, function.__name__, function.__closure__)
    return rebuild.function, made, state, None, None, rebuild.function_state


def reduce_module(pickler: Pickler, module: types.ModuleType) -> Any:
    """A module of a class of its own, as transformers' that import late are, by its name as others are."""
    if type(module) is types.ModuleType or sys.modules.get(module.__name__) is not module:
        return NotImplemented
    return importlib.import_module, (module.__name__,)


def reduce_cell(pickler: Pickler, cell: types.CellType) -> Any:
    """A closure's cell: itself first, then what it holds, which may be a function that holds the cell."""
    try:
        contents = (cell.cell_contents,)
    except ValueError:
        return rebuild.cell, ()
    return rebuild.cell, (), contents, None, None, rebuild.cell_state


def reduce_cached(pickler: Pickler, wrapper: Any) -> Any:
    """A function of the notebook's under ``functools.lru_cache`` or ``cache``; what it remembers is not kept."""
    wrapped = wrapper.__wrapped__
    if getattr(wrapped, "__globals__", None) is not pickler.namespace:
        return NotImplemented
    return rebuild.cached_function, (pickler.notebook_name(wrapper), wrapped, wrapper.cache_parameters())


def reduce_class(pickler: Pickler, cls: type) -> Any:
    """A class defined in the notebook: what cloudpickle makes of it, beside its name and its data."""
    if cls.__module__ != pickler.module_name:
        return NotImplemented
    # By name, not by super(): of a subclass of our Pickler that would be ourselves.
    reduced = cloudpickle.Pickler.reducer_override(pickler, cls)
    if not isinstance(reduced, tuple) or len(reduced) != 6:
        return reduced
    make, arguments, contents, *_, set_all = reduced
    data = {} if isinstance(cls, enum.EnumMeta) else dict(_data(cls))
    name = pickler.notebook_name(cls)
    return (
        rebuild.notebook_class,
        (name, make, arguments),
        (set_all, contents, data),
        None,
        None,
        rebuild.class_state,
    )


def _data(cls: type) -> Iterator[tuple[str, Any]]:
    """The attributes that are data: neither methods and descriptors nor what Python itself put there."""
    for name, value in vars(cls).items():
        dunder = name.startswith("__") and name.endswith("__")
        if not dunder and not callable(value) and not hasattr(type(value), "__get__") and name != "_abc_impl":
            yield name, value


def global_names(code: types.CodeType) -> Iterator[str]:
    """The global names that ``code``, or code nested in it, reads or writes."""
    for instruction in dis.get_instructions(code):
        if instruction.opname in ("LOAD_GLOBAL", "STORE_GLOBAL", "LOAD_NAME", "STORE_NAME", "DELETE_GLOBAL"):
            yield instruction.argval
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from global_names(constant)


def adopt_code(old: Any, new: Any) -> bool:
    """Gives a restored function, or the methods of a restored class, the code of their new definition.

    What else refers to ``old`` then runs the new code too. False where the two do not fit together (a function
    became a class, or closes over other variables).
    """
    if isinstance(old, types.FunctionType) and isinstance(new, types.FunctionType):
        if old.__code__.co_freevars != new.__code__.co_freevars:
            return False
        old.__code__ = new.__code__
        return True
    if not (isinstance(old, type) and isinstance(new, type)):
        return False
    for name, value in vars(new).items():
        known = vars(old).get(name)
        if isinstance(value, types.FunctionType) and not adopt_code(known, value):
            setattr(old, name, value)
    return True
