"""Writes down what a user would be told of a cell's snapshots, at every change. Runs inside the kernels.

A line says which snapshot the cell was resumed from, which is the newest, and which is durable, by the moments at which
they were taken. Each line is with the system before the next look, so that no death of the kernel takes it back.
"""

import json
import threading
import time
from pathlib import Path
from typing import Any

LOOK_SECONDS = 0.005


def start(shell: Any, cell: str, path: str) -> None:
    """Looks, in a thread of its own, until the kernel ends; the lines go to the end of *path*."""
    session = shell.magics_manager.registry["GuardMagics"]._session
    name = "colab_guard-reporter"  # no thread of the user's, of which the cell would speak
    threading.Thread(target=_report, args=(session, cell, Path(path)), name=name, daemon=True).start()


def _report(session: Any, cell: str, path: Path) -> None:
    said = None
    with path.open("ab", buffering=0) as file:
        while True:
            run = session.runs.get(cell)
            now = _told(run) if run else None
            if now != said:
                said = now
                file.write(json.dumps(now).encode() + b"\n")
            time.sleep(LOOK_SECONDS)


def _told(run: Any) -> dict[str, float | None]:
    durability = run.saver.durability
    newest = durability and durability.newest
    durable = durability and durability.durable
    return {
        "resumed": run.plan and run.plan.created,
        "newest": newest and newest.created,
        "durable": durable and durable.created,
    }
