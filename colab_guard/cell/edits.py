"""Fix and go on: finding a cursor again in a cell that was edited since.

Code that has yet to run may be edited freely: all at or behind the cursor, and whatever stands in a loop that
goes on (it counts from the next iteration on). Definitions may be edited wherever they stand: a function that
changed is taken from the notebook. An edit of what ran once and will not run again would have no effect, or
half of one; it is reported, for the user to decide.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass

from colab_guard.cell.secrets import holds_secret, without_secrets
from colab_guard.cell.tree import Loop, Path, along, block, called
from colab_guard.core.errors import EditedCell

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


@dataclass(frozen=True)
class Followed:
    """A cursor in the edited cell: ``lines`` where code that already ran was edited, ``redefined`` the names
    of top-level definitions before the cursor that are new or differ, or hold a secret, which is nowhere else.
    """

    cursor: Path
    lines: tuple[int, ...]
    redefined: frozenset[str]


def follow(old: ast.Module, new: ast.Module, cursor: Path, *, in_call: bool = False, in_loop: bool = False) -> Followed:
    """Where ``cursor``, a path in ``old`` (a safe point, or ``in_call`` of the statement there), lies in ``new``.

    ``in_loop``: the whole of it runs again, for it is a function that a loop calls. Raises EditedCell where the
    loop, branch, block or call that it lies in is not there any more.
    """
    path: list[tuple[str, int]] = []
    lines: list[int] = []
    old, new = without_secrets(old), without_secrets(new)
    node_old: ast.AST = old
    node_new: ast.AST = new
    for depth, (name, index) in enumerate(cursor):
        body_old = block(node_old, name)
        try:
            body_new = block(node_new, name)
        except KeyError:
            raise _gone(body_old[min(index, len(body_old) - 1)]) from None
        last = depth + 1 == len(cursor)
        if last and not in_call:
            found = _gap(body_old, body_new, index)
        else:
            found = _counterpart(body_old, body_new, index, in_loop)
        if not in_loop:
            lines += _edited(body_old[:index], body_new[:found])
        path.append((name, found))
        if last and in_call and called(body_new[found]) is None:
            raise _gone(body_old[index])
        if not last or in_call:
            node_old, node_new = body_old[index], body_new[found]
            if not in_loop and not isinstance(node_new, ast.While) and header(node_old) != header(node_new):
                lines.append(body_new[found].lineno)
        if not last:
            in_loop = in_loop or (isinstance(node_old, Loop) and cursor[depth + 1][0] == "body")
    return Followed(tuple(path), tuple(lines), _redefined(old, new, path[0][1]))


def same(old: ast.Module, new: ast.Module) -> bool:
    """Whether two cells do the same, up to comments, layout and definitions."""
    return matter(without_secrets(old).body) == matter(without_secrets(new).body)


def matter(body: list[ast.stmt]) -> list[str]:
    """The statements that count as edited when they differ: not definitions and imports, which may be, and not
    bare constants, which are comments by another name.
    """
    return [
        ast.dump(node)
        for node in body
        if not isinstance(node, Definition | ast.Import | ast.ImportFrom)
        and not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
    ]


def _edited(old: list[ast.stmt], new: list[ast.stmt]) -> list[int]:
    ours, theirs = matter(old), matter(new)
    if ours == theirs:
        return []
    lines = [node.lineno for node in new if ast.dump(node) not in ours and matter([node])]
    return lines[:1] or [new[-1].lineno if new else 1]


def _gap(old: list[ast.stmt], new: list[ast.stmt], index: int) -> int:
    """The gap in ``new`` that has as much behind it as the gap ``index`` has in ``old``, definitions aside."""
    wanted, passed = len(matter(old[:index])), 0
    for found, node in enumerate(new):
        if passed == wanted and (matter([node]) or found >= index):
            return found
        passed += len(matter([node]))
    return len(new)


def header(node: ast.AST) -> str:
    """What a compound statement says before its colon."""
    match node:
        case ast.For():
            return ast.dump(node.target) + ast.dump(node.iter)
        case ast.While() | ast.If():
            return ast.dump(node.test)
        case ast.With():
            return ast.dump(node.items[0])
        case ast.Match():
            return ast.dump(node.subject)
        case ast.Try() | ast.TryStar():
            return ""
    return ast.dump(node)


def in_loop(module: ast.Module, path: Path) -> bool:
    """Whether a path leads through the body of a loop."""
    return any(isinstance(node, Loop) and name == "body" for node, name, _ in along(module, path))


def _counterpart(old: list[ast.stmt], new: list[ast.stmt], index: int, in_loop: bool) -> int:
    wanted = old[index]
    alike = [at for at, node in enumerate(new) if type(node) is type(wanted)]
    twins = [at for at in alike if header(new[at]) == header(wanted)]
    if twins:
        # Several loops with one header: the one with as many like it before it.
        before = sum(type(n) is type(wanted) and header(n) == header(wanted) for n in old[:index])
        return twins[min(before, len(twins) - 1)]
    before = sum(type(node) is type(wanted) for node in old[:index])
    if before < len(alike) and len(alike) == sum(type(node) is type(wanted) for node in old):
        return alike[before]
    raise _gone(wanted)


def _gone(node: ast.stmt) -> EditedCell:
    what = ast.unparse(node).splitlines()[0]
    return EditedCell(
        f"The run to be resumed stood in line {node.lineno}, `{what}`, which this cell no longer has. "
        f"Put that line back to resume, or use --fresh to start over."
    )


def _redefined(old: ast.Module, new: ast.Module, before: int) -> frozenset[str]:
    known = {node.name: ast.dump(node) for node in old.body if isinstance(node, Definition)}
    return frozenset(
        node.name
        for node in new.body[:before]
        if isinstance(node, Definition) and (known.get(node.name) != ast.dump(node) or holds_secret(node))
    )
