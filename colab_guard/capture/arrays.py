"""How numpy arrays leave the pickle: views stay views of their base."""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING, Any

from colab_guard.capture import rebuild, remake
from colab_guard.capture.mapped import is_mapped, reduce_mapped
from colab_guard.capture.memory import ALIGNMENT_BYTES

if TYPE_CHECKING:
    from colab_guard.capture.pickler import Pickler


def reduce_array(pickler: Pickler, array: Any) -> Any:
    """An ``ndarray`` as a view of the array that owns its memory, or as a region. Objects stay in band."""
    owner = owner_of(array)
    geometry = (array.dtype, array.shape, array.strides, bool(array.flags.writeable))
    start = array.ctypes.data
    if array.dtype.hasobject or _is_text(array.dtype):
        return _reduce_objects(array, owner, start - owner.ctypes.data)
    if is_mapped(owner):
        return rebuild.view, (owner, start - owner.ctypes.data, *geometry)
    low, high = bounds(array)
    if (linked := pickler.linked_memory("cpu", low, high)) is not None:
        return rebuild.array, (linked, start - low, *geometry)
    if owner is not array and type(owner) is type(array) and not owner.dtype.hasobject and is_dense(owner):
        return rebuild.view, (owner, start - owner.ctypes.data, *geometry)
    data = memoryview((ctypes.c_char * (high - low)).from_address(low)).cast("B")
    region = pickler.regions.add("cpu", low, data, keep=array)
    return rebuild.array, (region, start - low, *geometry, low % ALIGNMENT_BYTES)


def _is_text(dtype: Any) -> bool:
    return bool(dtype.kind == "T")  # of any length, which lie elsewhere


def _reduce_objects(array: Any, owner: Any, offset: int) -> Any:
    # As numpy pickles it, but for a view of a whole array, which looks at the same objects.
    if owner is array or type(owner).__name__ != "ndarray" or owner.dtype != array.dtype or not is_dense(owner):
        return NotImplemented
    start = offset // array.itemsize
    return remake.object_view, (owner, start, array.shape, array.strides, bool(array.flags.writeable))


def reduce_subclass(pickler: Pickler, array: Any) -> Any:
    """An array of a subclass that pickles as numpy's own do: as a view of a plain one, with its attributes."""
    import numpy as np

    kind: Any = type(array)
    if is_mapped(array):
        return reduce_mapped(pickler, array)
    own: tuple[Any, ...] = (np.ndarray.__reduce__, np.ma.MaskedArray.__reduce__, np.ndarray.__reduce_ex__)
    if array.dtype.hasobject or kind.__reduce__ not in own or kind.__reduce_ex__ not in own:
        return NotImplemented
    plain = array.view(np.ndarray)
    if kind is np.memmap and not is_mapped(owner_of(array)):
        return rebuild.same, (plain,)  # copied on writing, or what is left of a map: an array
    state = {name: value for name, value in array.__dict__.items() if name != "_mmap"}
    if not state:
        return remake.subclassed, (kind, plain)
    return remake.subclassed, (kind, plain), state, None, None, remake.attributes


def owner_of(array: Any) -> Any:
    """The array that an array is, in the end, a view of."""
    import numpy as np

    while True:
        base = array.base
        base = base.base if type(base).__name__ == "DummyArray" else base  # of numpy's as_strided
        if type(base) not in (np.ndarray, np.memmap):
            return array
        array = base


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
