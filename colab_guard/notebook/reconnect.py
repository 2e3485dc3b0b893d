"""A browser that was gone and is back: ``%autoreconnect``, as far as the kernel can do anything for it.

The page and its frame reconnect themselves (js/reconnect.js). Here it is noticed that beats stop and come again; then
the panel and the frame are told all anew, and where Drive's mount has died it is mounted again, between two cells, for
that asks in the browser. A new kernel knows nothing of the old one's browser: there, Run all resumes the guarded cells.
"""

from __future__ import annotations

from collections.abc import Callable

from colab_guard.core.errors import ColabGuardError, UsageError
from colab_guard.core.places import on_colab
from colab_guard.core.watch import WATCH
from colab_guard.core.words import span
from colab_guard.keepalive.board import Board
from colab_guard.keepalive.contact import CONNECTED, LOST, NOT_KNOWN, Step
from colab_guard.keepalive.policy import LEAST_SECONDS, MOST_SECONDS
from colab_guard.keepalive.status import log_text
from colab_guard.notebook.drive import has_died, mount
from colab_guard.ui.panel import Panel

NAME = "reconnect"
CHECK_SECONDS = 30.0


class Reconnect:
    """Of one shell. ``on``, ``off`` and ``status`` are for the main thread; ``resend`` tells the page all, on any
    thread; ``later`` has something called on the main thread between two cells.
    """

    def __init__(
        self, board: Board, panel: Panel, resend: Callable[[], None], later: Callable[[Callable[[], None]], None]
    ) -> None:
        self._board, self._panel, self._resend, self._later = board, panel, resend, later
        self._check = 0.0

    @property
    def is_on(self) -> bool:
        """Whether it looks."""
        return self._check > 0

    def on(self, check: float = CHECK_SECONDS) -> None:
        """Looks every ``check`` seconds from now on. Raises UsageError."""
        if not LEAST_SECONDS <= check <= MOST_SECONDS:
            raise UsageError(f"--check {check:g} is out of bounds: give {LEAST_SECONDS:g} to {MOST_SECONDS:g} seconds.")
        self._check = check
        self.hurry()

    def off(self) -> None:
        """Looks no more."""
        self._check = 0.0
        WATCH.drop(NAME)

    def hurry(self) -> None:
        """Looks at once, if it looks at all; for any thread."""
        if self.is_on:
            WATCH.add(NAME, self._look)

    def status(self, waiting: str = "") -> str:
        """What it sees, what it does, and every transition; ``waiting``: what there is to go on with in this kernel."""
        now, contact = self._board.clock(), self._board.contact
        on = f"on, looks every {span(self._check)}" if self.is_on else "off: %autoreconnect turns it on"
        seen = contact.state if contact.state == NOT_KNOWN else f"{contact.state} for {span(now - contact.since)}"
        if self.is_on and contact.state == NOT_KNOWN:
            seen = "not known yet: it is noticed by the beats of %keepalive's frame"
            seen += "" if self._board.is_on else ", which is off"
        lines = [f"reconnect  {on}", f"browser    {seen}"]
        if waiting:
            lines.append(f"resume     {waiting}")
        return "\n".join([*lines, log_text(self._board.log.in_order(), now)])

    def _look(self) -> float:
        before, after = self._board.look_for_browser(self._check)
        if before.state == LOST and after.state == CONNECTED:
            self._panel.note(f"a browser is back after {span(after.since - before.since)}")
            self._resend()
            self._later(self._remount)
        elif after.state == LOST != before.state:
            self._panel.note("no browser is there any more: the work goes on")
        return self._check

    def _remount(self) -> None:
        if not on_colab() or self._board.work.since is not None or not has_died():
            return
        try:
            mount(self._panel.note)
            why = "mounted again"
        except ColabGuardError as error:
            why = f"not mounted: {error}"
        except Exception as error:  # noqa: BLE001 - Colab's own errors; the mount is as it was
            why = f"not mounted ({type(error).__name__}: {error}): %guard mount tries again"
        self._board.log.add(Step(self._board.clock(), "kernel", "Drive's mount had died", why, ""))
