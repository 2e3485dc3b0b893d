"""After a death `%guard why` says what ended the last session, from what that left behind."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.notebook.book import BOTH
from tests.support.kernel import KernelDiedError

RECORDED = Path(__file__).parents[1] / "flights" / "recorded" / "ram-plain-same.jsonl"

CRASH = """%%checkpointed train --every 1it
import ctypes
for epoch in range(5):
    if epoch == 3: ctypes.string_at(0)
"""

NOTHING_FOUND = """
import time
import colab_guard.notebook.flight as flight
%unload_ext colab_guard
flight.facts = lambda place: time.sleep(60)
%load_ext colab_guard
"""


@pytest.fixture
def crashed(new_book):
    book = new_book()
    assert not [line for line in book.greeting.splitlines() if "why" in line], "nothing ended before"
    with pytest.raises(KernelDiedError):
        book.run(CRASH)
    book.restart()
    return book


@BOTH
def test_the_greeting_says_it_in_a_line_and_why_with_the_evidence(crashed):
    (line,) = [line for line in crashed.greeting.splitlines() if "%guard why" in line]
    assert "the kernel crashed by SIGSEGV (certain)" in line
    text = " ".join(crashed.run("%guard why").check().text.split())
    for part in (
        "crashed by SIGSEGV",
        "Python's fault handler wrote of SIGSEGV",
        "string_at",
        "Running: train",
        "Next time: ",
    ):
        assert part in text, text
    called = " ".join(crashed.run("import colab_guard as cg; print(cg.why())").check().text.split())
    assert called.partition("last heard of")[0] == text.partition("last heard of")[0] != called


def test_the_command_line_says_the_same_and_makes_nothing(crashed, tmp_path):
    def why(*arguments):
        return subprocess.run(
            [sys.executable, "-m", "colab_guard.cli", "why", *arguments], capture_output=True, text=True
        )

    before = sorted(crashed.store.rglob("*"))
    told = why(str(crashed.store))
    assert (told.returncode, told.stderr) == (0, "")
    assert "crashed by SIGSEGV" in told.stdout, "not the session that still runs"
    missing = why(str(tmp_path / "missing"))
    assert missing.returncode == 2
    assert "No earlier session is recorded" in missing.stderr
    assert not (tmp_path / "missing").exists()
    assert sorted(crashed.store.rglob("*")) == before


def test_a_session_is_named_by_how_it_begins(crashed):
    names = {path.name.split("-")[1] for path in (crashed.store / "flight").iterdir()}
    first = min(names, key=lambda name: min(path.stat().st_mtime for path in crashed.store.glob(f"flight/*{name}*")))
    assert "crashed by SIGSEGV" in crashed.run(f"%guard why {first[:6]}").check().text
    kind, message = crashed.refusal("%guard why nonsense")
    assert kind == "UsageError"
    assert first in message


def test_where_there_is_an_hour_to_draw_it_is_drawn(new_book):
    book = new_book()
    _, *lines = RECORDED.read_text().splitlines(keepends=True)
    (book.store / "flight").mkdir(parents=True, exist_ok=True)
    (book.store / "flight" / "20261121T100000Z-recorded-0001.jsonl").write_text("".join(lines))
    result = book.run("%guard why recorded").check()
    assert "The session of" in result.text
    [drawn] = [shown["text/html"] for shown in result.displays]
    assert "RAM " in drawn[: drawn.index("before")]


@pytest.mark.parametrize("slow", [False, True])
def test_a_session_without_an_earlier_one_is_told_so(new_book, slow):
    """Though what takes long to find of the machine (its GPUs, a mount's size) is not found yet."""
    book = new_book()
    if slow:
        book.run(NOTHING_FOUND).check()
    kind, message = book.refusal("%guard why")
    assert kind == "UsageError"
    assert "No earlier session is recorded" in message
