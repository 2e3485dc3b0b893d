"""Open files: pickled as path, mode and position; a file being written goes on where it stood."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from colab_guard.capture import progress, rebuild
from colab_guard.core.errors import RestoreError

if TYPE_CHECKING:
    from colab_guard.capture.pickler import Pickler

REREAD_BYTES = 256 * 1024 * 1024


def reduce_file(pickler: Pickler, file: Any) -> Any:
    """A regular file that ``open`` returned, or one that is closed. Raises TypeError for others (pipes, sockets)."""
    if file.closed:
        return rebuild.closed_file, (isinstance(file, io.TextIOWrapper),)
    path = os.path.realpath(f"/proc/self/fd/{file.fileno()}") if os.path.exists("/proc/self/fd") else None
    path = path if path and Path(path).is_file() else os.path.abspath(file.name)
    if isinstance(file.name, int) or not Path(path).is_file():
        raise TypeError(f"a file without a path ({file.name!r})")
    mode = file.mode.replace("U", "")
    size = None
    if any(letter in mode for letter in "wax+"):  # a file that was opened as "w+b" says "rb+"
        file.flush()
        size = os.fstat(file.fileno()).st_size
    options: dict[str, Any] = {"mode": mode}
    if isinstance(file, io.TextIOWrapper):
        options |= {"encoding": file.encoding, "errors": file.errors}
    return rebuild.open_file, (path, options, _position(file), size)


def reduce_other(pickler: Pickler, file: Any) -> Any:
    """Files in memory, and those of classes of the user's, as they pickle; Python's own others as a whole not."""
    own = type(file).__module__.partition(".")[0] in sys.stdlib_module_names
    if own and not isinstance(file, io.BytesIO | io.StringIO):
        raise TypeError("a file that is no plain one")
    return NotImplemented


def _position(file: Any) -> int:
    try:
        return int(file.tell())
    except OSError:
        # `for line in file` forbids tell(); what is left, written out again, is as long as it was read.
        return _position_while_iterated(file)


def _position_while_iterated(file: Any) -> int:
    size = os.fstat(file.fileno()).st_size
    if not isinstance(file, io.TextIOWrapper) or size > REREAD_BYTES or isinstance(file.newlines, tuple):
        raise TypeError("a text file that is being iterated, and is too large or too mixed to find the place in")
    before = file.buffer.tell()
    rest = file.read()
    if file.newlines and file.newlines != "\n":
        rest = rest.replace("\n", file.newlines)
    position = size - len(rest.encode(file.encoding, file.errors or "strict"))
    file.seek(position)
    if not 0 <= position <= before:
        raise TypeError("a text file whose encoding does not tell the place")
    return position


def reopen(path: str, options: dict[str, Any], position: int, size: int | None) -> Any:
    """The file, open again at ``position``. One that was being written had ``size`` bytes: it is cut back to
    them, but only when the restore is sure.
    """
    mode = options["mode"].replace("w", "r").replace("x", "r")
    if size is not None and "a" not in mode and "+" not in mode:
        mode = mode.replace("r", "r+")
    place = progress.current().place(path)
    try:
        found = os.path.getsize(place)
        file = open(place, **{**options, "mode": mode})  # noqa: SIM115
    except OSError as error:
        raise RestoreError(
            f"The cell had {path} open, and it can't be opened again ({error.strerror}). Put it back, then run "
            f"the cell again; or start over with --fresh."
        ) from error
    if size is not None and found < size:
        file.close()
        raise RestoreError(
            f"The cell had written {size:,} bytes to {path}, of which {found:,} are left. Put the file back, "
            f"then run the cell again; or start over with --fresh."
        )
    if place != path:
        buffer = getattr(file, "buffer", file)
        getattr(buffer, "raw", buffer).name = path  # which it will have once the restore is sure
    if "a" not in mode:
        file.seek(position)
    if size is not None:
        cuts = f"cuts {path} from {found:,} to {size:,} bytes" if found > size else ""
        progress.current().at_last(file, lambda: _cut(file, path, size), cuts)
    return file


def _cut(file: Any, path: str, size: int) -> None:
    os.truncate(path, size)
    if "a" in file.mode:
        file.seek(0, os.SEEK_END)
