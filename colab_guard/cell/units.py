"""The twins of functions: their code with safe points, and what is left of it from a cursor on.

A twin takes the function's arguments; a residual function takes none, its variables come from a dict that it
empties. Both keep the cells that they share with functions made in them within reach, in the closure of a
hidden function, so that a snapshot can hold the cells themselves.
"""

from __future__ import annotations

import ast
import types
from collections.abc import Iterable
from dataclasses import dataclass

from colab_guard.cell.residual import leaf, rest
from colab_guard.cell.rewrite import Rewriter, SafePoint, at
from colab_guard.cell.scope import (
    STATE,
    Source,
    bare,
    body_of,
    compile_as,
    looks_around,
    own_statements,
    without_parameters,
)
from colab_guard.cell.tree import HIDDEN, RUN, Path

CELLS = HIDDEN + "cells"
ARGUMENTS = HIDDEN + "arguments", HIDDEN + "keywords"
SLOW = ast.Call | ast.For | ast.While | ast.With | ast.Await | ast.comprehension


@dataclass(eq=False)
class Unit:
    """A function's code made resumable: ``points`` are the places where it can be left; ``home`` is the module of a
    library's function, empty for the notebook's.
    """

    qualname: str
    source: Source
    module: ast.Module
    points: list[SafePoint]
    code: types.CodeType
    home: str = ""
    calls: int = 0
    since: float = 0.0
    passed: bool = False


def none_passed(units: Iterable[object]) -> None:
    """No function is passed through any more: from the next safe point on each takes part again."""
    for unit in units:
        if isinstance(unit, Unit):
            unit.passed = False


class FunctionRewriter(Rewriter):
    """As for a cell, but a safe point stands between the outermost statements only where time may have passed."""

    def divides(self, body: list[ast.stmt], index: int) -> bool:
        """Whether what stands before the statement may take long."""
        return index > 0 and any(isinstance(part, SLOW) for part in ast.walk(body[index - 1]))


class LibraryRewriter(FunctionRewriter):
    """As for a function of the notebook's, whose globals, the flag among them, a library's does not see."""

    def test(self) -> ast.expr:
        """Whether a safe point has something to do."""
        return ast.Attribute(ast.Name(RUN, ast.Load()), "wanted", ast.Load())


def twin(source: Source, original: types.CodeType, defined: frozenset[str], home: str = "") -> Unit | None:
    """The unit of a function; None where it has no place at which it could be left, or must stay as it is."""
    if original.co_flags & (0x20 | 0x80 | 0x200):  # a generator, a coroutine, an asynchronous generator
        return None
    node = source.node()
    if looks_around(node):
        return None
    own = defined.union(original.co_varnames, original.co_cellvars, original.co_freevars)
    rewriter = (LibraryRewriter if home else FunctionRewriter)(defined=own)
    module = body_of(node)
    shared = (*original.co_cellvars, *original.co_freevars)
    body = [*_keep_cells(shared, node), *rewriter.top(module.body)]
    if not rewriter.points:
        return None
    code = compile_as(node, bare(node.args), body, original.co_freevars, source, original.co_qualname)
    return Unit(original.co_qualname, source, module, rewriter.points, code, home)


def residual_function(
    qualname: str,
    source: Source,
    cursor: Path,
    names: Iterable[str],
    cells: Iterable[str],
    defined: frozenset[str],
    *,
    in_call: bool,
    wrapped: bool = False,
    rerun: frozenset[str] = frozenset(),
    home: str = "",
) -> Unit:
    """What is left of a function from ``cursor`` on: the variables ``names`` come from the dict ``STATE``, those
    in ``cells`` are free. Where a decorator calls it (``wrapped``), it takes whatever arguments, and no notice.
    """
    node = source.node()
    module, loaded = body_of(node), list(names)
    shared = sorted(set(cells) - {"__class__"})
    declared = [part for part in own_statements(node) if isinstance(part, ast.Global)]
    local = sorted(_bound(node) - {*shared, *loaded} - {name for part in declared for name in part.names})
    own = defined.union(loaded, local, shared)
    rewriter = (LibraryRewriter if home else FunctionRewriter)(defined=own, rerun=rerun)
    prologue = [
        *([ast.Global([name for part in declared for name in part.names])] if declared else []),
        *([ast.Nonlocal(shared)] if shared else []),
        *(ast.parse(f"if False: {' = '.join(local)} = None").body if local else []),
        *(ast.parse(f"{' = '.join(ARGUMENTS)} = None").body if wrapped else []),
        *_keep_cells(cells, node),
        *ast.parse("\n".join(f"{name} = {STATE}.pop({name!r})" for name in loaded)).body,
    ]
    left = rest(module, cursor, (), rewriter, leaf(rewriter, in_call))
    body = [*prologue, *without_parameters(node, left)]
    anything = ast.arguments([], [], ast.arg(ARGUMENTS[0]), [], [], ast.arg(ARGUMENTS[1]), []) if wrapped else None
    code = compile_as(node, anything, body, cells, source, qualname)
    return Unit(qualname, source, module, rewriter.points, code, home)


def _keep_cells(names: Iterable[str], near: ast.stmt) -> list[ast.stmt]:
    if not names:
        return []
    inner = ast.Lambda(
        ast.arguments([], [], None, [], [], None, []),
        ast.Tuple([ast.Name(name, ast.Load()) for name in names], ast.Load()),
    )
    return [at(ast.Assign([ast.Name(CELLS, ast.Store())], inner), near)]


def _bound(node: ast.FunctionDef) -> set[str]:
    """The names that are a function's own variables by being bound in it."""
    names = {argument.arg for argument in ast.walk(node.args) if isinstance(argument, ast.arg)}
    for part in own_statements(ast.Module(node.body, [])):
        match part:
            case ast.Name(name, ast.Store() | ast.Del()):
                names.add(name)
            case ast.FunctionDef(name) | ast.AsyncFunctionDef(name) | ast.ClassDef(name):
                names.add(name)
            case ast.ExceptHandler(_, str(name)) | ast.MatchAs(_, str(name)) | ast.MatchStar(str(name)):
                names.add(name)
            case ast.Import() | ast.ImportFrom():
                names.update((alias.asname or alias.name).partition(".")[0] for alias in part.names)
    return names
