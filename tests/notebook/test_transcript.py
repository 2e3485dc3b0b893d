"""What a cell printed is kept as a terminal would show it, and shown again, folded; nothing else notices."""

import contextlib
import io
import logging
import os
import pickle
import subprocess
import sys
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from colab_guard.capture.take import take
from colab_guard.notebook.transcript import CUT, LIMIT_BYTES, Transcript, show
from colab_guard.resume.loading import Load
from tests.notebook.book import BOTH
from tests.support.dying import Held


def kept(*writes: str, before: str = "") -> str:
    with contextlib.redirect_stdout(io.StringIO()), Transcript(before) as transcript:
        for text in writes:
            sys.stdout.write(text)
        return transcript.snapshot_text()


@pytest.mark.parametrize(
    ("writes", "lines"),
    [
        (["a\n", "b"], "a\nb"),
        (["\r 1%|#   |", "\r50%|##  |", "\r100%|####|\n", "done\n"], "100%|####|\ndone\n"),
        (["a long line\rA short"], "A shortline"),
        (["windows\r\nlines\r\n"], "windows\nlines\n"),
        (["abc\x08\x08X"], "aXc"),
        (["\x1b[1;31mred\x1b[0m and ", "bold\x1b[", "0m\n"], "red and bold\n"),
        (["half a line\r\x1b[Knew"], "new"),
        (["title \x1b]0;the window\x07set"], "title set"),
        (["\x1b]no end of this" + "x" * 300, "\nnext"], "]no end of this" + "x" * 300 + "\nnext"),
        (["\nouter 0", "\x1b[A", "\rinner 0", "\n", "\router 1\x1b[A\rinner 1"], "inner 1\nouter 1"),
        (["bell\a, null\0"], "bell, null"),
        (["a lone \udcff surrogate, ", "ünï 🎉"], "a lone ? surrogate, ünï 🎉"),
    ],
)
def test_text_is_kept_as_a_terminal_shows_it(writes: list[str], lines: str) -> None:
    assert kept(*writes) == lines


def reference(text: str) -> str:
    """The same, one character after the other."""
    rows, row, column = [list[str]()], 0, 0
    for character in text:
        if character == "\n":
            rows, row, column = [*rows, []], row + 1, 0
        elif character == "\r":
            column = 0
        elif character == "\b":
            column = max(column - 1, 0)
        else:
            rows[row][column : column + 1] = [character]
            column += 1
    return "\n".join("".join(line) for line in rows)


@given(st.lists(st.text("abé\n\r\b", max_size=12)))
def test_however_the_text_is_cut_into_writes(writes: list[str]) -> None:
    assert kept(*writes) == reference("".join(writes))


@given(st.integers(0, 40), st.integers(0, 6000), st.sampled_from(["x", "é", "🎉"]))
def test_the_newest_lines_that_fit_are_kept(count: int, length: int, letter: str) -> None:
    lines = [f"{number} {letter * length}" for number in range(count)]
    text = kept(*(f"{line}\n" for line in lines))
    assert len(text.encode()) <= LIMIT_BYTES
    whole = "".join(f"{line}\n" for line in lines)
    if len(whole.encode()) <= LIMIT_BYTES:
        assert text == whole
    else:
        assert text.startswith(f"{CUT}\n")
        assert whole.endswith(f"\n{text.removeprefix(CUT).lstrip()}"), "cut at a line"
        missing = lines[whole.count("\n") - text.count("\n")]
        assert len(text.encode()) + len(missing.encode()) + 1 > LIMIT_BYTES, "and no more than is needed"


def test_one_endless_line_is_cut_as_well() -> None:
    text = kept(*["é" * 1000] * 200)
    assert LIMIT_BYTES - 4 < len(text.encode()) <= LIMIT_BYTES
    assert set(text) == {CUT, "\n", "é"}


def test_text_accumulates_over_deaths_and_a_line_goes_on_where_it_stood() -> None:
    first = kept("one\n", "two, ")
    assert kept("three\n", before=first) == "one\ntwo, three\n"
    full = kept("x\n" * LIMIT_BYTES)
    assert kept("y\n", before=full).endswith("x\ny\n")
    assert kept("y\n", before=full).count(CUT) == 1


def test_streams_are_as_before_once_it_is_left(capsys: pytest.CaptureFixture[str]) -> None:
    before = sys.stdout, sys.stderr, sys.stdout.write, sys.stderr.write
    with Transcript() as transcript:
        print("heard")
        print("and this", file=sys.stderr)
    print("not heard")
    transcript.__exit__()
    assert (sys.stdout, sys.stderr, sys.stdout.write, sys.stderr.write) == before
    assert "write" not in vars(sys.stdout)
    assert transcript.snapshot_text() == "heard\nand this\n"
    assert capsys.readouterr() == ("heard\nnot heard\n", "and this\n")


def test_each_stream_begins_a_line_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    with Transcript() as transcript:
        sys.stderr.write("\r 50%|##  |")
        print("epoch 1")
        sys.stderr.write("\r100%|####|")
    assert transcript.snapshot_text() == " 50%|##  |\nepoch 1\n100%|####|"
    assert capsys.readouterr().out == "epoch 1\n"


def test_what_is_redirected_is_not_part_of_it_and_a_log_handler_is(capsys: pytest.CaptureFixture[str]) -> None:
    handler = logging.StreamHandler(sys.stderr)
    logger = logging.Logger("mine")
    logger.addHandler(handler)
    with Transcript() as transcript:
        with contextlib.redirect_stdout(io.StringIO()) as elsewhere:
            print("elsewhere")
        logger.warning("logged")
    assert elsewhere.getvalue() == "elsewhere\n"
    assert transcript.snapshot_text() == "logged\n"
    assert capsys.readouterr().err == "logged\n"


