"""Where in a pickle a secret may be: one quick pass, which takes a fraction of the time that the pickling took.

Each secret has twenty letters, digits, ``-`` and ``_`` in a row, which numbers and prose do not have. So all bytes are
first mapped to "may be part of such a run" or not, and only runs are looked at: for the beginning of a token, and for
a telling name directly before them, as dicts and attributes are pickled. What is found is to be looked at again.
"""

from __future__ import annotations

import pickle
import re
import string
from collections.abc import Callable, Iterable, Iterator

from colab_guard.core.secrets import BEGINNINGS, BYTES, MIN_RUN, PRIVATE_KEY, STRONG, is_telling

BLOCK_BYTES = 256 * 1024
MARGIN_BYTES = 8 * 1024
BEFORE = 8  # bytes of a token before the run: `ya29.`
NAME_BYTES = 80

_IN_RUN = (string.ascii_letters + string.digits + "-_+").encode()
_MAP = bytes(97 if byte in _IN_RUN else 32 for byte in range(256))
_RUN = b"a" * MIN_RUN
_RUNS = re.compile(rb"a{%d,}" % MIN_RUN)
_PRIVATE = PRIVATE_KEY.encode()
_SHORT_BYTES = pickle.SHORT_BINBYTES[0]
_SHORT = (pickle.SHORT_BINUNICODE[0], _SHORT_BYTES)
TELLING = [word.encode() for word in (*STRONG, "token", "key")]  # one of them is in each telling name
_MEMOIZE, _GET, _LONG_GET = pickle.MEMOIZE[0], pickle.BINGET[0], pickle.LONG_BINGET[0]

Names = Callable[[int], object]  # what a pickler has memoized under a number


def suspects(pickles: memoryview, names: Names) -> Iterator[tuple[int, str]]:
    """Offsets at which a secret may be, each with the telling name before it, or ``""`` for a token's shape."""
    for low in range(0, len(pickles), BLOCK_BYTES):
        start = max(low - MARGIN_BYTES, 0)
        block = bytes(pickles[start : low + BLOCK_BYTES + MARGIN_BYTES])
        runs = block.translate(_MAP)
        if _RUN not in runs:
            continue
        if _PRIVATE in block:
            yield from ((start + found.start(), "") for found in re.finditer(_PRIVATE, block))
        spans = [run.span() for run in _RUNS.finditer(runs)]
        if BEGINNINGS.search(b" ".join([block[max(first - BEFORE, 0) : last] for first, last in spans])):
            yield from ((start + at, "") for at in _tokens(block, spans))
        words = block.lower()
        literal = any(word in words for word in TELLING)
        for first, last in spans:
            at = _text_around(block, first, last)
            if at > 0 and (literal or block[at - 1] != _MEMOIZE) and (name := _telling(block, at, names)):
                yield start + last - 1, name


def _tokens(block: bytes, spans: Iterable[tuple[int, int]]) -> Iterator[int]:
    for first, last in spans:
        for begin in BEGINNINGS.finditer(block, max(first - BEFORE, 0), last):
            if BYTES.match(block, begin.start()):
                yield begin.start() + 2


def occurrences(pickles: memoryview, value: bytes) -> Iterator[int]:
    """Where a value of at most MARGIN_BYTES stands."""
    for low in range(0, len(pickles), BLOCK_BYTES):
        block = bytes(pickles[low : low + BLOCK_BYTES + MARGIN_BYTES])
        at = block.find(value)
        while 0 <= at < BLOCK_BYTES:
            yield low + at
            at = block.find(value, at + 1)


def _text_around(block: bytes, first: int, last: int) -> int:
    """Where the opcode of the short text seems to be that a run stands in and that has no white space; 0 for none."""
    # An opcode and a length may look like a part of the run.
    if block[first - 2] in _SHORT and first + block[first - 1] >= last:
        return first - 2
    if block[first - 1] in _SHORT and first + 1 + block[first] >= last:
        return first - 1
    if block[first] == _SHORT_BYTES and first + 2 + block[first + 1] == last:
        return first
    if block[first - 1] <= 32 or block[first - 1] > 126:
        return 0
    for code in _SHORT:
        at = block.rfind(code, max(first - 257, 0), first)
        while at >= 0 and at + 2 + block[at + 1] < last:
            at = block.rfind(code, max(first - 257, 0), at)
        if at > 0:
            return at
    return 0


def _telling(block: bytes, at: int, names: Names) -> str:
    if block[at - 1] == _MEMOIZE:
        end = at - 1
        for code in _SHORT:
            key = block.rfind(code, max(end - NAME_BYTES, 0), end)
            while key >= 0 and key + 2 + block[key + 1] != end:
                key = block.rfind(code, max(end - NAME_BYTES, 0), key)
            if key >= 0:
                return _checked(block[key + 2 : end].decode("latin-1"))
        return ""
    if at > 1 and block[at - 2] == _GET and (name := _named(names(block[at - 1]))):
        return name
    if at > 4 and block[at - 5] == _LONG_GET:
        return _named(names(int.from_bytes(block[at - 4 : at], "little")))
    return ""


def _named(name: object) -> str:
    if isinstance(name, bytes):
        return _checked(name.decode("latin-1"))
    return _checked(name) if isinstance(name, str) else ""


def _checked(name: str) -> str:
    return name if is_telling(name) else ""
