"""The live program: the user's statements with safe points between them.

A safe point is ``if _cg_wanted: _cg_run.point(n)``. The flag is a global that a timer thread or a button
sets, so that a point costs one specialised global load (2-3 ns) and no clock is read in a loop; the flag is
declared ``global`` because at module level that makes the load a LOAD_GLOBAL, which CPython specialises,
rather than a LOAD_NAME, which it does not. Loops keep their iterator, and ``with`` its manager, in a hidden
variable, so that the namespace holds all there is to save. Nothing of ours stands between the user's loop
and what it iterates, and every node keeps its place in the source.
"""

from __future__ import annotations

import ast
import copy
from dataclasses import dataclass, field

from colab_guard.cell.tree import (
    ITER,
    RUN,
    WANTED,
    Path,
    context_name,
    has_loop,
    is_inner_loop,
    iterator_name,
)


@dataclass(frozen=True)
class SafePoint:
    """A place where the cell can be left: its path, its line, and whether it counts an iteration."""

    path: Path
    line: int
    counts: bool


@dataclass
class Rewriter:
    """Rewrites one cell; ``points[n]`` is what ``_cg_run.point(n)`` stands for, ``hidden`` every variable used,
    ``shown`` the top-level expressions whose value is displayed.
    """

    shown: frozenset[int] = frozenset()
    points: list[SafePoint] = field(default_factory=list)
    hidden: list[str] = field(default_factory=list)

    def top(self, body: list[ast.stmt], start: int = 0) -> list[ast.stmt]:
        """The cell's own statements from ``start`` on, a safe point before each but the first."""
        out: list[ast.stmt] = []
        for index, node in enumerate(body[start:], start):
            path = (("body", index),)
            if index > start:
                out.append(self._point(path, node, counts=False))
            if index in self.shown and isinstance(node, ast.Expr):
                out.append(at(ast.Expr(method("show", node.value)), node))
            else:
                out.extend(self.statement(node, path))
        return out

    def rest(self, body: list[ast.stmt], path: Path, name: str, start: int) -> list[ast.stmt]:
        """The statements from ``start`` on of the block ``name`` of the node at ``path`` (the cell: ``()``)."""
        if not path:
            return self.top(body, start)
        return [
            new
            for index, node in enumerate(body[start:], start)
            for new in self.statement(node, (*path, (name, index)))
        ]

    def statement(self, node: ast.stmt, path: Path) -> list[ast.stmt]:
        """What stands for one statement of the user's."""
        if isinstance(node, ast.Import | ast.ImportFrom):
            return [node, at(ast.Expr(method("imported")), node)]
        if not has_loop(node):
            return [node]
        before = len(self.hidden)
        new = copy.copy(node)
        match new:
            case ast.For():
                new.iter = _walrus(self.hide(iterator_name(path)), _call(ITER, new.iter))
                self.fill_for(new, path)
            case ast.While():
                new = self.live_while(new, path)
            case ast.With():
                item = copy.copy(new.items[0])
                call = method("context", ast.Constant(node.lineno), item.context_expr)
                item.context_expr = _walrus(self.hide(context_name(path)), call)
                new.items = [item]
                new.body = self.rest(node.body, path, "body", 0)  # type: ignore[attr-defined]
            case ast.Match():
                new.cases = [
                    ast.match_case(case.pattern, case.guard, self.rest(case.body, path, f"case{number}", 0))
                    for number, case in enumerate(new.cases)
                ]
            case ast.If():
                new.body = self.rest(new.body, path, "body", 0)
                new.orelse = self.rest(new.orelse, path, "orelse", 0)
            case ast.Try() | ast.TryStar():
                new.body = self.rest(new.body, path, "body", 0)
                new.orelse = self.rest(new.orelse, path, "orelse", 0)
                self.let_go_on_error(new, before)
        return [new, *self.let_go(before, node)]

    def let_go(self, before: int, near: ast.stmt) -> list[ast.stmt]:
        """Lets go of what the statement just rewritten kept in hidden variables, those from ``before`` on.

        Behind the statement for its ordinary end; no ``finally``, for re-raising moves the line that IPython shows.
        """
        names: list[ast.expr] = [ast.Name(name, ast.Store()) for name in dict.fromkeys(self.hidden[before:])]
        return [at(ast.Assign(names, ast.Constant(None)), near)] if names else []

    def let_go_on_error(self, new: ast.Try | ast.TryStar, before: int) -> None:
        """Lets go in each handler, before the user's code there runs; what nobody handles ends the cell."""
        new.handlers = [copy.copy(handler) for handler in new.handlers]
        for handler in new.handlers:
            handler.body = [*self.let_go(before, handler.body[0]), *handler.body]

    def fill_for(self, new: ast.For, path: Path) -> None:
        """Puts the safe point and the rewritten blocks into a ``for``."""
        begun = len(self.hidden) - 1
        point = self._point((*path, ("body", 0)), new, counts=is_inner_loop(new))
        new.body = [point, *self.rest(new.body, path, "body", 0)]
        if new.orelse:
            new.orelse = [*self.let_go(begun, new), *self.rest(new.orelse, path, "orelse", 0)]

    def live_while(self, node: ast.While, path: Path) -> ast.stmt:
        """A ``while`` with a safe point at the start of its body."""
        new = copy.copy(node)
        point = self._point((*path, ("body", 0)), node, counts=is_inner_loop(node))
        new.body = [point, *self.rest(node.body, path, "body", 0)]
        new.orelse = self.rest(node.orelse, path, "orelse", 0)
        return new

    def _point(self, path: Path, near: ast.stmt, counts: bool) -> ast.stmt:
        number = len(self.points)
        self.points.append(SafePoint(path, near.lineno, counts))
        test = ast.Name(WANTED, ast.Load())
        call = ast.Expr(method("point", ast.Constant(number)))
        return at(ast.If(test, [call], []), near)

    def hide(self, name: str) -> str:
        """Notes a hidden variable."""
        self.hidden.append(name)
        return name


def at(node: ast.stmt, where: ast.stmt) -> ast.stmt:
    """``node`` with the line of ``where`` on it and on all in it that has none."""
    return ast.fix_missing_locations(ast.copy_location(node, where))


def method(name: str, *args: ast.expr) -> ast.Call:
    return ast.Call(ast.Attribute(ast.Name(RUN, ast.Load()), name, ast.Load()), list(args), [])


def _call(name: str, *args: ast.expr) -> ast.Call:
    return ast.Call(ast.Name(name, ast.Load()), list(args), [])


def _walrus(name: str, value: ast.expr) -> ast.expr:
    new = ast.NamedExpr(ast.Name(name, ast.Store()), value)
    inner = value.args[-1] if isinstance(value, ast.Call) else value
    return ast.fix_missing_locations(ast.copy_location(new, inner))
