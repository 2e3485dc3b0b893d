"""A cell that an error or the stop button ended goes on in the same kernel, from its newest snapshot."""

import re

from tests.notebook.book import BOTH, printed, said

pytestmark = BOTH


def test_a_body_fixed_after_an_error_goes_on(book):
    cell = """%%checkpointed fix --every 1it
seen = []
for i in range(5):
    if i == 3: raise ValueError("bad batch")
    seen.append(i)
seen"""
    first = book.run(cell)
    assert (first.error.ename, first.error.evalue) == ("ValueError", "bad batch")
    assert re.fullmatch(
        r"fix was stopped by ValueError; run the cell again to go on from the snapshot of \d+ s ago \(line 3\), "
        r"with the variables as they were there\.",
        said(first)[-1],
    )
    result = book.run(cell.replace("if i == 3: raise", "if i == 9: raise")).check()
    assert said(result)[0].startswith("fix resumed at line 3 ")
    assert printed(result) == ["[0, 1, 2, 3, 4]"]


def test_an_error_behind_the_loop_does_not_run_the_loop_again(book):
    cell = (
        "%%checkpointed behind --every 1it\nruns = []\nfor i in range(3): runs.append(i)\nruns.append(int('x'))\nruns"
    )
    assert book.run(cell).error.ename == "ValueError"
    result = book.run(cell.replace("'x'", "'7'")).check()
    assert printed(result)[0].startswith("[0, 1, 2, 7]")


def test_the_environment_as_it_was_changed_since_counts(book):
    cell = """%%checkpointed environment --every 1it
import os
os.environ["CG_MODE"] = "as the cell says"
for i in range(3):
    if i == 1: raise ValueError
os.environ["CG_MODE"]"""
    assert book.run(cell).error.ename == "ValueError"
    book.run("os.environ['CG_MODE'] = 'as I say'").check()
    result = book.run(cell.replace("i == 1", "i == 9")).check()
    assert printed(result) == ["'as I say'"]


def test_an_error_that_the_cell_catches_itself_is_no_end(book):
    cell = """%%checkpointed caught --every 1it
caught = []
for i in range(4):
    try:
        for j in range(4):
            if j == 2: raise KeyError(j)
    except KeyError as error:
        caught.append((i, error.args[0]))
caught"""
    result = book.run(cell).check()
    assert (len(said(result)), printed(result)) == (1, ["[(0, 2), (1, 2), (2, 2), (3, 2)]"])


def test_a_context_that_can_not_be_entered_again_is_refused_by_name_before_it_is_entered(book):
    cell = """%%checkpointed context --every 1it
import tempfile
made = []
class Watched(tempfile.TemporaryDirectory):
    pass
with tempfile.TemporaryDirectory() as folder:
    made.append(folder)
    for i in range(3): pass
made"""
    result = book.run(cell)
    assert result.error.ename == "UsageError"
    assert "Line 6 enters tempfile.TemporaryDirectory around a loop" in result.error.evalue
    assert "Move the `with`" in result.error.evalue
    assert book.value("made") == []
    moved = cell.replace("    for i in range(3): pass", "for i in range(3): pass")
    assert len(book.run(moved).check().text.splitlines()) == 2
    assert len(book.value("made")) == 1


def test_a_system_exit_is_no_finish(book):
    cell = "%%checkpointed exits --every 1it\nimport sys\nfor i in range(3): pass\n"
    assert book.run(f"{cell}sys.exit(1)").error.ename == "SystemExit"
    assert "resumed" in said(book.run(f"{cell}i").check())[0]


def test_an_error_in_an_edited_condition_is_mended_again_and_again(book):
    cell = """%%checkpointed again --every 1it
seen = []
for i in range(6):
    if i == {}: 1 / 0
    seen.append(i)
seen"""
    for at in (1, 3, 5):
        assert book.run(cell.format(at)).error.ename == "ZeroDivisionError"
    assert printed(book.run(cell.format(9)).check()) == ["[0, 1, 2, 3, 4, 5]"]


def test_results_of_functions_that_were_edited_since_are_put_back_with_a_word(new_book):
    book = new_book()
    above = "class Net:\n    def step(self): return {step}\ndef train(): return [Net().step() for _ in range(2)]"
    cell = "%%checkpointed fit\nfitted = train()"
    book.run(above.format(step=1)).check()
    book.run(cell).check()
    book.restart()
    book.run("\n\n" + above.format(step=1)).check()
    assert said(book.run(cell).check())[0].endswith("(3 variables). --fresh runs it again.")
    book.restart()
    book.run(above.format(step=2)).check()
    assert "3 variables), which are those of before Net.step() was edited. --fresh" in said(book.run(cell).check())[0]
    assert book.value("fitted, train()") == ([1, 1], [2, 2])
