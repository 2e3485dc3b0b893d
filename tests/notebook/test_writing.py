"""What is being written when a kernel is asked to end is finished first."""

from tests.notebook.book import BOTH, printed

# A stand-in for a disk so slow that, from `hold` on, nothing is stored before the kernel is asked to end.
SLOW = """
from colab_guard.flight.recorder import RECORDER
from colab_guard.saving.writer import WRITER
from colab_guard.store.folder import Folder
write_new = Folder.write_new
def asked():
    events = [event["what"] for event in RECORDER._events]
    return os.path.exists(f"{HERE}/second life") or "signal" in events or "shutdown" in events
def wait():
    any(time.sleep(0.01) for _ in iter(asked, True))
def slowly(self, name, chunks):
    wait()
    write_new(self, name, chunks)
def hold():
    WRITER.finish(60)
    Folder.write_new = slowly
"""


@BOTH
def test_a_busy_kernel_that_gets_sigterm_finishes_the_snapshot_in_flight(new_book):
    """The snapshot before was that of iteration 0: with SIGKILL, 0 would be printed again."""
    book = new_book()
    book.run(SLOW).check()
    cell = "%%checkpointed asked --every 1it\nfor i in range(3):\n    print(i)\n    wait() if i else hold()"
    execution = book.kernel.start(cell)
    while "\n1\n" not in execution.result.text:
        assert not execution.poll(0.1)
    assert book.kernel.ask_to_end(by_signal=True) == -15
    book.restart()
    book.run(SLOW).check()
    assert printed(book.run(cell).check())[0] in ("1", "2")


@BOTH
def test_an_idle_kernel_that_is_shut_down_finishes_the_snapshot_in_flight(new_book):
    book = new_book()
    book.run(SLOW).check()
    cell = """%%checkpointed idle --every 1it
for i in range(3):
    print(i)
    stop(i == 1) if i else hold()
"""
    assert book.run(cell).error is not None
    assert book.value("__import__('colab_guard.saving.writer', fromlist=['']).WRITER.is_busy")
    book.kernel.ask_to_end(by_signal=False)
    book.restart()
    book.run(SLOW).check()
    assert printed(book.run(cell).check()) == ["1", "2"]
