"""What a loss of power leaves of a folder: a stand-in for the page cache and the disk below it.

Passes on what ``store.folder`` and ``core.folders`` ask of the system to the real files, and keeps account of what of
it is durable: a file's content from its fsync on, a name from its folder's fsync on. Of all that is not, anything may
survive: none, any part, all; content that is not durable may also be cut short or be zeros. No real file system forgets
as freely (journals keep an order), and none is asked here whether it keeps what it was told to fsync.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Image = dict[str, bytes | None]  # by path below the root: a file's content, None for a folder
STEPS = {"open", "write", "fsync", "rename", "truncate", "unlink", "mkdir"}


@dataclass(eq=False)
class Content:
    now: bytes = b""
    durable: bytes = b""

    def survives(self, chance: random.Random) -> bytes:
        if self.now == self.durable:
            return self.now
        cut = self.now[: chance.randrange(len(self.now) + 1)]
        return chance.choice([self.durable, cut, bytes(len(self.now)), self.now])


@dataclass(eq=False)
class Names:
    now: dict[str, Any] = field(default_factory=dict)
    durable: dict[str, Any] = field(default_factory=dict)
    changes: list[Callable[[dict[str, Any]], None]] = field(default_factory=list)

    def change(self, change: Callable[[dict[str, Any]], None]) -> None:
        change(self.now)
        self.changes.append(change)

    def survives(self, chance: random.Random) -> dict[str, Any]:
        names = dict(self.durable)
        for change in self.changes:
            if chance.random() < 0.5:
                change(names)
        return names


def image(names: Names, kind: str, chance: random.Random, below: str = "") -> Image:
    """What is found after the power came back, or (``now``) after the process alone was killed."""
    found: Image = {}
    entries = names.survives(chance) if kind == "some" else getattr(names, kind)
    for name, entry in entries.items():
        if isinstance(entry, Names):
            found[below + name] = None
            found |= image(entry, kind, chance, f"{below}{name}/")
        else:
            found[below + name] = entry.survives(chance) if kind == "some" else getattr(entry, kind)
    return found


class System:
    """Stands where they have ``os``; calls ``on_step`` before each change below ``root``."""

    def __init__(self, root: Path, on_step: Callable[[str], None]) -> None:
        self.root, self.on_step = root, on_step
        self.names = Names()
        self._open: dict[int, Names | Content] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(os, name)

    def open_file(self, path: Path, mode: str, buffering: int = -1) -> Any:
        if mode == "rb":
            return open(path, mode, buffering=buffering)
        self._step("open", path)
        file = open(path, mode, buffering=0)  # noqa: SIM115 - closed by _File
        content = self._open[file.fileno()] = Content()
        self._parent(path).change(lambda names: names.__setitem__(path.name, content))
        return _File(self, file, content)

    def fsync(self, descriptor: int) -> None:
        self._step("fsync", descriptor)
        entry = self._open[descriptor]
        entry.durable = dict(entry.now) if isinstance(entry, Names) else entry.now
        if isinstance(entry, Names):
            entry.changes.clear()

    def open(self, path: Path, flags: int) -> int:
        descriptor = os.open(path, flags)
        self._open[descriptor] = self._at(path)
        return descriptor

    def replace(self, old: Path, new: Path) -> None:
        self._step("rename", old)
        os.replace(old, new)

        def rename(names: dict[str, Any]) -> None:
            if old.name in names:
                names[new.name] = names.pop(old.name)

        self._parent(old).change(rename)

    def truncate(self, path: Path, size_bytes: int) -> None:
        self._step("truncate", path)
        os.truncate(path, size_bytes)
        self._at(path).now = self._at(path).now[:size_bytes]

    def unlink(self, path: Path) -> None:
        self._step("unlink", path)
        os.unlink(path)
        self._parent(path).change(lambda names: names.pop(path.name, None))

    def mkdir(self, path: Path, mode: int) -> None:
        self._step("mkdir", path)
        os.mkdir(path, mode)
        made = Names()
        self._parent(path).change(lambda names: names.__setitem__(path.name, made))

    def _step(self, what: str, where: object) -> None:
        assert what in STEPS
        self.on_step(f"{what} {where}")

    def _at(self, path: Path) -> Any:
        entry: Any = self.names
        for part in path.relative_to(self.root).parts:
            entry = entry.now[part]
        return entry

    def _parent(self, path: Path) -> Names:
        return self._at(path.parent)


class _File:
    """A file that is being written, without a buffer of its own."""

    def __init__(self, system: System, file: Any, content: Content) -> None:
        self._system, self._file, self._content = system, file, content

    def __enter__(self) -> _File:
        return self

    def __exit__(self, *exception: object) -> None:
        self._file.close()

    def write(self, data: Any) -> int:
        self._system._step("write", self._file.name)
        self._content.now += bytes(data)
        return self._file.write(data)

    def tell(self) -> int:
        return self._file.tell()

    def flush(self) -> None:
        pass

    def fileno(self) -> int:
        return self._file.fileno()
