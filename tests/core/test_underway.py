"""What takes long says how far it is, and is told of no longer than it takes."""

import _thread
import hashlib
import os
import threading
import time
from contextlib import suppress
from types import SimpleNamespace

import pytest

from colab_guard.capture import replay
from colab_guard.core import underway
from colab_guard.core.underway import Line, long_ones, show_lines, under_way
from colab_guard.store import packs
from colab_guard.store.folder import Folder
from colab_guard.store.packs import BlobRef, faults


@pytest.fixture(autouse=True)
def nothing_left():
    yield
    assert underway._steps == []


@pytest.fixture
def now(monkeypatch):
    """When it is: time stands still."""
    now = time.monotonic()
    monkeypatch.setattr(underway, "time", SimpleNamespace(monotonic=lambda: now))
    return now


def test_several_threads_count_together_and_an_error_ends_it():
    with suppress(RuntimeError), under_way("reading", 40_000) as step:
        threads = [threading.Thread(target=lambda: [step.more(1) for _ in range(10_000)]) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        raise RuntimeError
    assert step.done == 40_000


def test_what_is_short_is_not_worth_a_word(now):
    with under_way("reading", 10) as step:
        step.begun = now
        assert long_ones() == []
        step.begun -= 2 * underway.LONG_SECONDS
        assert long_ones() == [step]


def test_a_forked_child_has_nothing_under_way():
    with under_way("reading", 10) as step:
        step.begun -= 2 * underway.LONG_SECONDS
        if (child := os.fork()) == 0:
            os._exit(len(long_ones()))
        assert os.waitpid(child, 0)[1] == 0


def test_a_replay_tells_of_its_items():
    items, seen = iter(range(5)), list[tuple[int, int]]()
    count = 0

    def advance():
        nonlocal count
        next(items)
        count += 1
        seen.extend((step.done, step.total) for step in underway._steps)

    replay.pass_over(advance, lambda: count, 5, 0.0, "a list")
    assert seen == [(0, 5), (1, 5), (2, 5), (3, 5), (4, 5)]


class Crawling(Folder):
    """Stands in for a store that takes long: the step began ten seconds ago, and half of it waits for a line."""

    def read(self, name, offset, into):
        [step] = underway._steps
        if step.done:
            step.begun -= 10
            assert printed.wait(60), "nobody was told how far it is"
        return super().read(name, offset, into[:400])


printed = threading.Event()


@pytest.fixture
def lines(monkeypatch):
    """What lines print, in a process that wants them."""
    texts: list[str] = []

    def write(text):
        texts.append(text)
        printed.set()

    printed.clear()
    monkeypatch.setattr(underway, "_write", write)
    show_lines(lambda: True)
    yield texts
    show_lines()


def test_reading_back_tells_of_its_bytes_in_a_line_too(tmp_path, lines):
    (tmp_path / "packs").mkdir()
    (tmp_path / "packs" / ("a" * 12 + ".pack")).write_bytes(bytes(800))
    blobs = [BlobRef(hashlib.sha256(bytes(400)).hexdigest(), 400, "a" * 12, offset) for offset in (0, 400)]
    assert faults(Crawling(tmp_path), blobs) == []
    assert lines[0].startswith("\rcolab_guard: reading snapshots: 400 B of 800 B, ")
    assert lines[-2].startswith("\rcolab_guard: reading snapshots: 800 B of 800 B, ")
    assert "left" not in lines[-2]
    assert lines[-1] == "\n"


def test_an_interrupt_does_not_wait_for_all_that_was_to_be_read(tmp_path, monkeypatch):
    abandoned = threading.Event()
    monkeypatch.setattr(packs, "threading", SimpleNamespace(Event=lambda: abandoned))

    class Slow(Folder):
        """A store whose user is impatient."""

        reads = 0

        def read(self, name, offset, into):
            self.reads += 1
            if self.reads == 20:
                _thread.interrupt_main()
                assert abandoned.wait(60), "the thread was not told"
            return super().read(name, offset, into[:1])

    (tmp_path / "packs").mkdir()
    (tmp_path / "packs" / ("a" * 12 + ".pack")).write_bytes(bytes(1000))
    store = Slow(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        faults(store, [BlobRef("0" * 64, 1000, "a" * 12, 0)])
    assert store.reads < 1000


def test_a_line_is_written_over_and_not_often(lines, now):
    with under_way("replaying", 8000, "items") as step, Line() as line:
        step.begun = now
        line.show(step)
        assert lines == [], "it is not worth a word yet"
        step.begun -= 50
        for done in (5000, 5001):
            step.done, line._next = done, 0.0
            line.show(step)
            line.show(step)
    first, second, last, end = lines
    assert first == "\rcolab_guard: replaying: 5,000 of 8,000 items, 100 items/s, 30 s left"
    assert second == last == first.replace("5,000", "5,001")
    assert end == "\n"


def test_a_shorter_line_leaves_nothing_of_the_longer_one(lines, now):
    with under_way("replaying", 1000, "items") as step, Line() as line:
        step.begun = now - 10
        for step.done in (1, 100):  # 166 min left, 90 s left
            line._next = 0.0
            line.show(step)
    assert len(lines[1]) == len(lines[0])


def test_a_thread_prints_nothing_and_no_line_stands_beside_a_panel_that_is_seen(lines):
    with under_way("reading", 10) as step, Line() as line:
        step.begun -= 10
        thread = threading.Thread(target=line.show, args=[step])
        thread.start()
        thread.join()
        show_lines(lambda: False)
        line.show(step)
    assert lines == []
