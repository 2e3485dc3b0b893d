"""The snapshots of one cell or loop in their repository: what fails there is said, and never stops a training."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import xxhash

from colab_guard.capture.memory import SMALL_BYTES
from colab_guard.core.errors import StoreError
from colab_guard.store.manifest import BlobRef, Manifest
from colab_guard.store.repository import Repository
from colab_guard.store.retention import DEFAULT, Retention
from colab_guard.store.sessions import named, other_writers

Content = tuple[Mapping[str, Any], Sequence[Any]]  # a snapshot's body and blobs


def not_kept(notes: Sequence[str]) -> list[str]:
    """What is said of the notes of a snapshot."""
    return [f"not kept in snapshots: {', '.join(notes)}."]


@dataclass
class Saver:
    """Writes the snapshots of one cell or loop, and reads them; not thread-safe. ``never`` lists the errors of
    taking one that the caller handles; ``sentences`` are what is said of notes that are new. ``measured`` is asked
    with each snapshot for what its body says of the best one.
    """

    name: str
    open_repository: Callable[[], Repository]
    say: Callable[[str], None]
    repository: Repository | None = None
    never: tuple[type[Exception], ...] = ()
    sentences: Callable[[Sequence[str]], Sequence[str]] = not_kept
    last: Manifest | None = None
    retention: Retention = DEFAULT
    measured: Callable[[], Mapping[str, Any]] = dict
    _known: dict[tuple[int, int], BlobRef] = field(default_factory=dict)
    _said: set[str] = field(default_factory=set)
    _noted: set[str] = field(default_factory=set)
    _failing: bool = False
    _first: int = 0  # the number of the first snapshot it wrote

    def opened(self) -> Repository:
        """The repository, opened when it is first needed. Raises StoreError."""
        if self.repository is None:
            self.repository = self.open_repository()
        return self.repository

    def blobs(self, manifest: Manifest) -> Blobs:
        """What a manifest lists."""
        return Blobs(self.opened(), manifest)

    def save(self, take: Callable[[], Content], otherwise: str) -> bool:
        """Takes and commits a snapshot; whether that went well. What goes wrong is said once, with what happens
        ``otherwise``, and again only after it went well in between.
        """
        try:
            body, blobs = take()
            body = {**body, **self.measured()}
            self.last = self._commit(body, blobs)
        except self.never:
            raise
        except Exception as error:  # noqa: BLE001 - a flaw of ours, of a class's own pickling or of the store
            if not self._failing:
                reason = str(error) if isinstance(error, StoreError) else f"{type(error).__name__}: {error}."
                self.say(f"no snapshot could be taken: {reason}{otherwise}")
            self._failing = True
            return False
        if self._failing:
            self.say("snapshots are taken again.")
        self._failing = False
        if new := [note for note in body["notes"] if note not in self._noted]:
            self._noted.update(new)
            for text in self.sentences(new):
                self.say_once(text)
        return True

    def say_once(self, text: str) -> None:
        """Says what was not said before."""
        if text not in self._said:
            self._said.add(text)
            self.say(text)

    def _commit(self, body: Mapping[str, Any], blobs: Sequence[Any]) -> Manifest:
        keys = [None if isinstance(blob, BlobRef) or len(blob) < SMALL_BYTES else _key(blob) for blob in blobs]
        known = [self._known.get(key, blob) if key else blob for key, blob in zip(keys, blobs, strict=True)]
        repository = self.opened()
        try:
            manifest = repository.commit(self.name, dict(body), known)
        except StoreError:
            # A pack that was relied on may be gone; the next snapshot stores every byte again.
            self._known.clear()
            raise
        self._known = {key: ref for key, ref in zip(keys, manifest.blobs, strict=True) if key}
        pruned = repository.prune(self.name, self.retention)
        self._first = self._first or manifest.seq
        others = other_writers(pruned.seen, str(body.get("session")), self._first)
        for remark in (*pruned.remarks, *(named(other, str(body.get("machine"))) for other in others)):
            self.say_once(remark)
        return manifest


class Blobs:
    """The blobs of a manifest by number, see ``resume.loading``."""

    def __init__(self, repository: Repository, manifest: Manifest) -> None:
        self._repository, self._refs = repository, manifest.blobs

    def read(self, number: int, into: memoryview | None = None) -> memoryview:
        """A whole blob, in new memory or in memory of its size."""
        return self._repository.read(self._refs[number], into)

    def size_bytes(self, number: int) -> int:
        """Its size."""
        return self._refs[number].size_bytes


def _key(blob: Any) -> tuple[int, int]:
    return xxhash.xxh3_128_intdigest(blob), len(blob)
