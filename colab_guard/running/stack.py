"""The functions under way between a guarded cell and a safe point, and the calls that lead there.

Rewritten code holds a **frame** as ``_cg_run``: the cell's own is its run, each call of a function's twin has
one of its own, linked to its caller's. A frame's ``call`` is what stands between rewritten code and the
functions it calls: it answers with the twin of a function of the notebook's, and with anything else as it is.
A twin lives for one call, so a function is never changed, and whoever else calls it runs it plain.
"""

from __future__ import annotations

import contextlib
import functools
import sys
import time
import types
from collections.abc import Callable, Iterator
from typing import Any, Protocol

from colab_guard.capture.contexts import enter_again, enters_again, hold
from colab_guard.capture.functions import global_names
from colab_guard.capture.loaders import watch
from colab_guard.capture.pickler import code_name, find
from colab_guard.capture.sources import find_source
from colab_guard.capture.take import Level
from colab_guard.cell.rewrite import SafePoint
from colab_guard.cell.tree import ITER, RUN, Path, hidden_at, is_hidden
from colab_guard.cell.units import CELLS, Unit, twin
from colab_guard.core.errors import Pause
from colab_guard.integrations import is_entered

PASS_SECONDS = 50e-6  # calls shorter than this on average are not worth being left in their middle
PASS_CALLS = 256
UNSEEN, WRAPPER = object(), object()


class Broken(Exception):
    """A twin was called other than by the code that asked for it, so the way back to it is not known."""


class Owner(Protocol):
    """What frames ask of the run they belong to."""

    namespace: dict[str, Any]
    defined: frozenset[str]
    units: dict[types.CodeType, Any]
    iter_cell: types.CellType
    pausing: bool

    def is_wanted(self) -> bool:
        """Whether the flag is up."""

    def reached(self, frame: Frame, number: int, python: types.FrameType) -> None:
        """The safe point ``number`` of a frame whose code runs in ``python``, with the flag up."""

    def next_level(self, frame: Frame, number: int, callee: Any) -> Callable[[], Any]:
        """What goes on with the call under way at the place ``number``."""

    def go_live(self) -> None:
        """The cursor is reached."""


