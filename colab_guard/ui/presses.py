"""What was pressed, and what came of it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

SHOWN = 8  # the newest presses that the page is told of
ID_CHARS = 64
WAITING, DONE, REFUSED = "waiting", "done", "refused"


@dataclass
class Press:
    """One press of a button, or several that one act answers: ``ids``; ``at`` in seconds since 1970."""

    do: str
    arg: Any
    at: float
    ids: list[str] = field(default_factory=list)
    state: str = WAITING
    text: str = ""
    tries: int = 0


@dataclass
class Presses:
    """The presses of one panel; thread-safe."""

    clock: Callable[[], float] = time.time
    _all: list[Press] = field(default_factory=list)
    _seen: dict[str, Press] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, do: str, press: str, arg: Any = None, text: str = "") -> bool:
        """A button was pressed; whether that asks for something new. ``text`` is what is said while it waits."""
        press = press[:ID_CHARS]
        with self._lock:
            if press in self._seen:
                return False
            same = next((one for one in self._all if one.state == WAITING and (one.do, one.arg) == (do, arg)), None)
            found = same or Press(do, arg, self.clock(), text=text)
            if same is None:
                self._all.append(found)
            found.ids.append(press)
            self._seen[press] = found
            self._forget()
            return same is None

    def waiting(self) -> list[Press]:
        """Those that were not answered yet, oldest first."""
        with self._lock:
            return [one for one in self._all if one.state == WAITING]

    def answer(self, press: Press, text: str, *, refused: bool = False) -> None:
        """What came of a press, once and for all."""
        with self._lock:
            if press.state == WAITING:
                press.state, press.text = REFUSED if refused else DONE, text

    def shown(self) -> dict[str, dict[str, str]]:
        """The newest, for the page."""
        with self._lock:
            newest = list(self._seen.items())[-SHOWN:]
            return {press: {"state": one.state, "text": one.text} for press, one in newest}

    def _forget(self) -> None:
        """Those that were answered and are not shown any more."""
        for press in list(self._seen)[:-SHOWN]:
            if self._seen[press].state != WAITING:
                del self._seen[press]
        kept = {id(one) for one in self._seen.values()}
        self._all = [one for one in self._all if id(one) in kept]
