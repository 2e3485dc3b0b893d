"""Where in a pickle a secret may be: one quick pass, which takes a fraction of the time that the pickling took.

Each secret has twenty letters, digits, ``-`` and ``_`` in a row, which numbers and prose do not have. So all bytes are
first mapped to "may be part of such a run" or not, and only runs are looked at: for the beginning of a token, and for
a telling name directly before them, as dicts and attributes are pickled. What is found is to be looked at again.
"""

from __future__ import annotations

import pickle
import re
import string
from collections.abc import Callable, Iterator

from colab_guard.core.secrets import BEGINNINGS, BYTES, MIN_RUN, PRIVATE_KEY, is_telling

BLOCK_BYTES = 256 * 1024
MARGIN_BYTES = 8 * 1024
BEFORE = 8  # bytes of a token before the run: `ya29.`
BEHIND = 4096
NAME_BYTES = 80

_IN_RUN = (string.ascii_letters + string.digits + "-_+").encode()
_MAP = bytes(97 if byte in _IN_RUN else 32 for byte in range(256))
_RUN = b"a" * MIN_RUN
_RUNS = re.compile(rb"a{%d,}" % MIN_RUN)
_PRIVATE = PRIVATE_KEY.encode()
_SHORT = {kind: code[0] for kind, code in ((str, pickle.SHORT_BINUNICODE), (bytes, pickle.SHORT_BINBYTES))}
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
        for run in _RUNS.finditer(runs):
            first, last = run.span()
            if BEGINNINGS.search(block, max(first - BEFORE, 0), last):
                for found in BYTES.finditer(block, max(first - BEFORE, 0), last + BEHIND):
                    if found.start() > last:
                        break
                    yield start + found.start() + 2, ""
            if name := _name_before(block, first, last, names):
                yield start + last - 1, name


def occurrences(pickles: memoryview, value: bytes) -> Iterator[int]:
    """Where a value of at most MARGIN_BYTES stands."""
    for low in range(0, len(pickles), BLOCK_BYTES):
        block = bytes(pickles[low : low + BLOCK_BYTES + MARGIN_BYTES])
        at = block.find(value)
        while 0 <= at < BLOCK_BYTES:
            yield low + at
            at = block.find(value, at + 1)


def _name_before(block: bytes, first: int, last: int, names: Names) -> str:
    """The telling name of the text that a run stands in, where it is short and looks like one."""
    for code in _SHORT.values():
        # The opcode and the length may look like a part of the run.
        at = block.rfind(code, max(first - 257, 0), first + 2)
        while at >= 0 and at + 2 + block[at + 1] < last:
            at = block.rfind(code, max(first - 257, 0), at)
        if at > 0 and (name := _telling(block, at, names)):
            return name
    return ""


def _telling(block: bytes, at: int, names: Names) -> str:
    if block[at - 1] == _MEMOIZE:
        end = at - 1
        for code in _SHORT.values():
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
