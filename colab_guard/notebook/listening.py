"""While a guarded cell runs, waits for messages to the panel, and has the cell take them at its next safe point.

A thread that sleeps until something comes: it costs nothing meanwhile, and a safe point nothing at all. While messages
wait it asks again, for a cell may just then have lowered the flag of its safe points.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from colab_guard.notebook.pumping import Pump

AGAIN_SECONDS = 0.25  # between two requests, while something waits
FIRST_SECONDS, LAST_SECONDS = 0.5, 2.0  # between two looks whether the cell that has begun is guarded by now


class Listener:
    """``ask`` has the guarded cell take messages, and tells whether there is one; called in the thread of its own. All
    else is for the main thread.
    """

    def __init__(self, pump: Pump, ask: Callable[[], bool]) -> None:
        self._pump, self._ask = pump, ask
        self._runs, self._over, self._taken = threading.Event(), threading.Event(), threading.Event()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="colab_guard-panel", daemon=True)
        self._thread.start()

    def began(self) -> None:
        """A cell runs."""
        self._over.clear()
        self._runs.set()

    def ended(self) -> None:
        """No cell runs: the kernel reads its messages itself."""
        self._runs.clear()
        self._over.set()
        self._pump.wake()

    def taken(self) -> None:
        """What has come was taken."""
        self._taken.set()

    def close(self) -> None:
        """Ends the thread, before the pump is removed."""
        self._closed = True
        self.ended()
        self._runs.set()
        self._thread.join()

    def _run(self) -> None:
        while self._runs.wait() and not self._closed:
            pause: float | None = FIRST_SECONDS
            while self._runs.is_set() and not self._closed:
                self._pump.wait(pause)
                self._taken.clear()
                if not self._runs.is_set() or self._closed:
                    break
                if self._ask():
                    pause = None
                    self._taken.wait(AGAIN_SECONDS)
                else:
                    # What has come stays there until the cell ends, which `wait` does not sleep through.
                    self._over.wait(pause)
                    pause = min(2 * (pause or FIRST_SECONDS), LAST_SECONDS)
