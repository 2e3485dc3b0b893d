"""Committing snapshots of one run: what is new goes to the store, what goes wrong is said and never stops a cell."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import xxhash

from colab_guard.capture.memory import SMALL_BYTES
from colab_guard.capture.take import Taken
from colab_guard.core.errors import StoreError
from colab_guard.store.manifest import BlobRef, Manifest
from colab_guard.store.repository import Repository

KEEP = 3


@dataclass
class Saver:
    """Writes the snapshots of one cell; not thread-safe."""

    name: str
    open_repository: Callable[[], Repository]
    say: Callable[[str], None]
    repository: Repository | None = None
    last: Manifest | None = None
    _known: dict[tuple[int, int], BlobRef] = field(default_factory=dict)
    _said: set[str] = field(default_factory=set)
    _failing: bool = False

    def save(self, take: Callable[[], tuple[dict[str, Any], Taken]], otherwise: str) -> bool:
        """Takes and commits a snapshot; whether that went well. What goes wrong is said once, with what happens
        ``otherwise``, and again only after it went well in between.

        Raises what ``take`` raises on purpose: Unsaveable and Broken are for the caller.
        """
        body, taken = take()
        try:
            self.last = self._commit({**body, "names": taken.names, "notes": taken.notes}, taken)
        except Exception as error:  # noqa: BLE001 - a flaw of ours or of the store must not cost a training
            self.failed(error, otherwise)
            return False
        if self._failing:
            self.say("snapshots are taken again.")
        if new := [note for note in taken.notes if note not in self._said]:
            self._said.update(new)
            self.say(f"not kept in snapshots: {', '.join(new)}.")
        self._failing = False
        return True

    def failed(self, error: Exception, otherwise: str) -> None:
        """Says, once, why no snapshot was taken."""
        if not self._failing:
            reason = str(error) if isinstance(error, StoreError) else f"{type(error).__name__}: {error}."
            self.say(f"no snapshot could be taken: {reason}{otherwise}")
        self._failing = True

    def say_once(self, text: str) -> None:
        """Says what was not said before."""
        if text not in self._said:
            self._said.add(text)
            self.say(text)

    def _commit(self, body: dict[str, Any], taken: Taken) -> Manifest:
        blobs: Sequence[Any] = [taken.skeleton, taken.table, *taken.memory]
        keys = [_key(blob) if len(blob) >= SMALL_BYTES else None for blob in blobs]
        known = [self._known.get(key, blob) if key else blob for key, blob in zip(keys, blobs, strict=True)]
        if self.repository is None:
            self.repository = self.open_repository()
        try:
            manifest = self.repository.commit(self.name, body, known)
        except StoreError:
            # A pack that was relied on may be gone; the next snapshot stores every byte again.
            self._known.clear()
            raise
        self._known = {key: ref for key, ref in zip(keys, manifest.blobs, strict=True) if key}
        self.repository.prune(self.name, KEEP)
        return manifest


def _key(blob: Any) -> tuple[int, int]:
    return xxhash.xxh3_128_intdigest(blob), len(blob)