class Frame:
    """One call of rewritten code that is under way; used by the thread that runs it, for as long as it runs."""

    __slots__ = ("parent", "points", "run", "site", "unit", "wrappers")
    points: list[SafePoint]
    paused = Pause  # what is raised to pause the cell
    anything = BaseException  # under a name that no cell can change

    def __init__(self, run: Owner, unit: Unit, parent: Frame, site: int, wrappers: tuple[Any, ...] = ()) -> None:
        self.run, self.unit, self.parent, self.site, self.wrappers = run, unit, parent, site, wrappers
        self.points = unit.points

    # -- what rewritten code calls ----------------------------------------------------------------------

    @property
    def wanted(self) -> bool:
        """Whether the flag is up, for code that does not see it."""
        return self.run.is_wanted()

    @property
    def going(self) -> bool:
        """Whether the cell is not being paused."""
        return not self.run.pausing

    def point(self, number: int) -> None:
        """A safe point that the flag was up at."""
        self.run.reached(self, number, sys._getframe(1))

    def context(self, line: int, manager: Any, refused: bool) -> Any:
        """A manager about to be entered around a safe point, in the cell's own loops (``refused``) only if it can be
        entered again.
        """
        return hold(manager)

    def anew(self, manager: Any) -> Any:
        """A manager about to be entered that is made anew at resume."""
        return hold(manager, anew=True)

    def again(self, line: int, manager: Any) -> Any:
        """A restored manager, to be entered at ``line``."""
        return enter_again(manager)

    def imported(self) -> None:
        """An import statement has run."""
        watch()

    def live(self) -> None:
        """The cursor is reached."""
        self.run.go_live()

    def deeper(self, number: int, callee: Any = None) -> Callable[[], Any]:
        """What goes on with the call that was under way at ``number``."""
        return self.run.next_level(self, number, callee)

    def call(self, number: int, callee: Any) -> Any:
        """What to call in place of ``callee``."""
        kind = type(callee)
        if kind is types.BuiltinFunctionType or kind is type:
            return callee
        function = callee.__func__ if kind is types.MethodType else callee
        if type(function) is not types.FunctionType:
            return self._other(number, callee)
        unit = self.run.units.get(function.__code__, UNSEEN)
        if unit is None:
            return callee
        if unit is UNSEEN:
            unit = self._unit(function)
        if unit is WRAPPER:
            new = self._unwrapped(number, function)
        elif unit is None or (unit.passed and not self.run.is_wanted()):
            return callee
        else:
            new = self.twin(number, function, unit)
        return types.MethodType(new, callee.__self__) if kind is types.MethodType else new

    # -- twins ------------------------------------------------------------------------------------------

    def twin(self, number: int, function: types.FunctionType, unit: Unit, wrappers: tuple[Any, ...] = ()) -> Any:
        """A function's twin, for one call from the place ``number``."""
        unit.calls += 1
        if unit.calls % PASS_CALLS == 0:
            now = time.perf_counter()
            recursive = any(frame.unit is unit for frame in self.chain())
            unit.passed = now - unit.since < PASS_CALLS * PASS_SECONDS and not recursive
            unit.since = now
        frame = Frame(self.run, unit, self, number, wrappers)
        cells = dict(zip(function.__code__.co_freevars, function.__closure__ or (), strict=True))
        return frame.function(unit.code, cells, function)

    def function(
        self, code: types.CodeType, cells: dict[str, Any], like: Any = None, state: Any = None
    ) -> types.FunctionType:
        """Rewritten code as a function that holds this frame, with the defaults of a function that is ``like`` it."""
        closure = tuple(
            cells[name] if name in cells
            else types.CellType(self) if name == RUN
            else self.run.iter_cell if name == ITER
            else types.CellType(state)
            for name in code.co_freevars
        )  # fmt: skip
        home = self.unit.home
        names = vars(sys.modules[home]) if home else self.run.namespace
        new = types.FunctionType(code, names, code.co_name, getattr(like, "__defaults__", None), closure)
        new.__kwdefaults__ = getattr(like, "__kwdefaults__", None)
        return new

    def depth(self) -> int:
        """How many functions are under way below the cell."""
        return 0 if self.parent is self else sum(1 for _ in self.chain())

    def chain(self) -> Iterator[Frame]:
        """The functions under way, from this one outwards; without the cell."""
        frame: Frame = self
        while frame.parent is not frame:
            yield frame
            frame = frame.parent

    def _unit(self, function: types.FunctionType) -> Any:
        unit: Any = None
        code = function.__code__
        home = function.__module__ if is_entered(function) and not hasattr(function, "__wrapped__") else ""
        if home or function.__globals__ is self.run.namespace:
            source = find_source(code)
            unit = twin(source, code, frozenset() if home else self.run.defined, home) if source else None
        elif hasattr(function, "__wrapped__"):
            unit = WRAPPER
        self.run.units[code] = unit
        return unit

    def _other(self, number: int, callee: Any) -> Any:
        if type(callee) is functools.partial:
            return functools.partial(self.call(number, callee.func), *callee.args, **callee.keywords)
        method = type(callee).__call__ if callable(callee) else None
        if type(method) is types.FunctionType and method.__globals__ is self.run.namespace:
            return self.call(number, types.MethodType(method, callee))
        return callee

    def _unwrapped(self, number: int, function: types.FunctionType) -> Any:
        """A library's wrapper around a function of the notebook's, or around a framework's, made anew around the
        function's twin.
        """
        levels, inner = unwrap(function)
        if inner is None or not (is_entered(inner) or find(self.run.namespace, code_name(inner)) is function):
            return function  # a library's own, or made in passing, and perhaps to be called elsewhere: delayed(f)
        unit = self.run.units.get(inner.__code__, UNSEEN)
        if unit is UNSEEN:
            unit = self._unit(inner)
        if not isinstance(unit, Unit) or (unit.passed and not self.run.is_wanted()):
            return function
        return rewrap(levels, inner, self.twin(number, inner, unit, tuple(levels)))

    # -- the stack as it stands -------------------------------------------------------------------------

    def levels(self, path: Path, top: types.FrameType | None) -> list[Level]:
        """The functions between the cell and ``top``, this frame's code, which stands at ``path``; outermost first.

        Raises Broken.
        """
        found: list[Level] = []
        for frame in self.chain():
            python = _expect(frame.unit.code, top, frame)
            top, arguments = python.f_back, list[Any]()
            for wrapper in reversed(frame.wrappers):
                outer = _expect(wrapper.__code__, top, frame)
                arguments.insert(0, _arguments(outer))
                top = outer.f_back
            found.insert(0, _level(python, frame, path, arguments))
            path = frame.parent.points[frame.site].path
        return found


