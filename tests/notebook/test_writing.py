"""What is being written when a kernel is asked to end is finished first."""

from tests.notebook.book import BOTH, printed

# A stand-in for a slow disk.
SLOW = """
from colab_guard.store.folder import Folder
write_new, seconds = Folder.write_new, 0.3
def slowly(self, name, chunks):
    time.sleep(seconds)
    write_new(self, name, chunks)
Folder.write_new = slowly
"""


@BOTH
def test_a_busy_kernel_that_gets_sigterm_finishes_the_snapshot_in_flight(new_book):
    """The snapshot before was that of iteration 0: with SIGKILL, 0 would be printed again."""
    book = new_book()
    book.run(SLOW).check()
    cell = "%%checkpointed asked --every 1it\nfor i in range(3):\n    print(i)\n    time.sleep(0.01)"
    execution = book.kernel.start(cell)
    while "\n1\n" not in execution.result.text:
        assert not execution.poll(0.1)
    assert book.kernel.ask_to_end(by_signal=True) == -15
    book.restart()
    assert printed(book.run(cell).check())[0] in ("1", "2")


@BOTH
def test_an_idle_kernel_that_is_shut_down_finishes_the_snapshot_in_flight(new_book):
    book = new_book()
    book.run(SLOW).check()
    cell = """%%checkpointed idle --every 1it
for i in range(3):
    seconds = 1.5 if i else 0.0
    stop(i == 2)
i"""
    assert book.run(cell).error is not None
    assert book.value("__import__('colab_guard.saving.writer', fromlist=['']).WRITER.is_busy")
    book.kernel.ask_to_end(by_signal=False)
    book.restart()
    result = book.run(cell).check()
    assert "resumed" in result.text
    assert printed(result)[-1] == "2"
