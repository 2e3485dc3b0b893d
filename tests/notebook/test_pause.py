"""Pause, look, change, go on: an interrupt stops a guarded cell where it can go on from memory."""

import ast

import pytest

from tests.notebook.book import BOTH, printed, said

pytestmark = BOTH

STANDS = """
from colab_guard.running import signals
signals.GRACE_SECONDS = 600  # a slow machine may take long to the next safe point
def stands(n):
    "Whether the cell is to wait here, for it will be interrupted."
    time.sleep(0.01)
    return os.path.exists(f"{HERE}/stands at {n}")
"""
COUNT = """%%checkpointed counting
n, seen = 0, []
while n < limit:
    if stands(n):
        continue
    n += 1
    seen.append((n, lr))
    print(n, flush=True)
n"""


@pytest.fixture(autouse=True)
def above(book):
    book.run(STANDS).check()


def interrupted(book, cell, at="12", *then):
    """What a cell ends with that stands at a number, and is interrupted at that, and at each line of *then*."""
    stand = book.folder / f"stands at {at}"
    stand.touch()
    execution = book.kernel.start(cell)
    for line in (at, *then):
        while line not in execution.result.text.splitlines():
            assert not execution.poll(0.05), execution.result
        book.kernel.interrupt()
    while not execution.poll(0.1):
        pass
    stand.unlink()
    return execution.result


def test_the_stop_button_pauses_and_running_the_cell_again_goes_on(book):
    book.run("lr, limit = 0.5, 40").check()
    stopped = interrupted(book, COUNT)
    assert stopped.error.ename == "Pause"
    assert "counting is paused at line 3" in stopped.error.evalue
    assert "Traceback" not in "".join(stopped.error.traceback)
    assert book.value("n") == 12
    result = book.run(COUNT).check()
    assert said(result)[0] == "counting goes on from where it was paused, line 3."
    assert list(map(int, printed(result))) == [*range(13, 41), 40], "no iteration is run twice, none left out"


def test_what_was_changed_while_it_was_paused_counts_and_is_listed(book):
    book.run("lr, limit = 0.5, 25").check()
    interrupted(book, COUNT)
    book.run("lr = 0.05; seen.append('looked'); limit = 20")
    result = book.run(COUNT).check()
    assert "Changed since, and used as they are now: limit, lr, seen." in said(result)[0]
    expected = [*[(i, 0.5) for i in range(1, 13)], "looked", *[(i, 0.05) for i in range(13, 21)]]
    assert book.value("seen") == expected


def test_looking_at_random_numbers_while_it_is_paused_changes_none_of_the_cells(book):
    cell = """%%checkpointed draws
import random
random.seed(4)
drawn = []
for i in range(40):
    drawn.append(random.random())
    print(i, flush=True)
    while stands(i):
        pass
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
                while stands(i):
                    pass
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
            while stands(i):
                pass
    except:
        done.append("swallowed")
"""
    assert interrupted(book, cell).error.ename == "Pause"
    book.run(cell).check()
    assert book.value("done") == [(i, j) for i in range(40) for j in range(2)]


def test_a_second_interrupt_is_immediate(book):
    book.run("lr, limit = 0.5, 40").check()
    book.run("""
import signal
def stuck(n):
    "Meets no safe point, and says so, and when the first interrupt has come."
    if n == 12:
        print("stuck", flush=True)
        any(time.sleep(0.01) for _ in iter(lambda: signal.getsignal(signal.SIGINT).__self__.to_pause, True))
        print("asked", flush=True)
        time.sleep(600)
""").check()
    cell = COUNT.replace("counting", "counting --every 1it")
    stopped = interrupted(book, cell.replace("stands", "stuck"), "stuck", "asked")
    assert stopped.error.ename == "KeyboardInterrupt"
    assert "counting was stopped by KeyboardInterrupt" in said(stopped)[-1]
    result = book.run(cell).check()
    assert "counting resumed at line 3 from the snapshot of" in said(result)[0]
    assert book.value("[a for a, b in seen]") == [*range(1, 41)]


def test_an_interrupt_that_meets_no_safe_point_comes_after_all(book):
    book.run("signals.GRACE_SECONDS = 0.5").check()
    cell = "%%checkpointed stuck\nprint('12', flush=True) or time.sleep(600)\n"
    stopped = interrupted(book, cell)
    assert stopped.error.ename == "KeyboardInterrupt"
    assert stopped.text.count("\n") <= 3