@pytest.mark.usefixtures("capsys")
def test_others_may_overlay_a_stream_before_and_after() -> None:
    stream, heard = sys.stdout, list[str]()
    plain = stream.write

    def overlay(write):
        return lambda text: (heard.append(text), write(text))[1]

    stream.write = first = overlay(plain)
    with Transcript() as transcript:
        stream.write = second = overlay(stream.write)
        stream.write("a")
    stream.write("b")
    assert stream.write is second, "not ours to take away"
    assert (transcript.snapshot_text(), heard) == ("a", ["a", "a", "b", "b"])
    stream.write = first
    with Transcript():
        pass
    assert stream.write is first
    del stream.write


def test_a_stream_that_takes_no_attributes_or_is_none() -> None:
    class Narrow:
        __slots__ = ()

        def write(self, text: str) -> int:
            return len(text)

    with contextlib.redirect_stdout(Narrow()), contextlib.redirect_stderr(None), Transcript() as transcript:
        print("x")
    assert transcript.snapshot_text() == ""


@pytest.mark.usefixtures("capsys")
def test_wrong_calls_fail_as_ever() -> None:
    with Transcript() as transcript:
        with pytest.raises(TypeError):
            sys.stdout.write(b"bytes")
        with pytest.raises(TypeError):
            sys.stdout.write()
    assert transcript.snapshot_text() == ""


@pytest.mark.usefixtures("capsys")
def test_threads_lose_no_line() -> None:
    def work(name: int) -> None:
        for number in range(2000):
            sys.stdout.write(f"{name} {number}\n")

    with Transcript() as transcript:
        threads = [threading.Thread(target=work, args=(name,)) for name in range(4)]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            transcript.snapshot_text()
        for thread in threads:
            thread.join()
    lines = transcript.snapshot_text().splitlines()[1:]
    for name in range(4):
        mine = [int(line.split()[1]) for line in lines if line.startswith(f"{name} ")]
        assert mine == list(range(2000 - len(mine), 2000))


@pytest.mark.usefixtures("capsys")
def test_a_forked_child_writes_only_into_its_own() -> None:
    with Transcript() as transcript:
        print("parent")
        child = os.fork()
        if not child:
            sys.stdout.write("child\n" * 10_000)
            os._exit(0)
        os.waitpid(child, 0)
    assert transcript.snapshot_text() == "parent\n"


@pytest.mark.usefixtures("capsys")
def test_a_stream_and_its_write_are_kept_by_name_in_a_snapshot() -> None:
    with Transcript():
        namespace = {"__name__": "__main__", "write": sys.stdout.write, "out": sys.stdout}
        held = Held(take(namespace, ["write", "out"], {}, frozenset()))
    loaded = Load(held, {}, frozenset()).variables(held.names)
    assert loaded["out"] is sys.stdout
    assert loaded["write"] == sys.stdout.write
    assert pickle.dumps(held.names)


def test_in_a_terminal_one_line_counts(capsys: pytest.CaptureFixture[str]) -> None:
    show("")
    show("\n")
    assert capsys.readouterr().out == ""
    show("a\nb\n\nc\n")
    assert capsys.readouterr().out == "[4 lines printed before the snapshot: a notebook shows them, folded]\n"
    show(f"{CUT}\nb")
    assert capsys.readouterr().out.startswith("[newest 1 line printed")


IN_PROCESS = """
import sys
from IPython.core.interactiveshell import InteractiveShell
from colab_guard.notebook.transcript import Transcript, show
shell = InteractiveShell.instance()
before = sys.stdout.write
with Transcript() as transcript:
    shell.run_cell("print('printed'); 6 * 7")
    shell.run_cell("1 / 0")
assert sys.stdout.write == before
text = transcript.snapshot_text()
assert text.startswith("printed\\n"), text
assert "42" in text and "ZeroDivisionError" in text and "\\x1b" not in text, text
print("=====")
show(text)
"""


def test_in_an_interactive_shell_of_this_process(tmp_path) -> None:
    environment = {**os.environ, "IPYTHONDIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", IN_PROCESS], env=environment, capture_output=True, text=True, check=True
    )
    [line] = done.stdout.partition("=====\n")[2].splitlines()
    assert line.endswith("printed before the snapshot: a notebook shows them, folded]")


CELL = """
import sys, threading
from colab_guard.notebook.transcript import Transcript
kept, before = Transcript(), vars(sys.stdout).get("write")
with kept:
    print("out")
    print("err", file=sys.stderr)
    !echo from a shell
    thread = threading.Thread(target=print, args=["from a thread"])
    thread.start()
    thread.join()
    for i in range(3): sys.stderr.write(f"\\r{i} of 2")
assert vars(sys.stdout).get("write") is before
print("not heard")
"""


@BOTH
def test_in_a_kernel_all_that_a_cell_says_is_kept_once(book) -> None:
    shown = book.run(CELL).check().text
    assert sorted(book.value("kept.snapshot_text()").splitlines()) == [
        "2 of 2", "err", "from a shell", "from a thread", "out",
    ]  # fmt: skip
    for text in ("out\n", "err\n", "from a shell", "from a thread\n", "not heard\n"):
        assert shown.count(text) == 1, "and is shown as ever"


@BOTH
def test_in_a_kernel_the_text_is_shown_folded_and_escaped(book) -> None:
    [shown] = book.run("from colab_guard.notebook.transcript import show\nshow('<b>1 & 2</b>\\nb\\n')").check().displays
    assert shown["text/plain"] == "[2 lines printed before the snapshot: folded]"
    assert shown["text/html"].startswith("<details><summary>2 lines printed before the snapshot</summary>")
    assert "&lt;b&gt;1 &amp; 2&lt;/b&gt;\nb</pre></details>" in shown["text/html"]
