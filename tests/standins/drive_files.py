"""The files of the Drive stand-in: what of them is in the cloud, what only on the VM's disk, what in the trash.

    cloud/   the account's folders and files, by name: what survives the VM
    cache/   files that were made or changed and have not been uploaded since; they hide the cloud's
    trash/   files that were deleted while they had bytes, by id

A folder is in the cloud as soon as it is made; renames and deletions of what is there take place there at once, before
uploads that were asked for earlier: on the real Drive several operations run side by side, and nothing is promised on
their order. Ids are extended attributes of the real files, so that all this outlives the process; the file system below
must have them. Paths are relative to the mount, with no slash in front. Not thread-safe.
"""

import errno
import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

ID, CLOSED = "user.id", "user.closed"
HOME = "MyDrive"
ROOTS = (HOME, ".shortcut-targets-by-id")


class OverQuotaError(OSError):
    """Drive's answer to a write that the account has no room for."""

    def __init__(self, path: str) -> None:
        super().__init__(errno.EIO, os.strerror(errno.EIO), path)


class Files:
    """See the module. *quota_bytes* bounds the newest version of every file and the trash, together."""

    def __init__(self, folder: Path, quota_bytes: int) -> None:
        self.cache, self.cloud, self.trash = (str(folder / name) for name in ("cache", "cloud", "trash"))
        for made in (self.cache, self.trash, *(os.path.join(self.cloud, root) for root in ROOTS)):
            os.makedirs(made, exist_ok=True)
        self.quota_bytes = quota_bytes
        cached, uploaded = set(_files(self.cache)), set(_files(self.cloud))
        self.live_bytes = sum(os.path.getsize(self.find(path)) for path in cached | uploaded)
        self.trash_bytes = sum(os.path.getsize(os.path.join(self.trash, path)) for path in _files(self.trash))
        numbers = [self.id(path).removeprefix("local-") for path in cached]
        self._number = max((int(number) for number in numbers if number.isdigit()), default=0)
        self._closed = max(map(self._closed_as, cached), default=0)

    @property
    def left_bytes(self) -> int:
        """What may still be written."""
        return max(0, self.quota_bytes - self.live_bytes - self.trash_bytes)

    def find(self, path: str) -> str:
        """Where the newest version of a file, or a folder, really is; FileNotFoundError where there is none."""
        cached = self.cached(path)
        if os.path.isfile(cached):
            return cached
        found = os.path.join(self.cloud, path)
        os.lstat(found)
        return found

    def cached(self, path: str) -> str:
        """Where a file is on the VM's disk, if it is."""
        return os.path.join(self.cache, path)

    def has_file(self, path: str) -> bool:
        """Whether there is a file of that name."""
        return any(os.path.isfile(os.path.join(tree, path)) for tree in (self.cache, self.cloud))

    def names(self, path: str) -> set[str]:
        """What is in a folder."""
        names = set(os.listdir(os.path.join(self.cloud, path)))
        if os.path.isdir(cached := self.cached(path)):
            names.update(entry.name for entry in os.scandir(cached) if entry.is_file())
        return names

    def waiting(self) -> list[str]:
        """The files of the cache, in the order in which they were closed, those that never were last."""
        return sorted(_files(self.cache), key=lambda path: (self._closed_as(path) or float("inf"), path))

    def id(self, path: str) -> str:
        """The Drive file id; `local-…` until the file has been uploaded once, whatever was changed since."""
        found = self.find(path)
        try:
            return os.getxattr(found, ID).decode()
        except OSError as error:
            if error.errno != errno.ENODATA:
                raise
        return _give_id(found)

    def uncommitted(self, path: str) -> bool:
        """Whether the newest version is still to be uploaded."""
        return os.path.isfile(self.cached(path))

    def allow(self, path: str) -> None:
        """Raises where Drive lets nobody write: users report errno 95 for everything beside MyDrive."""
        if not path.startswith(f"{HOME}/"):
            raise OSError(errno.ENOTSUP, os.strerror(errno.ENOTSUP), path)

    def grow(self, path: str, extra_bytes: int) -> None:
        """A file is about to grow, or to shrink; raises OverQuotaError where there is no room."""
        if extra_bytes > 0 and extra_bytes > self.left_bytes:
            raise OverQuotaError(path)
        self.live_bytes += extra_bytes

    def create(self, path: str) -> int:
        """A new, empty file; the descriptor of the real one."""
        self.allow(path)
        os.lstat(os.path.join(self.cloud, os.path.dirname(path)))
        self._number += 1
        os.makedirs(os.path.dirname(self.cached(path)), exist_ok=True)
        descriptor = os.open(self.cached(path), os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        os.setxattr(descriptor, ID, f"local-{self._number}".encode())
        return descriptor

    def fetch(self, path: str, *, keep: bool = True) -> None:
        """Has a file in the cache, to be changed: with its bytes, or without any."""
        self.allow(path)
        if self.uncommitted(path):
            return
        partial = f"{self.cache}-partial"  # beside the tree: a copy that is cut off must not hide the cloud's file
        with open(partial, "wb") as file:
            if keep:
                with open(self.find(path), "rb") as source:
                    shutil.copyfileobj(source, file, 1 << 20)
            os.setxattr(file.fileno(), ID, self.id(path).encode())
        os.makedirs(os.path.dirname(self.cached(path)), exist_ok=True)
        os.rename(partial, self.cached(path))

    def close(self, path: str) -> int:
        """Remembers that a file of the cache was closed after all others; its size in bytes."""
        self._closed += 1
        os.setxattr(self.cached(path), CLOSED, str(self._closed).encode())
        return os.path.getsize(self.cached(path))

    def upload(self, path: str) -> None:
        """A file arrives in the cloud, whole, from one instant on."""
        if self.id(path).startswith("local-"):
            _give_id(self.cached(path))
        os.rename(self.cached(path), os.path.join(self.cloud, path))

    def remove(self, path: str) -> None:
        """Deletes a file: with bytes it goes into the trash, if the cloud had it; cut to none, it is gone."""
        self.allow(path)
        size_bytes, uploaded = os.path.getsize(self.find(path)), os.path.join(self.cloud, path)
        trashed = os.path.join(self.trash, self.id(path))
        if self.uncommitted(path):
            os.unlink(self.cached(path))
        if os.path.isfile(uploaded) and size_bytes:
            self.trash_bytes += os.path.getsize(uploaded)
            os.rename(uploaded, trashed)
        elif os.path.isfile(uploaded):
            os.unlink(uploaded)
        self.live_bytes -= size_bytes

    def rename(self, old: str, new: str) -> None:
        """Gives a file or folder another name, where there is no file."""
        self.allow(old)
        self.allow(new)
        os.lstat(os.path.join(self.cloud, os.path.dirname(new)))
        for tree in (self.cloud, self.cache):
            if os.path.lexists(source := os.path.join(tree, old)):
                target = os.path.join(tree, new)
                os.makedirs(os.path.dirname(target), exist_ok=True)
                os.rename(source, target)

    def make_folder(self, path: str) -> None:
        """Makes a folder, in the cloud at once."""
        self.allow(path)
        os.mkdir(os.path.join(self.cloud, path))

    def remove_folder(self, path: str) -> None:
        """Deletes a folder; OSError where it is not empty."""
        self.allow(path)
        if self.names(path):
            raise OSError(errno.ENOTEMPTY, os.strerror(errno.ENOTEMPTY), path)
        os.rmdir(os.path.join(self.cloud, path))
        if os.path.isdir(self.cached(path)):
            shutil.rmtree(self.cached(path))

    def empty_trash(self) -> None:
        """What only the user can do, in the browser."""
        for name in os.listdir(self.trash):
            os.unlink(os.path.join(self.trash, name))
        self.trash_bytes = 0

    def _closed_as(self, path: str) -> int:
        try:
            return int(os.getxattr(self.cached(path), CLOSED))
        except OSError:  # it was open when the process died
            return 0


def _give_id(found: str) -> str:
    name = "1" + secrets.token_urlsafe(24)
    os.setxattr(found, ID, name.encode())
    return name


def _files(tree: str) -> Iterator[str]:
    for folder, _, names in os.walk(tree):
        for name in names:
            yield os.path.relpath(os.path.join(folder, name), tree)
