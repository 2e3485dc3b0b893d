"""A guarded cell as it was submitted."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from functools import cached_property

from colab_guard.cell.edits import Definition


@dataclass(frozen=True)
class Cell:
    """A guarded cell as it was submitted: its name, its (plain Python) source, the tree of that, and the name of
    the file that its code is compiled as.
    """

    name: str
    source: str
    module: ast.Module
    filename: str = "<cell>"

    @cached_property
    def own_names(self) -> frozenset[str]:
        """Functions and classes that the cell itself defines."""
        return frozenset(node.name for node in ast.walk(self.module) if isinstance(node, Definition))

    @cached_property
    def stored_names(self) -> frozenset[str]:
        """Variables that the cell assigns or deletes."""
        return frozenset(
            node.id
            for node in ast.walk(self.module)
            if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load)
        )
