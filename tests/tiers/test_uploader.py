"""The thread does what there is to do when it is to be done: no sooner, and no later."""

import queue
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from colab_guard.core import underway
from colab_guard.tiers import uploads
from colab_guard.tiers.opening import Tier
from colab_guard.tiers.uploader import Uploader
from tests.tiers.remotes import GONE, Later, Machine


class Steps:
    """Stands in for Uploads: says how long to wait as the test does, and notes when it was called."""

    def __init__(self) -> None:
        self.answers: queue.Queue[float | Exception | None] = queue.Queue()
        self.begun = threading.Semaphore(0)
        self.count = 0

    def step(self) -> float | None:
        self.count += 1
        self.begun.release()
        answer = self.answers.get(timeout=60)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def tell(self, text: str) -> None:
        self.said = text


@pytest.fixture
def steps() -> Any:
    return Steps()


@pytest.fixture
def uploader(steps: Steps) -> Any:
    uploader = Uploader(steps)  # type: ignore[arg-type]
    uploader.wake()
    assert steps.begun.acquire(timeout=60)
    yield uploader
    thread = uploader._thread
    steps.answers.put(ValueError("it is over"))
    uploader.wake(hurry=True)
    thread.join(60)
    assert not thread.is_alive()


def test_something_new_is_done_at_once(uploader, steps):
    for _ in range(3):
        steps.answers.put(None)
        uploader.wake()
        assert steps.begun.acquire(timeout=60)


def test_something_new_during_a_step_is_done_after_it(uploader, steps):
    uploader.wake()
    steps.answers.put(None)
    assert steps.begun.acquire(timeout=60)


def test_something_new_does_not_cut_short_what_a_failing_remote_waits_for(uploader, steps):
    steps.answers.put(1000.0)
    for _ in range(20):
        uploader.wake()
    assert not uploader.wait(lambda: steps.count > 1, 0.1), "it was tried again at each snapshot"
    uploader.wake(hurry=True)
    assert steps.begun.acquire(timeout=60)


def test_what_is_said_to_be_urgent_during_a_step_is_done_after_it(uploader, steps):
    uploader.wake(hurry=True)
    steps.answers.put(1000.0)
    assert steps.begun.acquire(timeout=60)


def test_a_flaw_is_said_and_ends_the_thread_only(uploader, steps):
    steps.answers.put(ValueError("a flaw"))
    uploader._thread.join(60)
    assert "ValueError: a flaw" in steps.said


def test_a_forked_child_waits_for_no_lock_of_its_parent(steps):
    uploader = Uploader(steps)
    uploader._pid += 1  # as in a child, whose parent's thread was at work
    answers = list[bool]()
    with uploader._changed:
        child = threading.Thread(target=lambda: answers.append(uploader.wait(lambda: False, 60)), daemon=True)
        child.start()
        child.join(60)
    assert answers == [False]


def test_before_the_end_a_remote_that_failed_is_tried_once_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(uploads, "FIRST_DELAY_SECONDS", 1000.0)
    monkeypatch.setattr(uploads, "LAST_LOOK_SECONDS", 1000.0)
    remote = Later(tmp_path / "remote")
    machine = Machine(tmp_path / "local", remote)
    uploader = Uploader(machine.uploads)
    tier = Tier(machine.tiered, machine.uploads, uploader)
    remote.broken = GONE
    snapshot = machine.commit()
    uploader.wake()
    assert uploader.wait(lambda: bool(machine.uploads.state("train").trouble), 60)
    remote.broken = None
    assert tier.finish(60)
    assert machine.durable() == snapshot
    end(uploader, machine, monkeypatch)


def test_who_waits_for_uploads_is_told_how_far_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    printed, lines = threading.Event(), list[str]()

    class Crawling(Later):
        """Its packs take longer than it takes to tell of them."""

        def write_new(self, name: str, chunks: Iterable[Any]) -> None:
            if name.startswith("packs/"):
                underway._steps[0].begun -= 10
                assert printed.wait(60), "nobody was told how far it is"
            super().write_new(name, chunks)

    monkeypatch.setattr(underway, "_write", lambda text: [lines.append(text), printed.set()])
    underway.show_lines(lambda: True)
    machine = Machine(tmp_path / "local", Crawling(tmp_path / "remote"))
    uploader = Uploader(machine.uploads)
    machine.commit()
    with underway.Line() as line:
        assert Tier(machine.tiered, machine.uploads, uploader).finish(60, line)
    underway.show_lines()
    assert lines[0].startswith("\rcolab_guard: uploading train: ")
    end(uploader, machine, monkeypatch)


def end(uploader: Uploader, machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ends its thread."""
    monkeypatch.setattr(machine.uploads, "step", None)
    uploader.wake()
    uploader._thread.join(60)
    assert not uploader._thread.is_alive()
