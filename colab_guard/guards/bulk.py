"""What is big on a disk: files and folders, where notebooks and their libraries keep what they download and write."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path

from colab_guard.guards.disk import working_folder

LIST_SECONDS = 1.0  # of looking: what was not met by then is not counted
CACHES = (".cache", ".local/share/Trash", "/tmp", "/content")


def biggest(folder: Path, count: int, seconds: float = LIST_SECONDS) -> list[tuple[Path, int]]:
    """The ``count`` largest things on the disk of ``folder``, with the bytes they take: right in the working folder, in
    ``folder`` and in the usual caches, as far as they lie there. Follows no links; raises nothing. Thread-safe.
    """
    deadline = time.monotonic() + seconds
    own = list(dict.fromkeys([*working_folder(), folder]))
    caches = [Path(name) if name.startswith("/") else Path.home() / name for name in CACHES]
    device = next(filter(None, map(_device, (folder, *folder.parents))), 0)
    sizes: dict[Path, int] = {}
    for place in [*own, *caches]:
        if _device(place) != device:
            continue
        with suppress(OSError), os.scandir(place) as entries:
            for entry in entries:
                path = Path(entry.path)
                if not any(one.is_relative_to(path) for one in own):  # what is in it is looked at by itself
                    sizes.setdefault(path, _size_bytes(entry, device, deadline))
    return sorted((pair for pair in sizes.items() if pair[1]), key=lambda pair: -pair[1])[:count]


def _device(path: Path) -> int | None:
    with suppress(OSError):
        return os.stat(path).st_dev
    return None


def _size_bytes(entry: os.DirEntry[str], device: int, deadline: float) -> int:
    todo, total = [entry], 0
    while todo and time.monotonic() < deadline:
        with suppress(OSError):  # gone meanwhile, or somebody else's
            one = todo.pop()
            stat = one.stat(follow_symlinks=False)
            if stat.st_dev not in (device, 0):  # 0 on Windows, which knows no blocks either
                continue
            total += 512 * stat.st_blocks if hasattr(stat, "st_blocks") else stat.st_size
            if one.is_dir(follow_symlinks=False):
                with os.scandir(one.path) as inside:
                    todo += inside
    return total
