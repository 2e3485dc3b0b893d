"""Colab is asked for its secret once, never waited for long, and what it refuses is said.

google.colab can't be installed here: a stand-in with the names and errors of the real module takes its place. What the
real front end asks its user, and when, is not shown.
"""

import signal
import sys
import threading
import time
import types
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from colab_guard.notebook import userdata
from colab_guard.notebook.userdata import Userdata


class SecretNotFoundError(Exception): ...


class NotebookAccessError(Exception): ...


class Colab:
    """Counts how often it is asked."""

    def __init__(self, answer: Callable[[], str]) -> None:
        self.answer, self.asked = answer, 0

    def get(self, key: str) -> str:
        assert key == "COLAB_GUARD_KEY"
        self.asked += 1
        return self.answer()


@pytest.fixture
def colab(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], str]], Colab]:
    def make(answer: Callable[[], str]) -> Colab:
        colab: Any = types.ModuleType("google.colab")
        colab.userdata = Colab(answer)
        monkeypatch.setitem(sys.modules, "google", types.ModuleType("google"))
        monkeypatch.setitem(sys.modules, "google.colab", colab)
        return colab.userdata

    return make


def raising(error: Exception) -> Callable[[], str]:
    def answer() -> str:
        raise error

    return answer


def test_a_secret_is_asked_for_once(colab):
    asked, said = colab(lambda: "the key"), []
    secret = Userdata(said.append)
    assert [secret(), secret()] == ["the key"] * 2
    assert (asked.asked, said) == (1, [])


def test_where_there_is_none_nothing_is_said_and_it_is_not_asked_again(colab):
    asked, said = colab(raising(SecretNotFoundError("Secret COLAB_GUARD_KEY does not exist."))), []
    secret = Userdata(said.append)
    assert [secret(), secret()] == [None, None]
    assert (asked.asked, said) == (1, [])


def test_one_that_this_notebook_may_not_read_is_told(colab):
    colab(raising(NotebookAccessError("Notebook does not have access to secret COLAB_GUARD_KEY")))
    said: list[str] = []
    assert Userdata(said.append)() is None
    [line] = said
    assert "does not have access to secret COLAB_GUARD_KEY" in line
    assert "signed with another key now" in line
    assert "grant this notebook access" in line


def test_an_answer_that_does_not_come_is_not_waited_for(colab, monkeypatch):
    """With no browser attached google.colab polls for ever, and passes over every Exception meanwhile."""

    def never() -> str:
        while True:
            with suppress(Exception):
                time.sleep(0.025)

    heard: list[int] = []
    before = signal.signal(signal.SIGALRM, lambda number, frame: heard.append(number))
    monkeypatch.setattr(userdata, "WAIT_SECONDS", 0.1)
    colab(never)
    said: list[str] = []
    try:
        assert Userdata(said.append)() is None
        [line] = said
        assert "did not answer for its secret COLAB_GUARD_KEY" in line
        assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
        signal.raise_signal(signal.SIGALRM)
        assert heard == [signal.SIGALRM], "the handler of before is back"
    finally:
        signal.signal(signal.SIGALRM, before)


def test_another_thread_never_asks_and_gets_what_the_main_one_got(colab):
    asked = colab(lambda: "the key")
    secret, got = Userdata(print), []

    def ask() -> None:
        thread = threading.Thread(target=lambda: got.append(secret()))
        thread.start()
        thread.join()

    ask()
    assert (got, asked.asked) == ([None], 0)
    secret()
    ask()
    assert (got, asked.asked) == ([None, "the key"], 1)


def test_elsewhere_than_on_colab_nothing_is_imported():
    assert Userdata(print)() is None
    assert "google.colab" not in sys.modules
