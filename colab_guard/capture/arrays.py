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
    if array.dtype.hasobject:
        return NotImplemented
    owner = owner_of(array)
    geometry = (array.dtype, array.shape, array.strides, bool(array.flags.writeable))
    start = array.ctypes.data
    low, high = bounds(array)
    if (linked := pickler.linked_memory("cpu", low, high)) is not None:
        return rebuild.array, (linked, start - low, *geometry)
    if owner is not array and not owner.dtype.hasobject and is_dense(owner):
        return rebuild.view, (owner, start - owner.ctypes.data, *geometry)
    data = memoryview((ctypes.c_char * (high - low)).from_address(low)).cast("B")
    region = pickler.regions.add("cpu", low, data, keep=array)
    return rebuild.array, (region, start - low, *geometry, low % ALIGNMENT_BYTES)


def owner_of(array: Any) -> Any:
    """The array that an array is, in the end, a view of."""
    import numpy as np

    while type(array.base) is np.ndarray:
        array = array.base
    return array


def is_dense(array: Any) -> bool:
    """Whether the array fills its memory without gaps, in whatever order of axes."""
    low, high = bounds(array)
    return bool(high - low == array.nbytes)


def bounds(array: Any) -> tuple[int, int]:
    """The addresses of its first byte and behind its last."""
    low = high = array.ctypes.data
    if array.size:
        for length, stride in zip(array.shape, array.strides, strict=True):
            low += min(0, (length - 1) * stride)
            high += max(0, (length - 1) * stride)
        high += array.itemsize
    return low, high