# A stand-in for a disk so slow that the time to a safe point is over while a pause is saved.
SLOW = """
import signal
from colab_guard.store.folder import Folder
write_new = Folder.write_new
def slowly(self, name, chunks):
    asked = getattr(signal.getsignal(signal.SIGINT), "__self__", None)
    for timer in getattr(asked, "_timers", ()):
        if asked._is_doing: timer.function(*timer.args)
    write_new(self, name, chunks)
Folder.write_new = slowly
"""


def test_a_pause_may_be_longer_in_the_saving_than_a_safe_point_in_coming(book):
    book.run(f"lr, limit = 0.5, 20\n{SLOW}").check()
    assert interrupted(book, COUNT).error.ename == "Pause"
    book.run("Folder.write_new = write_new").check()
    book.run(COUNT).check()
    assert book.value("[a for a, b in seen]") == [*range(1, 21)]


# A stand-in for a slow disk: it holds the end of the cell up, and tells when the interrupt has come.
HELD = """
import signal
from colab_guard.store.folder import Folder
signals.GRACE_SECONDS = 0.2
write_new = Folder.write_new
def held(self, name, chunks):
    while os.path.exists(f"{HERE}/held"):
        open(f"{HERE}/writing", "w").close()
        time.sleep(0.01)
        if getattr(getattr(signal.getsignal(signal.SIGINT), "__self__", None), "to_pause", False):
            open(f"{HERE}/asked", "w").close()
    write_new(self, name, chunks)
Folder.write_new = held
"""
ENDING = """%%checkpointed ending --every 1h
for n in range(3): pass
open(f"{HERE}/held", "w").close()
"""


def ending(book, times):
    """How a cell ends that is interrupted, so many times, while its end is being written."""
    book.run(STANDS + HELD).check()
    execution = book.kernel.start(ENDING)
    for sign in ("writing", "asked")[:times]:
        while not (book.folder / sign).exists():
            assert not execution.poll(0.05), execution.result
        book.kernel.interrupt()
    while not (book.folder / "asked").exists() or times == 2:
        if execution.poll(0.05):
            break
    execution.poll(0.6)  # longer than the time to a safe point
    for name in ("held", "asked"):
        (book.folder / name).unlink()
    while not execution.poll(0.1):
        pass
    assert book.value("'_cg_run' in globals()") is False
    assert book.value("signal.getsignal(signal.SIGINT) is signal.default_int_handler") is True
    assert book.run("Folder.write_new = write_new; time.sleep(0.5)").error is None, "nothing comes later"
    return execution.result


def test_an_interrupt_while_the_end_is_being_written_loses_nothing(new_book):
    book = new_book()
    assert ending(book, 1).error is None
    book.restart()
    assert "ending finished earlier" in book.run(ENDING).check().text


def test_a_second_one_then_is_immediate_and_leaves_nothing_behind(new_book):
    assert ending(new_book(), 2).error.ename == "KeyboardInterrupt"


def test_a_cell_that_handles_interrupts_itself_gets_them(book):
    cell = """%%checkpointed handled
caught = False
try:
    for i in range(100):
        print(i, flush=True)
        while stands(i):
            pass
except KeyboardInterrupt:
    caught = True
"""
    assert interrupted(book, cell).error is None
    assert book.value("caught") is True


def test_a_kernel_that_restarts_while_a_cell_is_paused_loses_nothing(book):
    book.run("lr, limit = 0.5, 30").check()
    interrupted(book, COUNT)
    book.restart()
    book.run(STANDS).check()
    book.run("lr, limit = 0.5, 30").check()
    result = book.run(COUNT).check()
    assert said(result)[0].startswith("counting resumed at line 3 from the snapshot of")
    assert list(map(int, printed(result))) == [*range(13, 31), 30]


def test_paused_twice(book):
    book.run("lr, limit = 0.5, 60").check()
    interrupted(book, COUNT)
    assert interrupted(book, COUNT, "30").error.ename == "Pause"
    result = book.run(COUNT).check()
    assert "goes on" in said(result)[0]
    assert [a for a, _ in ast.literal_eval(repr(book.value("seen")))] == [*range(1, 61)]


def test_fresh_starts_a_paused_cell_over(book):
    book.run("lr, limit = 0.5, 20").check()
    interrupted(book, COUNT)
    result = book.run(COUNT.replace("counting", "counting --fresh")).check()
    assert list(map(int, printed(result))) == [*range(1, 21), 20]
