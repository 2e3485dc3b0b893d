"""Files by which Linux tells about a process, its control group and the machine, read by few calls to the system.

At each call a thread gives the interpreter's lock away, and beside one that works it gets it back only after
milliseconds. All functions are thread-safe, and raise OSError where there is no such file, as on other systems.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path

PROC = Path("/proc")
CGROUPS = Path("/sys/fs/cgroup")
READ_BYTES = 1 << 16  # more than any of these files has

_kept: dict[Path, int] = {}
_lock = threading.Lock()  # so that no descriptor is closed, and its number given to another file, under a reader


def read(path: Path) -> str:
    """Its content."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        parts = iter(lambda: os.read(descriptor, READ_BYTES), b"")  # vmstat comes by the page
        return b"".join(parts).decode("utf-8", "replace")
    finally:
        os.close(descriptor)


def reread(path: Path) -> str:
    """The same by one call from the second time on, for a file that the kernel gives as one: it is kept open."""
    with _lock:
        descriptor = _kept.get(path)
        if descriptor is None:
            descriptor = _kept[path] = os.open(path, os.O_RDONLY)
        try:
            return os.pread(descriptor, READ_BYTES, 0).decode("utf-8", "replace")
        except OSError:  # the control group is gone
            os.close(_kept.pop(path))
            raise


def _forget() -> None:
    """In a forked child, whose own files in /proc are others, and where nobody would open the lock."""
    global _lock
    _lock = threading.Lock()
    while _kept:
        os.close(_kept.popitem()[1])


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
