"""How full the disks are that a notebook writes to: a warning for each that is nearly full, once until it is not."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from colab_guard.core.queues import taken
from colab_guard.core.watch import WATCH
from colab_guard.guards.disk import Disk, disk

LOOK = "disk"  # its name among what is looked at
LOOK_SECONDS = 30.0
WARN_SHARE, CALM_SHARE = 0.90, 0.87


@dataclass(frozen=True)
class Full:
    """A disk that is nearly full, by a ``folder`` on it."""

    folder: Path
    disk: Disk


class Fullness:
    """Of the disks that this process writes to. ``look`` is for the thread that watches, all else for the thread that
    runs cells.
    """

    def __init__(self, probe: Callable[[Path], Disk | None] = disk) -> None:
        self._probe = probe
        self._folders: Callable[[], Iterable[Path]] = tuple
        self._warned: set[Path] = set()
        self._notices: deque[Full] = deque()

    def begin(self, folders: Callable[[], Iterable[Path]]) -> None:
        """From now on the disks of these folders are looked at, which are asked for each time."""
        self._folders = folders
        WATCH.add(LOOK, self.look)

    def end(self) -> None:
        """Ends that."""
        WATCH.drop(LOOK)

    def notices(self) -> list[Full]:
        """What is to be told, once."""
        return taken(self._notices)

    def look(self) -> float:
        """Reads each disk; the seconds until it is to be read again."""
        told: set[Disk] = set()
        for folder in self._folders():
            found = self._probe(folder)
            if found is None or found.used_share < CALM_SHARE:
                self._warned.discard(folder)
            elif found.used_share >= WARN_SHARE and folder not in self._warned:
                self._warned.add(folder)
                if found not in told:
                    self._notices.append(Full(folder, found))
                told.add(found)
        return LOOK_SECONDS


FULLNESS = Fullness()
