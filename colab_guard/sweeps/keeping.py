"""Where the table of a sweep lies: as snapshots of its own, which are what is true outside of guarded cells, and beside
them as files that anybody can open.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from colab_guard.capture.process import machine_id
from colab_guard.core.keys import Keyring
from colab_guard.core.places import Place, is_below_drive
from colab_guard.core.stores import is_url, store_at
from colab_guard.loops.where import SESSION, program
from colab_guard.saving import Saver
from colab_guard.saving.newest import newest
from colab_guard.saving.writer import FINISH_SECONDS
from colab_guard.store.backend import PARTIAL, Backend
from colab_guard.store.failures import unavailable
from colab_guard.store.folder import Folder
from colab_guard.store.objects import Objects
from colab_guard.sweeps.table import Row, as_plain, from_plain
from colab_guard.tiers import opening

FIELD = "jobs"  # of the body
FOLDER = "jobs"  # of the files
OTHERWISE = " The sweep goes on, and its table is saved with the next item."


class Keeper:
    """The table's snapshots. A store that fails is said once and never stops a sweep. Used by one thread."""

    def __init__(self, name: str, place: Place, say: Callable[[str], None], *, trust: bool = False) -> None:
        self.place = place
        self.warning = Keyring().signing(Path(place.store)).warning(place)  # here, for threads can't ask Colab
        self._saver = Saver(f"jobs {program()} {name}", partial(opening.repository, place.store, trust=trust), say)

    def read(self) -> list[Row]:
        """The newest table that reads back well; none where there is none. Raises StoreError where there may be one."""
        manifest = newest(self._saver, self.place.store, "tables")
        return from_plain(manifest.body[FIELD]) if manifest else []

    def write(self, rows: Sequence[Row], *, finished: bool) -> None:
        """Commits the table; when this returns it is stored, or it was said why not."""
        body: dict[str, Any] = {
            "source": "",
            "cursor": None if finished else {"frames": []},
            "line": 0,
            "names": [],
            "hidden": [],
            "notes": [],
            "session": SESSION,
            "machine": machine_id(),
            FIELD: as_plain(rows),
        }
        self._saver.save(lambda spare: (body, []), OTHERWISE, FINISH_SECONDS)
        self._saver.finish()


class _Here(Folder):
    folders = (FOLDER,)


def files_at(store: str) -> Backend:
    """Where the files of a store's sweeps are, or will be. Raises OSError where that place is not there."""
    place = store_at(store)
    if is_url(place):
        return Objects(place)
    if not is_below_drive(place):
        return _Here(Path(place))
    from colab_guard.tiers.drive import Drive  # here, for it brings http.client

    class OnDrive(Drive):
        folders = (*Drive.folders, FOLDER)  # type: ignore[assignment]

    return OnDrive(Path(place))


def write_files(store: str, name: str, texts: Mapping[str, str]) -> str:
    """Writes a text for each ending under the next number, then deletes those of earlier ones, and what a
    death left of them; where the first is.

    Raises StoreUnavailable.
    """
    with unavailable(store, f"the files of {name!r} can't be written"):
        backend, there = files_at(store), list[tuple[int, str]]()
        one_of_them = re.compile(rf"{FOLDER}/{re.escape(name)}-(\d+)\.\w+(\.\w+{re.escape(PARTIAL)})?")
        with suppress(FileNotFoundError):
            for entry in backend.list(FOLDER):
                if match := one_of_them.fullmatch(entry.name):
                    there.append((int(match[1]), entry.name))
        number = max((number for number, _ in there), default=0) + 1
        for ending, text in texts.items():
            backend.write_new(f"{FOLDER}/{name}-{number}.{ending}", [text.encode()])
        for _, file in there:
            backend.delete(file)
    return f"{backend.place}/{FOLDER}/{name}-{number}.{next(iter(texts))}"
