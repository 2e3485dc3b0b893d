"""The live program: the user's statements with safe points between them.

A safe point is ``if _cg_wanted: _cg_run.point(n)``. The flag is a global that a timer thread or a button
sets, so that a point costs one specialised global load (2-3 ns) and no clock is read in a loop; the flag is
declared ``global`` because at module level that makes the load a LOAD_GLOBAL, which CPython specialises,
rather than a LOAD_NAME, which it does not. Loops keep their iterator, and ``with`` its manager, in a hidden
variable, so that the namespace holds all there is to save. Nothing of ours stands between the user's loop
and what it iterates, and every node keeps its place in the source.

A call that can be left in its middle (``tree.called``) becomes ``_cg_run.call(n, f)(…)``: where ``f`` is a
function of the notebook's, ``call`` gives its rewritten twin in its place, and whatever else calls ``f``
(a library, a thread, a worker, torch.compile) runs the function as it is.
"""

from __future__ import annotations

import ast
import builtins
import copy
from dataclasses import dataclass, field

from colab_guard.cell.tree import (
    ITER,
    RUN,
    WANTED,
    Path,
    blocks,
    called,
    context_name,
    has_loop,
    is_inner_loop,
    iterator_name,
    with_call,
)

# Calls by these names are left alone: nearly always Python's own, fast, and often in the innermost loop.
BUILTINS = frozenset(vars(builtins))
METHODS = frozenset(
    name for kind in (bytearray, bytes, dict, list, set, str, tuple) for name in dir(kind) if not name.startswith("_")
)


@dataclass(frozen=True)
class SafePoint:
    """A place where the code can be left, or a call in which it can be: its path, its line, and whether it
    counts an iteration.
    """

    path: Path
    line: int
    counts: bool


@dataclass
class Rewriter:
    """Rewrites one cell or function; ``points[n]`` is what ``_cg_run.point(n)`` and ``_cg_run.call(n, …)`` stand
    for, ``hidden`` every variable used, ``shown`` the top-level expressions whose value is displayed, ``defined``
    the names that the notebook gave a meaning, Python's own among them, ``rerun`` the variables that are made anew
    at resume.
    """

    shown: frozenset[int] = frozenset()
    defined: frozenset[str] = frozenset()
    rerun: frozenset[str] = frozenset()
    points: list[SafePoint] = field(default_factory=list)
    hidden: list[str] = field(default_factory=list)

    def top(self, body: list[ast.stmt], start: int = 0, *, begun: bool = False) -> list[ast.stmt]:
        """The outermost statements from ``start`` on, a safe point before each, but before the first only if
        something has already ``begun``.
        """
        out: list[ast.stmt] = []
        for index, node in enumerate(body[start:], start):
            path = (("body", index),)
            if (index > start or begun) and self.divides(body, index):
                out.append(self._point(path, node, counts=False))
            out.extend(self.statement(node, path))
        return out

    def divides(self, body: list[ast.stmt], index: int) -> bool:
        """Whether a safe point stands before the outermost statement ``index``."""
        return True

    def rest(self, body: list[ast.stmt], path: Path, name: str, start: int, *, begun: bool = False) -> list[ast.stmt]:
        """The statements from ``start`` on of the block ``name`` of the node at ``path`` (the cell: ``()``)."""
        if not path:
            return self.top(body, start, begun=begun)
        return [
            new
            for index, node in enumerate(body[start:], start)
            for new in self.statement(node, (*path, (name, index)))
        ]

    def statement(self, node: ast.stmt, path: Path) -> list[ast.stmt]:
        """What stands for one statement of the user's."""
        if isinstance(node, ast.Import | ast.ImportFrom):
            return [node, at(ast.Expr(method("imported")), node)]
        new = self.entered(node, path)
        if isinstance(new, ast.Expr) and len(path) == 1 and path[0][1] in self.shown:
            new = at(ast.Expr(method("show", new.value)), node)
        if not self.can_stop(node):
            return [new]
        before = len(self.hidden)
        new = copy.copy(new)
        match new:
            case ast.For():
                new.iter = _walrus(self.hide(iterator_name(path)), _call(ITER, new.iter), new.iter)
                self.fill_for(new, path)
            case ast.While():
                new = self.live_while(new, path)
            case ast.With():
                item = copy.copy(new.items[0])
                call = method("context", ast.Constant(node.lineno), item.context_expr, ast.Constant(has_loop(node)))
                if self.reruns(item.optional_vars):
                    call = method("anew", item.context_expr)
                name = self.hide(context_name(path))
                item.context_expr = _walrus(name, call, item.context_expr)
                new.items = [item]
                inner = len(self.hidden)
                body = self.rest(LetGo(name).all(new.body), path, "body", 0)
                new.body = self.unwound(body, inner, node)
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
                self.outlast_pause(new, before)
        return [new, *self.let_go(before, node)]

    def call_in(self, node: ast.stmt) -> ast.Call | None:
        """The call in which a statement can be left, unless it leads nowhere but to Python itself."""
        call = called(node)
        match call:
            case ast.Call(ast.Name(name)) if name in BUILTINS and name not in self.defined:
                return None
            case ast.Call(ast.Attribute(attr=name)) if name in METHODS and name not in self.defined:
                return None
        return call

    def can_stop(self, node: ast.stmt) -> bool:
        """Whether the code can be left in a block of ``node``."""
        if isinstance(node, ast.For | ast.While):
            return True
        return any(
            self.can_stop(child) or self.call_in(child) is not None for _, body in blocks(node) for child in body
        )

    def entered(self, node: ast.stmt, path: Path) -> ast.stmt:
        """``node`` with its call led through the run, if it has one."""
        call = self.call_in(node)
        if call is None:
            return node
        new = copy.copy(call)
        new.func = placed(method("call", ast.Constant(self.note(path, node)), call.func), call.func)
        return with_call(node, new)

    def reruns(self, *targets: ast.expr | None) -> bool:
        """Whether an assignment to ``targets`` makes a variable that is made anew at resume."""
        names = {part.id for target in targets if target for part in ast.walk(target) if isinstance(part, ast.Name)}
        return not self.rerun.isdisjoint(names)

    def made_again(self, body: list[ast.stmt]) -> list[ast.stmt]:
        """Those of the statements that ran before the cursor which make such a variable."""
        return [node for node in body if isinstance(node, ast.Assign) and self.reruns(*node.targets)]

    def let_go(self, before: int, near: ast.stmt) -> list[ast.stmt]:
        """Lets go of what the statement just rewritten kept in hidden variables, those from ``before`` on.

        Behind the statement for its ordinary end; no ``finally``, for re-raising moves the line that IPython shows.
        """
        names: list[ast.expr] = [ast.Name(name, ast.Store()) for name in dict.fromkeys(self.hidden[before:])]
        return [at(ast.Assign(names, ast.Constant(None)), near)] if names else []

    def unwound(self, body: list[ast.stmt], before: int, near: ast.stmt) -> list[ast.stmt]:
        """A block that lets go of its hidden variables, those from ``before`` on, before an error leaves it."""
        gone = self.let_go(before, near)
        if not gone:
            return body
        kind = ast.Attribute(ast.Name(RUN, ast.Load()), "anything", ast.Load())
        handler = ast.ExceptHandler(kind, None, [*gone, ast.Raise()])
        return [at(ast.Try(body, [handler], [], []), near)]

    def outlast_pause(self, new: ast.Try | ast.TryStar, before: int) -> None:
        """Lets go in each handler, before the user's code there runs; what nobody handles ends the code. No
        handler catches a pause, and no ``finally`` runs at one: the block has not ended.
        """
        new.handlers = [copy.copy(handler) for handler in new.handlers]
        for handler in new.handlers:
            handler.body = [*self.let_go(before, handler.body[0]), *handler.body]
        if new.handlers and isinstance(new, ast.Try):
            kind = ast.Attribute(ast.Name(RUN, ast.Load()), "paused", ast.Load())
            again = ast.ExceptHandler(kind, None, [ast.Raise()])
            new.handlers.insert(0, ast.fix_missing_locations(ast.copy_location(again, new.handlers[0])))
        if new.finalbody:
            going = ast.Attribute(ast.Name(RUN, ast.Load()), "going", ast.Load())
            new.finalbody = [
                *self.let_go(before, new.finalbody[0]),
                at(ast.If(going, new.finalbody, []), new.finalbody[0]),
            ]

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

    def note(self, path: Path, near: ast.stmt, *, counts: bool = False) -> int:
        """The number of a new place where the code can be left."""
        self.points.append(SafePoint(path, near.lineno, counts))
        return len(self.points) - 1

    def _point(self, path: Path, near: ast.stmt, counts: bool) -> ast.stmt:
        call = ast.Expr(method("point", ast.Constant(self.note(path, near, counts=counts))))
        return at(ast.If(self.test(), [call], []), near)

    def test(self) -> ast.expr:
        """Whether a safe point has something to do."""
        return ast.Name(WANTED, ast.Load())

    def hide(self, name: str) -> str:
        """Notes a hidden variable."""
        self.hidden.append(name)
        return name


