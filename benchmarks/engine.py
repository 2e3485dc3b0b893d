"""The snapshot engine as the benchmarks drive it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.measure import seconds
from colab_guard.capture.take import take
from colab_guard.resume.held import Held
from colab_guard.resume.loading import Load
from colab_guard.saving import Saver
from colab_guard.store.repository import Repository
from colab_guard.tiers.durability import Durability

NAME = "bench"
LONG_SECONDS = 600.0


class Engine:
    """Snapshots of some variables of a namespace, in a folder, or where ``opened`` says; what it says is an error."""

    def __init__(
        self,
        folder: Path,
        namespace: dict[str, Any],
        names: Sequence[str],
        opened: Callable[[], Repository] | None = None,
    ) -> None:
        self._folder, self._namespace, self._names = folder, namespace, names
        self._saver = Saver(NAME, open_repository=opened or (lambda: Repository.open(folder)), say=_refuse)
        self._files: set[Path] = set()

    def save(self) -> float:
        """Takes a snapshot; the seconds that the caller waits."""
        return seconds(lambda: self._saver.save(self._content, ""))

    def is_durable(self) -> bool:
        """Whether the snapshot is."""
        return self._finish(0.0)

    def finish(self) -> float:
        """Waits until the snapshot is durable; the seconds that took."""
        return seconds(lambda: self._finish(LONG_SECONDS))

    @property
    def durability(self) -> Durability | None:
        """What is durable, where that is something else than saved."""
        return self._saver.durability

    def background_seconds(self) -> float:
        """The processor time that threads of ours have taken so far."""
        ours = [thread.ident for thread in threading.enumerate() if thread.name.startswith("colab_guard")]
        return sum(time.clock_gettime(time.pthread_getcpuclockid(ident)) for ident in ours if ident)

    def new_bytes(self) -> int:
        """The sizes of the files that came since this was last asked."""
        before, self._files = self._files, {path for path in self._folder.rglob("*") if path.is_file()}
        return sum(path.stat().st_size for path in self._files - before)

    def _finish(self, limit_seconds: float) -> bool:
        # An engine without `finish` writes while the cell waits.
        finish = getattr(self._saver, "finish", None)
        return finish is None or bool(finish(limit_seconds))

    def _content(self, spare: bool) -> Any:
        taken = take(self._namespace, self._names, {}, frozenset(), spare=spare)
        body = {"names": taken.names, "notes": taken.notes}
        return body, [taken.skeleton, taken.table, *taken.memory]


def restored(folder: Path) -> dict[str, Any]:
    """The variables of the newest snapshot, as a resume gets them: digests compared, then loaded."""
    repository = Repository.open(folder)
    held = Held()
    manifest, problems = repository.newest(NAME, hold=held.hold)
    assert manifest is not None, problems
    saver = Saver(NAME, open_repository=lambda: repository, say=_refuse, held=held)
    load = Load(saver.blobs(manifest), {"__name__": "__main__"}, frozenset())
    values = load.variables(manifest.body["names"])
    load.put_in_place()
    return values


def _refuse(text: str) -> None:
    raise AssertionError(text)
