"""The pickles as they are written: large texts and byte strings in them are cut out, and become regions.

So one that stays as it is costs nothing in the next snapshot, as with an array. Python's pickler hands each of
them to its file by itself, between its frames; which of these writes are cut out is our choice alone, for
the reader gets them back at the same place. The cut comes last, when nothing looks at the pickles as pickles any more.
"""

from __future__ import annotations

import io
import pickle
from array import array
from collections.abc import Callable, Iterable
from typing import Any

from colab_guard.capture.memory import SMALL_BYTES, Regions

CUT = b"CUT\0\0\0\0\0"  # no pickle begins so
SPACE = "pickle"  # an address space of their own, in which they lie as they did in the pickles

Cuts = list[tuple[int, int]]


class Pickles(io.BytesIO):
    """What a pickler writes to; ``large`` are the (begin, end) of what may be cut out. Not thread-safe."""

    def __init__(self) -> None:
        super().__init__()
        self.large: list[tuple[int, int]] = []

    def write(self, data: Any) -> int:
        """Appends."""
        if type(data) is pickle.PickleBuffer:
            data = data.raw()  # as it lies in memory, whatever the order of its axes
        begin, size = self.tell(), len(data)
        if size >= SMALL_BYTES and not _is_frame(data):
            self.large.append((begin, begin + size))
        return super().write(data)


def _is_frame(data: Any) -> bool:
    return type(data) is bytes and (data[:1] == b"\x95" or data[:3] == b"\x80\x05\x95")


def cut(pickles: bytes, large: Iterable[tuple[int, int]], regions: Regions) -> bytes:
    """Blob 0 of a snapshot, see docs/format.md: the pickles, with regions for what lies between ``large`` places."""
    whole, rest, numbers, last, left = memoryview(pickles), list[memoryview](), list[int](), 0, 0
    for begin, end in large:
        rest.append(whole[last:begin])
        left += begin - last
        numbers += [left, regions.add(SPACE, begin, whole[begin:end], pickles, _ready)]
        last = end
    if not rest:
        return pickles
    head = [len(rest), *numbers]
    return CUT + b"".join([*(number.to_bytes(8, "little") for number in head), *rest, whole[last:]])


def _ready() -> None:
    """A pickle is a copy already."""


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
