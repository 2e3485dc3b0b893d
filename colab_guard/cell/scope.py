"""Functions in their source, and code compiled to take the place of a function's own.

A function's code is compiled inside of a synthetic one that has the function's free variables as parameters,
and, for a method, inside of a class of the same name: the names that are free in the original stay free
(``super()``'s ``__class__`` among them), and private names are mangled as they were.
"""

from __future__ import annotations
import __future__

import ast
import copy
import functools
import operator
import textwrap
import types
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from colab_guard.cell.tree import HIDDEN, ITER, RUN, parse

STATE = HIDDEN + "state"
FUTURE = functools.reduce(
    operator.or_, (getattr(__future__, name).compiler_flag for name in __future__.all_feature_names)
)
FUNCTION = HIDDEN + "function"
HIDING = "_" * 8
LOOKS_AROUND = frozenset({"locals", "vars", "dir", "eval", "exec"})
LOOKS_AT_FRAMES = frozenset({"_getframe", "currentframe"})


@dataclass(frozen=True)
class Source:
    """A function as it stands in its file: its text, from its first decorator on; the line that begins at; the
    class whose method it is, None for none; the compiler's flags for what is imported from ``__future__``.
    """

    name: str
    text: str
    line: int
    filename: str
    owner: str | None = None
    flags: int = 0

    def as_record(self) -> dict[str, Any]:
        """As it stands in a manifest."""
        return {
            "name": self.name, "text": self.text, "line": self.line, "file": self.filename, "class": self.owner,
            "flags": self.flags,
        }  # fmt: skip

    @classmethod
    def of_record(cls, record: dict[str, Any]) -> Source:
        """The inverse of ``as_record``."""
        return cls(record["name"], record["text"], record["line"], record["file"], record["class"], record["flags"])

    def node(self) -> ast.FunctionDef:
        """The function, every node at its place in the file."""
        return parse_function(self.text, self.line)


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


def functions_in(text: str, filename: str) -> Iterator[tuple[str, Source]]:
    """Every function of a file by its qualified name, nested ones and methods too."""
    try:
        module = ast.parse(text)
    except SyntaxError:
        return
    lines = text.splitlines(keepends=True)

    def within(node: ast.AST, prefix: str, owner: str | None) -> Iterator[tuple[str, Source]]:
        for child in ast.iter_child_nodes(node):
            match child:
                case ast.FunctionDef():
                    first = min([child.lineno, *(part.lineno for part in child.decorator_list)])
                    text = "".join(lines[first - 1 : child.end_lineno])
                    yield prefix + child.name, Source(child.name, text, first, filename, owner)
                    yield from within(child, f"{prefix}{child.name}.<locals>.", owner)
                case ast.AsyncFunctionDef():
                    yield from within(child, f"{prefix}{child.name}.<locals>.", owner)
                case ast.ClassDef():
                    yield from within(child, f"{prefix}{child.name}.", child.name)
                case _:
                    yield from within(child, prefix, owner)

    yield from within(module, "", None)


def body_of(node: ast.FunctionDef) -> ast.Module:
    """The body as a block of its own, for paths to begin in."""
    return ast.Module(node.body, [])


def looks_around(node: ast.FunctionDef) -> bool:
    """Whether a function may see its own variables as a whole, and ours among them."""
    for part in ast.walk(node):
        name, attribute = getattr(part, "id", None), getattr(part, "attr", None)  # not `model.eval()`
        if name in LOOKS_AROUND or not LOOKS_AT_FRAMES.isdisjoint((name, attribute)):
            return True
    return False


