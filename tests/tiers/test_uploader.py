"""The thread does what there is to do when it is to be done: no sooner, and no later."""

import queue
import threading
from typing import Any

import pytest

from colab_guard.tiers.uploader import Uploader


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
