"""A notebook's session after each of its cells, ours beside Kishu's: time, bytes, and what comes back.

``python -m benchmarks.session FOLDER`` is our fresh process: it restores what lies there, and prints JSON.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks import notebook
from benchmarks.engine import Engine, restored
from benchmarks.measure import Row, seconds
from benchmarks.venvs import FOLDER, Unavailable, found_by, python_of

MB = 1e6  # bytes
TRACKERS = {"": "Kishu 0.3.4", "experimental": "Kishu 0.3.4, experimental tracker"}


def rows(scale: int, trackers: Sequence[str] = tuple(TRACKERS)) -> list[Row]:
    """The rows about the notebook made smaller by ``scale``, and what Kishu makes of the same one."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    found = []
    with tempfile.TemporaryDirectory(dir=FOLDER) as folder:
        ours = _ours(Path(folder), scale)
    for kind, bound_seconds, bound_mb in ((notebook.SMALL, 0.10, 0.1), (notebook.ARRAY, 0.12, 10.2)):
        stall, saved, size_mb = _middle(ours["cells"], kind)
        what = f"session of {0.5 / scale:g} GB: a cell that changes {kind}"
        found += [
            Row(what, f"stall {stall:.3f} s", f"saved after {saved:.3f} s", saved, "s", bound_seconds),
            Row(f"– bytes of a cell that changes {kind}", f"{size_mb:.3f} MB", "", size_mb, "MB", bound_mb),
        ]
    found.append(
        Row(
            f"session of {0.5 / scale:g} GB: restored in a fresh process",
            ours["said"],
            "imports aside",
            ours["restore"],
            "s",
            1.5,
        )
    )
    for tracker in trackers:
        found += _kishu(tracker, scale)
    return found


def _ours(folder: Path, scale: int) -> dict[str, Any]:
    namespace: dict[str, Any] = {"__name__": "__main__"}
    for cell in notebook.beginning(scale):
        exec(cell, namespace)
    engine = Engine(folder, namespace, notebook.VALUES)
    cells = []
    for kind, cell in [("first", ""), *notebook.CELLS]:
        exec(cell, namespace)
        engine.new_bytes()
        stall = engine.save()
        cells.append((kind, stall, stall + engine.finish(), engine.new_bytes() / MB))
    back = found_by([sys.executable, "-m", "benchmarks.session", str(folder)])
    return {
        "cells": cells,
        "restore": back["seconds"],
        "said": notebook.compared(notebook.facts(namespace), back["facts"]),
    }


def _kishu(tracker: str, scale: int) -> list[Row]:
    who = TRACKERS[tracker]
    try:
        python = python_of("kishu")
        with tempfile.TemporaryDirectory(dir=FOLDER) as folder:
            command = [python, "-m", "benchmarks.kishu", folder, str(scale), tracker]
            environment = {"TEST_NOTEBOOK_PATH": f"{folder}/notebook.ipynb", "ENV_KISHU_TEST_MODE": "1"}
            environment |= {"KISHU_PATH_ROOT": folder, "IPYTHONDIR": folder}
            before = found_by(command, environment=environment)
            back = found_by([*command, before["commit"]], environment=environment)
    except Unavailable as reason:
        return [Row(who, "", f"could not be run: {reason}", None, "s")]
    found = []
    for kind in (notebook.SMALL, notebook.ARRAY):
        _, saved, size_mb = _middle(before["cells"], kind)
        found.append(Row(f"{who}: a cell that changes {kind}", "", f"{saved:.2f} s, {size_mb:.3f} MB", saved, "s"))
    said = back["error"] or notebook.compared(before["facts"], back["facts"])
    found.append(Row(f"{who}: restored in a fresh process", "", said, back["seconds"], "s"))
    return found


def _middle(cells: Sequence[Sequence[Any]], kind: str) -> tuple[float, float, float]:
    """The medians over the cells of a kind: the stall, the seconds until it is saved, the megabytes."""
    some = [cell[1:] for cell in cells if cell[0] == kind]
    stall, saved, size_mb = (statistics.median(column) for column in zip(*some, strict=True))
    return stall, saved, size_mb


def restore(back: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """How long it takes, the libraries being imported, and what came back."""
    import pandas  # noqa: F401
    import torch  # noqa: F401

    values: list[dict[str, Any]] = []
    took = seconds(lambda: values.append(back()))
    return {"seconds": took, "facts": notebook.facts(values[0]), "error": ""}


if __name__ == "__main__":
    print(json.dumps(restore(lambda: restored(Path(sys.argv[1])))))
