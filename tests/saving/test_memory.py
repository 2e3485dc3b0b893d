"""How much memory a snapshot takes, in real control groups that kill who takes more."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from colab_guard.core.memory import memory
from tests.support import groups

MB = 1_000_000
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
def group():
    """Runs a process in a control group of so many bytes; its exit status is that of a killed one if it takes more."""

    def run(limit_bytes: int, body: str, store: Path) -> subprocess.CompletedProcess[str]:
        with groups.group(limit_bytes) as bounded:
            return python(body, store, bounded.enter)

    return run


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
    assert memory().used_share > 0.8 or WRITER.pool.size_bytes == 0  # it may have been seen already
    until(lambda: WRITER.pool.size_bytes == 0)
    session.namespace["x"] += 1
    assert session.save()
    assert session.saver.finish(100)
    """
    ended = group(600 * MB, body, tmp_path)
    assert ended.returncode == 0, (ended.returncode, ended.stderr)
    check = "assert (Session(Path(sys.argv[1])).newest()['x'] == 4.0).all()"
    assert python(check, tmp_path).returncode == 0


TEXTS = """
session = Session(Path(sys.argv[1]), x=[chr(n + 50) * 5 * MB for n in range({count})])
print(session.save() and session.saver.finish(100), *session.said)
"""


def test_what_must_be_copied_to_be_pickled_and_does_not_fit_is_refused_and_nobody_is_killed(group, tmp_path):
    """150 MB of texts, where 280 MB are allowed."""
    ended = group(280 * MB, TEXTS.format(count=30), tmp_path)
    assert ended.returncode == 0, (ended.returncode, ended.stderr)
    assert "False no snapshot could be taken: a copy of Python's own objects takes" in ended.stdout
    assert "Delete what is not needed" in ended.stdout
    assert group(280 * MB, TEXTS.format(count=10), tmp_path).stdout == "True\n"


def test_without_the_refusal_it_would_be_killed(group, tmp_path):
    careless = "from colab_guard.capture import skeleton\nskeleton.check_room = lambda more_bytes, what, *, spare: None"
    assert group(280 * MB, careless + TEXTS.format(count=30), tmp_path).returncode == -9


def test_a_rescue_of_byte_strings_takes_no_memory_for_them(group, tmp_path):
    """150 MB of each kind, where 400 MB are allowed. They come back as they were; nothing keeps one from growing."""
    body = """
    held = [bytes([n]) * 50 * MB for n in range(3)] + [bytearray(bytes([n]) * 50 * MB) for n in range(3)]
    session = Session(Path(sys.argv[1]), held=held, again=held[4])
    for number in range(2):
        held[5][:2] = b"ab"
        assert session.saver.save(session.take, "", rescue=True), session.said
        assert session.saver.rescued
    held[4].append(7)
    """
    ended = group(400 * MB, body, tmp_path)
    assert ended.returncode == 0, (ended.returncode, ended.stderr)
    check = """
    found = Session(Path(sys.argv[1])).newest()
    expected = [bytes([n % 3]) * 50 * MB for n in range(6)]
    expected[5] = b"ab" + expected[5][2:]
    assert found["held"] == expected
    assert [type(one) for one in found["held"]] == [bytes] * 3 + [bytearray] * 3
    assert found["again"] is found["held"][4]
    """
    assert python(check, tmp_path).returncode == 0


def test_a_rescue_takes_no_memory_for_copies(group, tmp_path):
    """100 MB that would fit twice: the pool stays empty, and one that was filled is given back."""
    body = """
    session = Session(Path(sys.argv[1]), x=np.full(100 * MB // 8, 1.0))
    assert session.save() and session.saver.finish(100)
    assert WRITER.pool.size_bytes > 90 * MB
    session.namespace["x"] += 1
    assert session.saver.save(session.take, "", rescue=True)
    assert WRITER.pool.size_bytes == 0
    assert session.saver.rescued
    assert session.said == []
    """
    ended = group(600 * MB, body, tmp_path)
    assert ended.returncode == 0, (ended.returncode, ended.stderr)
    assert python("assert (Session(Path(sys.argv[1])).newest()['x'] == 2.0).all()", tmp_path).returncode == 0
