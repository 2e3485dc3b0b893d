"""The pickles as they are written: large texts and byte strings in them are cut out, and become regions.

So one that stays as it is costs nothing in the next snapshot, as with an array. Python's pickler hands each of
them to its file by itself, between its frames; which of these writes are cut out is our choice alone, for
the reader gets them back at the same place.
"""

from __future__ import annotations

import io
import pickle
from array import array
from collections.abc import Callable
from typing import Any

from colab_guard.capture.memory import SMALL_BYTES, Regions

CUT = b"CUT\0\0\0\0\0"  # no pickle begins so
SPACE = "pickle"  # an address space of their own, in which they lie one behind the other: some are copies

Cuts = list[tuple[int, int]]


class Writer:
    """What a pickler writes to. Not thread-safe."""

    def __init__(self, regions: Regions) -> None:
        self._file, self._regions, self._cuts = io.BytesIO(), regions, list[tuple[int, int]]()
        self._end = 0

    def write(self, data: Any) -> int:
        """Appends; what is large, and no frame of small objects, beside."""
        if type(data) is pickle.PickleBuffer:
            data = data.raw()  # as it lies in memory, whatever the order of its axes
        size = len(data)
        if size < SMALL_BYTES or _is_frame(data):
            return self._file.write(data)
        kept = bytes(data)  # a copy, but of bytes: a bytearray could not grow while it is looked at
        self._cuts.append((self._file.tell(), self._regions.add(SPACE, self._end, memoryview(kept))))
        self._end += size
        return size

    def content(self) -> memoryview:
        """Blob 0 of a snapshot, see docs/format.md."""
        if not self._cuts:
            return self._file.getbuffer()
        numbers = [len(self._cuts), *(number for cut in self._cuts for number in cut)]
        head = CUT + b"".join(number.to_bytes(8, "little") for number in numbers)
        return memoryview(head + self._file.getbuffer())


def _is_frame(data: Any) -> bool:
    return type(data) is bytes and (data[:1] == b"\x95" or data[:3] == b"\x80\x05\x95")


def read(raw: memoryview) -> tuple[memoryview, Cuts]:
    """The pickles of a blob 0, and what was cut out of them: before which of their bytes, and the region."""
    if raw[: len(CUT)] != CUT:
        return raw, []
    count = int.from_bytes(raw[8:16], "little")
    numbers = array("Q", bytes(raw[16 : 16 + 16 * count]))
    return raw[16 + 16 * count :], list(zip(numbers[::2], numbers[1::2], strict=True))


class Reader:
    """What an unpickler reads from. ``fill`` reads a region into memory of its size."""

    def __init__(self, pickles: memoryview, cuts: Cuts, fill: Callable[[int, memoryview], None]) -> None:
        self._pickles, self._cuts, self._fill, self._at = pickles, list(reversed(cuts)), fill, 0

    def readinto(self, into: Any) -> int:
        """Fills ``into``: an unpickler asks for what was cut out as a whole."""
        into = memoryview(into).cast("B")
        if len(into) and self._cuts and self._cuts[-1][0] == self._at and len(into) >= SMALL_BYTES:
            self._fill(self._cuts.pop()[1], into)
            return len(into)
        part = self._pickles[self._at : self._at + len(into)]
        into[: len(part)] = part
        self._at += len(part)
        return len(part)

    def read(self, size: int) -> bytes:
        """That many bytes, fewer at the end."""
        into = bytearray(size)
        return bytes(memoryview(into)[: self.readinto(into)])

    def readline(self) -> bytes:
        """Up to the end of a line; no opcode of protocol 5 that we write has one, but ``pickle`` wants it."""
        end = bytes(self._pickles[self._at :]).find(b"\n") + 1
        return self.read(end or len(self._pickles) - self._at)
