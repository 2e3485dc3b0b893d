"""How numpy arrays leave the pickle: views stay views of their base."""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING, Any

from colab_guard.capture import rebuild
from colab_guard.capture.memory import ALIGNMENT_BYTES

if TYPE_CHECKING:
    from colab_guard.capture.pickler import Pickler


def reduce_array(pickler: Pickler, array: Any) -> Any:
    """An ``ndarray`` as a view of the array that owns its memory, or as a region. Objects stay in band."""
    import numpy as np

    if array.dtype.hasobject:
        return NotImplemented
    owner = array
    while type(owner.base) is np.ndarray:
        owner = owner.base
    geometry = (array.dtype, array.shape, array.strides, bool(array.flags.writeable))
    if owner is not array and not owner.dtype.hasobject and _dense(owner):
        return rebuild.view, (owner, array.ctypes.data - owner.ctypes.data, *geometry)
    start = array.ctypes.data
    low, high = _bounds(array)
    data = memoryview((ctypes.c_char * (high - low)).from_address(low)).cast("B")
    region = pickler.regions.add("cpu", low, data, keep=array)
    return rebuild.array, (region, start - low, *geometry, low % ALIGNMENT_BYTES)


def _dense(array: Any) -> bool:
    """Whether the array fills its memory without gaps, in whatever order of axes."""
    low, high = _bounds(array)
    return bool(high - low == array.nbytes)


def _bounds(array: Any) -> tuple[int, int]:
    """The addresses of its first byte and behind its last."""
    low = high = array.ctypes.data
    if array.size:
        for length, stride in zip(array.shape, array.strides, strict=True):
            low += min(0, (length - 1) * stride)
            high += max(0, (length - 1) * stride)
        high += array.itemsize
    return low, high
