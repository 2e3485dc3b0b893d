"""How much memory a snapshot takes, in real control groups that kill who takes more."""

import os
import subprocess
import sys
import textwrap
import uuid
from pathlib import Path

import pytest

from colab_guard.core.memory import memory

MB = 1_000_000
ROOTS = {"v1": Path("/sys/fs/cgroup/memory"), "v2": Path("/sys/fs/cgroup")}
LIMITS = {"v1": "memory.limit_in_bytes", "v2": "memory.max"}
HEAD = """
import os, sys, time
from pathlib import Path
import numpy as np
from colab_guard.core.memory import memory
from colab_guard.saving.writer import WRITER
from tests.saving.slow import Session, until
MB = 1_000_000
def status(field):
    return int(next(line for line in open("/proc/self/status") if line.startswith(field)).split()[1]) * 1024
def peak_of(what):
    open("/proc/self/clear_refs", "w").write("5")
    before = status("VmRSS")
    what()
    return status("VmHWM") - before
"""


@pytest.fixture
def group(request):
    """Runs a process in a control group of so many bytes; its exit status is that of a killed one if it takes more."""
    made = []

    def run(limit_bytes: int, body: str, store: Path) -> subprocess.CompletedProcess[str]:
        version = "v1" if ROOTS["v1"].is_dir() else "v2"
        folder = ROOTS[version] / f"colab_guard-{uuid.uuid4().hex[:8]}"
        try:
            folder.mkdir()
            (folder / LIMITS[version]).write_text(str(limit_bytes))
        except OSError as error:
            pytest.skip(f"control groups can't be made here: {error}")
        made.append(folder)
        return python(body, store, lambda: (folder / "cgroup.procs").write_text(str(os.getpid())))

    yield run
    for folder in made:
        folder.rmdir()


def python(body, store, first=None):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[2]), *sys.path])}
    return subprocess.run(
        [sys.executable, "-c", HEAD + textwrap.dedent(body), str(store)],
        capture_output=True, text=True, timeout=120, env=environment, preexec_fn=first,
    )  # fmt: skip


def test_the_bound_that_holds_is_that_of_the_group(group, tmp_path):
    ended = group(400 * MB, "found = memory(); print(found.total_bytes, found.free_bytes)", tmp_path)
    total, free = map(int, ended.stdout.split())
    assert abs(total - 400 * MB) < MB
    assert 0 < free < total
    assert memory().total_bytes > total


def test_what_can_not_be_copied_is_written_with_the_cell_held_and_nobody_is_killed(group, tmp_path):
    """150 MB that changed wholly, where 280 MB are allowed: twice they don't fit beside Python."""
    body = """
    session = Session(Path(sys.argv[1]), x=np.full(150 * MB // 8, 1.0))
    for number in range(3):
        session.namespace["x"] += 1
        assert session.save()
        assert session.saver.finish(100), session.said
    print(*session.said)
    """
    ended = group(280 * MB, body, tmp_path)
    assert ended.returncode == 0, (ended.returncode, ended.stderr)
    assert "does not fit into the free memory" in ended.stdout
    check = """
    x = Session(Path(sys.argv[1])).newest()["x"]
    assert (x == 4.0).all() and x.nbytes == 150 * MB
    """
    assert python(check, tmp_path).returncode == 0


def test_the_same_taken_with_a_copy_would_be_killed(group, tmp_path):
    """What the test before would show, were it not for looking at the free memory first."""
    body = """
    from colab_guard.saving import freezing
    freezing._fits = lambda more_bytes: True
    session = Session(Path(sys.argv[1]), x=np.full(150 * MB // 8, 1.0))
    session.save()
    """
    assert group(280 * MB, body, tmp_path).returncode == -9


def test_no_more_is_taken_than_what_changed_and_a_bound(tmp_path):
    """The bound is 256 MB; 200 MB in 20 arrays, of which one changes from snapshot to snapshot."""
    body = """
    arrays = [np.full(10 * MB // 8, float(n)) for n in range(20)]
    session = Session(Path(sys.argv[1]), arrays=arrays)
    def snapshots():
        for number in range(4):
            arrays[3][:] += 1
            assert session.save()
            assert session.saver.finish(100), session.said
    first = peak_of(snapshots)
    then = peak_of(snapshots)
    print(first, then)
    """
    ended = python(body, tmp_path)
    first, then = map(int, ended.stdout.split())
    assert first < (200 + 256) * MB
    assert then < (10 + 256) * MB


def test_the_pool_is_given_back_when_memory_gets_short(group, tmp_path):
    body = """
    session = Session(Path(sys.argv[1]), x=np.full(80 * MB // 8, 1.0))
    for number in range(2):
        session.namespace["x"] += 1
        assert session.save()
        assert session.saver.finish(100), session.said
    assert WRITER.pool.size_bytes > 80 * MB
    ballast = np.ones(memory().free_bytes - 100 * MB, dtype="u1")  # 600 MB are allowed
    assert memory().used_share > 0.8
    until(lambda: WRITER.pool.size_bytes == 0)
    session.namespace["x"] += 1
    assert session.save()
    assert session.saver.finish(100)
    """
    ended = group(600 * MB, body, tmp_path)
    assert ended.returncode == 0, (ended.returncode, ended.stderr)
    check = "assert (Session(Path(sys.argv[1])).newest()['x'] == 4.0).all()"
    assert python(check, tmp_path).returncode == 0
