"""What becomes a file of its own: arrays, tables, pictures. A library is looked at only where it is loaded already."""

from __future__ import annotations

import io
import sys
import warnings
from typing import Any, BinaryIO


class LeftOut(Exception):
    """A value has no plain form; the message says why."""


class Sink:
    """Only what a writer of bytes needs of a file: numpy's own way past it does not say why a disk refuses."""

    def __init__(self, file: BinaryIO) -> None:
        self.write = file.write


def is_array(value: object) -> bool:
    """Whether it is an array of numpy's."""
    numpy = sys.modules.get("numpy")
    return numpy is not None and hasattr(numpy, "ndarray") and isinstance(value, numpy.ndarray)


def write_array(file: BinaryIO, value: Any) -> None:
    """NPY, without pickles in it."""
    import numpy as np

    with warnings.catch_warnings():
        # Of metadata, which NPY lacks: numpy finds some, empty, in each type of dates that was pickled.
        warnings.filterwarnings("ignore", "metadata on a dtype", UserWarning)
        np.lib.format.write_array(Sink(file), np.asarray(value), allow_pickle=False)


def is_table(value: object) -> bool:
    """Whether it is a frame, series or index of pandas."""
    return _is_a(value, "pandas", "DataFrame", "Series", "Index") or _is_a(
        value, "pandas.api.extensions", "ExtensionArray"
    )


def frame_of(value: Any) -> Any:
    """A table as a frame."""
    import pandas as pd

    if isinstance(value, pd.DataFrame):
        return value
    if isinstance(value, pd.Series):
        return value.to_frame("value" if value.name is None else value.name)
    return value.to_frame(index=False) if isinstance(value, pd.Index) else pd.DataFrame({"value": value})


def picture_of(value: Any) -> bytes | None:
    """A figure of matplotlib's or an image of PIL's as PNG; None for anything else. Raises LeftOut."""
    memory = io.BytesIO()
    if _is_a(value, "matplotlib.figure", "Figure"):
        value.savefig(memory, format="png", dpi=max(value.dpi, 100))
        if pyplot := sys.modules.get("matplotlib.pyplot"):
            pyplot.close(value)  # which pyplot would show
        return memory.getvalue()
    if _is_a(value, "PIL.Image", "Image"):
        try:
            value.save(memory, format="PNG")
        except OSError as error:  # a mode that PNG has not
            raise LeftOut(str(error)) from None
        return memory.getvalue()
    return None


def _is_a(value: object, module: str, *names: str) -> bool:
    found = sys.modules.get(module)
    return found is not None and isinstance(
        value, tuple(kind for name in names if (kind := getattr(found, name, None)))
    )
