"""The residual program of a generator function: it goes on behind one of its own ``yield``s.

The new generator takes its locals from a hidden dict, enters the loops and contexts around the ``yield``
again, and first gives up control once, at the very place: that is the state in which it is handed out.
"""

from __future__ import annotations

import ast
import types
from collections.abc import Iterator

from colab_guard.cell.residual import rest
from colab_guard.cell.rewrite import Rewriter, at, method
from colab_guard.cell.scope import STATE, Source, body_of, compile_as, own_statements, without_parameters
from colab_guard.cell.tree import HIDDEN, Path, along, block, blocks, handlers

SUBGENERATOR = HIDDEN + "i_sub"


class Quiet(Rewriter):
    """Keeps iterators and contexts in hidden variables, as a cell does, but can't be left but at a ``yield``."""

    def call_in(self, node: ast.stmt) -> None:
        """No call of a generator's can be left."""

    def can_stop(self, node: ast.stmt) -> bool:
        """Also at a ``yield`` with no loop around it."""
        children = [child for _, body in [*blocks(node), *handlers(node)] for child in body]
        return super().can_stop(node) or any(yielded(child) is not None for child in children)

    def _point(self, path: Path, near: ast.stmt, counts: bool) -> ast.stmt:
        return ast.copy_location(ast.Pass(), near)


def yield_path(node: ast.FunctionDef, place: tuple[int, int]) -> Path:
    """The path of the statement whose ``yield`` stands at ``place`` (line, column).

    The function's own place means its start. Raises TypeError where the ``yield`` is part of a larger expression: what
    was computed of that statement before it is on the stack, and can't be told apart. Likewise in ``finally``, and in a
    handler that needs its exception.
    """
    if place == (node.lineno, node.col_offset):
        return ()
    found = next(_paths(body_of(node), (), place), None)
    if found is None:
        raise TypeError(f"generator {node.name!r}, which stands inside an expression, `except` or `finally`")
    return found


def _paths(node: ast.AST, path: Path, place: tuple[int, int]) -> Iterator[Path]:
    for name, body in [*blocks(node), *handlers(node)]:
        for index, child in enumerate(body):
            here = (*path, (name, index))
            value = yielded(child)
            if value is not None and (value.lineno, value.col_offset) == place:
                yield here
            yield from _paths(child, here, place)


def yielded(node: ast.stmt) -> ast.Yield | ast.YieldFrom | None:
    """The ``yield`` that a statement consists of: ``yield x``, ``y = yield x``, ``yield from x``."""
    value = node.value if isinstance(node, ast.Expr | ast.Assign) else None
    return value if isinstance(value, ast.Yield | ast.YieldFrom) else None


def delegates(node: ast.FunctionDef, path: Path) -> bool:
    """Whether the statement at ``path`` is a ``yield from``."""
    parent, name, index = along(body_of(node), path)[-1]
    return isinstance(yielded(block(parent, name)[index]), ast.YieldFrom)


def compile_generator(source: Source, path: Path, names: list[str], free: list[str]) -> types.CodeType:
    """The code of a function without parameters whose generator, asked once, stands at ``path``.

    ``names`` are loaded from the free variable ``STATE``; ``free`` are the function's own free variables.
    An empty path is the start of the body.
    """
    node = source.node()
    declared = [part for part in own_statements(node) if isinstance(part, ast.Global | ast.Nonlocal)]
    if path:
        body = rest(body_of(node), path, (), Quiet(), _pause)
    else:
        # Its place, the function's own, is that of no `yield` of the user's.
        pause = ast.copy_location(ast.Expr(ast.copy_location(ast.Yield(), node)), node)
        body = [pause, *Quiet().top(node.body)]
    left = [*declared, *map(_load, names), *without_parameters(node, body)]
    return compile_as(node, None, left, free, source)


def _load(name: str) -> ast.stmt:
    pop = ast.Attribute(ast.Name(STATE, ast.Load()), "pop", ast.Load())
    value = ast.Call(pop, [ast.Constant(name)], [])
    return ast.Assign([ast.Name(name, ast.Store())], value)


def _pause(body: list[ast.stmt], index: int, path: Path) -> tuple[list[ast.stmt], int]:
    """What stands for the statement at which the generator is paused, and where the rest begins."""
    node = body[index]
    value = yielded(node)
    assert value is not None, "a path ends at a yield"
    pauses: list[ast.stmt] = []
    again: ast.expr = ast.Yield()
    if isinstance(value, ast.YieldFrom):
        delegate = ast.Name(SUBGENERATOR, ast.Load())
        sent = ast.Assign([ast.Name(SUBGENERATOR, ast.Store())], method("sent", delegate, ast.Yield()))
        pauses = [at(sent, node)]
        again = ast.YieldFrom(ast.Name(SUBGENERATOR, ast.Load()))
    # The new `yield` keeps the place of the old one, by which the generator is found when it is saved again.
    ast.copy_location(again, value)
    new = ast.Assign(node.targets, again) if isinstance(node, ast.Assign) else ast.Expr(again)
    return [*pauses, ast.copy_location(new, node)], index + 1
