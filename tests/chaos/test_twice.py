"""A kill costs one interval at most: no life does more iterations again than lie between two snapshots."""

import sys

import pytest

from tests.notebook.book import Book

# A module, for its functions are nobody's to leave in their middle, and its loop is no loop of the cell's. An
# iteration waits for the snapshot that was due at its beginning: where a kill falls is then a matter of iterations, not
# of how fast something is written.
OUTSIDE = """
import glob, os
newest = lambda: max(glob.glob("store/snapshots/*.json"), default="")
seen, last = "", -100  # the first waits for the snapshot of the beginning
def iteration(i, every, deaths):
    global seen, last
    with open("log", "a") as file:
        file.write(f"{i}\\n")
    while newest() == seen and i - last >= every:
        pass
    if newest() != seen:
        seen, last = newest(), i
    with open("log") as file:
        first_time = file.read().split().count(str(i)) == 1
    if i in deaths and first_time:
        os.kill(os.getpid(), 9)
"""
CELL = """%%checkpointed twice --every {every}it
import outside
for i in range({count}):
    outside.iteration(i, {every}, {deaths})"""


@pytest.mark.parametrize(("every", "deaths"), [(1, [3]), (10, [9, 25])])
def test_no_more_than_one_interval_is_done_twice(every, deaths, tmp_path):
    (tmp_path / "outside.py").write_text(OUTSIDE)
    cell = CELL.format(every=every, deaths=deaths, count=deaths[-1] + 2)
    with Book(tmp_path, sys.executable) as book:
        for _ in deaths:
            book.dies_in(cell)
        book.run(cell).check()
    log = [int(line) for line in (tmp_path / "log").read_text().split()]
    assert sorted(set(log)) == list(range(deaths[-1] + 2))
    for death in deaths:
        again = log[log.index(death) + 1]
        assert death + 1 - every <= again <= death, f"killed in iteration {death}, went on with {again}"
