"""One background thread for all that has to be looked at again and again: the beat, the memory, the disk.

It never prints and raises nothing: a look that raises is called no more, and ``troubles`` says why, by its name. There
is a thread as long as there is something to look at; a forked child has none.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable

Look = Callable[[], float]  # gives the seconds until it wants to be called again


class Watch:
    """Calls each of its looks when it is due, one after the other. For any thread."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._due: dict[str, tuple[float, Look]] = {}
        self._thread: threading.Thread | None = None
        self._pid = os.getpid()
        self.troubles: dict[str, str] = {}

    def add(self, name: str, look: Look) -> None:
        """Calls ``look`` from now on, at once for the first time; in place of another of that name."""
        if os.getpid() != self._pid:
            return
        with self._changed:
            self._due[name] = (time.monotonic(), look)
            self.troubles.pop(name, None)
            if self._thread is None:
                thread = threading.Thread(target=self._run, name="colab_guard-watch", daemon=True)
                thread.start()  # raises where the system has no more threads to give
                self._thread = thread
            self._changed.notify_all()

    def drop(self, name: str) -> None:
        """Calls it no more; one that is being called ends by itself."""
        if os.getpid() != self._pid:  # the lock may have been held by a thread that is not here
            return
        with self._changed:
            self._due.pop(name, None)
            self._changed.notify_all()

    def _run(self) -> None:
        while True:
            with self._changed:
                if not self._due:
                    self._thread = None
                    return
                first = min(self._due, key=lambda name: self._due[name][0])
                due, look = self._due[first]
                if (left := due - time.monotonic()) > 0:
                    self._changed.wait(left)
                    continue
            try:
                wait: float | None = look()
            except Exception as error:  # noqa: BLE001 - a look that fails must not end the others
                self.troubles[first] = f"{type(error).__name__}: {error}"
                wait = None
            with self._changed:
                if self._due.get(first, (0.0, None))[1] is look:
                    if wait is None:
                        del self._due[first]
                    else:
                        self._due[first] = (time.monotonic() + wait, look)


WATCH = Watch()
