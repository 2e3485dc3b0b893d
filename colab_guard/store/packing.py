"""What a commit writes: a pack of what is new, and one of what moves out of old packs that are mostly dead.

A pack stays as long as any snapshot needs a blob of it. So that one frozen blob does not keep all that was new beside
it, a commit that refers to at most half the bytes of a pack writes those anew, into its **cold pack**: from memory
where the caller gave the bytes, else read back and compared. The old pack goes with the last snapshot that lists it.
Packs of which this process wrote are left alone for two further snapshots: what is in use then is likely to stay.

Two things follow, and tests hold them. The packs that a snapshot lists take less than twice its bytes, but for those
that the two before it wrote. And each byte moved stands for another of its pack that died, so that all writing
together comes to at most twice the bytes that were new.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

from colab_guard.store import packs
from colab_guard.store.backend import Backend
from colab_guard.store.manifest import BlobRef

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

Blob: TypeAlias = "ReadableBuffer | packs.Chunks | BlobRef"


class Lost(Exception):
    """A stored blob that was to be moved is not there, or is not what was written."""

    def __init__(self, ref: BlobRef) -> None:
        super().__init__(ref)
        self.ref = ref


class Packing:
    """Finds a place for each blob of one snapshot; not thread-safe.

    ``stored`` are the blobs known to be sound, by digest; ``sizes_bytes`` the packs there are; ``fresh`` those to be
    left alone.
    """

    def __init__(self, stored: Mapping[str, BlobRef], sizes_bytes: Mapping[str, int], fresh: Container[str]) -> None:
        self.sound = dict(stored)  # with those of this snapshot, once its packs are written
        self.new, self.cold = _Pack(), _Pack()
        self._sizes_bytes, self._fresh = sizes_bytes, fresh

    @property
    def written(self) -> list[_Pack]:
        """The packs to write, which may be none."""
        return [pack for pack in (self.new, self.cold) if pack.refs]

    @property
    def size_bytes(self) -> int:
        """What they add."""
        return self.new.size_bytes + self.cold.size_bytes

    def place(self, blobs: Sequence[Blob]) -> tuple[BlobRef, ...]:
        """Where each blob lies, or is going to lie. Digests what is given as bytes."""
        content: dict[BlobRef, Iterable[ReadableBuffer]] = {}
        refs = []
        for blob in blobs:
            if isinstance(blob, BlobRef):
                refs.append(blob)
                continue
            chunks = blob if isinstance(blob, packs.Chunks) else [flat(memoryview(blob))]
            hasher, size_bytes = hashlib.sha256(), 0
            for chunk in chunks:
                hasher.update(chunk)
                size_bytes += memoryview(chunk).nbytes
            digest = hasher.hexdigest()
            ref = self.sound.get(digest) or self.new.add(digest, size_bytes, chunks)
            self.sound[digest] = ref
            content[ref] = chunks
            refs.append(ref)
        sparse = self._sparse(refs)
        return tuple(self._moved(ref, content.get(ref, ref)) if ref.pack in sparse else ref for ref in refs)

    def _sparse(self, refs: Iterable[BlobRef]) -> set[str]:
        """The packs to move out of."""
        used_bytes: dict[str, int] = {}
        for ref in set(refs):
            if ref.pack != self.new.id and ref.pack not in self._fresh:
                used_bytes[ref.pack] = used_bytes.get(ref.pack, 0) + ref.size_bytes
        return {pack for pack, used in used_bytes.items() if 2 * used <= self._sizes_bytes.get(pack, 0) > 0}

    def _moved(self, ref: BlobRef, content: BlobRef | Iterable[ReadableBuffer]) -> BlobRef:
        self.sound[ref.digest] = self.cold.add(ref.digest, ref.size_bytes, content)
        return self.sound[ref.digest]


class _Pack:
    """Blobs that are going to lie back to back, each once."""

    def __init__(self) -> None:
        self.id = secrets.token_hex(6)
        self.refs: dict[str, BlobRef] = {}
        self.size_bytes = 0
        self._content: list[BlobRef | Iterable[ReadableBuffer]] = []

    def add(self, digest: str, size_bytes: int, content: BlobRef | Iterable[ReadableBuffer]) -> BlobRef:
        if digest not in self.refs:
            self.refs[digest] = BlobRef(digest, size_bytes, self.id, self.size_bytes)
            self.size_bytes += size_bytes
            self._content.append(content)
        return self.refs[digest]

    def chunks(self, backend: Backend) -> Iterator[ReadableBuffer]:
        """Its bytes. Raises Lost where what is to be moved is no longer what was written, OSError."""
        for content in self._content:
            yield from _read_back(backend, content) if isinstance(content, BlobRef) else content


def _read_back(backend: Backend, ref: BlobRef) -> Iterator[memoryview]:
    hasher, position, stop = hashlib.sha256(), ref.offset, ref.offset + ref.size_bytes
    while position < stop:
        chunk = memoryview(bytearray(min(packs.CHUNK_BYTES, stop - position)))
        try:
            count = backend.read(packs.pack_name(ref.pack), position, chunk)
        except FileNotFoundError:
            raise Lost(ref) from None
        if not count:
            raise Lost(ref)
        hasher.update(chunk[:count])
        yield chunk[:count]
        position += count
    if hasher.hexdigest() != ref.digest:
        raise Lost(ref)


def flat(view: memoryview) -> memoryview:
    """The bytes of a contiguous buffer of any shape; one without bytes may have a shape that can't be cast."""
    return view.cast("B") if view.nbytes else memoryview(bytearray())
