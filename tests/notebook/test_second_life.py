"""Edits between two lives. All cells stop in a first life, which ends by SIGKILL; each test runs one in the second."""

import re
from collections.abc import Iterator

import pytest

from tests.notebook.book import Book, printed, said

AGE = re.compile(r"\d+ \w+ ago")
LOOP = """%%checkpointed {} --every 1it
base = 1
seen = []
for i in range(5):
    stop(i == 2)
    seen.append(base * i)
print("end", seen)"""
LOOPS = "body", "behind", "before", "inserted", "anyway", "fresh", "header", "gone", "remarks", "twice"
FINISHED = """%%checkpointed {}
import json
class Point:
    x = 1
seen = [Point() for i in range(3)]
twin = seen
print("RUNS")
len(seen)"""
DONE = "done", "done-edited", "done-anyway", "done-fresh", "done-remarks"


@pytest.fixture(scope="module")
def book(python: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Book]:
    with Book(tmp_path_factory.mktemp("book"), python) as book:
        for name in LOOPS:
            assert book.run(LOOP.format(name)).error.ename == "RuntimeError"
        for name in DONE:
            assert printed(book.run(FINISHED.format(name)).check()) == ["RUNS", "3"]
        book.restart()
        yield book


def test_the_body_of_the_running_loop_may_be_edited(book):
    result = book.run(LOOP.format("body").replace("base * i", "-i")).check()
    assert said(result)[0].startswith("body resumed at line 4 ")
    assert printed(result) == ["end [0, 1, -2, -3, -4]"]


def test_code_behind_the_cursor_may_be_edited(book):
    result = book.run(LOOP.format("behind").replace('"end"', '"new end"') + "\nmore = 1\nmore").check()
    assert printed(result) == ["new end [0, 1, 2, 3, 4]", "1"]


def test_an_edit_before_the_cursor_is_refused_by_line_and_nothing_is_run(book):
    cell = LOOP.format("before").replace("base = 1", "base = 100")
    kind, message = book.refusal(cell)
    assert kind == "EditedCell"
    for part in ("'before' was edited in line 2", "Nothing was run", "--resume-anyway", "--fresh"):
        assert part in message
    kind, again = book.refusal(cell)
    assert (kind, AGE.sub("", again)) == ("EditedCell", AGE.sub("", message))
    assert printed(book.run(cell.replace("100", "1")).check()) == ["end [0, 1, 2, 3, 4]"]


def test_a_statement_put_in_before_the_cursor_is_refused(book):
    kind, message = book.refusal(LOOP.format("inserted").replace("seen = []", "extra = 1\nseen = []"))
    assert (kind, "edited in line 3," in message) == ("EditedCell", True)


def test_resume_anyway_goes_on_with_the_data_of_the_snapshot(book):
    cell = LOOP.format("anyway --resume-anyway").replace("base = 1", "base = 100")
    result = book.run(cell).check()
    assert said(result)[0].startswith("anyway resumed at line 4 ")
    assert printed(result) == ["end [0, 1, 2, 3, 4]"]


def test_fresh_starts_over(book):
    result = book.run(LOOP.format("fresh --fresh").replace("base = 1", "base = 100")).check()
    assert said(result)[0].startswith("fresh started afresh")
    assert printed(result) == ["end [0, 100, 200, 300, 400]"]


def test_an_edit_of_the_running_loops_header_is_refused_by_line(book):
    kind, message = book.refusal(LOOP.format("header").replace("range(5)", "range(6)"))
    assert (kind, "edited in line 4," in message) == ("EditedCell", True)


def test_a_loop_that_is_gone_is_named(book):
    kind, message = book.refusal("%%checkpointed gone\nbase = 1\nprint('RUNS')")
    assert kind == "EditedCell"
    assert "line 4, `for i in range(5):`" in message


def test_comments_blank_lines_imports_and_options_are_no_edits(book):
    cell = (
        LOOP.format("remarks").replace("--every 1it", "--every 60s").replace("base = 1", "import sys\n\n# x\nbase=(1)")
    )
    result = book.run(cell).check()
    assert said(result)[0].startswith("remarks resumed at line ")
    assert printed(result) == ["end [0, 1, 2, 3, 4]"]


def test_in_the_kernel_that_finished_it_a_cell_runs_afresh(book):
    cell = LOOP.format("twice")
    assert "resumed" in said(book.run(cell).check())[0]
    again = book.run(cell).check()
    assert said(again)[0].startswith("twice started, ")
    assert printed(again) == ["end [0, 1, 2, 3, 4]"]


def test_a_cell_that_finished_in_an_earlier_kernel_is_skipped_and_its_results_put_back(book):
    result = book.run(FINISHED.format("done")).check()
    assert printed(result) == []
    assert len(said(result)) == 1
    assert said(result)[0].startswith("done finished earlier (")
    assert "results were put back" in said(result)[0]
    assert book.value("len(seen), seen[0].x, twin is seen, json.__name__") == (3, 1, True, "json")


def test_a_finished_cell_that_was_edited_is_refused_and_nothing_is_run(book):
    kind, message = book.refusal(FINISHED.format("done-edited").replace("range(3)", "range(4)"))
    assert kind == "EditedCell"
    assert "Nothing was run" in message


def test_results_of_a_finished_cell_can_be_had_in_spite_of_an_edit(book):
    result = book.run(FINISHED.format("done-anyway --resume-anyway").replace("range(3)", "range(4)")).check()
    assert printed(result) == []
    assert book.value("len(seen)") == 3


def test_fresh_runs_a_finished_cell_again(book):
    assert printed(book.run(FINISHED.format("done-fresh --fresh")).check()) == ["RUNS", "3"]


def test_remarks_in_a_finished_cell_are_no_edit(book):
    result = book.run(FINISHED.format("done-remarks --every 5m") + "  # how many").check()
    assert (said(result)[0].startswith("done-remarks finished earlier"), printed(result)) == (True, [])


def test_a_set_of_strings_is_gone_through_in_the_order_in_which_it_was_begun(new_book):
    """Though the new process hashes strings otherwise, and would go through the set in another order."""
    book = new_book()
    book.run(
        "words = {f'word-{i}' for i in range(60)}\nprint(list(words), file=open('begun', 'w'), flush=True)"
    ).check()
    cell = """%%checkpointed words --every 1it
order = []
for word in words:
    die(len(order) == 20)
    order.append(word)
len(order)"""
    book.dies_in(cell)
    book.run("words = set()").check()
    assert printed(book.run(cell).check()) == ["60"]
    assert book.value("str(order) == open('begun').read().strip()") is True
