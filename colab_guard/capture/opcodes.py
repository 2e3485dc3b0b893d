"""The texts in a pickle, found at their place and exchanged there.

A pickle's opcodes have no marks by which to find them from their middle, but the pickler writes them in frames of
some 64 KiB that hold whole ones. So from frame to frame it is a jump, and only the frames asked for are gone through.
"""

from __future__ import annotations

import pickle
import pickletools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

HEADER_BYTES = 9  # of a frame: its opcode, and how many bytes follow
_FRAME = pickle.FRAME[0]


def _lengths() -> list[int]:
    """Of each opcode its length with its argument; the negatives of ``pickletools`` where it says its own length."""
    found = [0] * 256
    for name, opcode in vars(pickletools)["code2op"].items():
        size = opcode.arg.n if opcode.arg else 0
        found[ord(name)] = size if size < 0 else 1 + size
    return found


_LENGTHS = _lengths()
_COUNTED = {pickletools.TAKEN_FROM_ARGUMENT1: 1, pickletools.TAKEN_FROM_ARGUMENT4: 4,
            pickletools.TAKEN_FROM_ARGUMENT4U: 4, pickletools.TAKEN_FROM_ARGUMENT8U: 8}  # fmt: skip
TEXTS = {code[0]: kind for kind, codes in {
    str: (pickle.SHORT_BINUNICODE, pickle.BINUNICODE, pickle.BINUNICODE8),
    bytes: (pickle.SHORT_BINBYTES, pickle.BINBYTES, pickle.BINBYTES8),
    bytearray: (pickle.BYTEARRAY8,),
}.items() for code in codes}  # fmt: skip


@dataclass(frozen=True)
class Text:
    """A str, bytes or bytearray: its opcode begins at ``start``, its ``raw`` bytes end at ``end``; ``frame`` is where
    the frame begins that it lies in, -1 for none.
    """

    start: int
    end: int
    frame: int
    kind: type
    raw: bytes

    @property
    def value(self) -> str | bytes | bytearray:
        """As an object."""
        return self.raw.decode("utf-8", "surrogatepass") if self.kind is str else self.kind(self.raw)


def texts_at(pickles: memoryview, offsets: Iterable[int]) -> list[Text]:
    """The texts in which the offsets lie, in order, each once; an offset in anything else leads to none."""
    found: list[Text] = []
    wanted = sorted(set(offsets))
    place = 0
    for frame, begin, end in _units(pickles):
        if place == len(wanted):
            break
        if wanted[place] >= end:
            continue
        until = place
        while until < len(wanted) and wanted[until] < end:
            until += 1
        found += _texts(bytes(pickles[begin:end]), begin, frame, wanted[place:until])
        place = until
    return found


def _units(pickles: memoryview) -> Iterator[tuple[int, int, int]]:
    """Stretches of whole opcodes: where the frame around one begins, or -1; its beginning and end."""
    at = 0
    while at < len(pickles):
        if pickles[at] == _FRAME:
            end = at + HEADER_BYTES + int.from_bytes(pickles[at + 1 : at + HEADER_BYTES], "little")
            yield at, at + HEADER_BYTES, end
        else:
            end = _next(pickles, at)
            yield -1, at, end
        at = end


def _next(data: memoryview | bytes, at: int) -> int:
    size = _LENGTHS[data[at]]
    if size > 0:
        return at + size
    if size in _COUNTED:
        count = _COUNTED[size]
        return at + 1 + count + int.from_bytes(data[at + 1 : at + 1 + count], "little")
    raise ValueError(f"opcode {data[at]} at {at}: none that protocol 5 writes")


def _texts(data: bytes, begin: int, frame: int, wanted: Sequence[int]) -> Iterator[Text]:
    at, lengths = 0, _LENGTHS
    for offset in wanted:
        inside = offset - begin
        if inside < at:
            continue  # in the one before
        while True:
            size = lengths[data[at]]
            end = at + size if size > 0 else _next(data, at)
            if inside < end:
                break
            at = end
        kind = TEXTS.get(data[at])
        if kind is not None:
            yield Text(begin + at, begin + end, frame, kind, data[at + 1 + _COUNTED[lengths[data[at]]] : end])
        at = end


def exchanged(pickles: memoryview, texts: Sequence[Text], others: Sequence[bytes]) -> bytes:
    """The pickles with opcodes that push one object each in the place of each text. What is memoized stays so."""
    pieces: list[memoryview | bytes] = []
    grown: dict[int, int] = {}
    for text, other in zip(texts, others, strict=True):
        grown[text.frame] = grown.get(text.frame, 0) + len(other) - (text.end - text.start)
    changes = [(text.start, text.end, other) for text, other in zip(texts, others, strict=True)]
    for frame, more in grown.items():
        if frame >= 0:
            size = int.from_bytes(pickles[frame + 1 : frame + HEADER_BYTES], "little") + more
            changes.append((frame + 1, frame + HEADER_BYTES, size.to_bytes(8, "little")))
    done = 0
    for start, end, new in sorted(changes):
        pieces += [pickles[done:start], new]
        done = end
    return b"".join([*pieces, pickles[done:]])


def call(function: tuple[str, str], *arguments: bytes) -> bytes:
    """Opcodes that call an importable function with what the opcodes of the arguments push."""
    return b"".join([*map(text, function), pickle.STACK_GLOBAL, pickle.MARK, *arguments, pickle.TUPLE, pickle.REDUCE])


def text(value: str) -> bytes:
    """Opcodes that push a text."""
    raw = value.encode("utf-8", "surrogatepass")
    return pickle.BINUNICODE + len(raw).to_bytes(4, "little") + raw
