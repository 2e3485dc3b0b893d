"""Packs: their names, and reading blobs back out of them."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import TYPE_CHECKING

from colab_guard.core.underway import LINE_SECONDS, Line, Step, under_way
from colab_guard.store.backend import Backend
from colab_guard.store.manifest import BlobRef

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

FOLDER = "packs"
NAME = re.compile(FOLDER + r"/([0-9a-f]{12})\.pack")
DOOMED = re.compile(
    FOLDER + r"/([0-9a-f]{12})-[0-9a-f]{12}\.doomed"
)  # a mark: the pack's id, and one of the mark's own
CHUNK_BYTES = 4_000_000  # large enough for a network mount, small beside any model
LEAST_BYTES = 16_000_000  # for which a thread of its own is worth its start


class Chunks(ABC):
    """A blob in pieces, one behind the other, which is gone through more than once."""

    @abstractmethod
    def __iter__(self) -> Iterator[ReadableBuffer]:
        """The pieces, the same ones each time."""


Chunks.register(tuple)


def pack_name(pack: str) -> str:
    """The file of the pack with this id."""
    return f"{FOLDER}/{pack}.pack"


def sizes_bytes(backend: Backend) -> dict[str, int]:
    """The size of each pack that can be relied on, by id: those that are not marked to be deleted. Raises OSError."""
    entries = list(backend.list(FOLDER))
    doomed = {match[1] for entry in entries if (match := DOOMED.fullmatch(entry.name))}
    found = {match[1]: entry.size_bytes for entry in entries if (match := NAME.fullmatch(entry.name))}
    return {pack: size_bytes for pack, size_bytes in found.items() if pack not in doomed}


def doomed_name(pack: str) -> str:
    """A new mark on a pack. Only who made it takes it away, or anybody when it is old."""
    return f"{FOLDER}/{pack}-{secrets.token_hex(6)}.doomed"


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a stored blob."""

    blob: BlobRef
    what: str
    error: OSError | None = None  # where the blob can't be read now, and may be sound


def faults(
    backend: Backend, blobs: Iterable[BlobRef], memory: Mapping[BlobRef, memoryview] | None = None
) -> list[Fault]:
    """Reads each blob once, pack by pack, in several threads: those that are not what was written.

    Those that have ``memory``, of their size, are read into that. An interrupt ends it within a few reads.
    """
    ordered = sorted(set(blobs), key=lambda blob: (blob.pack, blob.offset, blob.size_bytes))
    share_bytes = max(LEAST_BYTES, sum(blob.size_bytes for blob in ordered) // (os.cpu_count() or 1))
    shares, room = list[list[BlobRef]](), 0
    for blob in ordered:
        if room <= 0:
            shares.append([])
            room = share_bytes
        shares[-1].append(blob)
        room -= blob.size_bytes
    total, abandoned = sum(blob.size_bytes for blob in ordered), threading.Event()
    with (
        under_way("reading snapshots", total) as step,
        ThreadPoolExecutor(len(shares) or 1) as threads,
        Line() as line,
    ):
        reading = [threads.submit(list, _faults(backend, share, memory or {}, step, abandoned)) for share in shares]
        try:
            while wait(reading, LINE_SECONDS).not_done:
                line.show(step)
        except BaseException:
            abandoned.set()  # for the threads are waited for
            raise
        return [fault for read in reading for fault in read.result()]


def _faults(
    backend: Backend,
    ordered: Iterable[BlobRef],
    memory: Mapping[BlobRef, memoryview],
    step: Step,
    abandoned: threading.Event,
) -> Iterator[Fault]:
    shared = buffer = memoryview(bytearray(CHUNK_BYTES))
    pack, start, end = "", 0, 0  # which part of which pack the buffer holds
    for blob in ordered:
        own = memory.get(blob)
        hasher = hashlib.sha256()
        position, stop = blob.offset, blob.offset + blob.size_bytes
        while position < stop:
            if abandoned.is_set():
                return
            if own is not None or blob.pack != pack or not start <= position < end:
                done = position - blob.offset
                buffer = shared if own is None else own[done : done + CHUNK_BYTES]
                try:
                    count = backend.read(pack_name(blob.pack), position, buffer)
                except FileNotFoundError:
                    yield Fault(blob, f"{pack_name(blob.pack)} is missing")
                    break
                except OSError as error:
                    yield Fault(blob, f"{pack_name(blob.pack)} can't be read now ({error.strerror})", error)
                    break
                pack, start, end = blob.pack, position, position + count
                if not count:
                    yield Fault(blob, truncated(blob, position))
                    break
            part = buffer[position - start : min(stop, end) - start]
            hasher.update(part)
            step.more(len(part))
            position += len(part)
        else:
            if hasher.hexdigest() != blob.digest:
                yield Fault(blob, f"{_span(blob)} are not those that were written: their digest differs")


def truncated(blob: BlobRef, end: int) -> str:
    """What is wrong with a pack that ends within a blob, where reading found no more bytes at ``end``."""
    return f"{_span(blob)} are not all there: truncated at {end:,} of {blob.offset + blob.size_bytes:,} bytes"


def _span(blob: BlobRef) -> str:
    return f"{pack_name(blob.pack)}: the {blob.size_bytes:,} bytes from {blob.offset:,} on"
