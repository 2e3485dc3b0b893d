"""What the checks of the checklist go by, and what one of them finds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from colab_guard import ends
from colab_guard.flight.reading import Flight
from colab_guard.session import Session
from colab_guard.store.manifest import Manifest, newest_of

MARKS = {True: "ok", False: "mend", None: "unknown"}


@dataclass(frozen=True)
class Check:
    """``fine``: whether it is as it should be, None where that can't be told here; what is ``said``; how to ``mend``
    it, one line, empty where there is nothing to do.
    """

    name: str
    fine: bool | None
    said: str
    mend: str = ""

    @property
    def mark(self) -> str:
        """One word for it."""
        return MARKS[self.fine]


class Known:
    """What several checks go by, read once; ``unfinished`` raises StoreError where the store can't be read."""

    def __init__(self, session: Session) -> None:
        self.session = session

    @cached_property
    def unfinished(self) -> list[Manifest]:
        """The newest snapshot of each cell that was left in its middle."""
        return [entry for entry in newest_of(self.session.snapshots()) if entry.body.get("cursor") is not None]

    @cached_property
    def flights(self) -> Sequence[Flight]:
        """Of the store's sessions, newest first."""
        return ends.recorded(self.session.store, self.session.keys)
