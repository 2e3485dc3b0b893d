"""Which statements before the cursor run again when a cell is resumed in a fresh kernel.

Data comes from the snapshot, definitions too (by value, as they stood). What is left is the environment:
imports, and the magics that set the kernel up. ``%cd`` is not among them (the working directory is part of
the snapshot), nor are magics that run the user's code; ``!`` lines change the machine, and a machine that
already ran them must not run them twice.
"""

from __future__ import annotations

import ast

SETUP_MAGICS = frozenset({"pip", "conda", "mamba", "uv", "load_ext", "reload_ext", "matplotlib", "config", "env",
                          "set_env", "precision", "autoreload", "aimport", "gui", "pylab"})  # fmt: skip


def runs_again(node: ast.stmt, new_machine: bool) -> bool:
    """Whether ``node``, which ran before the cursor, runs again; ``new_machine``: the disk it ran on is gone."""
    if isinstance(node, ast.Import | ast.ImportFrom):
        return True
    match node:
        case ast.Expr(ast.Call(ast.Attribute(ast.Call(ast.Name("get_ipython")), method), [ast.Constant(first), *_])):
            if method == "run_line_magic":
                return first in SETUP_MAGICS
            return method == "system" and new_machine
    return False
