"""Which variables belong to a cell: those it names, those its functions name, and whatever shares with them.

A notebook holds much that a cell never looks at; to save that would cost time, and to restore it would undo
what this session made anew. But a variable that shares a mutable object with a saved one must come along,
or ``alias`` and ``model`` would be two models after a restore.
"""

from __future__ import annotations

import ast
import gc
import sys
import time
import types
import weakref
from collections.abc import Iterable, Iterator
from typing import Any

from colab_guard.cell.tree import is_hidden

BUDGET_SECONDS = 2.0
# Told by type(thing): what a thing says of its class may raise, as a proxy's does whose object is gone.
LEAVES: tuple[type, ...] = (
    int, float, complex, bool, str, bytes, type(None), type, types.ModuleType, types.CodeType,
    types.BuiltinFunctionType, range, slice, type(...), types.MethodWrapperType, *weakref.ProxyTypes,
)  # fmt: skip
IPYTHON_NAMES = frozenset({"In", "Out", "get_ipython", "exit", "quit", "open"})


def names_in(tree: ast.AST) -> set[str]:
    """Every variable name in a cell's source, nested functions included."""
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                names.add(node.name)
            case ast.Global():
                names.update(node.names)
            case ast.Import() | ast.ImportFrom():
                names.update((alias.asname or alias.name).partition(".")[0] for alias in node.names)
            case ast.ExceptHandler() | ast.MatchAs() | ast.MatchStar() if node.name:
                names.add(node.name)
    return {name for name in names if is_user_name(name)}


def is_user_name(name: str) -> bool:
    """Whether a variable is the user's, rather than ours, IPython's or Python's."""
    history = name.startswith("_") and name.lstrip("_").removeprefix("i").removeprefix("h").isdigit()
    blank = not name.strip("_") or name in {"_i", "_ii", "_iii", "_dh", "_ih", "_oh", "_exit_code"}
    dunder = name.startswith("__") and name.endswith("__")
    return not (is_hidden(name) or history or blank or dunder or name in IPYTHON_NAMES)


def sharers(namespace: dict[str, Any], names: Iterable[str]) -> set[str]:
    """The user's other variables that share a mutable object, or memory, with one of ``names``.

    Walks object graphs for at most BUDGET_SECONDS; a variable not settled by then counts as sharing.
    """
    deadline = time.monotonic() + BUDGET_SECONDS
    chosen = {name for name in names if name in namespace}
    reached: set[int] = set()
    for name in chosen:
        for key in _reach(namespace[name], reached, deadline):
            reached.add(key)
    found = set()
    for name, value in namespace.items():
        if name in chosen or not is_user_name(name) or issubclass(type(value), LEAVES):
            continue
        if time.monotonic() > deadline or any(key in reached for key in _reach(value, set(), deadline)):
            found.add(name)
    return found


def sharers_of_used(namespace: dict[str, Any], taken: Iterable[str], names: set[str]) -> set[str]:
    """What must come along beside ``names``, when a snapshot of them took more, used by functions among them."""
    used = {name for name in taken if name in namespace and is_user_name(name)}
    return sharers(namespace, used) - names if used - names else set()


def _reach(root: object, seen: set[int], deadline: float) -> Iterator[int]:
    """The identities of the mutable objects, and of the memory, reachable from ``root``."""
    todo, own = [root], set[int]()
    for count in range(sys.maxsize):
        if not todo or (count % 1024 == 0 and time.monotonic() > deadline):
            return
        thing = todo.pop()
        if issubclass(type(thing), LEAVES) or id(thing) in own or id(thing) in seen:
            continue
        own.add(id(thing))
        if not issubclass(type(thing), tuple | frozenset | types.FunctionType | types.MethodType | types.CellType):
            yield id(thing)
        memory, further = _memory(thing)
        if memory:
            yield -memory
        todo.extend(further)


def _memory(thing: Any) -> tuple[int, list[Any]]:
    """The address of the memory an array or tensor looks at (0: none), and the objects to go on with."""
    if type(thing) is types.FunctionType:
        return 0, [thing.__closure__, thing.__defaults__, thing.__kwdefaults__, thing.__dict__]
    kind = type(thing)
    if kind.__module__ == "numpy" and hasattr(thing, "__array_interface__"):
        while getattr(thing.base, "__array_interface__", None):
            thing = thing.base
        held = thing.tolist() if thing.dtype.kind == "O" else None
        return int(thing.__array_interface__["data"][0]), [thing.base, held]
    if kind.__module__.partition(".")[0] == "torch" and hasattr(thing, "untyped_storage"):
        try:
            return int(thing.untyped_storage().data_ptr()), [
                thing.grad if thing.is_leaf else None,
                thing.__dict__,
            ]
        except (RuntimeError, NotImplementedError):
            return 0, []
    return 0, gc.get_referents(thing)
