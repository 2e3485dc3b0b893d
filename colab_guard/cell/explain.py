"""What ``--explain`` prints: where a cell can be left and entered again, line by line, and what is atomic."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from colab_guard.cell.scope import Source, body_of, looks_around
from colab_guard.cell.tree import Loop, blocks, called, has_loop

NO_LOOP = "       no loop inside: it is left between two statements, if they take long, or not at all"
ATOMIC = "atomic: a loop inside {} is run as one piece"
Resolve = Callable[[ast.expr, str | None], tuple[str, Source | None] | None]
Describe = Callable[[ast.expr], str | None]


@dataclass
class Explanation:
    """The table in the making.

    ``resolve`` finds what a callee names, by its qualified name and source, inside of a class's method or not; a
    framework's function has no source here. ``describe`` says what resume does with a loop over what an expression
    names. Both answer None for what is not known before the cell runs.
    """

    resolve: Resolve
    describe: Describe
    functions: dict[str, Source] = field(default_factory=dict)

    def rows(self, node: ast.AST, owner: str | None = None, *, top: bool = False) -> Iterator[tuple[int, str]]:
        """(line, what holds there) for a cell's or function's statements."""
        for _, body in blocks(node):
            for index, child in enumerate(body):
                notes = ["safe point before"] if top and index else []
                notes += self._notes(child, owner)
                if notes:
                    yield child.lineno, "; ".join(dict.fromkeys(notes))
                yield from self.rows(child, owner)
                if isinstance(child, ast.Try | ast.TryStar):
                    yield from _handlers(child)

    def _notes(self, node: ast.stmt, owner: str | None) -> Iterator[str]:
        if isinstance(node, Loop):
            yield "safe point at the start of each iteration"
        if isinstance(node, ast.For) and (how := self.describe(node.iter)):
            yield f"at resume: {how}"
        if isinstance(node, ast.AsyncFor | ast.AsyncWith):
            yield "atomic: `async` blocks are run as one piece"
        if isinstance(node, ast.With) and has_loop(node):
            yield "entered again, or kept, at resume"
        whole = called(node)
        for call in _calls(node):
            found = self.resolve(call.func, owner)
            if found is None:
                continue
            name, source = found
            if call is not whole:
                yield f"atomic: {name}() is called inside a larger expression"
            elif source is None:
                yield f"safe points inside {name}()"
            elif looks_around(source.node()):
                yield f"atomic: {name}() looks at its own variables as a whole (locals, eval, …)"
            elif _is_generator(source.node()):
                yield f"{name}() is a generator: saved where it stands"
            else:
                yield f"safe points inside {name}()"
                self.functions.setdefault(name, source)


def explain(module: ast.Module, source: str, resolve: Resolve, describe: Describe) -> str:
    """A table for the cell, and one for each function that it can be left in. Runs nothing."""
    explanation = Explanation(resolve, describe)
    rows = list(explanation.rows(module, top=True))
    parts = [_table("The cell can be left, and resumed, at each safe point.", rows, source.splitlines(), 0)]
    shown = set[str]()
    while todo := [name for name in explanation.functions if name not in shown]:
        name = todo[0]
        shown.add(name)
        function = explanation.functions[name]
        rows = list(explanation.rows(body_of(function.node()), function.owner))
        parts.append(_table(f"{name}()", rows, function.text.splitlines(), function.line - 1))
    return "\n\n".join(parts)


def made_in(module: ast.Module) -> dict[str, ast.expr]:
    """What is called to make a variable, by its name."""
    return {
        node.targets[0].id: node.value.func
        for node in ast.walk(module)
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and isinstance(node.value, ast.Call)
    }


def _table(title: str, rows: list[tuple[int, str]], lines: list[str], before: int) -> str:
    notes: dict[int, str] = {}
    for line, note in rows:
        notes.setdefault(line, note)  # `with a, b:` is two blocks in one line
    texts = {line: lines[line - 1 - before][:56] for line in notes}
    width = max(map(len, texts.values()), default=0)
    table = [f"{line:>5}  {texts[line]:<{width}}  {note}" for line, note in notes.items()]
    return "\n".join([f"{'line':>5}  {title}", *(table or [NO_LOOP])])


def _handlers(node: ast.Try | ast.TryStar) -> Iterator[tuple[int, str]]:
    for handler in node.handlers:
        if _loops_in(handler):
            yield handler.lineno, ATOMIC.format("`except`")
    if any(_loops_in(child) for child in node.finalbody):
        yield node.finalbody[0].lineno, ATOMIC.format("`finally`")


def _calls(node: ast.stmt) -> Iterator[ast.Call]:
    """The calls in a statement's own expressions."""
    todo: list[ast.AST] = [node]
    while todo:
        for child in ast.iter_child_nodes(todo.pop()):
            if not isinstance(child, ast.stmt | ast.ExceptHandler | ast.match_case):
                todo.append(child)
                if isinstance(child, ast.Call):
                    yield child


def _is_generator(node: ast.FunctionDef) -> bool:
    own = [part for part in ast.walk(node) if isinstance(part, ast.Yield | ast.YieldFrom)]
    return bool(own)


def _loops_in(node: ast.AST) -> bool:
    return any(isinstance(child, Loop | ast.AsyncFor) for child in ast.walk(node))
