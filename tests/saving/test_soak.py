"""A cell that runs for days: what must not grow does not."""

import gc
import os
import random
import threading
from pathlib import Path

import numpy as np

from tests.saving.slow import Session

SNAPSHOTS = int(os.environ.get("SOAK_SNAPSHOTS", "2000"))  # `make soak`: 20,000, one a minute for two weeks
LOOKS = 5


def test_thousands_of_snapshots_leave_memory_files_threads_and_the_store_as_after_the_first(tmp_path):
    memory = Path("/dev/shm")  # where there is one: an fsync to a disk takes longer than all the rest
    folder = memory / f"soak-{os.getpid()}" if memory.is_dir() else tmp_path
    session = Session(folder, x=np.zeros(20_000), cold=np.ones(20_000), log=[])
    now = [1e9]
    session.saver.clock = session.repository._clock = lambda: now[0]
    draw, looks = random.Random(1), []
    try:
        for number in range(SNAPSHOTS):
            now[0] += 60
            session.namespace["x"][draw.randrange(20_000)] += 1
            session.namespace["log"][:] = [number] * draw.randrange(50)
            if draw.random() < 0.01:
                session.namespace["cold"] = np.full(20_000, number)
            assert session.save()
            assert session.saver.finish(), session.said
            if number % (SNAPSHOTS // LOOKS) == SNAPSHOTS // LOOKS - 1:
                looks.append(look(session))
        assert session.said == []
        assert session.newest()["log"] == session.namespace["log"]
        assert np.array_equal(session.newest()["x"], session.namespace["x"])
    finally:
        for file in sorted(folder.rglob("*"), reverse=True):
            file.unlink() if file.is_file() else file.rmdir()
        folder.rmdir()
    first, *later = looks
    for one in later:
        assert one["files"] <= first["files"]
        assert one["threads"] <= first["threads"]
        assert one["stored files"] <= first["stored files"] + 4
        assert one["stored bytes"] <= first["stored bytes"] + 1_000_000
        assert one["objects"] <= first["objects"] + 1000
        assert one["resident bytes"] <= first["resident bytes"] + 8_000_000


def look(session):
    gc.collect()
    return {
        "files": len(os.listdir("/proc/self/fd")),
        "threads": threading.active_count(),
        "stored files": sum(1 for _ in Path(session.repository.place).rglob("*")),
        "stored bytes": session.repository.usage_bytes(),
        "objects": len(gc.get_objects()),
        "resident bytes": int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE"),
    }
