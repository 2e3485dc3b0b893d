"""The pickles as they are written: large texts and byte strings in them are cut out, and become regions.

So one that stays as it is costs nothing in the next snapshot, as with an array. Python's pickler hands each of
them to its file by itself, between its frames; which of these writes are cut out is our choice alone, for
the reader gets them back at the same place. The cut comes last, when nothing looks at the pickles as pickles any more.

Where memory is short, large byte strings are not even written: an empty one stands in the pickles for each, a **hole**,
whose size is put right by the cut, and the region is the object itself.
"""

from __future__ import annotations

import ctypes
import io
import pickle
from array import array
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from colab_guard.capture.memory import SMALL_BYTES, Regions
from colab_guard.capture.room import LOOK_BYTES, check_room

CUT = b"CUT\0\0\0\0\0"  # no pickle begins so
SPACE = "pickle"  # an address space of their own, in which they lie as they did in the pickles

Span = tuple[int, int]
Cuts = list[Span]


@dataclass(frozen=True)
class Hole:
    """A byte string, or bytearray, that was not written, and where the last ``width`` bytes before it are its size."""

    at: int
    width: int
    data: bytes | bytearray


class Pickles(io.BytesIO):
    """What a pickler writes to; ``large`` are the (begin, end) of what may be cut out, and ``holes`` what was left out,
    where ``spare`` says so. Not thread-safe.
    """

    def __init__(self) -> None:
        super().__init__()
        self.large: list[tuple[int, int]] = []
        self.holes: list[Hole] = []
        self.spare = False
        self._checked_bytes = LOOK_BYTES  # up to here it is known to fit, or small enough

    def write(self, data: Any) -> int:
        """Appends. Raises NoRoom."""
        if type(data) is pickle.PickleBuffer:
            data = data.raw()  # as it lies in memory, whatever the order of its axes
        begin, size = self.tell(), len(data)
        if self.spare and size >= SMALL_BYTES and self._leave_out(data, begin, size):
            return size
        if begin + size > self._checked_bytes:
            more_bytes = size + LOOK_BYTES + begin // 8  # its memory grows by an eighth
            check_room(more_bytes, "Python's own objects", spare=self.spare)
            self._checked_bytes = begin + size + LOOK_BYTES
        if size >= SMALL_BYTES and not _is_frame(data):
            self.large.append((begin, begin + size))
        return super().write(data)

    def holes_moved(self, moved: Callable[[Iterable[Span]], list[Span]]) -> list[Hole]:
        """The holes where they are once something else was exchanged, see ``secrets.LeftOut.moved``."""
        spans = moved((hole.at, hole.at) for hole in self.holes)
        return [replace(hole, at=at) for hole, (at, _) in zip(self.holes, spans, strict=True)]

    def _leave_out(self, data: Any, at: int, size: int) -> bool:
        """Whether a hole was made: what comes is an object's own bytes, and its size stands right before it."""
        if type(data) is bytes and not _is_frame(data):
            opcode, width = (pickle.BINBYTES, 4) if size < 1 << 32 else (pickle.BINBYTES8, 8)
        elif type(data) is bytearray:
            opcode, width = pickle.BYTEARRAY8, 8
        else:
            return False
        with self.getbuffer() as written:
            if bytes(written[max(at - width - 1, 0) : at]) != opcode + size.to_bytes(width, "little"):
                return False  # a text's
            written[at - width : at] = bytes(width)
        self.holes.append(Hole(at, width, data))
        return True


def _is_frame(data: Any) -> bool:
    return type(data) is bytes and (data[:1] == b"\x95" or data[:3] == b"\x80\x05\x95")


def cut(pickles: bytes, large: Iterable[tuple[int, int]], regions: Regions, holes: Sequence[Hole] = ()) -> bytes:
    """Blob 0 of a snapshot, see docs/format.md: the pickles, with regions for what lies between ``large`` places, and
    for ``holes``.
    """
    whole, rest, numbers, last, left = memoryview(pickles), list[memoryview | bytes](), list[int](), 0, 0
    spans: list[tuple[int, int, Hole | None]] = [(begin, end, None) for begin, end in large]
    for begin, end, hole in sorted([*spans, *((hole.at, hole.at, hole) for hole in holes)], key=lambda span: span[:2]):
        left += begin - last
        if hole is None:
            rest.append(whole[last:begin])
            region = regions.add(SPACE, begin, whole[begin:end], pickles, _ready)
        else:
            rest += [whole[last : begin - hole.width], len(hole.data).to_bytes(hole.width, "little")]
            region = _region(hole.data, regions)
        numbers += [left, region]
        last = end
    if not rest:
        return pickles
    head = [len(numbers) // 2, *numbers]
    return CUT + b"".join([*(number.to_bytes(8, "little") for number in head), *rest, whole[last:]])


def _region(data: bytes | bytearray, regions: Regions) -> int:
    if isinstance(data, bytes):
        return regions.add("bytes", id(data), memoryview(data), data, _ready)
    # A view of it would keep the cell from resizing it for as long as any trace of this snapshot is left.
    address = ctypes.addressof((ctypes.c_char * 1).from_buffer(data))
    view = memoryview((ctypes.c_char * len(data)).from_address(address)).cast("B")
    return regions.add("bytearray", address, view, data)


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
