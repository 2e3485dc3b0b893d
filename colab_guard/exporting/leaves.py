"""What becomes a file of its own: arrays, tables, pictures. Each library is looked at only where it is loaded already."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from typing import Any, BinaryIO

CSV = "written as CSV, which keeps no types"


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

    np.lib.format.write_array(Sink(file), np.asarray(value), allow_pickle=False)


def is_table(value: object) -> bool:
    """Whether it is a frame, series or index of pandas."""
    return _is_a(value, "pandas", "DataFrame", "Series", "Index") or _is_a(value, "pandas.api.extensions", "ExtensionArray")


def table_of(value: Any) -> tuple[str, Callable[[BinaryIO], None], str]:
    """How a table is written: the suffix, what writes it, and a remark where that is not Parquet."""
    import pandas as pd

    if isinstance(value, pd.DataFrame):
        frame = value
    elif isinstance(value, pd.Series):
        frame = value.to_frame("value" if value.name is None else value.name)
    else:
        frame = value.to_frame(index=False) if isinstance(value, pd.Index) else pd.DataFrame({"value": value})
    why = _no_parquet(frame)
    if not why:
        return ".parquet", lambda file: frame.to_parquet(file), ""
    return ".csv", lambda file: frame.to_csv(file), f"{CSV}: {why}"


def _no_parquet(frame: Any) -> str:
    """Why a frame can't be written as Parquet; empty where it can. Tried on its own rows, for what a column of objects
    holds is known to the engine alone.
    """
    try:
        frame.iloc[:0].to_parquet(io.BytesIO())
        objects = [number for number, dtype in enumerate(frame.dtypes) if dtype == object]
        if objects:
            frame.iloc[:, objects].to_parquet(io.BytesIO())
    except ImportError:
        return "Parquet needs pyarrow or fastparquet, and neither is installed"
    except Exception as error:  # noqa: BLE001 - each engine has errors of its own
        return f"Parquet can't hold it ({' '.join(str(error).split())[:200]})"
    return ""


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
    return found is not None and isinstance(value, tuple(kind for name in names if (kind := getattr(found, name, None))))
