"""The residual program: what is left of a cell, or of a function, from a cursor on.

Resuming runs no guard and no flag on the way back in. The statements before the cursor are dropped (imports
and the like, which a fresh kernel needs, are kept, see ``rerun``), each loop on the path goes on with its
restored iterator, and the iteration that was under way is finished first::

    for x in data:          for _ in (0,):          # the iteration under way; `break` skips the loop
        a(x)                    b(x)
        b(x)     # cursor   else:
    else:                       for x in _cg_i_b0:  # the others, from the restored iterator
        c()                         a(x)
                                    b(x)
                                else:
                                    c()

This holds for ``break``, ``continue`` and loop ``else`` as Python defines them, at any depth. Where the cursor
lies in a call, ``y = f(x)`` becomes ``y = _cg_run.deeper(n)()``, which calls the residual program of ``f``.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable

from colab_guard.cell.edits import Definition
from colab_guard.cell.rerun import again
from colab_guard.cell.rewrite import Rewriter, at, method, placed
from colab_guard.cell.tree import HIDDEN, Path, block, called, context_name, iterator_name, with_call


def residual(
    module: ast.Module,
    cursor: Path,
    rewriter: Rewriter,
    *,
    in_call: bool = False,
    redefined: frozenset[str] = frozenset(),
    new_machine: bool = False,
    new_kernel: bool = True,
) -> list[ast.stmt]:
    """The statements that carry a cell on from ``cursor``: a safe point, or ``in_call`` of the statement there.

    They call ``_cg_run.restore()`` once the environment stands (imports, installs); then run the definitions
    that were edited, ``_cg_run.adopt(name)`` behind each; and call ``_cg_run.live()`` at the cursor itself,
    when every loop and context is entered again.
    """
    first = cursor[0][1]
    before = module.body[:first]
    environment = again(before, new_machine=new_machine, new_kernel=new_kernel)
    near = module.body[min(first, len(module.body) - 1)]
    edited = [
        new
        for node in before
        if isinstance(node, Definition) and node.name in redefined
        for new in (node, at(ast.Expr(method("adopt", ast.Constant(node.name))), node))
    ]
    return [*environment, _do("restore", near), *edited, *rest(module, cursor, (), rewriter, leaf(rewriter, in_call))]


def finished(module: ast.Module, *, new_machine: bool) -> list[ast.stmt]:
    """The statements that put back the results of a cell that ended in an earlier kernel."""
    return [*again(module.body, new_machine=new_machine, new_kernel=True), _do("restore", module.body[-1])]


Leaf = Callable[[list[ast.stmt], int, Path], tuple[list[ast.stmt], int]]


def rest(node: ast.AST, cursor: Path, path: Path, rewriter: Rewriter, leaf: Leaf) -> list[ast.stmt]:
    """What is left of ``node``, which stands at ``path``, from ``cursor`` (a path in it) on.

    ``leaf(block, index, path)`` gives what stands at the cursor itself, and the index at which the block goes on.
    """
    (name, index), inner = cursor[0], cursor[1:]
    body = block(node, name)
    anew = rewriter.made_again(body[:index])
    here = (*path, (name, index))
    if not inner:
        first, after = leaf(body, index, here)
        return [*anew, *first, *rewriter.rest(body, path, name, after, begun=after > index)]
    return [
        *anew,
        *_enter(body[index], inner, here, rewriter, leaf),
        *rewriter.rest(body, path, name, index + 1, begun=True),
    ]


def leaf(rewriter: Rewriter, in_call: bool) -> Leaf:
    """What stands at a cell's or function's cursor."""

    def live(body: list[ast.stmt], index: int, path: Path) -> tuple[list[ast.stmt], int]:
        return [_do("live", body[min(index, len(body) - 1)])], index

    def deeper(body: list[ast.stmt], index: int, path: Path) -> tuple[list[ast.stmt], int]:
        node = body[index]
        call = called(node)
        assert call is not None, "a cursor lies in a call only where one can be left"
        callee = [call.func] if is_plain(call.func) else []
        function = method("deeper", ast.Constant(rewriter.note(path, node)), *callee)
        again = placed(ast.Call(function, [], []), call)
        return rewriter.statement(with_call(node, again), path), index + 1

    return deeper if in_call else live


def is_plain(callee: ast.expr) -> bool:
    """Whether a callee is a name or an attribute of one: looking it up again finds the same, and does nothing."""
    while isinstance(callee, ast.Attribute):
        callee = callee.value
    return isinstance(callee, ast.Name)


def _enter(node: ast.stmt, cursor: Path, path: Path, rewriter: Rewriter, leaf: Leaf) -> list[ast.stmt]:
    begun = len(rewriter.hidden)
    within_body = cursor[0][0] == "body"
    if isinstance(node, ast.For) and within_body:
        rewriter.hide(iterator_name(path))
    elif isinstance(node, ast.With):
        rewriter.hide(context_name(path))
    tail = rest(node, cursor, path, rewriter, leaf)
    match node:
        case ast.For() if within_body:
            again = copy.copy(node)
            again.iter = ast.copy_location(ast.Name(iterator_name(path), ast.Load()), node.iter)
            rewriter.hide(iterator_name(path))
            rewriter.fill_for(again, path)
            return [_once(node, tail, again), *rewriter.let_go(begun, node)]
        case ast.While() if within_body:
            return [_once(node, tail, rewriter.live_while(node, path)), *rewriter.let_go(begun, node)]
        case ast.With(items=items):
            if not rewriter.reruns(items[0].optional_vars):
                manager = method("again", ast.Constant(node.lineno), ast.Name(context_name(path), ast.Load()))
                items = [ast.withitem(manager)]
            body = rewriter.unwound(tail, begun + 1, node)
            return [at(ast.With(items, body), node), *rewriter.let_go(begun, node)]
        case ast.Try() | ast.TryStar():
            new = copy.copy(node)
            if within_body:
                new.body, new.orelse = tail, rewriter.rest(node.orelse, path, "orelse", 0)
            elif node.finalbody:
                # What stands in `else:` is not covered by the handlers, but still by `finally:`.
                new = ast.copy_location(ast.Try(tail, [], [], node.finalbody), node)
            else:
                return tail
            rewriter.outlast_pause(new, begun)
            return [ast.fix_missing_locations(new)]
    return tail  # the arm of an `if` or `match` that was taken; the `else:` of a loop that is over


def _once(node: ast.stmt, tail: list[ast.stmt], others: ast.stmt) -> ast.stmt:
    target = ast.Name(HIDDEN + "once", ast.Store())
    return at(ast.For(target, ast.Tuple([ast.Constant(0)], ast.Load()), tail, [others]), node)


def _do(what: str, near: ast.stmt) -> ast.stmt:
    return at(ast.Expr(method(what)), near)
