"""One thread that uploads what a folder holds, for as long as the process lives.

It takes milliseconds of a processor for each snapshot, and they must come soon: at a lower priority than the training,
as the thread that writes has, an upload beside a busy one took twice as long. It never prints, and raises nothing. A
forked child has none: its parent goes on.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable

from colab_guard.tiers.uploads import Uploads

LOOK_SECONDS = 0.5


class Uploader:
    """Calls ``step`` of its uploads whenever there is something to do. All else is for any thread."""

    def __init__(self, uploads: Uploads) -> None:
        self._uploads = uploads
        self._changed = threading.Condition()
        self._woken = self._hurried = False
        self._thread: threading.Thread | None = None
        self._pid = os.getpid()

    def wake(self, hurry: bool = False) -> None:
        """There is something new. ``hurry``: a remote that failed is to be tried again now."""
        if os.getpid() != self._pid:
            return
        with self._changed:
            self._woken, self._hurried = True, self._hurried or hurry
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="colab_guard-uploader", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def wait(self, is_over: Callable[[], bool], seconds: float) -> bool:
        """Waits until something is so, for at most so long; whether it is. ``is_over`` is called often."""
        if os.getpid() != self._pid:  # the lock may have been held by a thread that is not here
            return is_over()
        until = time.monotonic() + seconds
        with self._changed:
            while not is_over():
                left = until - time.monotonic()
                if left <= 0 or self._thread is None:
                    return is_over()
                self._changed.wait(min(left, LOOK_SECONDS))
        return True

    def _run(self) -> None:
        while True:
            with self._changed:
                self._woken = self._hurried = False
            try:
                wait = self._uploads.step()
            except Exception as error:  # noqa: BLE001 - a flaw of ours, which must not be silent
                text = f"{type(error).__name__}: {error}"
                self._uploads.tell(f"uploads have stopped, please report this: {text}. Restart the kernel to go on.")
                return
            with self._changed:
                self._changed.notify_all()
                # Something new ends no wait for what is under way, nor one before the next try.
                self._changed.wait_for((lambda: self._woken) if wait is None else (lambda: self._hurried), wait)
