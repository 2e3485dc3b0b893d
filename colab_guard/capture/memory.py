"""Memory that leaves the pickle: each piece once, whoever else looks at it.

Arrays and tensors are pickled as views of **regions**, addressed by number. Which regions overlap (a torch
tensor and its numpy twin) is settled when the pickle is done: overlapping ones become one piece, so that
what shared memory shares it again. Pieces under 64 KiB go together into one blob.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

SMALL_BYTES = 64 * 1024
ALIGNMENT_BYTES = 64


@dataclass(frozen=True)
class Region:
    """``size_bytes`` bytes at ``address`` of an address space (``"cpu"``, ``"cuda:0"``); ``data`` reads them,
    and keeps them alive.
    """

    space: str
    address: int
    size_bytes: int
    data: memoryview


class Regions:
    """The regions of one snapshot, in the order in which the pickle names them. Not thread-safe."""

    def __init__(self) -> None:
        self._regions: list[Region] = []
        self._alive: list[Any] = []

    def add(self, space: str, address: int, data: memoryview, keep: object = None) -> int:
        """The number of a new region; ``keep`` is held until the snapshot is written."""
        self._regions.append(Region(space, address, data.nbytes, data))
        self._alive.append(keep)
        return len(self._regions) - 1

    def spans(self) -> Iterator[tuple[str, int, int]]:
        """The address space, first address and address behind the last of each region that has bytes."""
        for region in self._regions:
            if region.size_bytes:
                yield region.space, region.address, region.address + region.size_bytes

    def blobs(self) -> tuple[bytes, list[memoryview]]:
        """The table that finds each region, and the blobs: first the small pieces, then each large one.

        The table is three little-endian uint64 a region: blob, offset in it, size, all in bytes.
        """
        table = array("Q", bytes(24 * len(self._regions)))
        small, large = bytearray(), list[memoryview]()
        for piece, members in self._pieces():
            if piece.nbytes < SMALL_BYTES:
                small.extend(bytes(-len(small) % ALIGNMENT_BYTES))
                blob, start = 0, len(small)
                small.extend(piece)
            else:
                large.append(piece)
                blob, start = len(large), 0
            for number, offset in members:
                table[3 * number : 3 * number + 3] = array(
                    "Q", [blob, start + offset, self._regions[number].size_bytes]
                )
        return _little_endian(table), [memoryview(small), *large]

    def _pieces(self) -> list[tuple[memoryview, list[tuple[int, int]]]]:
        order = sorted(
            range(len(self._regions)),
            key=lambda n: (self._regions[n].space, self._regions[n].address, -self._regions[n].size_bytes),
        )
        pieces: list[tuple[memoryview, list[tuple[int, int]]]] = []
        space, end, start = "", 0, 0
        for number in order:
            region = self._regions[number]
            if region.space == space and region.address < end and region.size_bytes:
                if region.address + region.size_bytes > end:
                    piece, members = pieces[-1]
                    overlap = end - region.address
                    joined = memoryview(bytes(piece) + bytes(region.data[overlap:]))
                    pieces[-1] = (joined, members)
                    end = region.address + region.size_bytes
                pieces[-1][1].append((number, region.address - start))
                continue
            pieces.append((region.data, [(number, 0)]))
            if region.size_bytes:
                space, start, end = region.space, region.address, region.address + region.size_bytes
        return pieces


def read_table(raw: bytes | memoryview) -> Sequence[tuple[int, int, int]]:
    """The (blob, offset, size) of each region, from the bytes of the table."""
    table = array("Q", bytes(raw))
    if _BIG_ENDIAN:
        table.byteswap()
    return list(zip(table[::3], table[1::3], table[2::3], strict=True))


_BIG_ENDIAN = array("H", [1]).tobytes() == b"\x00\x01"


def _little_endian(table: array[int]) -> bytes:
    if _BIG_ENDIAN:
        table.byteswap()
    return table.tobytes()
