"""Making a snapshot's memory safe from what the cell does next, by copying as little as can be.

What changed since the last snapshot is likely to change again: it is copied at once, and its fingerprint taken
in the background. The rest is fingerprinted (xxh3, at the speed of memory) where it lies, and copied only when
it changed. Where the copies don't fit into the free memory nothing is copied: the writer reads the user's own
memory, and the cell is held until it has. So it is, too, with a rescue, which is to take no memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import xxhash

from colab_guard.capture.memory import Piece
from colab_guard.core.memory import memory
from colab_guard.saving.pool import SLAB_BYTES, Pool
from colab_guard.store.manifest import BlobRef

RESERVE_SHARE = 0.05  # of all memory is left free
SPARE_BYTES = 128 * 1024 * 1024  # kept beside what changed, for what will: it need not be what changed before

Key = tuple[int, int]  # xxh3, size in bytes
Where = tuple[str, int, int]  # address space, address, size in bytes
Found = tuple[Where | None, Key | None]  # of a blob: where it lay, what it held


@dataclass(frozen=True)
class Blob:
    """A blob that no longer changes, or, while the cell is held, can't. ``where`` it lies in the user's memory; with
    ``key``, its fingerprint, it is as it was when last seen there, and has no chunks.
    """

    chunks: Sequence[memoryview]
    where: Where | None = None
    key: Key | None = None
    keep: Any = None
    ready: Any = None

    @property
    def size_bytes(self) -> int:
        """Of all chunks."""
        return sum(chunk.nbytes for chunk in self.chunks)


@dataclass
class Seen:
    """What a snapshot said of a place in memory."""

    key: Key
    changed: bool  # since the snapshot before


@dataclass
class Freezer:
    """Remembers, from snapshot to snapshot, what lay where; not thread-safe, see Pool."""

    pool: Pool
    seen: dict[Where, Seen] = field(default_factory=dict)

    def freeze(self, blobs: Sequence[Any], *, hold: bool = False) -> tuple[list[Blob | BlobRef], bool]:
        """The blobs, and whether the cell must be held until they are written: they are its own memory still. With
        ``hold`` it must, and the pool is given back.
        """
        self.pool.empty(self.pool.size_bytes)  # also of what was to be a snapshot, and failed half way
        found = [blob if isinstance(blob, BlobRef) else self._blob(blob) for blob in blobs]
        todo = [n for n, blob in enumerate(found) if isinstance(blob, Blob) and blob.where and not blob.key]
        if hold or not _fits(sum(found[n].size_bytes for n in todo) - self.pool.size_bytes):
            self.pool.empty(0 if hold else self.pool.size_bytes)
            return found, True
        for n in todo:
            blob = found[n]
            assert isinstance(blob, Blob), "only those are to do"
            copies = [copy for chunk in blob.chunks for copy in self.pool.copy(chunk)]
            found[n] = Blob(copies, blob.where)
        return found, False

    def written(self, found: Sequence[Found]) -> None:
        """A snapshot of these is stored: from now on, what changed is what is not as it is there."""
        seen, changed_bytes = dict[Where, Seen](), 0
        for where, key in found:
            if where and key:
                before = self.seen.get(where)
                changed = before is None or before.key != key
                seen[where] = Seen(key, before is not None and changed)
                changed_bytes += changed * key[1]
        self.seen = seen
        self.pool.empty(changed_bytes + SPARE_BYTES)

    def failed(self) -> None:
        """A snapshot was not stored, and what it relied on may be gone: the next brings every byte."""
        self.seen.clear()
        self.pool.empty(self.pool.size_bytes)

    def _blob(self, blob: Any) -> Blob:
        if not isinstance(blob, Piece):
            return Blob(_slices(memoryview(blob).cast("B")))
        if blob.ready:
            return Blob(blob.chunks, None, None, blob.keep, blob.ready)
        where = (blob.space, blob.address, blob.size_bytes)
        chunks = [part for chunk in blob.chunks for part in _slices(chunk)]
        before = self.seen.get(where)
        if before and not before.changed and key_of(chunks) == before.key:
            return Blob((), where, before.key)
        return Blob(chunks, where, keep=blob.keep)


def key_of(chunks: Iterable[memoryview]) -> Key:
    """Tells contents apart, within this process and among what it wrote; at about 20 GB/s."""
    digest, size_bytes = xxhash.xxh3_128(), 0
    for chunk in chunks:
        digest.update(chunk)
        size_bytes += chunk.nbytes
    return digest.intdigest(), size_bytes


def _slices(view: memoryview) -> list[memoryview]:
    return [view[start : start + SLAB_BYTES] for start in range(0, view.nbytes, SLAB_BYTES)] or [view]


def _fits(more_bytes: int) -> bool:
    if more_bytes <= 0 or (bound := memory()) is None:
        return True
    return more_bytes <= bound.free_bytes - RESERVE_SHARE * bound.total_bytes
