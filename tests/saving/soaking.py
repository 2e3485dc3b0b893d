"""Many snapshots, one after the other, by a clock that is set; what there is of memory, files and threads meanwhile."""

import gc
import os
import random
import re
import threading
from pathlib import Path
from typing import Any

import numpy as np

from tests.saving.slow import Session

LOOKS = 5


def soak(folder: Path, snapshots: int) -> list[dict[str, int]]:
    """Takes the snapshots, a minute apart, and looks LOOKS times at what there is."""
    session = Session(folder, x=np.zeros(20_000), cold=np.ones(20_000), log=[])
    now = [1e9]
    session.saver.clock = session.repository._clock = lambda: now[0]
    draw, looks = random.Random(1), list[dict[str, int]]()
    try:
        for number in range(snapshots):
            now[0] += 60
            session.namespace["x"][draw.randrange(20_000)] += 1
            session.namespace["log"][:] = [number] * draw.randrange(50)
            if draw.random() < 0.01:
                session.namespace["cold"] = np.full(20_000, number)
            assert session.save()
            assert session.saver.finish(), session.said
            if number % (snapshots // LOOKS) == snapshots // LOOKS - 1:
                looks.append(look(session))
        assert session.said == []
        assert session.newest()["log"] == session.namespace["log"]
        assert np.array_equal(session.newest()["x"], session.namespace["x"])
    finally:
        for file in sorted(folder.rglob("*"), reverse=True):
            file.unlink() if file.is_file() else file.rmdir()
        folder.rmdir()
    return looks


def look(session: Any) -> dict[str, int]:
    """What this process and the store hold."""
    gc.collect()
    # Swapped out or not, and without the pages of files: what of these is in memory is the system's affair.
    status = Path("/proc/self/status").read_text()
    return {
        "files": len(os.listdir("/proc/self/fd")),
        "threads": threading.active_count(),
        "stored files": sum(1 for _ in Path(session.repository.place).rglob("*")),
        "stored bytes": session.repository.usage_bytes(),
        "objects": len(gc.get_objects()),
        "memory bytes": 1024 * sum(map(int, re.findall(r"(?:RssAnon|VmSwap):\s*(\d+) kB", status))),
    }
