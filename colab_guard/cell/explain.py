"""What ``--explain`` prints: where a cell can be left and entered again, line by line, and what is atomic."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from colab_guard.cell.tree import Loop, blocks, has_loop

NESTED = "atomic: a loop inside {} is run as one piece"


def explain(module: ast.Module, source: str) -> str:
    """A table: line, code, what holds there. Runs nothing."""
    lines = source.splitlines()
    rows = list(_rows(module, top=True))
    width = min(max((len(lines[line - 1]) for line, _ in rows), default=0), 56)
    table = [f"{line:>5}  {lines[line - 1][:width]:<{width}}  {note}" for line, note in rows]
    return "\n".join(
        [
            f"{'line':>5}  {'':<{width}}  The cell can be left, and resumed, at each safe point.",
            *table,
            "Calls are atomic: a function that was under way is called again from the safe point before it.",
        ]
    )


def _rows(node: ast.AST, top: bool = False) -> Iterator[tuple[int, str]]:
    for _, body in blocks(node):
        for index, child in enumerate(body):
            notes = []
            if top and index:
                notes.append("safe point before")
            if isinstance(child, Loop):
                notes.append("safe point at the start of each iteration")
            elif isinstance(child, ast.With) and has_loop(child):
                notes.append("entered again at resume")
            elif isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and _loops_in(child):
                notes.append(NESTED.format("a definition"))
            elif isinstance(child, ast.AsyncFor | ast.AsyncWith):
                notes.append("atomic: `async` blocks are run as one piece")
            if notes:
                yield child.lineno, "; ".join(notes)
            if has_loop(child):
                yield from _rows(child)
            if isinstance(child, ast.Try | ast.TryStar):
                yield from _handlers(child)


def _handlers(node: ast.Try | ast.TryStar) -> Iterator[tuple[int, str]]:
    for handler in node.handlers:
        if _loops_in(handler):
            yield handler.lineno, NESTED.format("`except`")
    if any(_loops_in(child) for child in node.finalbody):
        yield node.finalbody[0].lineno, NESTED.format("`finally`")


def _loops_in(node: ast.AST) -> bool:
    return any(isinstance(child, Loop | ast.AsyncFor) for child in ast.walk(node))
