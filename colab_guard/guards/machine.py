"""The machine and this process on it: since when it is up, its load, and whom the kernel killed for want of memory.

Everything is read from Linux's files; elsewhere there is nothing to read. All functions are thread-safe, and raise
nothing.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from colab_guard.core import procfiles
from colab_guard.core.procfiles import CGROUPS, PROC


def boot_id() -> str | None:
    """Tells one start of the machine from the next; None where there is no such id."""
    return _read(PROC / "sys/kernel/random/boot_id").strip() or None


def uptime() -> float | None:
    """Seconds since the machine was started."""
    words = _read(PROC / "uptime").split()
    return float(words[0]) if words else None


def load() -> float | None:
    """How many threads ran or wanted to, on average over the last minute."""
    try:
        return round(os.getloadavg()[0], 2)
    except (OSError, AttributeError):
        return None


def rss_bytes() -> int | None:
    """The memory of this process itself."""
    words = _read(PROC / "self/statm").split()
    return int(words[1]) * os.sysconf("SC_PAGE_SIZE") if len(words) > 1 else None


def process_id(pid: int | None = None) -> str:
    """Tells a process (this one, if no number is given) from any other of this machine: its number, and when it began,
    if it is there.
    """
    pid = os.getpid() if pid is None else pid
    began = _read(PROC / str(pid) / "stat").rpartition(")")[2].split()
    return f"{pid}-{began[19]}" if len(began) > 19 and began[0] != "Z" else str(pid)


def oom_kills() -> dict[str, int]:
    """How often the kernel has killed for memory so far: in this process's control group (``cgroup``), and on the
    whole ``machine``; without what can't be read.
    """
    found = {}
    if (count := _count(_read(PROC / "vmstat"))) is not None:
        found["machine"] = count
    counts = [count for path in _groups() if (count := _count(_read(path))) is not None]
    if counts:
        found["cgroup"] = counts[0]
    return found


def memory_group() -> str | None:
    """The control group that ``oom_kills`` counts for, by the file that tells; None where there is none."""
    return next((str(path) for path in _groups() if _count(_read(path)) is not None), None)


def _groups() -> Iterator[Path]:
    """Where the own control group counts; in a container the path may be the host's, and the root is ours."""
    for line in _read(PROC / "self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        if not controllers:
            roots, name = [CGROUPS, CGROUPS / "unified"], "memory.events"
        elif "memory" in controllers.split(","):
            roots, name = [CGROUPS / "memory"], "memory.oom_control"
        else:
            continue
        for root in roots:
            yield root / path.lstrip("/") / name
            yield root / name


def _count(text: str) -> int | None:
    begun = f"\n{text}".find("\noom_kill ")
    words = text[begun:].split(None, 2) if begun >= 0 else []
    return int(words[1]) if len(words) > 1 and words[1].isdecimal() else None


def _read(path: Path) -> str:
    try:
        return procfiles.read(path)
    except OSError:
        return ""