def at(node: ast.stmt, where: ast.stmt) -> ast.stmt:
    """``node`` with the line of ``where`` on it and on all in it that has none."""
    return ast.fix_missing_locations(ast.copy_location(node, where))


def placed(node: ast.expr, where: ast.expr) -> ast.expr:
    """``node`` at the place of ``where``, and all in it that has none."""
    return ast.fix_missing_locations(ast.copy_location(node, where))


def method(name: str, *args: ast.expr) -> ast.Call:
    return ast.Call(ast.Attribute(ast.Name(RUN, ast.Load()), name, ast.Load()), list(args), [])


def _call(name: str, *args: ast.expr) -> ast.Call:
    return ast.Call(ast.Name(name, ast.Load()), list(args), [])


def _walrus(name: str, value: ast.expr, where: ast.expr) -> ast.expr:
    return placed(ast.NamedExpr(ast.Name(name, ast.Store()), value), where)


class LetGo(ast.NodeTransformer):
    """Lets go of a context's manager where a ``continue`` leaves its block."""

    def __init__(self, name: str) -> None:
        self._name = name

    def all(self, body: list[ast.stmt]) -> list[ast.stmt]:
        """The statements, those with such a ``continue`` copied."""
        out: list[ast.stmt] = []
        for node in body:
            left = any(isinstance(part, ast.Continue) for part in ast.walk(node))
            new = self.visit(copy.deepcopy(node)) if left else node
            out.extend(new if isinstance(new, list) else [new])
        return out

    def visit_Continue(self, node: ast.Continue) -> list[ast.stmt]:
        gone = ast.Assign([ast.Name(self._name, ast.Store())], ast.Constant(None))
        return [at(gone, node), node]

    def _of_another_loop(self, node: ast.stmt) -> ast.stmt:
        return node

    visit_For = visit_While = visit_AsyncFor = visit_FunctionDef = visit_AsyncFunctionDef = visit_ClassDef = (  # noqa: N815
        _of_another_loop
    )
