"""Blocks, paths and names in a cell's syntax tree.

A **path** names the gap before a statement: steps of (block, index) from the cell down. In ::

    a = 1            # (("body", 0),)
    for x in y:      # (("body", 1),)
        b(x)         # (("body", 1), ("body", 0))
    else:
        c()          # (("body", 1), ("orelse", 0))

a safe point is a path: before a top-level statement, or before the first statement of a loop's body
(the item is fetched and bound, nothing of the body has run). ``match`` arms are blocks ``"case0"``,
``"case1"`` … An index equal to the block's length means its end.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator

Step = tuple[str, int]
Path = tuple[Step, ...]

HIDDEN = "_cg_"  # one underscore: two would be mangled inside a class
RUN = HIDDEN + "run"
WANTED = HIDDEN + "wanted"
ITER = HIDDEN + "iter"

EXCEPTION_TELLERS = frozenset({"exc_info", "exception", "print_exc", "format_exc"})

Loop = ast.For | ast.While
Compound = ast.For | ast.While | ast.If | ast.With | ast.Try | ast.TryStar | ast.Match


def parse(source: str) -> ast.Module:
    """The tree of a cell's (plain Python) source, each ``with`` holding one item.

    Raises SyntaxError as ``compile`` does.
    """
    module = ast.parse(source)
    for node in ast.walk(module):
        if isinstance(node, ast.With):
            _split_items(node)
    return module


def _split_items(node: ast.With) -> None:
    # `with A() as a, B() as b:` means the nested form; one item a node gives each context its place.
    while len(node.items) > 1:
        inner = ast.With(items=[node.items.pop()], body=node.body)
        node.body = [ast.copy_location(inner, node)]


def blocks(node: ast.AST) -> Iterator[tuple[str, list[ast.stmt]]]:
    """The blocks of ``node`` in which a safe point may lie: all but ``except`` and ``finally`` bodies."""
    match node:
        case ast.Module() | ast.With():
            yield "body", node.body
        case ast.For() | ast.While() | ast.If() | ast.Try() | ast.TryStar():
            yield "body", node.body
            if node.orelse:
                yield "orelse", node.orelse
        case ast.Match():
            for number, case in enumerate(node.cases):
                yield f"case{number}", case.body


def handlers(node: ast.AST) -> Iterator[tuple[str, list[ast.stmt]]]:
    """The handlers of ``node`` in which a generator may be paused: plain code that needs no exception at hand."""
    for number, handler in enumerate(getattr(node, "handlers", ())):
        if handler.name is None and not any(map(_is_more, ast.walk(handler))):
            yield f"except{number}", handler.body


def _is_more(part: ast.AST) -> bool:
    if isinstance(part, ast.Raise):
        return part.exc is None
    if isinstance(part, ast.For | ast.While | ast.With | ast.Try | ast.TryStar):
        return True
    return getattr(part, "id", getattr(part, "attr", None)) in EXCEPTION_TELLERS


def block(node: ast.AST, name: str) -> list[ast.stmt]:
    """The block of ``node`` with that name. Raises KeyError where it has none."""
    return dict([*blocks(node), *handlers(node)])[name]


def has_loop(node: ast.stmt) -> bool:
    """Whether a safe point can lie inside ``node``."""
    if isinstance(node, Loop):
        return True
    return any(has_loop(child) for _, body in blocks(node) for child in body)


def is_inner_loop(node: ast.stmt) -> bool:
    """Whether ``node`` is a loop with no loop of its own inside."""
    return isinstance(node, Loop) and not any(has_loop(child) for child in node.body)


def along(module: ast.Module, path: Path) -> list[tuple[ast.AST, str, int]]:
    """The (node, block name, index) of each step. Raises KeyError or IndexError where the path leads nowhere."""
    steps: list[tuple[ast.AST, str, int]] = []
    node: ast.AST = module
    for depth, (name, index) in enumerate(path):
        body = block(node, name)
        steps.append((node, name, index))
        if depth + 1 < len(path):
            node = body[index]
        elif not 0 <= index <= len(body):
            raise IndexError(f"no statement {index} in a block of {len(body)}")
    return steps


def number(path: Path) -> str:
    """A loop's or context's own name, for its hidden variable: stable under edits elsewhere in the cell."""
    return "_".join(f"{name[0]}{''.join(filter(str.isdigit, name))}{index}" for name, index in path)


def iterator_name(path: Path) -> str:
    """The hidden variable that holds the iterator of the loop at ``path``."""
    return f"{HIDDEN}i_{number(path)}"


def context_name(path: Path) -> str:
    """The hidden variable that holds the context manager of the ``with`` at ``path``."""
    return f"{HIDDEN}c_{number(path)}"


def hidden_at(module: ast.Module, path: Path) -> list[str]:
    """The hidden variables of the loops and contexts that are entered at ``path``, outermost first."""
    names = []
    for depth, (node, name, _) in enumerate(along(module, path)):
        if isinstance(node, ast.For) and name == "body":
            names.append(iterator_name(path[:depth]))
        elif isinstance(node, ast.With):
            names.append(context_name(path[:depth]))
    return names


def called(node: ast.stmt) -> ast.Call | None:
    """The call that a statement makes before it does anything else with what comes back: the whole statement,
    the value of an assignment, what ``return`` gives, a ``with`` item, the iterable of a ``for``.

    Such a call can be left in its middle and entered again; one inside a larger expression can't: what the
    expression computed before it is on the interpreter's stack.
    """
    match node:
        case ast.Expr() | ast.Assign() | ast.Return() | ast.AnnAssign(target=ast.Name()):
            value = node.value
        case ast.For():
            value = node.iter
        case ast.With():
            value = node.items[0].context_expr
        case _:
            return None
    return value if isinstance(value, ast.Call) and not is_ours(value.func) else None


def with_call(node: ast.stmt, call: ast.expr) -> ast.stmt:
    """A copy of ``node`` with another expression in the place of its ``called(node)``."""
    new = copy.copy(node)
    match new:
        case ast.For():
            new.iter = call
        case ast.With():
            new.items = [copy.copy(new.items[0])]
            new.items[0].context_expr = call
        case ast.Expr() | ast.Assign() | ast.Return() | ast.AnnAssign():
            new.value = call
    return new


def is_ours(callee: ast.expr) -> bool:
    """Whether a callee is a method of the run, or what one gives, put there by us."""
    while isinstance(callee, ast.Call):
        callee = callee.func
    return isinstance(callee, ast.Attribute) and isinstance(callee.value, ast.Name) and callee.value.id == RUN


def is_hidden(name: str) -> bool:
    """Whether a name belongs to us rather than to the user."""
    return name.startswith(HIDDEN)
