"""A stand-in for a remote: a folder whose files are durable when the test says so. It shows the order of what is done,
and what may be lost when; not how long anything takes. The real mount is in tests/standins.
"""

import errno
import os
import random
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from colab_guard.store.folder import Folder
from colab_guard.store.repository import Repository
from colab_guard.tiers.tiered import Tiered
from colab_guard.tiers.uploads import Uploads


class Quiet:
    """What a remote says that has nothing to say."""

    def trouble(self) -> str:
        return ""

    def how(self, names: Iterable[str]) -> str:
        return ""

    def notes(self) -> str:
        return ""


class Later(Quiet, Folder):
    """Files written to it are durable once they have ``arrived``; ``broken`` makes every verb fail."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        (root / "leases").mkdir(exist_ok=True)
        self.written: list[str] = []
        self.deleted: list[str] = []
        self.arrived: set[str] = set()
        self.at_once = self.knows = True
        self.broken: int | None = None
        self.listings = 0
        self.free: int | None = None

    def write_new(self, name: str, chunks: Iterable[Any]) -> None:
        self._fail()
        super().write_new(name, chunks)
        self.written.append(name)
        if self.at_once:
            self.arrived.add(name)

    def create(self, name: str, data: bytes) -> bool:
        if (Path(self.place) / name).exists():
            return False
        self.write_new(name, [data])
        return True

    def read(self, name: str, offset: int, into: memoryview) -> int:
        self._fail()
        return super().read(name, offset, into)

    def list(self, folder: str) -> Any:
        self._fail()
        self.listings += 1
        return super().list(folder)

    def delete(self, name: str) -> None:
        self._fail()
        super().delete(name)
        self.deleted.append(name)

    def confirmed(self, name: str) -> bool | None:
        self._fail()
        if not (Path(self.place) / name).exists():
            raise FileNotFoundError(name)
        return name in self.arrived if self.knows else None

    def free_bytes(self) -> int | None:
        return self.free

    def lose(self) -> None:
        """What has not arrived is gone."""
        for folder in ("packs", "snapshots", "leases", ""):
            for entry in list(super().list(folder)):
                if entry.name not in self.arrived:
                    os.unlink(Path(self.place) / entry.name)

    def _fail(self) -> None:
        if self.broken is not None:
            raise OSError(self.broken, os.strerror(self.broken))


GONE = errno.ENOTCONN
FORGOTTEN_SECONDS = 7200.0  # after which a pack that nobody lists may go


class Machine:
    """A VM with a local disk in front of a remote; ``settle`` does what the thread would."""

    def __init__(self, folder: Path, remote: Later, session: str = "a", **options: Any) -> None:
        self.remote = remote
        self.uploads = Uploads(Folder(folder), remote, session, **options)
        self.tiered = Tiered(self.uploads, lambda: None)
        self.repository = Repository(self.tiered)

    def commit(self, cell: str = "train", size_bytes: int = 1000, **body: Any) -> Any:
        return self.repository.commit(cell, body, [random.randbytes(size_bytes)])

    def settle(self, most: int = 50) -> None:
        for _ in range(most):
            if self.uploads.step() != 0:
                return

    def durable(self, cell: str = "train") -> Any:
        return self.uploads.state(cell).durable
