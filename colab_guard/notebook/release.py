"""The runtime is released once the guarded work is done: for ``%%checkpointed --release-when-done``, for that of
``%keepalive``, and for the panel's button.

The work is done when a guarded cell has come to its end (not by an error or a pause, and not put back from an earlier
kernel) and no cell runs. Then all is waited for that is not durable yet, and then a countdown runs, which begins anew
behind each new cell, and ``keep`` ends: by ``%keepalive off``, a button, or an interrupt. The kernel is idle meanwhile,
so that all of these come through. What is not durable and never will be is said at once, and nothing is released.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from typing import Any

from colab_guard.core.errors import ColabGuardError
from colab_guard.core.words import span
from colab_guard.keepalive import countdown
from colab_guard.keepalive.board import Board
from colab_guard.keepalive.countdown import Countdown
from colab_guard.notebook.drive import unassign
from colab_guard.releasing import never_durable, release
from colab_guard.saving.writer import WRITER
from colab_guard.session import Session
from colab_guard.tiers import opening

KEEP = "%keepalive off, an interrupt or the panel's button keeps it"


class WhenDone:
    """Of one shell. ``look`` and ``words`` are for any thread, all else for the main one; ``tell`` is told each step,
    ``hurry`` has ``look`` called at once.
    """

    def __init__(
        self, shell: Any, session: Session, board: Board, tell: Callable[[str], None], hurry: Callable[[], None]
    ) -> None:
        self._shell, self._session, self._board, self._tell, self._hurry = shell, session, board, tell, hurry
        self._lock = threading.RLock()  # an interrupt keeps the runtime, wherever the main thread is
        self._armed = False
        self._cells: set[str] = set()  # that were asked to end with it
        self._before: set[int] = set()
        self._said = ""
        self._handler: Any = None  # of SIGINT, before the countdown

    @property
    def is_armed(self) -> bool:
        """Whether the runtime is to go, now or when the work is done."""
        return self._armed or bool(self._cells) or self._board.countdown is not None

    def arm(self) -> None:
        """The runtime goes when the guarded work is done."""
        self._armed, self._said = True, ""

    def ask(self, cell: str, *, release: bool) -> None:
        """A guarded cell begins that is, or is not, to end with the runtime."""
        (self._cells.add if release else self._cells.discard)(cell)

    def keep(self, by: str) -> bool:
        """The runtime is kept; whether it was to go."""
        with self._lock:
            was, self._armed, self._board.countdown = self.is_armed, False, None
            self._cells.clear()
        if was:
            self._said = f"the runtime is kept: {by}"
            self._tell(self._said)
            self._hurry()  # and no callback, for this may be the handler of a signal
        return was

    def began(self) -> None:
        """A cell begins."""
        self._before = self._finished()

    def ended(self) -> None:
        """It has ended."""
        with self._lock:
            if self._board.countdown is not None:
                self._board.countdown = Countdown()
        new = self._finished() - self._before
        done = {name for name, run in self._session.runs.items() if id(run) in new}
        if done and (self._armed or done & self._cells):
            self._begin()

    def words(self, now: float) -> str:
        """How it stands, empty where nobody asked for it."""
        running = self._board.countdown
        if running is not None and running.at is not None:
            return f"in {span(running.at - now)}: {KEEP}"
        if running is not None:
            return f"once everything is durable and no cell runs: {KEEP}"
        return "when a guarded cell has come to its end" if self.is_armed else self._said

    def look(self, now: float) -> bool:
        """One step of the countdown; whether another is due in a second."""
        if self._board.countdown is None:
            if self._handler is not None:
                self._later(self._mind_interrupts)
            return False
        durable = not WRITER.is_busy and all(one.is_complete for one in opening.states())
        with self._lock:
            if self._board.countdown is None:  # kept meanwhile
                return False
            found = self._board.countdown.step(durable=durable, working=self._board.work.since is not None, now=now)
            self._board.countdown = found
        self._later(self._release if found.is_over(now) else self._mind_interrupts)
        return True

    def _begin(self) -> None:
        try:
            if lost := never_durable(self._session):
                self._refuse(f"the runtime is kept, for this would be lost: {'; '.join(lost)}.")
                return
        except ColabGuardError as error:
            self._refuse(f"the runtime is kept: {error}")
            return
        self._board.countdown = Countdown()
        self._session.say(
            f"the work is done. The runtime is released {span(countdown.COUNTDOWN_SECONDS)} after everything is "
            f"durable; {KEEP}."
        )
        self._hurry()

    def _refuse(self, why: str) -> None:
        self._armed, self._board.countdown, self._said = False, None, why
        self._cells.clear()
        self._session.say(why)
        self._tell(why)

    def _release(self) -> None:
        found = self._board.countdown
        if found is None or not found.is_over(self._board.clock()):
            return  # kept, or a cell came between
        self._board.countdown = None
        self._mind_interrupts()
        self._armed = False
        self._cells.clear()
        self._tell("the runtime is released now")  # what is printed behind a cell's end, pages may pass over
        try:
            release(self._session, unassign)
        except ColabGuardError as error:
            self._refuse(str(error))

    def _mind_interrupts(self) -> None:
        """Between two cells an interrupt comes to nobody: while the countdown runs, to us."""
        counting = self._board.countdown is not None and self._board.countdown.at is not None
        current = signal.getsignal(signal.SIGINT)
        if counting and current != self._interrupted and self._board.work.since is None:
            self._handler = signal.SIG_IGN if current is None else current
            signal.signal(signal.SIGINT, self._interrupted)
        elif not counting and current == self._interrupted:
            signal.signal(signal.SIGINT, self._handler)
            self._handler = None

    def _interrupted(self, *_: Any) -> None:
        self.keep("it was interrupted")

    def _later(self, what: Callable[[], None]) -> None:
        self._shell.kernel.io_loop.add_callback(what)

    def _finished(self) -> set[int]:
        """The runs of this session that came to their end here."""
        runs = self._session.runs.values()
        return {id(run) for run in runs if run.finished and not (run.plan and run.plan.cursor is None)}
