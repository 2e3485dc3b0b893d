"""What the page is still to be told, and when: not more than it must be, and nothing while nobody sees it.

A server that ends idle kernels takes each message for use. So an idle kernel's panel falls quiet (docs/panel.md) until
something happens.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from colab_guard.ui.views import Views

SELDOM_SECONDS = 30.0  # between two states, for views of which nothing can be heard
ALIVE_SECONDS = 10.0  # after so long the same is sent again: by that the page knows that the kernel lives
QUIET_SECONDS = 300.0  # after which an idle kernel is left in peace
NO_NEWS = {"now", "age"}
READINGS = {"gpus", "ram", "disk", "channels", "quiet"}  # what is no news of an idle kernel


@dataclass
class Sending:
    """``is_idle``: whether no cell runs; ``clock`` in seconds since 1970. For any thread, but ``next``."""

    clock: Callable[[], float]
    is_idle: Callable[[], bool]
    views: Views = field(default_factory=Views)
    sent_at: float = float("-inf")
    is_answer: bool = False  # somebody waits: it is sent at once, whatever it is
    _sent: dict[str, Any] = field(default_factory=dict)
    _stirred_at: float = field(init=False)

    def __post_init__(self) -> None:
        self._stirred_at = self.clock()

    @property
    def is_quiet(self) -> bool:
        """Whether nothing runs, and nothing happened lately."""
        return self.is_idle() and self.clock() - self._stirred_at > QUIET_SECONDS

    def stir(self) -> None:
        """Something happens: from now on it is told, and views are to say that they are there."""
        if self.is_quiet:
            self.views.renew(self.clock())
        self._stirred_at = self.clock()

    def next(self, state: Callable[[], dict[str, Any]], *, deaf: bool) -> dict[str, Any] | None:
        """The state, if it is to be sent now; ``deaf``: what views say waits, unheard. One thread at a time."""
        now = self.clock()
        if not self._is_due(now, deaf=deaf):
            return None
        found = state()
        new = {key for key, value in found.items() if value != self._sent.get(key)} - NO_NEWS
        if new - READINGS:
            self.stir()
            found = state() if found["quiet"] else found
        elif found["quiet"] and "quiet" not in new and not self.is_answer:
            return None
        if not new and not self.is_answer and now - self.sent_at < ALIVE_SECONDS:
            return None
        self._sent, self.sent_at, self.is_answer = found, now, False
        return found

    def _is_due(self, now: float, *, deaf: bool) -> bool:
        if deaf:
            return self.views.fresh(now) or (bool(self.views) and now - self.sent_at >= SELDOM_SECONDS)
        if not self.is_quiet:  # else they are silent, as they ought to be
            self.views.drop_gone(now)
        return bool(self.views) or self.is_answer
