"""Warns, below a cell that has ended, of memory, disks and time that got short; a guarded cell says so itself."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

from colab_guard.core.places import is_below_drive
from colab_guard.flight.deadlines import DEADLINES
from colab_guard.guards.disk import working_folder
from colab_guard.guards.fullness import FULLNESS
from colab_guard.guards.pressure import PRESSURE
from colab_guard.notebook.flight import root_of
from colab_guard.saving.shortage import tell_of_shortage
from colab_guard.session import Session


class Shortage:
    """Of one shell. ``begin`` and ``end`` are for the thread that runs cells."""

    def __init__(self, shell: Any, session: Session) -> None:
        self._shell, self._session = shell, session

    def begin(self) -> None:
        """They are looked at from now on."""
        PRESSURE.begin()
        FULLNESS.begin(self._folders)
        DEADLINES.begin()
        self._shell.events.register("post_run_cell", self._ended)

    def end(self) -> None:
        """They are looked at no more, and the shell is as it was."""
        PRESSURE.end()
        FULLNESS.end()
        DEADLINES.end()
        with suppress(ValueError):
            self._shell.events.unregister("post_run_cell", self._ended)

    def _folders(self) -> list[Path]:
        """Not on Drive: what is full there is the account, and a mount that hangs would hold up whoever looks."""
        return [root_of(self._session.store), *(one for one in working_folder() if not is_below_drive(one))]

    def _ended(self, result: Any) -> None:
        with suppress(Exception):  # IPython would show a traceback of ours below the user's cell
            tell_of_shortage(self._session.say, self._shell.user_ns)
