"""How full a disk is, and where the notebook writes."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Disk:
    """In bytes: what the disk holds altogether, what is in use, and what this user may still write."""

    total_bytes: int
    used_bytes: int
    free_bytes: int

    @property
    def used_share(self) -> float:
        """From 0 to 1, of what this user can have, as ``df`` has it: blocks kept for root are left out."""
        reachable = self.used_bytes + self.free_bytes
        return self.used_bytes / reachable if reachable else 1.0


def working_folder() -> list[Path]:
    """The working folder; nothing where it was deleted."""
    with suppress(OSError):
        return [Path.cwd()]
    return []


def disk(path: str | os.PathLike[str]) -> Disk | None:
    """The disk that a path lies on, or would; None where the system does not tell. Thread-safe."""
    for place in (Path(path), *Path(path).parents):
        try:
            usage = shutil.disk_usage(place)
        except FileNotFoundError:
            continue
        except OSError:
            return None
        return Disk(usage.total, usage.used, usage.free) if usage.total else None  # /proc, and some network mounts
    return None
