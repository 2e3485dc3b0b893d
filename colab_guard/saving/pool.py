"""Memory for copies of the user's, touched once and used again by every snapshot."""

from __future__ import annotations

import mmap
from contextlib import suppress

SLAB_BYTES = 8 * 1024 * 1024  # large enough for huge pages, small enough to give back what is not needed


class Pool:
    """Slabs that are filled from the first on by one snapshot, and again by the next. Not thread-safe: it belongs to
    the cell's thread until a snapshot is handed over, then to the writer until that is done.
    """

    def __init__(self) -> None:
        self._slabs: list[mmap.mmap] = []
        self._used = 0  # bytes, of all slabs one behind the other

    @property
    def size_bytes(self) -> int:
        """What it holds, used or not."""
        return len(self._slabs) * SLAB_BYTES

    def copy(self, data: memoryview) -> list[memoryview]:
        """The bytes of ``data``, in pieces of at most a slab."""
        copies = []
        done, size_bytes = 0, data.nbytes
        while done < size_bytes:
            slab, start = divmod(self._used, SLAB_BYTES)
            if slab == len(self._slabs):
                self._slabs.append(_slab())
            part = min(size_bytes - done, SLAB_BYTES - start)
            copy = memoryview(self._slabs[slab])[start : start + part]
            copy[:] = data[done : done + part]
            copies.append(copy)
            done += part
            self._used += part
        return copies

    def empty(self, keep_bytes: int) -> None:
        """Ends the use of all copies; holds memory for so many bytes, and gives the rest back."""
        self._used = 0
        del self._slabs[-(-keep_bytes // SLAB_BYTES) :]


def _slab() -> mmap.mmap:
    slab = mmap.mmap(-1, SLAB_BYTES)
    with suppress(AttributeError, OSError):  # no Linux, or one without huge pages
        slab.madvise(mmap.MADV_HUGEPAGE)
    return slab
