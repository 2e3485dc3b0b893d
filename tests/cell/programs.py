"""Random programs for the engine: trees that hypothesis draws and shrinks, and what a program makes use of.

A `Node` says what stands where; its picks are resolved by `rendering.render` against what is there to be
picked from, so that every tree is a program: it ends within some hundred statements, raises nothing at its
top level, and leaves its history in ``log``. A pick of 0 and an empty block are the simplest there is, and
a node of kind "inline" is replaced by its first block, so that shrinking ends in small programs.
"""

from __future__ import annotations

import ast
import functools
import sys
import types
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from hypothesis import strategies as st

Block = tuple["Node", ...]

LEAVES = (
    *("log", "draw", "assign", "augment", "swap", "unpack", "append", "remove", "store", "count", "add", "discard"),
    *("attribute", "config", "comprehension", "walrus", "shared", "jump", "jump", "throw", "throw", "yield", "yield"),
    *("recurse", "recurse"),
    *["call"] * 9,
)
COMPOUNDS = {
    1: ("inline", "with", "hold", "over_list"),
    2: ("inline", "if", "for", "for", "while", "over_call", "over_call", "over_call", "forever"),
    3: ("inline", "match", "chain"),
    4: ("inline", "try", "try"),
}
KINDS = (
    *("plain", "plain", "recursive", "recursive", "generator", "generator", "method", "closure", "maker", "pair"),
    *("manager", "manager", "traced"),
)


@dataclass(frozen=True)
class Node:
    """One statement: what it is, small numbers that its renderer looks into, and the blocks in it."""

    kind: str
    picks: tuple[int, int, int]
    blocks: tuple[Block, ...] = ()


@dataclass(frozen=True)
class Function:
    """One definition: how it is written, its picks, its body, and the body of what is defined inside of it."""

    kind: str
    picks: tuple[int, int, int]
    body: Block
    inner: Block


@dataclass(frozen=True)
class Tree:
    """A program: what is defined, what the cell does, and how much of it stands in the cells above (0 to 3)."""

    functions: tuple[Function, ...]
    cell: Block
    above: int


@dataclass(frozen=True)
class Program:
    """The text of the cells above, and of the cell itself."""

    above: str
    source: str

    def __str__(self) -> str:
        return f"{self.above}\n# %%\n{self.source}" if self.above else self.source

    __repr__ = __str__


_number = st.integers(0, 11)
_picks = st.tuples(_number, _number, _number)


def _block(depth: int, least: int = 0) -> st.SearchStrategy[Block]:
    return st.lists(_nodes(depth), min_size=least, max_size=3).map(tuple)


@functools.cache
def _nodes(depth: int) -> st.SearchStrategy[Node]:
    return st.deferred(lambda: _any_node(depth))  # deferred, for its short repr


def _any_node(depth: int) -> st.SearchStrategy[Node]:
    leaf = st.builds(Node, st.sampled_from(LEAVES), _picks)
    if not depth:
        return leaf
    compounds = [
        st.builds(
            Node,
            st.sampled_from(kinds),
            _picks,
            st.tuples(_block(depth - 1, 1), *[_block(depth - 1)] * (count - 1)),
        )
        for count, kinds in COMPOUNDS.items()
    ]
    return st.one_of(leaf, *compounds[:2], *compounds)


def trees() -> st.SearchStrategy[Tree]:
    """All trees."""
    functions = st.builds(Function, st.sampled_from(KINDS), _picks, _block(2, 1), _block(1))
    cell = st.lists(_nodes(3), min_size=1, max_size=5).map(tuple)
    return st.builds(Tree, st.lists(functions, min_size=3, max_size=6).map(tuple), cell, st.integers(0, 3))


# -- what a program makes use of ------------------------------------------------------------------------------


def features(program: Program) -> Counter[str]:
    """How many of its statements of each kind really run: see `FEATURES` for what is told apart."""
    ran: set[tuple[str, int]] = set()
    thrown: set[int] = set()  # frames that an exception has left

    def watch(frame: types.FrameType, event: str, argument: object) -> object:
        name = frame.f_code.co_filename
        if name not in ("<above>", "<cell>"):
            return None
        if event == "line":
            ran.add((name, frame.f_lineno))
        elif event == "exception" and isinstance(argument, tuple) and argument[0].__name__ == "Oops":
            thrown.add(id(frame))
        return watch

    namespace: dict[str, object] = {"__name__": "__main__"}
    before = sys.gettrace()
    codes = [compile(program.above, "<above>", "exec"), compile(program.source, "<cell>", "exec")]
    sys.settrace(watch)
    try:
        for code in codes:
            exec(code, namespace)
    finally:
        sys.settrace(before)
    found: Counter[str] = Counter()
    for name, text in (("<above>", program.above), ("<cell>", program.source)):
        lines = {line for file, line in ran if file == name}
        found.update(_features(ast.parse(text), lines))
    found["exception through several frames"] += len(thrown) > 1
    return found


