"""Generators that are under way: saved where they stand, and gone on with, nothing run again.

A suspended generator is its code, its locals, the ``yield`` it stands at, and what its frame keeps on the
value stack: an iterator for each ``for`` around that ``yield``, a bound ``__exit__`` for each ``with``. The
garbage collector's view of a generator (``gc.get_referents``) lists locals, then stack, in order, on CPython
3.11 to 3.13 alike. From the source of the function comes its residual program (``cell.residual``).
"""

from __future__ import annotations

import ast
import gc
import inspect
import sys
import types
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from colab_guard.capture import rebuild
from colab_guard.capture.contexts import enter_again
from colab_guard.capture.iterables import ask, asked
from colab_guard.capture.sources import find_source
from colab_guard.cell import frames
from colab_guard.cell.scope import STATE, Source, body_of
from colab_guard.cell.tree import HIDDEN, ITER, RUN, Path, along, context_name, iterator_name
from colab_guard.core.secrets import values_in

if TYPE_CHECKING:
    from colab_guard.capture.pickler import Pickler

SMALL = 1000  # objects in a container that are looked at one by one
EXIT_SLOTS = 1 if sys.version_info < (3, 14) else 2


_origins: dict[types.CodeType, Source] = {}  # of residual generators, whose code no file holds


def reduce_generator(pickler: Pickler, generator: types.GeneratorType[Any, Any, Any]) -> Any:
    """A generator, as the place where it stands. Raises TypeError for one that can't be entered again there."""
    state = inspect.getgeneratorstate(generator)
    if state == inspect.GEN_CLOSED:
        return rebuild.exhausted, ()
    if state == inspect.GEN_RUNNING:
        raise TypeError("a generator that is running")
    function = next(
        thing for thing in gc.get_referents(generator)
        if isinstance(thing, types.FunctionType) and thing.__code__ is generator.gi_code
    )  # fmt: skip
    globals_ = _globals(pickler, function)
    code = generator.gi_code
    if code.co_name == "<genexpr>":
        return _expression(generator, function, globals_)
    origin = _origins.get(code) or _find(code)
    if values_in(origin.text):
        raise TypeError(f"generator {code.co_name!r}, in whose code a secret stands")
    node = origin.node()
    path: Path = ()
    assert generator.gi_frame is not None, "only a closed generator has no frame"
    names = dict(generator.gi_frame.f_locals)
    if state == inspect.GEN_SUSPENDED:
        path = frames.yield_path(node, _place(generator))
        if code not in _origins:
            names |= _under_way(generator, node, path)
        elif generator.gi_yieldfrom is not None:
            delegate = generator.gi_yieldfrom
            names[frames.SUBGENERATOR] = delegate.delegate if isinstance(delegate, _Sent) else delegate
    _check(code, names)
    cells = dict(zip(code.co_freevars, function.__closure__ or (), strict=True))
    names = {name: value for name, value in names.items() if name not in cells}
    kept = {name: cell for name, cell in cells.items() if not name.startswith(HIDDEN)}
    pickler.wanted.update(_names(pickler, function))
    return rebuild.generator, (
        (origin.text, origin.line, origin.filename, origin.owner, origin.flags),
        path,
        names,
        kept,
        globals_,
        function.__qualname__,
    )


def held(generator: types.GeneratorType[Any, Any, Any]) -> list[Any]:
    """What its variables are, and hold where they are small containers."""
    values = list(generator.gi_frame.f_locals.values()) if generator.gi_frame else []
    small = [one for one in values if type(one) in (list, set, dict, tuple) and len(one) <= SMALL]
    return [*values, *(part for one in small for part in [*one, *(one.values() if type(one) is dict else ())])]


def _names(pickler: Pickler, function: types.FunctionType) -> set[str]:
    from colab_guard.capture.functions import global_names

    return set(global_names(function.__code__)) if function.__globals__ is pickler.namespace else set()


def _globals(pickler: Pickler, function: types.FunctionType) -> Any:
    if function.__globals__ is pickler.namespace:
        return NotebookGlobals()
    return ModuleGlobals(function.__globals__["__name__"])


class NotebookGlobals:
    """Stands for the notebook's namespace in a pickle."""

    def __reduce__(self) -> Any:
        return rebuild.namespace, ()


@dataclass
class ModuleGlobals:
    """Stands for an importable module's globals in a pickle."""

    name: str

    def __reduce__(self) -> Any:
        return rebuild.module_globals, (self.name,)


