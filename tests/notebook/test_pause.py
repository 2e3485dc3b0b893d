"""Pause, look, change, go on: an interrupt stops a guarded cell where it can go on from memory."""

import ast

from tests.notebook.book import BOTH, printed, said

pytestmark = BOTH

COUNT = """%%checkpointed counting
n, seen = 0, []
while n < limit:
    n += 1
    seen.append((n, lr))
    print(n, flush=True)
    time.sleep(0.03)
n"""


def interrupted(book, cell, after="12\n", times=1):
    """What a cell ends with that is interrupted once it has printed *after*."""
    heard = []
    execution = book.kernel.start(cell, on_text=heard.append)
    while after not in "".join(heard):
        execution.poll(0.05)
    for _ in range(times):
        book.kernel.interrupt()
        execution.poll(0.2)
    while not execution.poll(0.1):
        pass
    return execution.result


def test_the_stop_button_pauses_and_running_the_cell_again_goes_on(book):
    book.run("lr, limit = 0.5, 40").check()
    stopped = interrupted(book, COUNT)
    assert stopped.error.ename == "Pause"
    assert "counting is paused at line 3" in stopped.error.evalue
    assert "Traceback" not in "".join(stopped.error.traceback)
    at = book.value("n")
    assert 12 <= at <= 16
    result = book.run(COUNT).check()
    assert said(result)[0] == "counting goes on from where it was paused, line 3."
    assert list(map(int, printed(result))) == [*range(at + 1, 41), 40], "no iteration is run twice, none left out"


def test_what_was_changed_while_it_was_paused_counts_and_is_listed(book):
    book.run("lr, limit = 0.5, 25").check()
    interrupted(book, COUNT)
    at = book.value("n")
    book.run("lr = 0.05; seen.append('looked'); limit = 20")
    result = book.run(COUNT).check()
    assert "Changed since, and used as they are now: limit, lr, seen." in said(result)[0]
    expected = [*[(i, 0.5) for i in range(1, at + 1)], "looked", *[(i, 0.05) for i in range(at + 1, 21)]]
    assert book.value("seen") == expected


def test_looking_at_random_numbers_while_it_is_paused_changes_none_of_the_cells(book):
    cell = """%%checkpointed draws
import random
random.seed(4)
drawn = []
for i in range(40):
    drawn.append(random.random())
    print(i, flush=True)
    time.sleep(0.02)
"""
    interrupted(book, cell)
    book.run("random.random(); random.seed(99)")
    book.run(cell).check()
    assert book.value("drawn == [r.random() for r in [random.Random(4)] for _ in range(40)]")


def test_a_pause_in_a_function_keeps_its_variables_files_and_blocks(book):
    book.run("""
from contextlib import contextmanager
@contextmanager
def mode(log):
    log.append("in")
    try:
        yield
    finally:
        log.append("out")
def train(n, log):
    total = 0
    with mode(log), open("lines.txt", "w") as file:
        try:
            for i in range(n):
                total += i
                file.write(f"{i}\\n")
                print(i, flush=True)
                time.sleep(0.02)
        except Exception:
            log.append("never")
        finally:
            log.append("finally")
    return total
""").check()
    cell = "%%checkpointed deep\nlog = []\ntotal = train(40, log)\n"
    stopped = interrupted(book, cell)
    assert "of train()" in stopped.error.evalue
    assert book.value("log") == ["in"], "the block has not ended"
    book.run(cell).check()
    assert book.value("log, total") == (["in", "finally", "out"], sum(range(40)))
    assert (book.folder / "lines.txt").read_text() == "".join(f"{i}\n" for i in range(40))


def test_a_bare_except_does_not_swallow_a_pause(book):
    cell = """%%checkpointed bare
done = []
for i in range(40):
    try:
        for j in range(2):
            done.append((i, j))
            print(i, flush=True)
            time.sleep(0.02)
    except:
        done.append("swallowed")
"""
    assert interrupted(book, cell).error.ename == "Pause"
    book.run(cell).check()
    assert book.value("done") == [(i, j) for i in range(40) for j in range(2)]


def test_a_second_interrupt_is_immediate(book):
    book.run("lr, limit = 0.5, 40").check()
    cell = COUNT.replace("time.sleep(0.03)", "time.sleep(3 if n == 12 else 0.03)")
    stopped = interrupted(book, cell, times=2)
    assert stopped.error.ename == "KeyboardInterrupt"
    assert "counting was stopped by KeyboardInterrupt" in said(stopped)[-1]
    result = book.run(cell.replace("3 if n == 12 else ", "")).check()
    assert "counting resumed at line 3 from the snapshot of" in said(result)[0]
    assert book.value("[a for a, b in seen]") == [*range(1, 41)]


def test_an_interrupt_that_meets_no_safe_point_comes_after_all(book):
    cell = "%%checkpointed stuck\nprint('12', flush=True) or time.sleep(30)\n"
    stopped = interrupted(book, cell)
    assert stopped.error.ename == "KeyboardInterrupt"
    assert stopped.text.count("\n") <= 3


def test_a_cell_that_handles_interrupts_itself_gets_them(book):
    cell = """%%checkpointed handled
caught = False
try:
    for i in range(100):
        print(i, flush=True)
        time.sleep(0.02)
except KeyboardInterrupt:
    caught = True
"""
    assert interrupted(book, cell).error is None
    assert book.value("caught") is True


def test_a_kernel_that_restarts_while_a_cell_is_paused_loses_nothing(book):
    book.run("lr, limit = 0.5, 30").check()
    interrupted(book, COUNT)
    at = book.value("n")
    book.restart()
    book.run("lr, limit = 0.5, 30").check()
    result = book.run(COUNT).check()
    assert said(result)[0].startswith("counting resumed at line 3 from the snapshot of")
    assert list(map(int, printed(result))) == [*range(at + 1, 31), 30]


def test_paused_twice(book):
    book.run("lr, limit = 0.5, 60").check()
    interrupted(book, COUNT)
    assert interrupted(book, COUNT, after="30\n").error.ename == "Pause"
    result = book.run(COUNT).check()
    assert "goes on" in said(result)[0]
    assert [a for a, _ in ast.literal_eval(repr(book.value("seen")))] == [*range(1, 61)]


def test_fresh_starts_a_paused_cell_over(book):
    book.run("lr, limit = 0.5, 20").check()
    interrupted(book, COUNT)
    result = book.run(COUNT.replace("counting", "counting --fresh")).check()
    assert list(map(int, printed(result))) == [*range(1, 21), 20]
