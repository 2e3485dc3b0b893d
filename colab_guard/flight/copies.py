"""Copies of a flight in the durable store: every COPY_SECONDS, and at once when the next moment may be the last."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

from colab_guard.flight.lines import FOLDER, file_name, number_of, session_of, too_old
from colab_guard.flight.rolling import FILES
from colab_guard.store.backend import Backend

FIRST_SECONDS = 30.0  # after the beginning: a session that dies early is known of, too
COPY_SECONDS = 300.0


class Remote(Backend, Protocol):
    """A backend that can say whether it has something for good."""

    def confirmed(self, name: str) -> bool | None:
        """Whether a file is known to be durable; None where that can't be told. Raises OSError."""


class Copies:
    """The copies of one session, each a new file. They are made in a thread of their own, for a remote may hang;
    whatever is wanted meanwhile is one copy. ``remote`` is asked each time, for a store may move. For any thread, and
    for signal handlers.
    """

    def __init__(
        self, remote: Callable[[], Remote | None], started: float, session: str, content: Callable[[], bytes]
    ) -> None:
        self._remote, self._started, self._session, self._content = remote, started, session, content
        self._number = 0
        self._begun = False
        # A lock in it is released behind the copy; None ends the thread. No event or condition: these have locks.
        self._wanted: queue.SimpleQueue[threading.Lock | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="colab_guard-flight", daemon=True)
        self.trouble = ""

    def look(self) -> float:
        """A copy, if it is time for one; in how many seconds it will be again."""
        if not self._begun:
            self._begun = True
            self._thread.start()
            return FIRST_SECONDS
        self.hurry()
        return COPY_SECONDS

    def hurry(self) -> threading.Lock:
        """A copy, now or behind the one that is under way; the lock can be had once it is made."""
        done = threading.Lock()
        done.acquire()
        self._wanted.put(done)
        return done

    def end(self) -> None:
        """No more copies."""
        self._wanted.put(None)

    def _run(self) -> None:
        while True:
            wanted = [self._wanted.get()]
            with suppress(queue.Empty):
                while True:
                    wanted.append(self._wanted.get_nowait())
            try:
                if wanted != [None] and (remote := self._remote()) is not None:
                    self._copy(remote)
                    self.trouble = ""
            except Exception as error:  # noqa: BLE001 - the next one tries again; a thread has nobody to tell
                self.trouble = f"{type(error).__name__}: {error}"
            for done in wanted:
                if done is None:
                    return
                done.release()

    def _copy(self, remote: Remote) -> None:
        there: list[str] = []
        with suppress(FileNotFoundError):
            there = [entry.name for entry in remote.list(FOLDER)]
        own = sorted(name for name in there if session_of(name) == session_of(self._name(1)))
        self._number = max([self._number, *map(number_of, own)]) + 1
        remote.write_new(self._name(self._number), [self._content()])
        newest = [self._name(self._number), *reversed(own)]
        for name in [*too_old(there, newest[0]), *newest[self._needed(remote, newest) :]]:
            remote.delete(name)

    def _needed(self, remote: Remote, newest: list[str]) -> int:
        """How many of the newest copies are to stay: up to the first that is sure to."""
        for index, name in enumerate(newest):
            with suppress(FileNotFoundError):  # the remote has lost it
                if remote.confirmed(name):
                    return index + 1
        return FILES

    def _name(self, number: int) -> str:
        return file_name(self._started, self._session, number)
