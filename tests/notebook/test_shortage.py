"""What is said, and done, as a notebook's memory fills up: in a real control group of 1 GB."""

import sys

import pytest

from tests.notebook.book import Book, said
from tests.support.groups import group

ABOVE = """
import numpy as np
from colab_guard.core.memory import memory
def fill(share):
    "Memory in use, up to so much of all there is."
    found = memory()
    return np.ones(int(found.free_bytes - (1 - share) * found.total_bytes), "u1")"""


@pytest.fixture
def book(tmp_path):
    with (
        group(1_000_000_000) as bounded,
        Book(tmp_path, str(bounded.python(sys.executable, tmp_path)), in_group=True) as book,
    ):
        book.run(ABOVE).check()
        yield book


def test_a_cell_that_is_not_guarded_is_warned_below_its_end_once(book):
    """``look`` is called by hand: in the background it is every five seconds."""
    look = "__import__('colab_guard.guards.pressure', fromlist=['x']).PRESSURE.look();"
    result = book.run(f"frames = [fill(0.6)]\nsmall = np.ones(1000)\ncache = {{'x': fill(0.87)}}\n{look}")
    [warning] = said(result.check())
    assert "of the 1.0 GB of RAM are in use; the largest variables are frames (" in warning
    assert warning.index("frames (") < warning.index("cache (") < warning.index("small (8.0 kB)")
    assert "stop_at=97%" in warning
    assert said(book.run(look).check()) == []


def test_a_guarded_cell_is_warned_saved_and_stopped_where_the_user_said(book):
    book.run("%guard config stop_at=95%").check()
    cell = """%%checkpointed filling --every 1h
import time
held, total = [], 0
for i in range(60):
    if memory().used_share < 0.96:
        held.append(np.ones(20_000_000 // 8))
    total += i
    time.sleep(0.02)
print(total)"""
    result = book.run(cell)
    assert result.error.ename == "Pause"
    assert "stop_at says to stop there" in result.error.evalue
    assert "kept in memory, and on disk" in result.error.evalue
    lines = said(result)
    assert any("the largest variables are held (" in line for line in lines)
    assert any("a snapshot was taken here, out of turn" in line for line in lines)
    book.run("%guard config stop_at=\nheld[:] = held[:2]").check()
    assert book.run(cell).check().text.splitlines()[-1] == str(sum(range(60)))


def test_where_no_rescue_is_possible_that_is_said_and_nobody_is_killed_for_trying(book):
    """Texts are copied to be pickled: of 900 MB that can't be done in 1 GB."""
    book.run("%guard config stop_at=95%").check()
    result = book.run("""%%checkpointed texts --every 1h
held = []
while True:
    held.append(chr(len(held) + 50) * 20_000_000)""")
    assert result.error.ename == "Pause"
    assert "kept in memory." in result.error.evalue
    assert any("is not stored. Interrupt the cell" in line for line in said(result))
    assert any(line.startswith("no snapshot could be taken: a copy of Python's own objects") for line in said(result))


def test_a_cell_that_will_be_cut_off_and_a_full_disk_are_told_of_below_the_next_cell(book):
    """The newest beat and the disk's figures are put in at the seam; ``look`` is called by hand."""
    result = book.run("""
from pathlib import Path
from colab_guard.flight.deadlines import DEADLINES
from colab_guard.guards.disk import Disk
from colab_guard.guards.fullness import FULLNESS
%guard config limit=12h
cell = {"name": "train", "since": 0.0, "loops": [["epoch", 11, 50]], "eta": 72000.0}
DEADLINES._beat = lambda: {"t": 600.0, "cell": cell}
FULLNESS._probe = lambda folder: Disk(10**11, 91 * 10**9, 9 * 10**9)
DEADLINES.look(), FULLNESS.look();""")
    full, late = said(result.check())
    assert full.startswith(f"the disk of {book.store} is 91% full, 9.0 GB are left. Big are ")
    assert "needs about 20 h more" in late
    assert "of 12 h (from %guard config): it will be cut off at about epoch 34/50" in late
    book.run("%guard config limit=")


def test_one_look_at_the_settings_says_what_stop_at_may_be(book):
    kind, message = book.refusal("%guard config stop_at=lots")
    assert kind == "UsageError"
    assert "97%" in message
