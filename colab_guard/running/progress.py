"""Where a guarded cell stands, told by any other thread while it runs. The cell itself does nothing for it.

Its loops keep their iterators in hidden variables. The cell's own are in the namespace; those of functions are read
from their frames, which changes nothing from Python 3.12 on: on 3.11 only the cell's own loops are known.
"""

from __future__ import annotations

import ast
import functools
import inspect
import operator
import sys
import types
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

from colab_guard.capture.tally import length, tally
from colab_guard.cell.tree import RUN, Path, blocks, iterator_name
from colab_guard.running.run import Run
from colab_guard.running.stack import Frame

DEEPEST = 1000  # frames that are looked at, from the innermost on
NAME_CHARS = 40
OPERATORS: dict[type[ast.operator], Callable[[int, int], int]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.FloorDiv: operator.floordiv,
}  # fmt: skip


@dataclass(frozen=True)
class Loop:
    """A loop under way: its target as it is written, how many items it was given, the one in progress among them, and
    how many there are, if that is known.
    """

    name: str
    index: int
    total: int | None


@dataclass(frozen=True)
class Progress:
    """The line of the cell that is running (None where that is not known), and the loops under way whose items can be
    counted, outermost first, through all functions.
    """

    line: int | None
    loops: tuple[Loop, ...]


def running(namespace: dict[str, Any]) -> Run | None:
    """The run of the guarded cell that is under way in a namespace. Thread-safe."""
    run = namespace.get(RUN)
    return run if isinstance(run, Run) else None


def progress(run: Run) -> Progress:
    """Where a run stands. For any thread; takes some 50 µs."""
    line, functions = None, list[types.FrameType]()
    frame = sys._current_frames().get(getattr(run, "_thread", 0))
    for _ in range(DEEPEST):
        if frame is None:
            break
        code = frame.f_code
        if RUN in code.co_freevars:
            functions.insert(0, frame)
        elif frame.f_globals is run.namespace and _is_cell(code, run):
            line = frame.f_lineno
            break
        frame = frame.f_back
    loops = [*_loops(run.cell.module, run.namespace.get, run.namespace)]
    for function in functions:
        if isinstance(own := _local(function, RUN), Frame):
            names = {} if own.unit.home else run.namespace
            loops += _loops(own.unit.module, partial(_local, function), names)
    return Progress(line, tuple(loops))


def _is_cell(code: types.CodeType, run: Run) -> bool:
    return code.co_filename == run.cell.filename and not code.co_flags & inspect.CO_OPTIMIZED


def _loops(module: ast.Module, value: Callable[[str], Any], namespace: dict[str, Any]) -> Iterator[Loop]:
    for hidden, node in _fors(module):
        if (iterator := value(hidden)) is None:
            continue
        given, left = tally(iterator)
        if given is None and left is not None:
            given = _given_of_range(node.iter, left, value, namespace)
        if given is not None:
            total = None if left is None else given + left
            yield Loop(ast.unparse(node.target)[:NAME_CHARS], given, total)


@functools.lru_cache(maxsize=64)
def _fors(module: ast.Module) -> list[tuple[str, ast.For]]:
    """Every ``for`` that may be left in its middle, with its hidden variable, outer ones first."""
    found: list[tuple[str, ast.For]] = []

    def walk(node: ast.AST, path: Path) -> None:
        for block, body in blocks(node):
            for index, child in enumerate(body):
                inside = (*path, (block, index))
                if isinstance(child, ast.For):
                    found.append((iterator_name(inside), child))
                walk(child, inside)

    walk(module, ())
    return found


def _given_of_range(node: ast.expr, left: int, value: Callable[[str], Any], namespace: dict[str, Any]) -> int | None:
    """How many numbers of ``range(…)`` were given, by how it is written: its iterator does not tell."""
    match node:
        case ast.Call(ast.Name("range"), [*written], []):
            numbers = [_number(one, value, namespace) for one in written]
            if None not in numbers and 0 < len(numbers) < 4:
                with suppress(ValueError, OverflowError):  # the loop has changed them since, to a step of 0, say
                    return max(0, len(range(*numbers)) - left)  # type: ignore[arg-type]
    return None


def _number(node: ast.expr, value: Callable[[str], Any], namespace: dict[str, Any]) -> int | None:
    match node:
        case ast.Constant(int(number)):
            return number
        case ast.Name(name):
            known = value(name)
            known = namespace.get(name) if known is None else known
            return known if type(known) is int else None
        case ast.Call(ast.Name("len"), [ast.Name(name)], []):
            known = value(name)
            return length(namespace.get(name) if known is None else known)
        case ast.BinOp(left, ast.Add() | ast.Sub() | ast.Mult() | ast.FloorDiv() as sign, right):
            one, other = _number(left, value, namespace), _number(right, value, namespace)
            if one is not None and other is not None and (other or not isinstance(sign, ast.FloorDiv)):
                return OPERATORS[type(sign)](one, other)
    return None


def _local(frame: types.FrameType, name: str) -> Any:
    """A variable of a function under way; None where it has no value, or can't be read without a trace."""
    if sys.version_info >= (3, 13):
        return frame.f_locals.get(name)
    if sys.version_info >= (3, 12):
        import ctypes

        ctypes.pythonapi.PyFrame_GetVarString.restype = ctypes.py_object
        try:
            return ctypes.pythonapi.PyFrame_GetVarString(ctypes.py_object(frame), name.encode())
        except NameError:
            return None
    return None
