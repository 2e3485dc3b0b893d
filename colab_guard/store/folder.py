"""The folder that a repository lives in: files written once, whole or not at all.

What a repository asks of the place it is kept in is the four verbs of ``Backend``; a folder on a file system
answers them with temporary files, fsync and rename.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Protocol

from colab_guard.core.errors import StoreUnavailable

CHUNK_BYTES = 4 * 1024 * 1024
TEMPORARY = ".tmp"

Bytes = bytes | bytearray | memoryview


class Backend(Protocol):
    """A place for files with names such as ``packs/1f.pack``. Every verb raises OSError where the place fails."""

    def write_new(self, name: str, chunks: Iterable[Bytes]) -> None:
        """Write a file that is durable, and visible under its name, only when it is whole."""

    def read(self, name: str, offset: int, into: memoryview) -> int:
        """Fill ``into`` from ``offset`` on; the number of bytes there were."""

    def names(self, folder: str) -> Iterator[tuple[str, int, float]]:
        """(name, size in bytes, Unix time of the last change in seconds) of each file in a folder."""

    def delete(self, name: str) -> None:
        """Remove a file; no error where it is gone already."""


class Folder:
    """A ``Backend`` in a local folder. Safe to use from several threads and processes."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path).expanduser().absolute()

    def write_new(self, name: str, chunks: Iterable[Bytes]) -> None:
        """See ``Backend``."""
        target = self.path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = target.with_name(target.name + TEMPORARY)
        try:
            with open(temporary, "xb", buffering=0) as file:
                for chunk in chunks:
                    left = memoryview(chunk)
                    while left.nbytes:
                        left = left[file.write(left[:CHUNK_BYTES]) :]
                os.fsync(file.fileno())
            os.rename(temporary, target)
        except BaseException:
            with contextlib.suppress(OSError):
                temporary.unlink()
            raise
        _sync_folder(target.parent)

    def read(self, name: str, offset: int, into: memoryview) -> int:
        """See ``Backend``."""
        done = 0
        with open(self.path / name, "rb", buffering=0) as file:
            file.seek(offset)
            while done < into.nbytes:
                count = file.readinto(into[done : done + CHUNK_BYTES])
                if not count:
                    break
                done += count
        return done

    def names(self, folder: str) -> Iterator[tuple[str, int, float]]:
        """See ``Backend``."""
        try:
            entries = list(os.scandir(self.path / folder))
        except FileNotFoundError:
            return
        for entry in entries:
            try:
                found = entry.stat()
            except FileNotFoundError:
                continue
            yield f"{folder}/{entry.name}", found.st_size, found.st_mtime

    def delete(self, name: str) -> None:
        """See ``Backend``. Emptied before it is removed: on Drive a whole file in the trash counts as used."""
        path = self.path / name
        try:
            os.truncate(path, 0)
            path.unlink()
        except FileNotFoundError:
            return


def _sync_folder(path: Path) -> None:
    if os.name == "nt":  # a folder can't be opened there; NTFS logs its own renames
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError:
        pass  # some FUSE file systems have no fsync for folders
    finally:
        os.close(handle)


def unavailable(path: Path, doing: str, error: OSError) -> StoreUnavailable:
    """The error for a store that failed at the file system's level."""
    cures = {28: "free some space or choose another --store", 13: "choose another --store, or change its permissions",
             30: "choose another --store", 107: "mount Drive again"}  # fmt: skip
    cure = cures.get(error.errno or 0, "check the place, or choose another --store")
    return StoreUnavailable(f"{path} could not be {doing}: {error.strerror or error}; {cure}.")
