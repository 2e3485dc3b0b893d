"""Kishu in an IPython shell: runs the notebook under it, or, in a fresh process, checks its last commit out.

``python -m benchmarks.kishu FOLDER SCALE TRACKER [COMMIT]`` prints JSON. Kishu's own test mode stands in for the
front end: it lets Kishu run without a browser that saves the notebook, and shows nothing of what that saving takes.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import nbformat
import pandas  # noqa: F401 - before any clock runs
import torch  # noqa: F401
from IPython.core.interactiveshell import InteractiveShell

from benchmarks import notebook
from benchmarks.measure import seconds

LOAD = "from kishu import init_kishu; init_kishu()"


def started(folder: Path, tracker: str) -> InteractiveShell:
    """A shell in which Kishu watches every cell."""
    path = folder / "notebook.ipynb"
    if not path.exists():
        nbformat.write(nbformat.v4.new_notebook(), path)
    if tracker:
        from kishu.storage.config import Config

        Config.set("IDGRAPH", f"{tracker}_tracker", True)
    shell = InteractiveShell.instance()
    _ran(shell, LOAD)
    return shell


def run(folder: Path, scale: int, tracker: str) -> dict[str, Any]:
    """Of each cell its kind, 0, the seconds until it is over and the megabytes it added; facts and last commit."""
    shell = started(folder, tracker)
    cells = []
    todo = [("first", cell) for cell in notebook.beginning(scale)] + notebook.CELLS
    for kind, cell in todo:
        before = _size_bytes(folder)
        took = seconds(lambda cell=cell: _ran(shell, cell))
        cells.append((kind, 0, took, (_size_bytes(folder) - before) / 1e6))
    kishu = shell.user_ns["_kishu"]
    commit = kishu._kishu_branch.get_head().commit_id
    return {"cells": cells, "facts": notebook.facts(dict(shell.user_ns)), "commit": commit}


def restore(folder: Path, tracker: str, commit: str) -> dict[str, Any]:
    """How long that takes, and what came back; or the error."""
    shell = started(folder, tracker)
    begun = time.perf_counter()
    try:
        shell.user_ns["_kishu"].checkout(commit)
    except Exception as error:  # noqa: BLE001 - that it fails is a finding
        return {"seconds": None, "facts": {}, "error": f"fails: {type(error).__name__}: {error}"}
    took = time.perf_counter() - begun
    return {"seconds": took, "facts": notebook.facts(dict(shell.user_ns)), "error": ""}


def _ran(shell: InteractiveShell, cell: str) -> None:
    shell.run_cell(cell, store_history=True).raise_error()


def _size_bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.glob("*.kishudb*"))


if __name__ == "__main__":
    where, scale, tracker, *commit = sys.argv[1:]
    found = restore(Path(where), tracker, commit[0]) if commit else run(Path(where), int(scale), tracker)
    print("\n" + json.dumps(found))
