"""A cell that runs for days: what must not grow does not."""

import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from tests.saving.soaking import soak

SNAPSHOTS = int(os.environ.get("SOAK_SNAPSHOTS", "2000"))  # `make soak`: 20,000, one a minute for two weeks


def test_thousands_of_snapshots_leave_memory_files_threads_and_the_store_as_after_the_first(tmp_path):
    memory = Path("/dev/shm")  # where there is one: an fsync to a disk takes longer than all the rest
    folder = memory / f"soak-{os.getpid()}" if memory.is_dir() else tmp_path
    # A process of its own: in this one, what other tests left is counted, too, and may come and go.
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        first, *later = pool.submit(soak, folder, SNAPSHOTS).result()
    for one in later:
        assert one["files"] <= first["files"]
        assert one["threads"] <= first["threads"]
        assert one["stored files"] <= first["stored files"] + 4
        assert one["stored bytes"] <= first["stored bytes"] + 1_000_000
        assert one["objects"] <= first["objects"] + 1000
        assert one["memory bytes"] <= first["memory bytes"] + 8_000_000
