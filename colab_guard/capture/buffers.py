"""Buffers that objects hand to the pickler (``pickle.PickleBuffer``, of pyarrow and others): regions, as arrays are.

So slices of a table look at one piece of memory after a restore, as they did before.
"""

from __future__ import annotations

import pickle
import sys
from typing import TYPE_CHECKING, Any

from colab_guard.capture import remake

if TYPE_CHECKING:
    from colab_guard.capture.pickler import Pickler


def outside(pickler: Pickler, reduced: Any) -> Any:
    """What an object pickles as, with a region in place of each buffer among the arguments."""
    if type(reduced) is not tuple or pickle.PickleBuffer not in map(type, reduced[1]):
        return reduced
    arguments = tuple(_Outside(pickler, one) if type(one) is pickle.PickleBuffer else one for one in reduced[1])
    return (reduced[0], arguments, *reduced[2:])


class _Outside:
    """Stands for a buffer in the pickle."""

    def __init__(self, pickler: Pickler, buffer: pickle.PickleBuffer) -> None:
        self._pickler, self._buffer = pickler, buffer

    def __reduce__(self) -> Any:
        numpy = sys.modules.get("numpy")
        try:
            raw = self._buffer.raw()
        except BufferError:  # its memory has gaps
            raw = memoryview(b"")
        if numpy is None or not raw.nbytes:
            return bytes, (bytes(self._buffer),)
        address = numpy.frombuffer(raw, numpy.uint8).ctypes.data
        region = self._pickler.regions.add("cpu", address, raw, keep=self._buffer)
        return remake.buffer, (region, raw.nbytes, raw.readonly)
