"""The residual program of a function: a generator that goes on behind one of its own ``yield``s.

The new generator takes its locals from a hidden dict, enters the loops and contexts around the ``yield``
again, and first gives up control once, at the very place: that is the state in which it is handed out.
"""

from __future__ import annotations

import ast
import textwrap
import types
from collections.abc import Iterator

from colab_guard.cell.residual import rest
from colab_guard.cell.rewrite import Rewriter
from colab_guard.cell.tree import HIDDEN, ITER, RUN, Path, along, blocks, parse

STATE = HIDDEN + "state"
SUBGENERATOR = HIDDEN + "i_sub"


class Quiet(Rewriter):
    """Keeps iterators and contexts in hidden variables, as a cell does, but has no safe points."""

    def _point(self, path: Path, near: ast.stmt, counts: bool) -> ast.stmt:
        return ast.copy_location(ast.Pass(), near)


def parse_function(source: str, line: int) -> ast.FunctionDef:
    """The function in ``source``, which begins at ``line`` of its file, every node at its place there."""
    indented = source[:1].isspace()
    text = f"if True:\n{source}" if indented else source
    try:
        module = parse(text)
    except SyntaxError:
        module, indented = parse(textwrap.dedent(source)), False
    ast.increment_lineno(module, line - 1 - indented)
    for node in ast.walk(module):
        if isinstance(node, ast.FunctionDef):
            return node
    raise TypeError("a generator whose function can't be found in its source")


def body_of(node: ast.FunctionDef) -> ast.Module:
    """The body as a block of its own, for paths to begin in."""
    return ast.Module(node.body, [])


def yield_path(node: ast.FunctionDef, place: tuple[int, int]) -> Path:
    """The path of the statement whose ``yield`` stands at ``place`` (line, column).

    Raises TypeError where the ``yield`` is part of a larger expression or stands in a handler: what was
    computed of that statement before the ``yield`` is on the stack, and can't be told apart.
    """
    found = next(_paths(body_of(node), (), place), None)
    if found is None:
        raise TypeError(f"generator {node.name!r}, which stands inside an expression, `except` or `finally`")
    return found


def _paths(node: ast.AST, path: Path, place: tuple[int, int]) -> Iterator[Path]:
    for name, body in blocks(node):
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
    return isinstance(yielded(dict(blocks(parent))[name][index]), ast.YieldFrom)


def compile_generator(
    node: ast.FunctionDef, path: Path, names: list[str], free: list[str], filename: str
) -> types.CodeType:
    """The code of a function without parameters whose generator, asked once, stands at ``path``.

    ``names`` are loaded from the free variable ``STATE``; ``free`` are the function's own free variables.
    An empty path is the start of the body.
    """
    declared = [part for part in node.body if isinstance(part, ast.Global | ast.Nonlocal)]
    body = rest(body_of(node), path, (), Quiet(), _pause) if path else [ast.Expr(ast.Yield()), *node.body]
    new = _function(node.name, [], [*declared, *map(_load, names), *body])
    # Compiled inside a function, names that are free in the original (`super()`'s cell among them) stay free.
    outer = _function(HIDDEN + "outer", sorted({*free, STATE, RUN, ITER}), [new])
    ast.copy_location(new, node)
    code = compile(ast.fix_missing_locations(ast.Module([ast.copy_location(outer, node)], [])), filename, "exec")
    for _ in range(2):
        code = next(constant for constant in code.co_consts if isinstance(constant, types.CodeType))
    return code


def _function(name: str, parameters: list[str], body: list[ast.stmt]) -> ast.FunctionDef:
    arguments = ast.arguments([], [ast.arg(parameter) for parameter in parameters], None, [], [], None, [])
    new = ast.FunctionDef(name, arguments, body, [])
    setattr(new, "type_params", [])  # noqa: B010 - a field since 3.12, which 3.11 does not know
    return new


def _load(name: str) -> ast.stmt:
    value = ast.Subscript(ast.Name(STATE, ast.Load()), ast.Constant(name), ast.Load())
    return ast.Assign([ast.Name(name, ast.Store())], value)


def _pause(body: list[ast.stmt], index: int) -> tuple[list[ast.stmt], int]:
    """What stands for the statement at which the generator is paused, and where the rest begins."""
    node = body[index]
    value = yielded(node)
    assert value is not None, "a path ends at a yield"
    pauses: list[ast.stmt] = []
    again: ast.expr = ast.Yield()
    if isinstance(value, ast.YieldFrom):
        pauses = [ast.copy_location(ast.Expr(ast.Yield()), node)]
        again = ast.YieldFrom(ast.Name(SUBGENERATOR, ast.Load()))
    # The new `yield` keeps the place of the old one, by which the generator is found when it is saved again.
    ast.copy_location(again, value)
    new = ast.Assign(node.targets, again) if isinstance(node, ast.Assign) else ast.Expr(again)
    return [*pauses, ast.copy_location(new, node)], index + 1
