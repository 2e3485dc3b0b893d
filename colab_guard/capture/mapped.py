"""Memory-mapped files (``numpy.memmap``): kept by name, as they are on disk.

One that is only read is compared by its size and by a look at three places: a dataset may have many gigabytes. What is
written to one lies in the file, beside the snapshot. One that is mapped copy-on-write is an array like any other.
"""

from __future__ import annotations

import mmap
import os
from typing import TYPE_CHECKING, Any

import xxhash

from colab_guard.capture import progress, remake
from colab_guard.core.errors import RestoreError

if TYPE_CHECKING:
    from colab_guard.capture.pickler import Pickler

LOOK_BYTES = 64 * 1024  # at the beginning, in the middle and at the end


def is_mapped(array: Any) -> bool:
    """Whether it is itself the map of a file, not a view of one."""
    return type(getattr(array, "base", None)) is mmap.mmap and bool(array.filename) and array.mode != "c"


def reduce_mapped(pickler: Pickler, array: Any) -> Any:
    """A map as the name of its file, and where in it."""
    path = str(array.filename)
    if not os.path.exists(path):
        raise TypeError(f"its file {path} is gone")
    seen = ""
    if array.mode == "r":
        seen = look(path)
    else:
        pickler.note(f"what is written to {path}, which is mapped into memory (--files keeps it)")
    mode = "r" if array.mode == "r" else "r+"
    order = "C" if array.flags.c_contiguous else "F"
    return remake.mapped, (path, seen, array.dtype, mode, array.offset, array.shape, order)


def look(path: str) -> str:
    """The size of a file, and a fingerprint of three places in it."""
    size = os.path.getsize(path)
    digest = xxhash.xxh3_128(size.to_bytes(8, "little"))
    with open(path, "rb") as file:
        for place in (0, size // 2, size - LOOK_BYTES):
            file.seek(max(0, place))
            digest.update(file.read(LOOK_BYTES))
    return digest.hexdigest()


def map_again(path: str, seen: str, dtype: Any, mode: str, offset: int, shape: Any, order: str) -> Any:
    """See ``remake.mapped``. Raises RestoreError where the file is not there, or another."""
    import numpy as np

    made: Any = np.memmap
    place = progress.current().place(path)
    try:
        if seen and look(place) != seen:
            raise RestoreError(
                f"The cell had mapped {path} into memory, and it is not the same file any more. Put back the one that "
                f"it was, then run the cell again; or start over with --fresh. Nothing was changed."
            )
        return made(place, dtype, mode, offset, shape, order)
    except (OSError, ValueError) as error:
        raise RestoreError(
            f"The cell had mapped {path} into memory, and it can't be mapped again ({error}). Put it back, then run "
            f"the cell again; or start over with --fresh. Nothing was changed."
        ) from error