def _expect(code: types.CodeType, top: types.FrameType | None, frame: Frame) -> types.FrameType:
    if top is None or top.f_code is not code:
        raise Broken(f"{frame.unit.qualname} was called by other code than the cell's")
    return top


def unwrap(function: types.FunctionType) -> tuple[list[types.FunctionType], Any]:
    """A decorated function's wrappers, outermost first, and the function inside; ``([], None)`` where a wrapper
    does not hold what it wraps in its closure, or could not run again.
    """
    levels: list[types.FunctionType] = []
    thing: Any = function
    while isinstance(thing, types.FunctionType) and hasattr(thing, "__wrapped__"):
        inner = thing.__wrapped__
        cells = thing.__closure__ or ()
        compiled = hasattr(thing, "_torchdynamo_orig_callable")
        if compiled or not any(_holds(cell, inner) for cell in cells) or any(map(_once, cells)):
            return [], None
        levels.append(thing)
        thing = inner
    return (levels, thing) if isinstance(thing, types.FunctionType) else ([], None)


def rewrap(levels: list[types.FunctionType], inner: Any, new: Any) -> Any:
    """The wrappers around another function in the place of ``inner``."""
    for wrapper in reversed(levels):
        closure = tuple(types.CellType(new) if _holds(cell, inner) else cell for cell in wrapper.__closure__ or ())
        made = types.FunctionType(
            wrapper.__code__, wrapper.__globals__, wrapper.__name__, wrapper.__defaults__, closure
        )
        made.__kwdefaults__ = wrapper.__kwdefaults__
        made.__dict__.update(wrapper.__dict__)
        inner, new = wrapper, made
    return new


def _once(cell: types.CellType) -> bool:
    """Whether a cell holds a context manager used as a decorator that may not be entered twice."""
    try:
        return isinstance(cell.cell_contents, contextlib.ContextDecorator) and not enters_again(cell.cell_contents)
    except ValueError:  # empty
        return False


def _holds(cell: types.CellType, thing: object) -> bool:
    try:
        return cell.cell_contents is thing
    except ValueError:  # empty
        return False


def _local_values(frame: types.FrameType) -> dict[str, Any]:
    values = dict(frame.f_locals)
    if sys.version_info < (3, 13):
        frame.f_locals.clear()  # a copy that the frame would keep, and with it what the function lets go of
    return values


def _level(python: types.FrameType, frame: Frame, path: Path, arguments: list[Any]) -> Level:
    values = _local_values(python)
    keeper = values.get(CELLS)
    cells = dict(zip(keeper.__code__.co_freevars, keeper.__closure__ or (), strict=True)) if keeper else {}
    hidden = {name: values[name] for name in hidden_at(frame.unit.module, path)}
    own = {
        name: value
        for name, value in values.items()
        if not is_hidden(name) and name not in cells and name.isidentifier()
    }
    uses = frozenset[str]() if frame.unit.home else frozenset(global_names(frame.unit.code))
    return Level(own, hidden, cells, arguments, uses)


def _arguments(frame: types.FrameType) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments that a Python function's frame was called with, if it left them as they were."""
    code, values = frame.f_code, _local_values(frame)
    count = code.co_argcount
    names = code.co_varnames
    positional = tuple(values[name] for name in names[:count])
    named = {name: values[name] for name in names[count : count + code.co_kwonlyargcount]}
    after = count + code.co_kwonlyargcount
    if code.co_flags & 0x04:
        positional += tuple(values[names[after]])
        after += 1
    if code.co_flags & 0x08:
        named |= values[names[after]]
    return positional, named
