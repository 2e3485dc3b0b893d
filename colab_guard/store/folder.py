"""A backend on a folder of the file system."""

from __future__ import annotations

import errno
import os
import secrets
import shutil
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from colab_guard.core.folders import make_folder, nearest, sync_folder
from colab_guard.core.words import size
from colab_guard.store import packs
from colab_guard.store.backend import PARTIAL, Entry, parts_of
from colab_guard.store.failures import ADVICE, Advised

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

SUBFOLDERS = ("packs", "snapshots")
LEFT_BYTES = 1_000_000_000  # of a disk are left to the user: a full one fails everything else, too
LARGE_BYTES = 2 * LEFT_BYTES  # a smaller disk may be filled: it was made for something
LOOK_BYTES = 16_000_000  # so much is written between two looks at what is left


class Folder:
    """Files under one folder, each written beside its target and renamed. Thread-safe, process-safe."""

    folders: tuple[str, ...] = SUBFOLDERS

    def __init__(self, root: Path) -> None:
        """Makes the folder where it is missing; raises OSError where that fails.

        Where it was deleted since, the next listing makes it again; where it is on a mount that has gone, everything
        fails: a write must not fill the disk below it.
        """
        self._root = root
        self._make()
        self._device = os.stat(root).st_dev

    def _make(self) -> None:
        for name in self.folders:
            make_folder(self._root / name)

    def _was_deleted(self) -> bool:
        return os.stat(nearest(self._root)).st_dev == self._device

    @property
    def place(self) -> str:
        """The folder's path."""
        return str(self._root)

    def write_new(self, name: str, chunks: Iterable[ReadableBuffer]) -> None:
        """See Backend: temporary file, fsync, rename, fsync of the folder. Packs leave the last of a disk free."""
        path = self._path(name)
        partial = _partial(path)
        try:
            with open(partial, "xb") as file:
                room, is_pack = 0, packs.NAME.fullmatch(name) is not None
                for chunk in chunks:
                    more_bytes = memoryview(chunk).nbytes
                    if is_pack and more_bytes > room:
                        room = more_bytes + LOOK_BYTES
                        _leave(self._root, room)
                    room -= file.write(chunk)
                file.flush()
                if file.tell():
                    os.fsync(file.fileno())
            os.replace(partial, path)
        except BaseException:
            with suppress(OSError):  # what can't be removed is an orphan, and prune's to remove
                os.unlink(partial)
            raise
        sync_folder(path.parent)

    def read(self, name: str, offset: int, into: memoryview) -> int:
        """See Backend."""
        done = 0
        with open(self._path(name), "rb", buffering=0) as file:
            file.seek(offset)
            while done < len(into):  # one system call reads at most 2 GB, and may read less
                count = file.readinto(into[done:])
                if not count:
                    break
                done += count
        return done

    def list(self, folder: str) -> Iterator[Entry]:
        """See Backend."""
        path = self._path(folder) if folder else self._root
        try:
            found = os.scandir(path)
        except FileNotFoundError:
            if not self._was_deleted():
                raise
            self._make()
            found = os.scandir(path)
        with found as entries:
            for entry in entries:
                with suppress(FileNotFoundError):  # deleted since the listing began
                    if entry.is_file():
                        stat = entry.stat()
                        name = f"{folder}/{entry.name}" if folder else entry.name
                        yield Entry(name, stat.st_size, stat.st_mtime)

    def delete(self, name: str) -> None:
        """See Backend. Cut to no bytes before it is unlinked: Drive's trash counts against the quota."""
        path = self._path(name)
        partial = _partial(path)
        with suppress(FileNotFoundError):  # another session pruned it
            has_bytes = os.stat(path).st_size > 0
            os.replace(path, partial)
            if has_bytes:
                sync_folder(path.parent)  # or a crash of the machine could bring the name back, without its bytes
            os.truncate(partial, 0)
            os.unlink(partial)

    def _path(self, name: str) -> Path:
        return self._root.joinpath(*parts_of(name, self.place))


def _leave(folder: Path, more_bytes: int) -> None:
    """Raises OSError where so many more would be of the last bytes, which are left to the user."""
    found = shutil.disk_usage(folder)
    if found.total >= LARGE_BYTES and found.free < LEFT_BYTES + more_bytes:
        raise Advised(
            errno.ENOSPC,
            f"only {size(found.free)} are free there, and snapshots leave the last {size(LEFT_BYTES)} to you",
            ADVICE[errno.ENOSPC],
        )


def _partial(path: Path) -> Path:
    return path.with_name(f"{path.name}.{secrets.token_hex(4)}{PARTIAL}")
