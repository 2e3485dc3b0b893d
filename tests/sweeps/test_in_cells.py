"""In a guarded cell a sweep's loop is one of the cell's: it is left, saved and gone on with as they are."""

import sys
from collections.abc import Iterator

import pytest

from colab_guard.store.repository import Repository
from tests.notebook.book import Book, printed

# A slow machine changes nothing: an interrupt waits for its safe point, a snapshot for the one before.
PATIENT = """\
from colab_guard.running import signals
from colab_guard.saving.writer import WRITER
signals.GRACE_SECONDS, WRITER.finish.__func__.__defaults__ = 60.0, (60.0,)"""


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Book]:
    with Book(tmp_path_factory.mktemp("cells"), sys.executable) as book:
        book.run(PATIENT).check()
        yield book


def test_behind_a_long_item_a_snapshot_is_taken_at_once(book):
    book.run("import colab_guard as cg; from colab_guard.sweeps import sweep as module; module.LONG_SECONDS = -1")
    book.run("%%checkpointed long --every 1h --keep 9\nfor item in cg.jobs('abc'):\n    pass").check()
    book.run("%%checkpointed plain --every 1h --keep 9\nfor item in 'abc':\n    pass").check()
    book.run("module.LONG_SECONDS = 1.0")
    repository = Repository.open(book.store)
    assert [len(repository.snapshots(name)) for name in ("long", "plain")] == [4, 2]
    assert not [one for one in repository.snapshots() if one.cell.endswith(" long")], "the cell's are what is true"


def test_an_error_is_mended_and_the_item_goes_on_in_its_middle(book):
    cell = """%%checkpointed mended --every 1it
import colab_guard as cg
sweep, steps = cg.jobs("ab"), []
for item in sweep:
    with sweep:
        for step in range(3):
            steps.append((item, step))
            check(item, step)
rows = [(row.name, row.state, row.tries) for row in sweep.rows]
"""
    book.run("def check(item, step):\n    if (item, step) == ('b', 1): raise ValueError('once')").check()
    assert book.run(cell).error.ename == "ValueError"
    assert book.value("[(row.name, row.state, row.error) for row in sweep.rows][1]") == (
        "b", "failed", "ValueError: once"
    )  # fmt: skip
    book.run("def check(item, step): pass").check()
    book.run(cell).check()
    assert book.value("steps") == [(item, step) for item in "ab" for step in range(3)]
    assert book.value("rows") == [("a", "done", 1), ("b", "done", 1)]


def test_an_interrupt_while_it_rests_pauses_the_cell(book):
    cell = """%%checkpointed rests --every 1h
import colab_guard as cg
for item in cg.jobs("ab", cool_down="10m"):
    print(item, flush=True)
"""
    execution = book.kernel.start(cell)
    while "a\n" not in execution.result.text:
        assert not execution.poll(0.02), execution.result
    book.kernel.interrupt()
    while not execution.poll(0.02):
        pass
    assert execution.result.error.ename == "Pause"
    assert printed(book.run(cell).check()) == ["b"]


def test_continue_and_break_inside_of_with_end_an_item(book):
    book.run("""%%checkpointed left --every 1it
import colab_guard as cg
sweep = cg.jobs("abcd")
for item in sweep:
    with sweep:
        if item == "b":
            continue
        if item == "c":
            break
left = sweep.left
""").check()
    assert book.value("left") == ["d"]


def test_the_panel_is_told_how_many_items_there_are_and_how_many_were_given(book):
    book.run("""
from colab_guard.running.progress import progress
def where_it_is(run):
    return [(loop.name, loop.index, loop.total) for loop in progress(run).loops]
""").check()
    book.run("""%%checkpointed told --every 1h
import colab_guard as cg
seen = []
for item in cg.jobs("abc"):
    seen += where_it_is(globals()["_cg_run"])
""").check()
    assert book.value("seen") == [("item", 1, 3), ("item", 2, 3), ("item", 3, 3)]


def test_two_loops_over_one_sweep_share_what_is_left(book):
    book.run("""%%checkpointed shared --every 1it
import colab_guard as cg
sweep, given = cg.jobs("abcd"), []
for item in sweep:
    if item == "b":
        break
for item in sweep:
    given.append(item)
""").check()
    assert book.value("given") == ["b", "c", "d"]


def test_outside_of_one_a_name_is_asked_for_and_the_notebook_s_own_store_is_used(book):
    assert "needs a name outside of a %%checkpointed cell" in book.run("cg.jobs('ab')").error.evalue
    result = book.run("for item in cg.jobs('ab', name='zoo'):\n    print(item)").check()
    assert printed(result) == ["a", "b"]
    assert f"Its table is in {book.store}" in result.text
    assert [path.suffix for path in sorted((book.store / "jobs").glob("zoo-*"))] == [".csv", ".json", ".svg"]
    shown = book.run("sweep = cg.jobs('ab', name='zoo')\npath = sweep.zip()").check()
    assert "href='results.zip'" in shown.displays[0]["text/html"], "Jupyter shows a link"
    assert "<svg" in book.run("sweep.plot()").check().displays[-1]["image/svg+xml"]
