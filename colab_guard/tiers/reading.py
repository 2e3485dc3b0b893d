"""Files read in pieces, or looked for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress

from colab_guard.store import packs
from colab_guard.store.backend import Backend, Entry


def chunks(backend: Backend, name: str, size_bytes: int) -> Iterator[memoryview]:
    """A file's bytes, in pieces. Raises OSError, also where it is shorter."""
    position = 0
    while position < size_bytes:
        piece = memoryview(bytearray(min(packs.CHUNK_BYTES, size_bytes - position)))
        count = backend.read(name, position, piece)
        if not count:
            raise OSError(f"{name} ends after {position:,} of {size_bytes:,} bytes")
        yield piece[:count]
        position += count


def whole(backend: Backend, entry: Entry) -> bytes:
    """A small file."""
    return b"".join(chunks(backend, entry.name, entry.size_bytes))


def listed(backend: Backend, entries: Iterable[Entry]) -> dict[str, bytes]:
    """Small files that a listing has, by name, but for those that somebody has deleted since."""
    found = {}
    for entry in entries:
        with suppress(FileNotFoundError):
            found[entry.name] = whole(backend, entry)
    return found


def is_there(backend: Backend, name: str) -> bool:
    """Whether a file is there, by one small request, in which nothing of it is read. Raises OSError."""
    try:
        backend.read(name, 0, memoryview(b""))
    except FileNotFoundError:
        return False
    return True
