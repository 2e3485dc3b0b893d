"""The file system of the Drive stand-in, as libfuse calls it: see `drive` for what it shows and what it can't."""

import errno
import os
import stat
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.standins.drive_files import Files, OverQuotaError
from tests.standins.drive_watch import Watch
from tests.standins.uploads import Uploads

BLOCK_BYTES = 4096


@dataclass
class Local:
    """A file of the cache. *writing*: who wrote to it and has not closed it since."""

    path: str
    dirty: bool = False
    writing: set[int] = field(default_factory=set)
    gone: bool = False  # uploaded or deleted: whoever writes again needs a new one


@dataclass
class Handle:
    """An open file; *path* None once it was deleted."""

    path: str | None
    descriptor: int
    local: Local | None = None


class Mount:
    """mfusepy's operations. Thread-safe; *now* gives seconds of a clock that never goes back.

    A file can be uploaded once it was closed (FUSE's flush), and whoever still has it open for writing and writes again
    works on a new copy in the cache, which is uploaded again, whole.
    """

    use_ns = True

    def __init__(self, files: Files, uploads: Uploads, watch: Watch, now: Callable[[], float]) -> None:
        self._files, self._uploads, self._watch, self._now = files, uploads, watch, now
        self.changed = threading.Condition(threading.RLock())  # held for all but reading, and told of every upload
        self._locals: dict[str, Local] = {}
        self._handles: dict[int, Handle] = {}
        self._number = 0
        with self.changed:
            for path in files.waiting():
                local = self._locals[path] = Local(path, dirty=True)
                self._close(local)

    # ---- uploads ----------------------------------------------------------------------------------------

    def upload_due(self) -> float | None:
        """Uploads what is due by now; the seconds until something is."""
        with self.changed:
            for path in self._uploads.due(self._now()):
                self._upload(path)
            return self._uploads.wait_seconds(self._now())

    def upload_next(self, count: int) -> list[str]:
        """Uploads the next files at once; which they were."""
        with self.changed:
            paths = self._uploads.take(count)
            for path in paths:
                self._upload(path)
            return paths

    def _upload(self, path: str) -> None:
        self._locals.pop(path).gone = True
        self._files.upload(path)
        self.changed.notify_all()

    # ---- what libfuse calls -----------------------------------------------------------------------------

    def init(self, path: str) -> None:
        print("ready", flush=True)

    def create(self, path: str, mode: int, flags: int) -> int:
        path = self._begin("create", path)
        with self.changed:
            descriptor = self._files.create(path)
            local = self._locals[path] = Local(path, dirty=True)
            number = self._open(Handle(path, descriptor, local))
            local.writing.add(number)
            return number

    def open(self, path: str, flags: int) -> int:
        path = self._begin("open", path)
        if flags & os.O_TRUNC:
            self._begin("truncate", path)
        with self.changed:
            if flags & os.O_ACCMODE != os.O_RDONLY:
                self._files.allow(path)
            local = self._truncate(path, 0) if flags & os.O_TRUNC else None
            cached = self._files.uncommitted(path)
            descriptor = os.open(self._files.find(path), os.O_RDWR if cached else os.O_RDONLY)
            number = self._open(Handle(path, descriptor, local))
            if local:
                local.writing.add(number)
            return number

    def read(self, path: str | None, size: int, offset: int, number: int) -> bytes:
        self._begin("read", path)
        return os.pread(self._handles[number].descriptor, size, offset)

    def write(self, path: str | None, data: bytes, offset: int, number: int) -> int:
        self._begin("write", path)
        with self.changed:
            handle = self._handles[number]
            if handle.path is not None:
                self._write(number, handle, handle.path, offset + len(data))
            return os.pwrite(handle.descriptor, data, offset)

    def truncate(self, path: str | None, length: int, number: int | None = None) -> None:
        path = self._begin("truncate", path)
        if not path:
            raise OSError(errno.ESTALE, os.strerror(errno.ESTALE))
        with self.changed:
            self._close(self._truncate(path, length))

    def flush(self, path: str | None, number: int) -> None:
        self._begin("flush", path)
        self._end_writing(number)

    def release(self, path: str | None, number: int) -> None:  # not counted: it comes some time after close()
        self._end_writing(number)
        with self.changed:
            os.close(self._handles.pop(number).descriptor)

    def fsync(self, path: str | None, datasync: int, number: int) -> None:
        self._begin("fsync", path)

    def unlink(self, path: str) -> None:
        path = self._begin("unlink", path)
        with self.changed:
            self._remove(path)

    def rename(self, old: str, new: str) -> None:
        old = self._begin("rename", old)
        new = new.lstrip("/")
        with self.changed:
            self._files.find(old)
            self._files.allow(old)
            if self._files.has_file(new):
                self._remove(new)
            self._files.rename(old, new)

            def renamed(path: str) -> str:
                return new + path[len(old) :] if path == old or path.startswith(f"{old}/") else path

            self._uploads.rename(renamed)
            self._locals = {renamed(path): local for path, local in self._locals.items()}
            for local in self._locals.values():
                local.path = renamed(local.path)
            for handle in self._handles.values():
                handle.path = None if handle.path is None else renamed(handle.path)

    def mkdir(self, path: str, mode: int) -> None:
        path = self._begin("mkdir", path)
        with self.changed:
            self._files.make_folder(path)

    def rmdir(self, path: str) -> None:
        path = self._begin("rmdir", path)
        with self.changed:
            self._files.remove_folder(path)

    def readdir(self, path: str, number: int) -> list[str]:
        path = self._begin("readdir", path)
        with self.changed:
            return [".", "..", *sorted(self._files.names(path))]

    def getattr(self, path: str | None, number: int | None = None) -> dict[str, int]:
        path = self._begin("getattr", path)
        with self.changed:
            handle = self._handles.get(number or 0)
            found = os.fstat(handle.descriptor) if handle else os.lstat(self._files.find(path))
        mode = stat.S_IFDIR | 0o700 if stat.S_ISDIR(found.st_mode) else stat.S_IFREG | 0o600
        owner = {"st_uid": os.getuid(), "st_gid": os.getgid(), "st_nlink": 1}
        times = {f"st_{which}": getattr(found, f"st_{which}_ns") for which in ("atime", "mtime", "ctime")}
        return {"st_mode": mode, "st_size": found.st_size, "st_blocks": found.st_blocks, **owner, **times}

    def utimens(self, path: str, times: tuple[int, int] | None = None) -> None:
        path = self._begin("utimens", path)
        with self.changed:
            os.utime(self._files.find(path), ns=times or (time.time_ns(),) * 2)

    def chmod(self, path: str, mode: int) -> None:
        self._begin("chmod", path)

    def chown(self, path: str, uid: int, gid: int) -> None:
        self._begin("chown", path)

    def symlink(self, target: str, source: str) -> None:
        raise OSError(errno.ENOTSUP, os.strerror(errno.ENOTSUP), target)

    def statfs(self, path: str) -> dict[str, int]:
        self._begin("statfs", path)
        left = self._files.left_bytes // BLOCK_BYTES
        blocks = {"f_blocks": self._files.quota_bytes // BLOCK_BYTES, "f_bfree": left, "f_bavail": left}
        return {"f_bsize": BLOCK_BYTES, "f_frsize": BLOCK_BYTES, "f_namemax": 255, **blocks}

    def getxattr(self, path: str, name: str, position: int = 0) -> bytes:
        if not name.startswith("user."):  # the system asks for security.capability before every write
            raise OSError(errno.ENODATA, os.strerror(errno.ENODATA))
        path = self._begin("getxattr", path)
        with self.changed:
            if name == "user.drive.id":
                return self._files.id(path).encode()
            if name == "user.drive.uncommitted":
                return b"1" if self._files.uncommitted(path) else b"0"
        raise OSError(errno.ENODATA, os.strerror(errno.ENODATA))

    def listxattr(self, path: str) -> list[str]:
        path = self._begin("listxattr", path)
        self._files.find(path)
        return ["user.drive.id", "user.drive.uncommitted"]

    # ---- what they have in common -----------------------------------------------------------------------

    def _begin(self, kind: str, path: str | None) -> str:
        path = (path or "").lstrip("/")
        self._watch.begin(kind, path)
        return path

    def _open(self, handle: Handle) -> int:
        self._number += 1
        self._handles[self._number] = handle
        return self._number

    def _local(self, path: str, *, keep: bool = True) -> Local:
        """The file in the cache, about to change."""
        self._files.fetch(path, keep=keep)
        return self._locals.setdefault(path, Local(path))

    def _truncate(self, path: str, length: int) -> Local:
        self._grow(path, length - os.path.getsize(self._files.find(path)))
        local = self._local(path, keep=length > 0)
        local.dirty = True
        self._uploads.drop(path, self._now())
        os.truncate(self._files.cached(path), length)
        return local

    def _write(self, number: int, handle: Handle, path: str, end: int) -> None:
        if handle.local is None or handle.local.gone:
            handle.local = self._local(path)
            again = os.open(self._files.cached(path), os.O_RDWR)
            os.dup2(again, handle.descriptor, inheritable=False)
            os.close(again)
        self._uploads.drop(path, self._now())
        handle.local.dirty = True
        handle.local.writing.add(number)
        self._grow(path, max(0, end - os.fstat(handle.descriptor).st_size))

    def _grow(self, path: str, extra_bytes: int) -> None:
        try:
            self._files.grow(path, extra_bytes)
        except OverQuotaError:
            self._watch.over_quota(path)
            raise

    def _end_writing(self, number: int) -> None:
        with self.changed:
            if local := self._handles[number].local:
                local.writing.discard(number)
                self._close(local)

    def _close(self, local: Local) -> None:
        if local.dirty and not local.writing and not local.gone:
            local.dirty = False
            self._uploads.add(local.path, self._files.close(local.path), self._now())
            self.upload_due()
            self.changed.notify_all()

    def _remove(self, path: str) -> None:
        self._files.remove(path)
        self._uploads.drop(path, self._now())
        if local := self._locals.pop(path, None):
            local.gone = True
        for handle in self._handles.values():
            if handle.path == path:
                handle.path = None
