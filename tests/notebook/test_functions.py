"""Functions that a guarded cell calls are gone on with in their middle, in kernels that die."""

import re

import pytest

from tests.notebook.book import BOTH, printed, said

pytestmark = BOTH


@pytest.fixture
def book(new_book):
    return new_book()


TRAIN = """
class Trainer:
    def __init__(self): self.log = []
    def fit(self, epochs):
        for epoch in range(epochs):
            loss = self.epoch(epoch)
            self.log.append(loss)
        return self.log
    def epoch(self, number):
        total = 0
        for batch in range(4):
            total += batch
            print(number, batch, flush=True)
            die(number == 1 and batch == 2)
        return total
"""
CELL = "%%checkpointed fit --every 1it\ntrainer = Trainer()\nlog = trainer.fit(3)\nlog"


def lines(result):
    return [line for line in printed(result) if re.fullmatch(r"\d \d", line)]


def test_a_method_goes_on_at_the_very_iteration(book):
    book.run(TRAIN).check()
    book.dies_in(CELL)
    book.run(TRAIN).check()
    result = book.run(CELL).check()
    assert said(result)[0].startswith("fit resumed at line 10 of Trainer.epoch() from the snapshot of")
    assert lines(result) == ["1 2", "1 3", "2 0", "2 1", "2 2", "2 3"]
    assert printed(result)[-1].endswith("[6, 6, 6]")


def test_a_cell_whose_first_statement_is_the_call_goes_on_in_it_in_the_same_kernel_too(book):
    book.run(TRAIN + "trainer = Trainer()").check()
    cell = "%%checkpointed first --every 1it\nlog = trainer.fit(3)\nlog"
    book.run("die = stop").check()
    assert book.run(cell).error
    (book.folder / "second life").touch()
    result = book.run(cell).check()
    assert said(result)[0].startswith("first resumed at line 10 of Trainer.epoch()")
    assert lines(result) == ["1 2", "1 3", "2 0", "2 1", "2 2", "2 3"]


def test_a_function_on_the_stack_is_edited_where_it_goes_on(book):
    book.run(TRAIN).check()
    book.dies_in(CELL)
    book.run(TRAIN.replace("total += batch", "total += 10 * batch")).check()
    result = book.run(CELL).check()
    assert lines(result)[0] == "1 2"
    assert book.value("log") == [6, 51, 60], "the iteration under way with the new code, what came before with the old"


def test_an_edit_behind_the_loop_of_a_function_on_the_stack(book):
    book.run(TRAIN).check()
    book.dies_in(CELL)
    book.run(TRAIN.replace("return total", "return -total")).check()
    book.run(CELL).check()
    assert book.value("log") == [6, -6, -6]


def test_an_edit_of_what_a_function_already_ran_asks(book):
    setup = """
def train(n):
    scale = 2
    seen = []
    for i in range(n):
        seen.append(scale * i)
        die(i == 2)
    return seen
"""
    cell = "%%checkpointed asks --every 1it\nseen = train(4)"
    book.run(setup).check()
    book.dies_in(cell)
    book.run(setup.replace("scale = 2", "scale = 3")).check()
    name, text = book.refusal(cell)
    assert name == "EditedCell"
    assert "was edited in line 2 of train(), which had already run" in text
    book.run(setup).check()
    book.run(cell).check()
    assert book.value("seen") == [0, 2, 4, 6]


def test_the_call_on_the_stack_is_edited(book):
    book.run(TRAIN).check()
    book.dies_in(CELL)
    book.run(TRAIN).check()
    name, text = book.refusal(CELL.replace("fit(3)", "fit(5)"))
    assert name == "EditedCell"
    assert "line 3, which had already run" in text


def test_a_function_that_the_cell_defines_itself(book):
    cell = """%%checkpointed own --every 1it
def train(n, seen):
    for i in range(n):
        seen.append(i)
        die(i == 3)
    return seen
seen = []
result = train(6, seen)
result"""
    book.dies_in(cell)
    result = book.run(cell).check()
    assert "line 3 of train()" in said(result)[0]
    assert book.value("result == seen == [*range(6)]")
    cell = cell.replace("own", "own2")
    (book.folder / "second life").unlink()
    book.dies_in(cell)
    book.run(cell.replace("seen.append(i)", "seen.append(-i)")).check()
    assert book.value("seen") == [0, 1, 2, -3, -4, -5]


def test_a_librarys_decorator_runs_again_around_the_function_inside(book):
    (book.folder / "mylib.py").write_text("""
import functools
def logged(level):
    def around(f):
        @functools.wraps(f)
        def call(*args, **kwargs):
            return level, f(*args, **kwargs)
        return call
    return around
""")
    setup = """
import mylib
@mylib.logged("info")
@mylib.logged("debug")
def work(n, *, seen, **more):
    for i in range(n):
        seen.append(i)
        die(i == 2)
    return seen, more
"""
    cell = "%%checkpointed decorated --every 1it\nresult = work(5, seen=[], k=1)\n"
    book.run(setup).check()
    book.dies_in(cell)
    book.run(setup).check()
    result = book.run(cell).check()
    assert "line 5 of work()" in said(result)[0]
    assert book.value("result") == ("info", ("debug", ([*range(5)], {"k": 1})))


