"""One run's snapshots in their repository: what fails there is said once, and never stops the loop."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import xxhash

from colab_guard.capture.memory import SMALL_BYTES
from colab_guard.core.errors import CorruptSnapshot, StoreError, StoreUnavailable
from colab_guard.loops.roots import Blobs
from colab_guard.store.manifest import BlobRef, Manifest
from colab_guard.store.repository import Repository

KEEP = 3

Content = tuple[dict[str, Any], list[Any]]  # a snapshot's body and blobs


@dataclass
class Shelf:
    """The snapshots of the loop ``key``; not thread-safe."""

    key: str
    path: Path
    say: Callable[[str], None]

    last: Manifest | None = None
    _repository: Repository | None = None
    _known: dict[tuple[int, int], BlobRef] = field(default_factory=dict)
    _said: set[str] = field(default_factory=set)
    _failing: bool = False

    def newest(self) -> Manifest | None:
        """The newest snapshot that reads back well. Raises StoreError where there may be one that can't be read."""
        try:
            manifest, problems = self._open().newest(self.key)
        except StoreUnavailable:
            if (self.path / "config.json").exists():
                raise  # snapshots may lie there: to start over would be to lose them
            return None
        for problem in problems:
            self.say(f"passed over: {problem}")
        if manifest is None and problems:
            raise CorruptSnapshot(
                f"None of the snapshots of {self.key!r} can be used: {' '.join(problems)} Nothing was run, and "
                f"nothing deleted; fresh=True starts over."
            )
        return manifest

    def blobs(self, manifest: Manifest) -> Blobs:
        """What a manifest lists."""
        return Blobs(self._open(), manifest)

    def save(self, take: Callable[[], Content]) -> None:
        """Takes a snapshot and commits it."""
        try:
            body, blobs = take()
            self.last = self._commit(body, blobs)
        except Exception as error:  # noqa: BLE001 - a flaw of ours, or of a class's own pickling, must not cost a training
            if not self._failing:
                reason = str(error) if isinstance(error, StoreError) else f"{type(error).__name__}: {error}."
                self.say(f"no snapshot of {self.key} could be taken: {reason} The loop goes on, and tries again.")
            self._failing = True
            return
        if self._failing:
            self.say("snapshots are taken again.")
        self._failing = False
        for note in body["notes"]:
            self.say_once(f"not kept in snapshots: {note}.")

    def say_once(self, text: str) -> None:
        """Says what has not been said yet."""
        if text not in self._said:
            self._said.add(text)
            self.say(text)

    def _open(self) -> Repository:
        if self._repository is None:
            self._repository = Repository.open(self.path)
        return self._repository

    def _commit(self, body: dict[str, Any], blobs: list[Any]) -> Manifest:
        keys = [_key(blob) if len(blob) >= SMALL_BYTES else None for blob in blobs]
        known = [self._known.get(key, blob) if key else blob for key, blob in zip(keys, blobs, strict=True)]
        repository = self._open()
        try:
            manifest = repository.commit(self.key, body, known)
        except StoreError:
            # A pack that was relied on may be gone; the next snapshot stores every byte again.
            self._known.clear()
            raise
        self._known = {key: ref for key, ref in zip(keys, manifest.blobs, strict=True) if key}
        repository.prune(self.key, KEEP)
        return manifest


def _key(blob: Any) -> tuple[int, int]:
    return xxhash.xxh3_128_intdigest(blob), len(blob)
