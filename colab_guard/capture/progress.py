"""The load in progress: what the functions in a snapshot's pickle ask for memory, and for the session's own things."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

Undo = Callable[[], None] | None


class Loading(Protocol):
    """One load in progress."""

    namespace: dict[str, Any]
    masks: bool  # whether masked texts take the place of secrets that this session does not have

    def origin(self, name: str) -> Any:
        """The session's object of the name that a pickle has. Raises LookupError where there is none."""

    def lost_secret(self) -> None:
        """A stand-in was made for a secret."""

    def fill(self, region: int, into: memoryview) -> None:
        """Read a region's bytes into memory of its size."""

    def alone(self, region: int) -> bool:
        """Whether no other region shares memory with this one."""

    def shared(self, region: int, phase: int | None) -> tuple[Any, int]:
        """The memory (a numpy array of bytes) that a region lies in with others, and its place there.

        ``phase``: where in a line of 64 bytes the region began; None: not known.
        """

    def storage(self, region: int, device: str, phase: int | None) -> Any:
        """The torch storage of a region, beginning at ``phase`` (see ``shared``); the same object at each call."""

    def find(self, qualname: str, inside: str | None = None) -> Any:
        """What the session's notebook defines under that name (a function ``inside`` its decorators), or None."""

    def edited(self, qualname: str) -> None:
        """The session's function of that name has other code than the one in the snapshot had."""

    def place(self, path: str) -> str:
        """Where the file lies that will be at ``path`` once everything is put in place."""

    def owner(self, thing: Any) -> str:
        """The session's variable that leads to a function or class which ``find`` found; empty for any other."""

    def later(self, action: Callable[[], Undo], owner: str = "") -> None:
        """Do this when all is loaded and is about to be put in place: for the session's variable ``owner``."""

    def at_last(self, thing: Any, action: Callable[[], None], what: str) -> None:
        """The same for what can't be undone, on behalf of whatever holds ``thing``; in words, or none for nothing."""


_lock = threading.RLock()
_current: list[Loading] = []


@contextmanager
def loading(load: Loading) -> Iterator[None]:
    """Makes ``load`` the load in progress."""
    with _lock:
        _current.append(load)
        try:
            yield
        finally:
            _current.pop()


def current() -> Loading:
    """The load in progress."""
    return _current[-1]


def is_loading() -> bool:
    """Whether a load is in progress."""
    return bool(_current)
