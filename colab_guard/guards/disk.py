"""How full a disk is, and where the notebook writes."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Disk:
    """In bytes: what is in use, what this user may still write, and the two together: as ``df`` does, blocks that are
    kept for root are left out.
    """

    total_bytes: int
    used_bytes: int
    free_bytes: int

    @property
    def used_share(self) -> float:
        """From 0 to 1."""
        return self.used_bytes / self.total_bytes


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
        total_bytes = usage.used + usage.free
        return Disk(total_bytes, usage.used, usage.free) if total_bytes else None  # /proc, and some network mounts
    return None
