"""What is looked at again and again: in time, one after the other, by a thread that is there while it is wanted."""

import os
import subprocess
import sys
import threading

import pytest

from colab_guard.core.watch import Look, Watch

WAIT = 60.0  # seconds after which a test gives up


def watches() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "colab_guard-watch"]


def waits(called: threading.Event) -> Look:
    """A look that says that it was called, and wants no other one for long."""

    def look() -> float:
        called.set()
        return 3600.0

    return look


def test_a_look_is_called_again_when_it_said_and_the_thread_ends_with_the_last():
    watch, calls, over = Watch(), [], threading.Event()

    def look() -> float:
        calls.append(threading.current_thread())
        if len(calls) == 3:
            watch.drop("counting")
            over.set()
        return 0.0

    watch.add("counting", look)
    assert over.wait(WAIT)
    calls[0].join(WAIT)
    assert not calls[0].is_alive()
    assert len(calls) == 3
    assert set(calls) == {calls[0]}


def test_after_the_thread_has_ended_a_new_look_begins_another():
    watch, seen = Watch(), []
    for _ in range(2):
        over = threading.Event()

        def look(over: threading.Event = over) -> float:
            seen.append(threading.current_thread())
            watch.drop("once")
            over.set()
            return 0.0

        watch.add("once", look)
        assert over.wait(WAIT)
        seen[-1].join(WAIT)
    assert len(set(seen)) == 2


def test_where_no_thread_can_be_had_that_is_raised_and_the_next_one_is_begun(monkeypatch):
    watch, over = Watch(), threading.Event()

    def refused(thread):
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refused)
        with pytest.raises(RuntimeError):
            watch.add("one", waits(over))
    watch.add("one", waits(over))
    assert over.wait(WAIT)
    watch.drop("one")


def test_one_that_waits_long_does_not_keep_the_others_waiting():
    watch, begun, over = Watch(), threading.Event(), threading.Event()
    watch.add("patient", waits(begun))
    assert begun.wait(WAIT)
    watch.add("soon", waits(over))
    assert over.wait(WAIT)
    watch.drop("patient")
    watch.drop("soon")


def test_one_that_raises_is_called_no_more_and_says_why_and_the_others_go_on(capfd):
    watch, calls, over = Watch(), [], threading.Event()

    def broken() -> float:
        calls.append("broken")
        raise ValueError("no such reading")

    def sound() -> float:
        calls.append("sound")
        if calls.count("sound") == 5:
            watch.drop("sound")
            over.set()
        return 0.0

    watch.add("broken", broken)
    watch.add("sound", sound)
    assert over.wait(WAIT)
    assert calls.count("broken") == 1
    assert watch.troubles == {"broken": "ValueError: no such reading"}
    over.clear()
    watch.add("broken", waits(over))
    assert watch.troubles == {}, "it is looked at again"
    assert over.wait(WAIT)
    watch.drop("broken")
    assert capfd.readouterr() == ("", "")


def test_a_look_takes_the_place_of_another_of_its_name():
    watch, first, second = Watch(), threading.Event(), threading.Event()
    watch.add("one", waits(first))
    assert first.wait(WAIT)
    first.clear()
    watch.add("one", waits(second))
    assert second.wait(WAIT)
    assert not first.is_set()
    watch.drop("one")


def test_a_forked_child_watches_nothing_even_where_the_lock_was_held():
    code = """
import os, threading
from colab_guard.core.watch import WATCH
begun, held = threading.Event(), threading.Event()
def look():
    begun.set()
    return 3600.0
WATCH.add("look", look)
begun.wait(60)
def hold():
    with WATCH._changed:
        held.set()
        threading.Event().wait()
threading.Thread(target=hold, daemon=True).start()
held.wait(60)
child = os.fork()
if not child:
    WATCH.add("another", look)
    WATCH.drop("look")
    os._exit(len(threading.enumerate()))
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, timeout=180, env=environment
    )
    assert (done.stdout, done.stderr) == ("1\n", "")
    for thread in watches():  # of tests before
        thread.join(WAIT)
    assert watches() == []