def test_a_context_manager_as_a_decorator_is_not_entered_twice(book):
    setup = """
import contextlib
depth, most = 0, 0
@contextlib.contextmanager
def deeper():
    global depth
    depth += 1
    try: yield
    finally: depth -= 1
@deeper()
def work(n):
    global most
    for i in range(n):
        most = max(most, depth)
        die(i == 2)
"""
    cell = "%%checkpointed entered --every 1it\nfor i in range(2): work(4)\n"
    book.run(setup).check()
    book.dies_in(cell)
    book.run(setup).check()
    book.run(cell).check()
    assert book.value("depth, most") == (0, 1)


def test_tracebacks_show_the_users_lines_and_nothing_of_ours(book):
    book.run(TRAIN.replace("die(number == 1 and batch == 2)", "1 / (2 - batch)")).check()
    error = book.run(CELL).error
    assert error.ename == "ZeroDivisionError"
    text = "".join(error.traceback)
    assert "colab_guard/" not in text
    for line in ("log = trainer.fit(3)", "loss = self.epoch(epoch)", "1 / (2 - batch)"):
        assert line in text
    error = book.run(CELL).error
    assert "colab_guard/" not in "".join(error.traceback), "nor once it has resumed"


def test_functions_called_by_others_run_plain(book):
    book.run("""
import sys, threading
def caller():
    return sys._getframe(1).f_code
def who(n, into):
    for i in range(n):
        into.append(caller() is who.__code__)
    return into
""").check()
    cell = """%%checkpointed others --every 1it
into = []
inner = sorted([2, 1], key=lambda k: len(who(k, into)))
thread = threading.Thread(target=who, args=(3, into))
thread.start()
thread.join()
del thread
plain = list(into)
direct = who(2, [])
"""
    book.run(cell).check()
    assert book.value("plain, direct") == ([True] * 6, [False, False]), "only the cell's own call can be left"


def test_a_context_in_a_function_that_can_not_be_entered_again_blocks_it_and_says_so(book):
    book.run("""
import tempfile
def work(n):
    seen = []
    with tempfile.TemporaryDirectory() as folder:
        for i in range(n):
            seen.append(i)
    for i in range(n):
        seen.append(-i)
        die(i == 1)
    return seen
""").check()
    cell = "%%checkpointed inside --every 1it\nseen = work(3)"
    book.dies_in(cell)
    book.run("""
def work(n):
    seen = []
    with tempfile.TemporaryDirectory() as folder:
        for i in range(n):
            seen.append(i)
    for i in range(n):
        seen.append(-i)
        die(i == 1)
    return seen
import tempfile
""").check()
    book.run(cell).check()
    assert book.value("seen") == [0, 1, 2, 0, -1, -2]


def test_rerun_makes_a_variable_anew(book):
    cell = """%%checkpointed anew --every 1it --rerun db
import sqlite3
db = sqlite3.connect(":memory:")
seen = []
for i in range(5):
    seen.append(db.execute("select 2").fetchone()[0] * i)
    die(i == 3)
seen"""
    book.dies_in(cell)
    result = book.run(cell).check()
    assert "not exact" not in result.text
    assert book.value("seen") == [0, 2, 4, 6, 8]


def test_executors_are_made_anew_by_themselves(book):
    cell = """%%checkpointed pool --every 1it
from concurrent.futures import ThreadPoolExecutor
seen = []
with ThreadPoolExecutor(2) as pool:
    for i in range(5):
        seen.extend(pool.map(abs, [-i, i]))
        die(i == 3)
seen"""
    book.dies_in(cell)
    result = book.run(cell).check()
    assert "resumed at line 5" in said(result)[0]
    assert book.value("seen") == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]


def test_what_shares_with_what_a_function_uses_comes_along(book):
    above = """
model = {"w": 0}
alias = model
def train(n):
    for i in range(n):
        model["w"] += 1
        die(i == 3)
"""
    book.run(above).check()
    book.dies_in("%%checkpointed shares --every 1it\ntrain(6)")
    book.run(above).check()
    book.run("%%checkpointed shares --every 1it\ntrain(6)").check()
    assert book.value("model, alias is model") == ({"w": 6}, True)


MODULE = """
import os, signal
def train(name, epochs):
    seen = []
    for epoch in range(epochs):
        for batch in range(4):
            seen.append((epoch, batch))
            if (epoch, batch) == (1, 2) and not os.path.exists(f"{name} died"):
                open(f"{name} died", "w").close()
                from colab_guard.saving.writer import WRITER
                WRITER.finish(60)
                os.kill(os.getpid(), signal.SIGKILL)
            print(name, epoch, batch, flush=True)
    return seen
"""
GIVEN = """%%checkpointed own --every 1it
import own_training
import colab_guard as cg
cg.guard(own_training)
first = own_training.train("first", 2)
second = own_training.train("second", 2)
first == second, len(second)"""


def test_a_module_that_was_given_over_is_entered_in_later_kernels_too(book):
    """The line that gave it is behind the cursor by then, and does not run again."""
    (book.folder / "own_training.py").write_text(MODULE)
    for name in ("first", "second"):
        book.dies_in(GIVEN)
        assert (book.folder / f"{name} died").exists()
    result = book.run(GIVEN).check()
    assert said(result)[0].startswith("own resumed at train() in line 6 from the snapshot of")
    assert [line for line in printed(result) if line.startswith("second")] == ["second 1 2", "second 1 3"]
    assert printed(result)[-1] == "(True, 8)"


def test_a_given_module_that_is_gone_is_said_and_nothing_runs(book):
    (book.folder / "own_training.py").write_text(MODULE)
    book.dies_in(GIVEN)
    (book.folder / "own_training.py").unlink()
    kind, message = book.refusal(GIVEN)
    assert kind == "EditedCell"
    assert "train() of the module own_training was under way, and this session can't import that" in message
