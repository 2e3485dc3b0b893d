"""Options for what lies beside the variables, in kernels that die: files, links, what was printed, exactness."""

import pytest

from tests.notebook.book import BOTH, printed, said

pytestmark = BOTH


@pytest.fixture
def book(new_book):
    return new_book()


def test_lines_written_after_the_snapshot_are_not_there_twice(book):
    cell = """%%checkpointed logs --every 2it --files log.txt out
os.makedirs("out", exist_ok=True)
for i in range(9):
    with open("log.txt", "a") as log:
        log.write(f"{i}\\n")
    with open(f"out/{i}.txt", "w") as file:
        file.write(str(i))
    die(i == 5)
"""
    book.dies_in(cell)
    assert (book.folder / "log.txt").read_text().endswith("5\n")
    result = book.run(cell).check()
    assert said(result)[1].startswith("files are as they were at the snapshot")
    assert len(said(result)) == 2, "a closed file is no cause of anything"
    assert (book.folder / "log.txt").read_text() == "".join(f"{i}\n" for i in range(9))
    assert sorted(path.name for path in (book.folder / "out").iterdir()) == [f"{i}.txt" for i in range(9)]


def test_a_large_input_is_linked_and_another_is_refused_by_name(book):
    above = "import numpy as np\nX = np.arange({}, dtype=float)"
    cell = (
        "%%checkpointed linked --every 1it --link X\ntotal = 0\nfor i in range(5):\n    total += X[i]\n    die(i == 3)"
    )
    book.run(above.format(100_000)).check()
    book.dies_in(cell)
    assert sum(path.stat().st_size for path in book.store.rglob("*.pack")) < 400_000, "X is not in the snapshots"
    book.run(above.format(100_001)).check()
    error = book.run(cell).error
    assert error.ename == "RestoreError"
    assert "X" in error.evalue
    book.run(above.format(100_000)).check()
    book.run(cell).check()
    assert book.value("float(total)") == 10.0


def test_what_was_printed_before_the_death_is_shown_again_folded(book):
    cell = "%%checkpointed prints --every 1it\nfor i in range(6):\n    print('line', i)\n    die(i == 3)"
    book.dies_in(cell)
    result = book.run(cell).check()
    html = [display["text/html"] for display in result.displays if "text/html" in display]
    assert len(html) == 1
    assert "<details>" in html[0]
    assert "line 0" in html[0]
    assert printed(result) == ["line 3", "line 4", "line 5"]


def test_a_cause_of_inexactness_is_named_and_with_exact_refused(book):
    cell = "%%checkpointed causes{}\nimport os\ndrawn = []\nfor i in range(3):\n    drawn.append(os.urandom(4))"
    result = book.run(cell.format("")).check()
    assert "not exact after a death: line 5: os.urandom draws from the system" in said(result)[1]
    name, text = book.refusal(cell.format("2 --exact"))
    assert name == "Inexact"
    assert "os.urandom" in text


def test_exact_refuses_what_the_first_snapshots_show(book):
    book.run("import threading\nlock = threading.Lock(); lock.acquire()").check()
    result = book.run("%%checkpointed locked --exact\nfor i in range(3):\n    lock.locked()")
    assert result.error.ename == "Inexact"
    assert "made in a cell above" in result.error.evalue
    assert book.value("[name for name in globals() if name.startswith('_cg_')]") == []


ABOVE = """
import sqlite3
from concurrent.futures import ThreadPoolExecutor
pool, base = ThreadPoolExecutor(2), sqlite3.connect(":memory:")
class Trainer: pass
trainer = Trainer(); trainer.pool, trainer.base = pool, base
pool.submit(int).result()
"""


def test_what_cells_above_make_anew_is_gone_on_with_wherever_something_holds_it(new_book):
    book = new_book()
    cell = """%%checkpointed above --every 1it
squares = []
for i in range(6):
    squares.append(trainer.pool.submit(pow, i, 2).result())
    trainer.base.execute("select 1").fetchall()
    die(i == 3)
squares, trainer.pool is pool, trainer.base is base"""
    book.run(ABOVE).check()
    book.dies_in(cell)
    book.run(ABOVE).check()
    result = book.run(cell).check()
    assert printed(result)[-1] == "([0, 1, 4, 9, 16, 25], True, True)"
    [told] = [line for line in said(result) if "not exact" in line]
    assert told.endswith(
        "base (sqlite3.Connection, made in a cell above) can't be kept: a resumed cell has the new session's own."
    )
    error = book.run(cell.replace("above", "strictly").replace("--every", "--exact --every")).error
    assert error.ename == "Inexact"
    assert "else make it inside the loop" in error.evalue
    assert "pool" not in error.evalue


SLOW = """
import os, time
from concurrent.futures import ThreadPoolExecutor, as_completed
from colab_guard.running import postponed
postponed.PATIENCE_SECONDS = 600
pool = ThreadPoolExecutor(2)
def slow(i):
    "In the first life the later ones never end."
    while i > 4 and not os.path.exists("second life"):
        time.sleep(0.01)
    return i
"""
FUTURES = """%%checkpointed futures --every 1it
futures = [pool.submit(slow, i) for i in range(8)]
done = []
for future in {order}:
    done.append(future.result())
    die(len(done) == 4)
for i in range(3):
    done.append(-i)
sorted(done)"""


@pytest.mark.parametrize("order", ["futures", "as_completed(futures)"])
def test_no_snapshot_is_taken_while_a_result_is_still_to_come(new_book, order):
    """There, nothing could go on: a future that is restored without its result waits for ever."""
    book = new_book()
    book.run(SLOW).check()
    book.dies_in(FUTURES.format(order=order))
    book.run(SLOW).check()
    result = book.run(FUTURES.format(order=order)).check()
    assert said(result)[0].startswith("futures resumed at line 2 ")
    assert printed(result)[-1] == "[-2, -1, 0, 0, 1, 2, 3, 4, 5, 6, 7]"