def compile_as(
    original: ast.FunctionDef,
    arguments: ast.arguments | None,
    body: list[ast.stmt],
    free: Iterable[str],
    source: Source,
    qualname: str = "",
) -> types.CodeType:
    """The code of a function with that body in the place of ``source``, in which the names ``free``, and ours, are
    free where it uses them.
    """
    owner = source.owner
    # Hidden names, lest the function's own, or its class's, be taken for a variable of the synthetic one. Python
    # passes over leading underscores of a class where it mangles.
    new = _function(FUNCTION, arguments or _arguments(()), body)
    ast.copy_location(new, original)
    inner: ast.stmt = new
    if owner is not None:
        inner = ast.ClassDef(HIDING + owner, [], [], [new], [])
        setattr(inner, "type_params", [])  # noqa: B010 - a field since 3.12, which 3.11 does not know
    outer = _function(HIDDEN + "outer", _arguments(sorted({*free, STATE, RUN, ITER})), [inner])
    module = ast.Module([ast.copy_location(outer, original)], [])
    code = compile(ast.fix_missing_locations(module), source.filename, "exec", source.flags, dont_inherit=True)
    for name in [outer.name, *([HIDING + owner] if owner is not None else []), FUNCTION]:
        code = next(part for part in code.co_consts if isinstance(part, types.CodeType) and part.co_name == name)
    return _renamed(code.replace(co_name=original.name), code.co_qualname, qualname or original.name)


def _renamed(code: types.CodeType, before: str, after: str) -> types.CodeType:
    """The code, and all in it, under the names that it has in its own file."""

    def constant(value: object) -> object:
        if isinstance(value, types.CodeType):
            return _renamed(value, before, after)
        # A class body holds its qualified name as a text.
        return after + value[len(before) :] if isinstance(value, str) and value.startswith(f"{before}.") else value

    consts = tuple(map(constant, code.co_consts))
    return code.replace(co_consts=consts, co_qualname=after + code.co_qualname[len(before) :])


def _function(name: str, arguments: ast.arguments, body: list[ast.stmt]) -> ast.FunctionDef:
    new = ast.FunctionDef(name, arguments, body, [])
    setattr(new, "type_params", [])  # noqa: B010 - as above
    return new


def _arguments(names: Iterable[str]) -> ast.arguments:
    return ast.arguments([], [ast.arg(name) for name in names], None, [], [], None, [])


def bare(arguments: ast.arguments) -> ast.arguments:
    """The same parameters without annotations and defaults, which were evaluated when the function was defined."""

    def plain(argument: ast.arg | None) -> ast.arg | None:
        return ast.copy_location(ast.arg(argument.arg), argument) if argument else None

    def each(group: list[ast.arg]) -> list[ast.arg]:
        return [new for argument in group if (new := plain(argument))]

    return ast.arguments(
        each(arguments.posonlyargs), each(arguments.args), plain(arguments.vararg), each(arguments.kwonlyargs),
        [None for _ in arguments.kwonlyargs], plain(arguments.kwarg), [],
    )  # fmt: skip


def own_statements(node: ast.AST) -> Iterator[ast.AST]:
    """What stands in a function's own scope: all of it but functions and classes defined in it."""
    for child in ast.iter_child_nodes(node):
        yield child
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            yield from own_statements(child)


def without_parameters(node: ast.FunctionDef, body: list[ast.stmt]) -> list[ast.stmt]:
    """Statements of the function ``node``, made to fit one that has no parameters and declares what is global or
    nonlocal at its top.
    """
    first = next(iter([*node.args.posonlyargs, *node.args.args]), None)
    outside = _Outside(first.arg if first else None)
    return [outside.visit(copy.deepcopy(part)) for part in body]


class _Outside(ast.NodeTransformer):
    def __init__(self, first: str | None) -> None:
        self._first = first

    def visit_Call(self, node: ast.Call) -> ast.AST:
        # super() looks for the frame's first parameter: it is told.
        self.generic_visit(node)
        if isinstance(node.func, ast.Name) and node.func.id == "super" and not node.args and self._first:
            found = [ast.Name("__class__", ast.Load()), ast.Name(self._first, ast.Load())]
            node.args = [ast.copy_location(name, node) for name in found]
        return node

    def visit_Global(self, node: ast.Global | ast.Nonlocal) -> ast.AST:
        return ast.copy_location(ast.Pass(), node)

    def visit_FunctionDef(self, node: ast.AST) -> ast.AST:
        return node

    visit_Nonlocal = visit_Global  # noqa: N815
    visit_AsyncFunctionDef = visit_ClassDef = visit_Lambda = visit_FunctionDef  # noqa: N815
