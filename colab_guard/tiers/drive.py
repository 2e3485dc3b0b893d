"""Google Drive through its mount: a folder whose files are uploaded later, and may be lost until then.

What is known of it, and how, is in docs/durable.md. Files are written under their final names (a rename is not known to
be atomic, and manifests are verified anyway) and never changed, for only a new file tells by an attribute that it is
uploaded. Where the user lets us ask Drive's API, that must agree. Packs and flights are cut to no bytes before they are
deleted: what lies in the trash counts against the quota.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from colab_guard.core.places import is_drive
from colab_guard.core.words import size
from colab_guard.flight.lines import FOLDER as FLIGHTS
from colab_guard.store import packs
from colab_guard.store.backend import Entry
from colab_guard.store.folder import SUBFOLDERS, Folder
from colab_guard.tiers import drive_logs, leases
from colab_guard.tiers.drive_api import DriveApi
from colab_guard.tiers.drive_arrivals import Arrivals

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

ID = "user.drive.id"  # begins with LOCAL until the file is uploaded
LOCAL = b"local"
UNCOMMITTED = "user.drive.uncommitted"  # 1 until it is; where it is missing, the id alone tells
SHOWN_BYTES = 1_000_000  # less in the trash is not worth a word
UNKNOWN = {errno.ENODATA, errno.ENOTSUP, errno.ENOSYS}


class Drive(Folder):
    """A folder on Drive; see ``Remote``. Every verb raises OSError with ENOTCONN while Drive is not mounted there."""

    folders = (*SUBFOLDERS, leases.FOLDER, FLIGHTS)

    def __init__(self, root: Path, api: DriveApi | None = None) -> None:
        self.trashed_bytes = 0  # by what was deleted without being cut
        self._api = api or DriveApi()
        self._arrivals = Arrivals(self._api)
        self._root = root
        self._mounted()
        super().__init__(root)

    def write_new(self, name: str, chunks: Iterable[ReadableBuffer]) -> None:
        """See Backend, but that it is only on this machine's disk then; ``confirmed`` tells when it is durable."""
        self._mounted()
        path, checksum = self._path(name), self._arrivals.checksum()
        with open(path, "xb", buffering=0) as file:
            try:
                for chunk in chunks:
                    _write(file.fileno(), memoryview(chunk))
                    if checksum is not None:
                        checksum.update(chunk)
                os.fsync(file.fileno())
            except BaseException:
                with suppress(OSError):
                    self._delete(path)
                raise
        self._arrivals.wrote(name, checksum)

    def create(self, name: str, data: bytes) -> bool:
        """See Remote. Two machines may both be told that they made it: Drive is no place for locks."""
        try:
            self.write_new(name, [data])
        except FileExistsError:
            return False
        return True

    def read(self, name: str, offset: int, into: memoryview) -> int:
        """See Backend."""
        self._mounted()
        return super().read(name, offset, into)

    def list(self, folder: str) -> Iterator[Entry]:
        """See Backend."""
        self._mounted()
        with suppress(FileNotFoundError):
            yield from super().list(folder)

    def delete(self, name: str) -> None:
        """See Backend."""
        self._mounted()
        path = self._path(name)
        with suppress(FileNotFoundError):
            self._delete(path, cut=name.startswith((packs.FOLDER, FLIGHTS)))
        self._arrivals.forget(name)

    def confirmed(self, name: str) -> bool | None:
        """See Remote: whether the file has an id that Drive gave, and not this machine, and Drive's API agrees."""
        self._mounted()
        path = self._path(name)
        uploaded = is_uploaded(path)
        if not uploaded:
            return uploaded
        return self._arrivals.is_same(name, (_attribute(path, ID) or b"").decode(), path.stat().st_size)

    def how(self, names: Iterable[str]) -> str:
        """See Remote."""
        return self._arrivals.how(names)

    def notes(self) -> str:
        """See Remote: what lies in the trash, and why Drive's API is not heard."""
        trash = f"{size(self.trashed_bytes)} in its trash" if self.trashed_bytes > SHOWN_BYTES else ""
        api = f"Drive's API: {self._api.trouble}" if self._api.trouble else ""
        return " · ".join(note for note in (trash, api) if note)

    def free_bytes(self) -> int | None:
        """See Remote: by Drive's API, else by the mount, of which it is not known whether it tells."""
        self._mounted()
        told = self._api.free_bytes()
        if told is not None:
            return told
        found = os.statvfs(self._root)
        return found.f_bavail * found.f_frsize

    def trouble(self) -> str:
        """See Remote: what Drive's logs say."""
        return drive_logs.reason()

    def _delete(self, path: Path, *, cut: bool = True) -> None:
        if cut:
            os.truncate(path, 0)
        else:
            self.trashed_bytes += path.stat().st_size
        os.unlink(path)

    def _mounted(self) -> None:
        # What is written below a mount point without its mount is lost, and keeps Drive from being mounted again.
        if not is_drive(self._root):
            raise OSError(errno.ENOTCONN, os.strerror(errno.ENOTCONN), str(self._root))


def is_uploaded(path: Path) -> bool | None:
    """Whether a file on Drive has been uploaded; None where that can't be told. Raises OSError."""
    file_id = _attribute(path, ID)
    if file_id is None:
        return None
    return not file_id.startswith(LOCAL) and _attribute(path, UNCOMMITTED) != b"1"


def _attribute(path: Path, name: str) -> bytes | None:
    if not hasattr(os, "getxattr"):
        return None
    try:
        return os.getxattr(path, name)
    except OSError as error:
        if error.errno in UNKNOWN:
            return None
        raise


def _write(descriptor: int, data: memoryview) -> None:
    done, data = 0, data.cast("B") if data.nbytes else memoryview(b"")
    while done < len(data):
        done += os.write(descriptor, data[done:])
