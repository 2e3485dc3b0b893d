"""Memory that leaves the pickle: each piece once, whoever else looks at it.

Arrays and tensors are pickled as views of **regions**, addressed by number. Which regions overlap (a torch
tensor and its numpy twin) is settled when the pickle is done: overlapping ones become one piece, so that
what shared memory shares it again. Pieces under 64 KiB go together into one blob.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from colab_guard.capture.room import check_room

SMALL_BYTES = 64 * 1024
ALIGNMENT_BYTES = 64


@dataclass(frozen=True)
class Region:
    """``size_bytes`` bytes at ``address`` of an address space (``"cpu"``, ``"cuda:0"``), which ``data`` reads while
    ``keep`` lives. With ``ready``, ``data`` is a copy that is complete once that has returned; else it is the user's
    own memory, which changes when the cell goes on.
    """

    space: str
    address: int
    size_bytes: int
    data: memoryview
    keep: Any = None
    ready: Callable[[], None] | None = None


@dataclass(frozen=True)
class Piece:
    """Memory that goes into a blob of its own: ``chunks``, one behind the other. The rest is as in Region."""

    space: str
    address: int
    chunks: tuple[memoryview, ...]
    keep: Any = None
    ready: Callable[[], None] | None = None

    @property
    def size_bytes(self) -> int:
        """Of all chunks."""
        return sum(chunk.nbytes for chunk in self.chunks)

    def __bytes__(self) -> bytes:
        if self.ready:
            self.ready()
        return b"".join(self.chunks)


class Regions:
    """The regions of one snapshot, in the order in which the pickle names them. Not thread-safe."""

    def __init__(self) -> None:
        self._regions: list[Region] = []

    def add(
        self,
        space: str,
        address: int,
        data: memoryview,
        keep: object = None,
        ready: Callable[[], None] | None = None,
    ) -> int:
        """The number of a new region, see Region."""
        self._regions.append(Region(space, address, data.nbytes, data, keep, ready))
        return len(self._regions) - 1

    def spans(self) -> Iterator[tuple[str, int, int]]:
        """The address space, first address and address behind the last of each region that has bytes."""
        for region in self._regions:
            if region.size_bytes:
                yield region.space, region.address, region.address + region.size_bytes

    def blobs(self, *, spare: bool = False) -> tuple[bytes, list[memoryview | Piece]]:
        """The table that finds each region, and the blobs: first a copy of the small pieces, then each large one, last
        the small ones that are not ready yet. Raises NoRoom; ``spare``: see there.

        The table is three little-endian uint64 a region: blob, offset in it, size, all in bytes.
        """
        table = array("Q", bytes(24 * len(self._regions)))
        small, large, late = bytearray(), list[Piece](), list[tuple[Piece, list[tuple[int, int]]]]()
        few = [region.size_bytes for region in self._regions if region.size_bytes < SMALL_BYTES]
        check_room(sum(few) + len(few) * ALIGNMENT_BYTES // 2, "small arrays", spare=spare)

        def note(members: Sequence[tuple[int, int]], blob: int, start: int) -> None:
            for number, offset in members:
                size_bytes = self._regions[number].size_bytes
                table[3 * number : 3 * number + 3] = array("Q", [blob, start + offset, size_bytes])

        # In the order of the pickle: that of addresses changes from one snapshot to the next, where nothing else does.
        for piece, members in sorted(self._pieces(), key=lambda found: min(number for number, _ in found[1])):
            if piece.size_bytes >= SMALL_BYTES:
                large.append(piece)
                note(members, len(large), 0)
            elif piece.ready:
                late.append((piece, members))
            else:
                small.extend(bytes(-len(small) % ALIGNMENT_BYTES))
                note(members, 0, len(small))
                small.extend(piece.chunks[0])
        if late:
            start, chunks = 0, list[memoryview]()
            for piece, members in late:
                note(members, len(large) + 1, start)
                padding = memoryview(bytes(-piece.size_bytes % ALIGNMENT_BYTES))
                chunks += [*piece.chunks, padding]
                start += piece.size_bytes + padding.nbytes
            ready = [piece.ready for piece, _ in late if piece.ready]
            keep = [piece.keep for piece, _ in late]
            large.append(Piece(late[0][0].space, 0, tuple(chunks), keep, partial(_all, ready)))
        return _little_endian(table), [memoryview(small), *large]

    def _pieces(self) -> list[tuple[Piece, list[tuple[int, int]]]]:
        order = sorted(
            range(len(self._regions)),
            key=lambda n: (self._regions[n].space, self._regions[n].address, -self._regions[n].size_bytes),
        )
        pieces: list[tuple[Piece, list[tuple[int, int]]]] = []
        space, end, start = "", 0, 0
        for number in order:
            region = self._regions[number]
            if region.space == space and region.address < end and region.size_bytes:
                if region.address + region.size_bytes > end:
                    piece, members = pieces[-1]
                    joined = memoryview(bytes(piece) + bytes(region.data[end - region.address :]))
                    pieces[-1] = (Piece(space, start, (joined,)), members)
                    end = region.address + region.size_bytes
                pieces[-1][1].append((number, region.address - start))
                continue
            piece = Piece(region.space, region.address, (region.data,), region.keep, region.ready)
            pieces.append((piece, [(number, 0)]))
            if region.size_bytes:
                space, start, end = region.space, region.address, region.address + region.size_bytes
        return pieces


def _all(waits: Sequence[Callable[[], None]]) -> None:
    for wait in waits:
        wait()


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
