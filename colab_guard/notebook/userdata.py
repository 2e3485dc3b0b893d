"""The signing key among Colab's secrets, asked for once, with an end to the waiting."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from colab_guard.core.keys import NAME

WAIT_SECONDS = 10.0  # for somebody to press "Grant access", where the secret is there; else the answer comes at once
OTHERWISE = (
    "Snapshots are signed with another key now. To use that one, grant this notebook access (the key symbol at the "
    "left), then run %reload_ext colab_guard and the cell again."
)


class _TooLong(BaseException):
    """Not an Exception: google.colab passes over those while it waits."""


@dataclass
class Userdata:
    """Gives the secret COLAB_GUARD_KEY, or None where there is none or it can't be had; why, is said once.

    Only the main thread asks: the answer comes in on the kernel's stdin, and a signal ends the waiting for it.
    """

    say: Callable[[str], None]
    _asked: bool = False
    _secret: str | None = None

    def __call__(self) -> str | None:
        """The text of the key. Other threads get what the main one got."""
        if not self._asked and threading.current_thread() is threading.main_thread():
            self._asked, self._secret = True, self._ask()
        return self._secret

    def _ask(self) -> str | None:
        if "google.colab" not in sys.modules:  # only Colab's own kernel has it, from its start on
            return None
        try:
            from google.colab import userdata
        except ImportError:  # an old image
            return None
        try:
            with _at_most(WAIT_SECONDS):
                return str(userdata.get(NAME))
        except _TooLong:
            self.say(f"Colab did not answer for its secret {NAME} within {WAIT_SECONDS:g} s. {OTHERWISE}")
        except Exception as error:  # noqa: BLE001 - told apart by name: the classes exist on Colab only
            if type(error).__name__ != "SecretNotFoundError":
                self.say(f"the Colab secret {NAME} can't be read: {error}. {OTHERWISE}")
        return None


@contextmanager
def _at_most(seconds: float) -> Iterator[None]:
    """Raises _TooLong in the main thread where what it does takes longer. ``userdata.get`` has no such limit: with no
    browser attached, or its question not answered, it would wait for ever.
    """

    def too_long(number: int, frame: Any) -> None:
        raise _TooLong

    handler = signal.signal(signal.SIGALRM, too_long)
    timer = signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, *timer)
        signal.signal(signal.SIGALRM, handler)
