"""A backend without a disk: a stand-in, for where thousands of snapshots are to be counted quickly."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

from colab_guard.store.backend import Entry


class Memory:
    """Names and bytes in a dictionary; says nothing of durability."""

    def __init__(self) -> None:
        self.place = "memory"
        self.files: dict[str, bytes] = {}

    def write_new(self, name: str, chunks: Iterable[Any]) -> None:
        self.files[name] = b"".join(bytes(chunk) for chunk in chunks)

    def read(self, name: str, offset: int, into: memoryview) -> int:
        if name not in self.files:
            raise FileNotFoundError(name)
        found = self.files[name][offset : offset + len(into)]
        into[: len(found)] = found
        return len(found)

    def list(self, folder: str) -> list[Entry]:
        return [
            Entry(name, len(data), time.time())
            for name, data in self.files.items()
            if name.rpartition("/")[0] == folder
        ]

    def delete(self, name: str) -> None:
        self.files.pop(name, None)
