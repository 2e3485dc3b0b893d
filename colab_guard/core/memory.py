"""How much memory there is, and how much of it is free: of the machine, and of the control groups that bound us."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from colab_guard.core.procfiles import CGROUPS, PROC, reread

UNBOUND_BYTES = 1 << 60  # version 1 says some such number where there is no bound
# How each version of control groups calls the limit, what is used, and what of that the kernel can give back.
FILES = {
    "v1": ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
    "v2": ("memory.max", "memory.current", "inactive_file"),
}


@dataclass(frozen=True)
class Memory:
    """In bytes: what this process and its like may use altogether, and how much of it is still free."""

    total_bytes: int
    free_bytes: int

    @property
    def used_share(self) -> float:
        """From 0 to 1."""
        return 1 - self.free_bytes / self.total_bytes


def memory() -> Memory | None:
    """The tightest of all bounds there are; None where the system does not tell (it is no Linux). Thread-safe."""
    return min(_bounds(), key=lambda bound: bound.free_bytes, default=None)


def _bounds() -> Iterator[Memory]:
    with suppress(OSError, KeyError, ValueError):
        sizes = dict(line.split(":") for line in reread(PROC / "meminfo").splitlines()[:3])
        total, free = (int(sizes[name].split()[0]) * 1024 for name in ("MemTotal", "MemAvailable"))
        yield Memory(total, free)
    with suppress(OSError):
        for line in reread(PROC / "self/cgroup").splitlines():
            _, controllers, path = line.split(":", 2)
            if not controllers:
                yield from _groups("v2", CGROUPS, path)
            elif "memory" in controllers.split(","):
                yield from _groups("v1", CGROUPS / "memory", path)


def _groups(version: str, root: Path, path: str) -> Iterator[Memory]:
    """The group's own bound and those of the groups around it; in a container the path may be the host's."""
    group = root / path.lstrip("/")
    limit, used, cache = FILES[version]
    for folder in (group, *group.parents):
        with suppress(OSError, KeyError, ValueError):  # "max" is no bound
            bound = int(reread(folder / limit))
            if bound < UNBOUND_BYTES:
                stat = reread(folder / "memory.stat")
                start = stat.index(f"\n{cache} ") + len(cache) + 2
                free = bound - int(reread(folder / used)) + int(stat[start : stat.index("\n", start)])
                yield Memory(bound, max(0, min(bound, free)))
        if folder == root:
            return
