"""Whether a cell is one that was seen before: by its name, by what its code begins with, by what is like it."""

from __future__ import annotations

import ast
import difflib
import itertools
from collections.abc import Mapping

from colab_guard.cell.edits import same
from colab_guard.cell.guarded import Cell
from colab_guard.cell.naming import DERIVED, derived_name
from colab_guard.cell.tree import parse
from colab_guard.core.errors import UsageError
from colab_guard.core.words import ago
from colab_guard.running.run import Run
from colab_guard.store.manifest import Manifest, newest_of
from colab_guard.store.repository import Repository

RELATED = 0.8  # a source at least so much alike may be the one that was edited
ALIKE = 0.5  # two sources less alike than this are two cells, not one that was edited


def derived(module: ast.Module, runs: Mapping[str, Run], repository: Repository | None) -> str:
    """The name of a cell that was given none; cells that begin alike get -2, -3 … as they come."""
    base = derived_name(module)
    for name in itertools.chain([base], (f"{base}-{number}" for number in itertools.count(2))):
        run = runs.get(name)
        if run is not None:
            # Not this one: it ran to its end with other code. One that did not is taken to have been mended.
            if same(run.cell.module, module) or not run.finished:
                return name
            continue
        entries = repository.snapshots(name) if repository else []
        last = next((entry for entry in entries if isinstance(entry, Manifest)), None)
        if last is None or last.body["cursor"] is not None or same(parse(last.body["source"]), module):
            return name
    raise AssertionError("there is always a further number")


def relatives(cell: Cell, runs: Mapping[str, Run], repository: Repository, now: float) -> list[str]:
    """A cell without a name gets another derived one when its beginning is edited: point to its old run."""
    for entry in newest_of(repository.snapshots()):
        if entry.cell in runs or entry.body.get("cursor") is None:
            continue
        alike = difflib.SequenceMatcher(None, entry.body["source"], cell.source).ratio()
        if entry.cell.startswith(DERIVED) and alike > RELATED:
            return [
                f"there is an unfinished run of a cell much like this one, {entry.cell} "
                f"({ago(now - entry.created)}, line {entry.body['line']}). If this is that cell, edited: "
                f"%%checkpointed {entry.cell} --resume-anyway goes on with it."
            ]
    return []


def refuse_twin(cell: Cell, before: Run | None, cell_id: str | None, known_id: str | None) -> None:
    """Raises UsageError where the run ``before``, of that name, was of another cell; ids are of the front end."""
    if before is None:
        return
    if cell_id and known_id:
        twin = cell_id != known_id
    else:
        twin = difflib.SequenceMatcher(None, before.cell.source, cell.source).ratio() < ALIKE
    if twin:
        raise UsageError(
            f"Two cells are called {cell.name!r}: this one, and the one that begins with "
            f"`{ast.unparse(before.cell.module.body[0]).splitlines()[0]}`. Their snapshots would be mixed up, so "
            f"nothing was run. Give one of them another name; or, if it is one cell written anew, add --fresh."
        )
