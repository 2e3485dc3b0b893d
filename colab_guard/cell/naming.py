"""A cell's name: the one it was given, or one derived from its source."""

from __future__ import annotations

import ast
import hashlib
import re

from colab_guard.cell.edits import header, matter
from colab_guard.cell.secrets import without_secrets
from colab_guard.cell.tree import blocks, has_loop
from colab_guard.core.errors import UsageError

DERIVED = "cell-"
VALID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def check_name(name: str) -> str:
    """``name``, if a cell, a loop, a sweep or a save may be called that; raises UsageError otherwise."""
    if not isinstance(name, str) or not VALID.fullmatch(name) or ".." in name:
        raise UsageError(
            f"{name!r} can't be a name: it becomes part of file names, so give a text of 1 to 64 letters, digits, "
            f"'.', '_' and '-', the first a letter or digit, such as train."
        )
    return name


def derived_name(module: ast.Module) -> str:
    """A name that survives edits of the loop's body and of all behind it: a hash of what comes before,
    the loop's own first line included.
    """
    digest = hashlib.sha256("\n".join(_until_loop(without_secrets(module))).encode())
    return f"{DERIVED}{digest.hexdigest()[:6]}"


def _until_loop(node: ast.AST) -> list[str]:
    parts: list[str] = []
    for name, body in blocks(node):
        for child in body:
            if has_loop(child):
                parts += [name, type(child).__name__, header(child)]
                return parts if isinstance(child, ast.For | ast.While) else [*parts, *_until_loop(child)]
            parts += matter([child])
    return parts
