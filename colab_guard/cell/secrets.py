"""Secrets in the source of cells: what a snapshot holds of it is masked, so it is compared without them."""

from __future__ import annotations

import ast
import copy
import re
from functools import lru_cache

from colab_guard.core.secrets import MASK, is_masked, mask, values_in

_MASKED = re.compile(re.escape(MASK) + r"\**")  # one secret, however long


def without_secrets(module: ast.Module) -> ast.Module:
    """The tree with the same text in the place of each secret, masked or not, old or new; itself, if it has none."""
    texts = _secret_texts(module)
    if not texts:
        return module
    return _Without(texts).visit(copy.deepcopy(module))  # type: ignore[no-any-return]


def holds_secret(node: ast.AST) -> bool:
    """Whether there is one in it, or was one before it was masked."""
    return bool(_secret_texts(node))


def _secret_texts(node: ast.AST) -> frozenset[str]:
    return _found(ast.unparse(node))


@lru_cache(maxsize=256)
def _found(source: str) -> frozenset[str]:
    return values_in(source) | ({MASK} if is_masked(source) else frozenset())


class _Without(ast.NodeTransformer):
    def __init__(self, texts: frozenset[str]) -> None:
        self._texts = texts

    def visit_Constant(self, node: ast.Constant) -> ast.Constant:
        value = node.value.decode("latin-1") if isinstance(node.value, bytes) else node.value
        if not isinstance(value, str):
            return node
        new = _MASKED.sub(MASK, mask(value, self._texts - {MASK}))
        return ast.copy_location(ast.Constant(new.encode("latin-1") if isinstance(node.value, bytes) else new), node)
