"""What a real kernel's session leaves behind: its cells, where the running one stood, and how the kernel ended."""

import signal

import pytest

from colab_guard.flight.reading import Flight, flights
from tests.notebook.book import BOTH, Book
from tests.support.kernel import KernelDiedError

ABOVE = """
import errno, os, time
def beat():
    "Now, not ten seconds later."
    from colab_guard.flight.recorder import RECORDER
    from colab_guard.saving.writer import WRITER
    WRITER.job and WRITER.finish(60)
    RECORDER._beat()
"""
STOOD = """
%%checkpointed train
for epoch in range(3):
    for i, batch in enumerate("ab"):
        if (epoch, i) == (1, 1):
            beat()
"""


def newest(book: Book) -> Flight:
    return flights(book.store)[0]


def whats(book: Book) -> list[tuple[str, ...]]:
    return [(event["what"], *filter(None, [event.get("name")])) for event in newest(book).events]


@BOTH
def test_the_beat_of_a_guarded_cell_says_where_it_stands(book):
    book.run(ABOVE).check()
    assert book.run(STOOD.lstrip()).check().text.count("\n") == 1  # and nothing but that it started is printed
    flight = newest(book)
    loops = [["epoch", 2, 3], ["(i, batch)", 2, 2]]
    beat = next(beat for beat in flight.beats if (beat["cell"] or {}).get("loops") == loops)
    cell = beat["cell"]
    assert (cell["name"], cell["guarded"], cell["line"]) == ("train", True, 5)
    assert cell["since"] >= flight.start["t"]
    assert beat["saved"] >= 0
    assert beat["store"] == "ok"
    assert 0 <= beat["browser"] < 60
    assert flight.start["host"] == "jupyter"
    assert {"ram", "rss", "disk", "up", "load", "oom_kills"} <= beat.keys()
    assert ("cell-began", "train") in whats(book)
    assert ("cell-ended", "train") in whats(book)


def test_a_plain_cell_tells_of_the_loops_that_are_cg_loops(book):
    book.run(ABOVE).check()
    cell = "import colab_guard as cg\nfor x in cg.loop(range(5), name='steps'):\n    if x == 3:\n        beat()"
    book.run(cell).check()
    cells = [beat["cell"] for beat in newest(book).beats if "steps" in str(beat)]
    assert (False, [["steps", 4, 5]]) in [(cell["guarded"], cell["loops"]) for cell in cells]


@BOTH
def test_how_a_cell_failed_is_told_and_no_secret_in_it(book):
    book.run(ABOVE)
    token = "hf_" + "aB3dE5gH7jK9mN1pQ3sT5vW7xY9zA1cD3eF5"
    for cell in (
        f"raise ValueError('no token {token}')",
        "raise MemoryError",
        "raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))",
        "class OutOfMemoryError(RuntimeError): pass\nraise OutOfMemoryError('CUDA out of memory. Tried …')",
        "raise KeyboardInterrupt",
        "%%checkpointed broken\nfor x in range(2):\n    1 / 0",
        "1 +",
    ):
        assert book.run(cell).error is not None
    failed = [event for event in newest(book).events if event["what"] == "cell-failed"]
    assert [event.get("class") for event in failed] == [None, "ram", "disk", "gpu-memory", "interrupted", None, None]
    assert [event["error"] for event in failed[-2:]] == ["ZeroDivisionError", "SyntaxError"]
    assert failed[-2]["name"] == "broken"
    assert token not in str(newest(book))
    assert "no token [secret]" in failed[0]["text"]


@BOTH
def test_a_kernel_that_is_told_to_end_says_so(new_book):
    book = new_book()
    book.kernel.ask_to_end(by_signal=False)
    assert whats(book)[-2:] == [("shutdown",), ("exit",)]
    assert newest(book).events[-2]["restart"] is False


def test_a_busy_kernel_that_gets_sigterm_says_so(new_book):
    book = new_book()
    cell = "%%checkpointed x\nfor i in range(10**9):\n    print(i) if i < 2 else time.sleep(0.01)"
    execution = book.kernel.start(cell)
    while "\n1\n" not in execution.result.text:
        assert not execution.poll(0.1)
    assert book.kernel.ask_to_end(by_signal=True) == -signal.SIGTERM
    assert newest(book).events[-1] == newest(book).events[-1] | {"what": "signal", "signal": "SIGTERM"}


def test_a_kernel_that_crashes_leaves_the_signal_behind(new_book):
    book = new_book()
    with pytest.raises(KernelDiedError):
        book.run("import ctypes\nctypes.string_at(0)")
    last = newest(book).events[-1]
    assert last["what"] == "crash"
    assert "Segmentation fault" in last["text"]
    assert newest(book).session != ""
    book.restart()
    assert [flight.events[-1]["what"] for flight in flights(book.store)] == ["cell-ended", "crash"]


def test_unloading_ends_the_recording_and_leaves_no_trace(new_book):
    book = new_book()
    book.run("%unload_ext colab_guard").check()
    book.run("x = 1").check()
    assert whats(book)[-1][0] == "cell-began"
    threads = "[t for t in __import__('threading').enumerate() if 'flight' in t.name]"
    assert book.value(f"[t.name for t in {threads} if t.join(60) or t.is_alive()]") == []
    assert book.value("'do_shutdown' in vars(get_ipython().kernel)") is False
    assert book.value("__import__('faulthandler').is_enabled()") is False
    book.run("%load_ext colab_guard").check()
    book.run("y = 1").check()
    assert len(flights(book.store)) == 1