def _expression(generator: Any, function: types.FunctionType, globals_: Any) -> Any:
    loops = sum(instruction.opname == "FOR_ITER" for instruction in _instructions(generator.gi_code))
    if loops != 1 or ".0" not in generator.gi_frame.f_locals:
        raise TypeError("a generator expression with more than one `for`")
    iterator = generator.gi_frame.f_locals[".0"]
    return rebuild.generator_expression, (generator.gi_code, iterator, function.__closure__, globals_)


def _instructions(code: types.CodeType) -> Any:
    import dis

    return dis.get_instructions(code)


def _find(code: types.CodeType) -> Source:
    found = find_source(code)
    if found is None:
        raise TypeError(f"generator {code.co_name!r}, whose source can't be found")
    return found


def _place(generator: Any) -> tuple[int, int]:
    """The line and column of the ``yield`` at which the generator stands."""
    line, _, column, _ = list(generator.gi_code.co_positions())[generator.gi_frame.f_lasti // 2]
    if line is None or column is None:
        raise TypeError("a generator compiled without positions (python -X no_debug_ranges)")
    return line, column


def _under_way(generator: Any, node: ast.FunctionDef, path: Path) -> dict[str, Any]:
    """The hidden variables of the loops and contexts around the ``yield``, read off the value stack."""
    slots: list[str | None] = []
    handling = False
    for depth, (parent, block, _) in enumerate(along(body_of(node), path)):
        if isinstance(parent, ast.For) and block == "body":
            slots.append(iterator_name(path[:depth]))
        elif isinstance(parent, ast.With):
            slots += [None] * (EXIT_SLOTS - 1) + [context_name(path[:depth])]
        elif block.startswith("except"):
            slots.append(None)  # the exception that was being handled before
            handling = True
    if generator.gi_yieldfrom is not None:
        slots.append(frames.SUBGENERATOR)
    referents = gc.get_referents(generator)
    if handling or referents[-1] is None:
        referents.pop()  # behind the stack comes the exception being handled
    stack = referents[-len(slots) :] if slots else []
    found: dict[str, Any] = {}
    for name, value in zip(slots, stack, strict=True):
        if name is not None:
            found[name] = value.__self__ if name.startswith(HIDDEN + "c_") else asked(value)
    return found


def _check(code: types.CodeType, names: dict[str, Any]) -> None:
    # A local that a closure of its own holds would be two after a restore: one in the frame, one in the closure.
    if code.co_cellvars and any(getattr(value, "__closure__", None) for value in names.values()):
        raise TypeError(f"generator {code.co_name!r}, which shares a variable with a function made in it")


class Tools:
    """What a residual generator calls in the place where a cell has its run."""

    paused = ()  # it is never paused
    anything = BaseException
    going = True

    @staticmethod
    def context(line: int, manager: Any, refused: bool) -> Any:
        """The manager itself: whether it can be entered again is asked when the generator is saved."""
        return manager

    @staticmethod
    def imported() -> None:
        """Nothing to do: the cell's own run watches for libraries."""

    @staticmethod
    def sent(delegate: Any, value: Any) -> Any:
        """What a ``yield from`` goes on with, when its generator is sent its first value after a restore."""
        return delegate if value is None else _Sent(delegate, value)

    @staticmethod
    def again(line: int, manager: Any) -> Any:
        """The restored manager, to be entered."""
        return enter_again(manager)


class _Sent:
    """A generator that is sent ``value`` when it is first asked."""

    def __init__(self, delegate: Any, value: Any) -> None:
        self.delegate, self._value = delegate, value

    def __iter__(self) -> _Sent:
        return self

    def __next__(self) -> Any:
        value, self._value = self._value, None
        return next(self.delegate) if value is None else self.delegate.send(value)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.delegate, name)  # send, throw, close


def resume(
    origin: tuple[Any, ...],
    path: Path,
    names: dict[str, Any],
    cells: dict[str, types.CellType],
    globals_: dict[str, Any],
    qualname: str,
) -> Any:
    """The generator, standing where it stood."""
    source = Source(qualname.rpartition(".")[2], *origin)
    code = frames.compile_generator(source, path, sorted(names), sorted(cells))
    tools = {STATE: types.CellType(names), RUN: types.CellType(Tools), ITER: types.CellType(ask)}
    closure = tuple(cells[name] if name in cells else tools[name] for name in code.co_freevars)
    function = types.FunctionType(code, globals_, source.name, None, closure)
    function.__qualname__ = qualname
    _origins[code] = source
    new = function()
    next(new)
    return new
