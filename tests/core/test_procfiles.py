"""What Linux tells by files is read whole, and by few calls."""

import os
import sys
import threading

import pytest

from colab_guard.core import procfiles
from colab_guard.core.memory import memory
from colab_guard.core.procfiles import PROC, read, reread


def test_a_file_that_comes_by_the_page_is_read_whole():
    assert read(PROC / "vmstat").count("\n") == (PROC / "vmstat").read_text().count("\n")


def test_a_file_read_again_says_what_holds_now(tmp_path):
    file = tmp_path / "counter"
    for text in ("1", "20"):
        file.write_text(text)
        assert reread(file) == text


def test_the_memory_is_read_by_one_call_for_each_file():
    memory()
    calls = []
    still = opened_from_now_on(calls)
    memory()
    still.clear()
    assert [path for path in calls if os.path.exists(path)] == []


def opened_from_now_on(calls):
    """The files that this thread opens from now on, until it is cleared; an audit hook can't be removed."""
    on = [threading.get_ident()]

    def heard(event, args):
        if event == "open" and threading.get_ident() in on:
            calls.append(args[0])

    sys.addaudithook(heard)
    return on


def test_a_file_that_goes_raises_and_is_kept_no_more(tmp_path, monkeypatch):
    file = tmp_path / "gone"
    file.write_text("1")
    reread(file)
    number, opened = procfiles._kept[file], os.open(tmp_path, os.O_RDONLY)
    os.dup2(opened, number)  # of a folder now: it can't be read
    os.close(opened)
    with pytest.raises(OSError):
        reread(file)
    assert file not in procfiles._kept
    with pytest.raises(OSError):
        os.fstat(number)
    assert reread(file) == "1"


def test_a_forked_child_reads_its_own_files_and_waits_for_no_lock():
    reread(PROC / "self/stat")
    with procfiles._lock:
        child = os.fork()
        if not child:
            os._exit(reread(PROC / "self/stat").split()[0] != str(os.getpid()))
    assert os.waitpid(child, 0)[1] == 0