def _features(module: ast.Module, lines: set[int]) -> Iterator[str]:
    parents = {child: node for node in ast.walk(module) for child in ast.iter_child_nodes(node)}
    defined = {node.name: node for node in ast.walk(module) if isinstance(node, ast.FunctionDef)}
    for node in ast.walk(module):
        if getattr(node, "lineno", None) in lines:
            yield from _of_statement(node, lines)
            yield from _of_call(node, parents)
        if isinstance(node, ast.FunctionDef) and node.body[0].lineno in lines:
            yield from _of_function(node, defined)


def _of_statement(node: ast.AST, lines: set[int]) -> Iterator[str]:
    def runs(block: list[ast.stmt]) -> bool:
        return bool(block) and block[0].lineno in lines

    kinds = (ast.For, ast.While, ast.If, ast.With, ast.Try, ast.Match, ast.Break, ast.Continue, ast.Return, ast.Raise)
    for kind in (*kinds, ast.Delete, ast.Yield, ast.YieldFrom, ast.NamedExpr, ast.Lambda, ast.ListComp):
        if isinstance(node, kind):
            yield kind.__name__
    match node:
        case ast.While(test=ast.Constant(value=True)):
            yield "while True"
        case ast.For(iter=ast.Name(id="items")):
            yield "for over a list that changes"
        case ast.Assign(targets=[ast.Tuple()]):
            yield "tuple target"
        case ast.Assign(targets=[ast.Subscript()]):
            yield "item assigned"
        case ast.Assign(targets=[ast.Attribute()]) | ast.AugAssign(target=ast.Attribute()):
            yield "attribute assigned"
    if isinstance(node, ast.For | ast.While):
        if runs(node.orelse):
            yield "else of a loop"
        if any(isinstance(inner, ast.For | ast.While) and inner is not node for inner in ast.walk(node)):
            yield "nested loop"
    if isinstance(node, ast.Try):
        yield from ["except"] * any(runs(handler.body) for handler in node.handlers)
        yield from ["else of a try"] * runs(node.orelse)
        yield from ["finally"] * runs(node.finalbody)


def _of_call(node: ast.AST, parents: dict[ast.AST, ast.AST]) -> Iterator[str]:
    if not isinstance(node, ast.Call):
        return
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    if name == "random":
        yield "random draw"
    if name in ("append", "pop", "remove", "add", "discard", "clear"):
        yield f"{name}()"
    if isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Call):
        yield "super()"
    if isinstance(node.func, ast.Subscript):
        yield "call through a dict"
    if not (name[:1] in "fg" and name[1:].isdigit()) and name not in ("run", "step", "make", "walk", "opened"):
        return
    match parents[node]:
        case ast.Expr():
            yield "call as a statement"
        case ast.Assign(targets=[ast.Tuple()]):
            yield "call into a tuple target"
        case ast.Assign(targets=[ast.Name()]):
            yield "call assigned"
        case ast.Return():
            yield "return of a call"
        case ast.withitem():
            yield "call as a context"
        case ast.For(iter=value) if value is node:
            yield "call as an iterable"
        case ast.Call(func=func) if func is not node:
            yield "call as an argument"
        case ast.YieldFrom():
            yield "yield from a call"
        case ast.If() | ast.While() | ast.Compare():
            yield "call in a condition"
        case _:
            yield "call in an expression"


def _of_function(node: ast.FunctionDef, defined: dict[str, ast.FunctionDef]) -> Iterator[str]:
    inside = list(ast.walk(node))
    calls = {n.func.id for n in inside if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)}
    has_loop = any(isinstance(n, ast.For | ast.While) for n in inside)
    yield "function"
    if has_loop:
        yield "function with a loop"
    if node.name in calls:
        yield "recursion"
    if has_loop and any(
        isinstance(n, ast.For | ast.While) for c in calls & defined.keys() for n in ast.walk(defined[c])
    ):
        yield "function with a loop that calls one with a loop"
    if any(isinstance(n, ast.Nonlocal) for n in inside):
        yield "nonlocal"
    if any(isinstance(n, ast.Global) for n in inside):
        yield "global"
    if any(isinstance(n, ast.FunctionDef) and n is not node for n in inside):
        yield "closure"
    if node.args.args[:1] and node.args.args[0].arg in ("self", "cls"):
        yield "method"
    if node.decorator_list:
        yield "decorated function"
    if any(isinstance(default, ast.List) for default in [*node.args.defaults, *node.args.kw_defaults]):
        yield "mutable default"
    elif node.args.defaults:
        yield "default argument"
