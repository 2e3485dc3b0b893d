"""A guarded cell whose memory runs out has been saved less than five iterations before the kernel is killed.

Each run is a real kernel in a real control group of 2 GB, from its first byte on, and ends with a real kill.
`make rescue` does the whole campaign of 20 (RESCUE_RUNS=20); otherwise a few.
"""

import itertools
import os
import shutil
import sys

import pytest

from colab_guard.flight.reading import flights
from colab_guard.resume.loading import Load
from colab_guard.saving import Blobs
from colab_guard.store.repository import Repository
from tests.notebook.book import Book, printed, said
from tests.support.groups import group
from tests.support.kernel import KernelDiedError

LIMIT_BYTES = 2_000_000_000
LOST = 5  # iterations; so many are too many
ITERATIONS = 45  # of which some 37 fit
DESCRIPTOR = 199  # the same in each life: it is restored
RUNS = int(os.environ.get("RESCUE_RUNS", "2"))
CELL = """%%checkpointed leaking --every {every}
import os, time
import numpy as np
leak, total = [], 0.0
for i in range({iterations}):
    leak.append({one})
    total += float(leak[-1][i])
    os.pwrite(REACHED, b"%8d" % i, 0)
    time.sleep({pause})
print(i, total)"""
ONES = {
    "bytes": "bytearray(b'\\1') * 50_000_000",
    "arrays": "np.ones(50_000_000 // 8)",
    "tensors": "__import__('torch').ones(50_000_000 // 4)",
    "columns": "__import__('pandas').DataFrame(np.ones((50_000_000 // 8, 1)))[0]",
}
# How often there is a snapshot anyway, with copies in the pool, and for how long an iteration rests.
WAYS = list(itertools.product(ONES, [("1h", 0.0), ("10it", 0.0), ("1h", 0.05), ("0.2s", 0.02)]))
CHOSEN = [WAYS[number * 5 % len(WAYS)] for number in range(RUNS)]


@pytest.fixture(params=range(RUNS), ids=lambda number: f"{CHOSEN[number][0]}-{'-'.join(map(str, CHOSEN[number][1]))}")
def number(request, tmp_path):
    yield request.param
    shutil.rmtree(tmp_path)  # 2 GB


def test_the_kernel_is_killed_right_behind_a_snapshot(number, tmp_path):
    kind, (every, pause) = CHOSEN[number]
    cell = CELL.format(every=every, iterations=ITERATIONS, one=ONES[kind], pause=pause)
    above = f"REACHED = os.dup2(os.open(f'{{HERE}}/reached', os.O_CREAT | os.O_WRONLY), {DESCRIPTOR})"
    with group(LIMIT_BYTES) as bounded:
        with Book(tmp_path, str(bounded.python(sys.executable, tmp_path)), in_group=True) as book:
            book.run(above).check()
            execution = book.kernel.start(cell)
            with pytest.raises(KernelDiedError):
                follow(execution)
        assert bounded.oom_kills() == 1
    repository = Repository.open(tmp_path / "store")
    manifest, problems = repository.newest("leaking")
    assert problems == []
    names = manifest.body["names"]
    saved = Load(Blobs(repository, manifest), {}, frozenset()).variables(names[: names.index("i") + 1])["i"]
    begun = int((tmp_path / "reached").read_text()) + 1  # the one that the kill came in
    assert 0 <= begun - saved < LOST, said(execution.result)
    [flight] = flights(tmp_path / "store")
    assert "rescue" in [event["what"] for event in flight.events]
    if number == 0:
        goes_on(tmp_path, above, cell)


def follow(execution):
    """Until its end."""
    while not execution.poll(0.1):
        pass


def goes_on(folder, above, cell):
    """Where there is memory enough, from there to the right end."""
    (folder / "second life").touch()
    with Book(folder, sys.executable) as book:
        book.run(above).check()
        assert printed(book.kernel.run(cell, timeout=120).check())[-1] == f"{ITERATIONS - 1} {float(ITERATIONS)}"
