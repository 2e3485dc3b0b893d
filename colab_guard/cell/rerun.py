"""Which statements before the cursor run again when a cell is resumed in a fresh kernel.

Data comes from the snapshot, definitions too (by value, as they stood). What is left is the environment:
imports, the magics that set the kernel up, and **set-up statements**. ``%cd`` is not among them (the working
directory is part of the snapshot), nor are magics that run the user's code; ``!`` lines change the machine, and a
machine that already ran them must not run them twice.

A set-up statement stands at the top level of the cell, and is one of::

    sys.path.append(v)    sys.path.insert(v, v)    sys.path.extend([v, …])
    os.environ[v] = v     os.environ.setdefault(v, v)    os.environ.update({v: v, …}, NAME=v, …)

where each ``v`` is the same in every kernel: a constant, an attribute of ``os`` or ``sys`` (``os.sep``), or ``str`` or
a function of ``os.path`` that looks at no working directory, of such values. No variables: theirs come back later,
for what is restored may need the imports, and those the path. In the kernel that took the snapshot it does not run
again: what was set there is there, unless somebody changed it on purpose.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterable

SETUP_MAGICS = frozenset({"pip", "conda", "mamba", "uv", "load_ext", "reload_ext", "matplotlib", "config", "env",
                          "set_env", "precision", "autoreload", "aimport", "gui", "pylab"})  # fmt: skip
SETUP_CALLS = frozenset({"sys.path.append", "sys.path.insert", "sys.path.extend",
                         "os.environ.setdefault", "os.environ.update"})  # fmt: skip
PURE = frozenset(
    {"str", *(f"os.path.{name}" for name in ("join", "dirname", "basename", "normpath", "expanduser", "normcase"))}
)


def again(body: Iterable[ast.stmt], *, new_machine: bool, new_kernel: bool) -> list[ast.stmt]:
    """Those of the statements of ``body``, which ran before the cursor, that run again. ``new_machine``: the disk
    they ran on is gone; ``new_kernel``: the process is.
    """
    out = [node for node in body if _runs_again(node, new_machine) or (new_kernel and is_setup(node))]
    return [_Imported().visit(copy.deepcopy(node)) if is_setup(node) else node for node in out]


def is_setup(node: ast.AST) -> bool:
    """Whether a statement of the top level is a set-up statement."""
    match node:
        case ast.Assign(targets, value):
            return all(_is_variable(target) for target in targets) and _is_fixed(value)
        case ast.Expr(ast.Call(function, arguments, keywords)):
            values = [*arguments, *(keyword.value for keyword in keywords)]
            return _dotted(function) in SETUP_CALLS and all(keyword.arg for keyword in keywords) and all(
                map(_is_fixed, values)
            )  # fmt: skip
    return False


def _runs_again(node: ast.stmt, new_machine: bool) -> bool:
    if isinstance(node, ast.Import | ast.ImportFrom):
        return True
    match node:
        case ast.Expr(ast.Call(ast.Attribute(ast.Call(ast.Name("get_ipython")), method), [ast.Constant(first), *_])):
            if method == "run_line_magic":
                return first in SETUP_MAGICS
            return method == "system" and new_machine
    return False


def _is_variable(target: ast.expr) -> bool:
    """Whether it is one of the environment."""
    return isinstance(target, ast.Subscript) and _dotted(target.value) == "os.environ" and _is_fixed(target.slice)


def _is_fixed(value: ast.expr | None) -> bool:
    match value:
        case ast.Constant():
            return True
        case ast.Attribute():
            return _dotted(value).startswith(("os.", "sys."))
        case ast.List(parts) | ast.Tuple(parts):
            return all(map(_is_fixed, parts))
        case ast.Dict(keys, values):
            return all(map(_is_fixed, [*keys, *values]))
        case ast.Call(function, arguments, []):
            return _dotted(function) in PURE and all(map(_is_fixed, arguments))
    return False


def _dotted(node: ast.expr) -> str:
    """The dotted name of a Name or of attributes of one; empty for anything else."""
    if isinstance(node, ast.Attribute):
        return f"{inner}.{node.attr}" if (inner := _dotted(node.value)) else ""
    return node.id if isinstance(node, ast.Name) else ""


class _Imported(ast.NodeTransformer):
    """``os`` and ``sys`` as what is imported: the cell may have its names from where nothing runs again."""

    def visit_Name(self, node: ast.Name) -> ast.expr:
        if node.id not in ("os", "sys"):
            return node
        found = ast.Call(ast.Name("__import__", ast.Load()), [ast.Constant(node.id)], [])
        return ast.fix_missing_locations(ast.copy_location(found, node))
