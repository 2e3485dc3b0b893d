"""A backend on an object store, or on whatever else fsspec knows: ``s3://``, ``gs://``, ``hf://``, ``memory://``.

How a file comes to appear whole depends on the place:

- ``s3``, ``gs``: up to PART_BYTES in one put; what is larger in parts, and nothing is seen before the last request. The
  parts of an upload that was cut off are told to go; docs/format.md says what becomes of them where that fails.
- ``hf``: one commit of the Hub's each, or one put into a bucket of the Hub's.
- ``memory``: joined, then put. No more than a stand-in, which dies with the process.
- others: under a name that ends in ``.tmp``, then moved: as whole and as durable as that place's own move.

No listing is cached, and every call ends: see ``Objects``. Each process makes connections of its own, for those of
fsspec do not survive a fork; file systems that are not made for several threads (the Hub's) are made for each thread.
"""

from __future__ import annotations

import errno
import importlib
import os
import re
import secrets
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext, suppress
from datetime import datetime
from functools import cache, partial
from itertools import chain
from typing import TYPE_CHECKING, Any

from colab_guard.core.errors import UsageError
from colab_guard.store.backend import PARTIAL, Entry, parts_of
from colab_guard.store.refusals import PastEnd, as_os_error, no_bucket

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

PART_BYTES = 8 << 20  # what one request writes or reads at most; S3 takes at least 5 MiB and at most 10,000 parts
SLOWEST_BYTES_PER_SECOND = 16 << 10  # a connection slower than this counts as dead
PATIENCE_SECONDS = 30.0
TRIES = 2  # of s3fs: a kept connection may have been closed at the other end, unnoticed

SAME = {"s3a": "s3", "gcs": "gs"}  # two names of one kind
LIBRARIES = {"s3": "s3fs", "gs": "gcsfs", "hf": "huggingface_hub"}
LIKE_FSSPEC = ("s3fs", "gcsfs")  # whose versions must be fsspec's own
STREAMED = ("s3", "gs", "hf")  # what is written to a file of theirs is seen once that is closed, and not before
CONDITIONAL = ("s3", "gs", "memory")
WHILE_WRITTEN = {"s3": ("call_s3", "abort_mpu"), "gs": ("call",)}  # what their files wait for without end
MODIFIED = ("LastModified", "updated", "last_modified", "mtime", "modified", "created")
PASSWORD = re.compile(r"(?<=://)[^/@]*@")
_memory = threading.Lock()  # fsspec's memory is not made for threads


class Objects:
    """Files under one URL. Thread-safe; a forked process goes on with connections of its own.

    A call to S3 or Google ends within twice ``patience_seconds`` and the time that up to PART_BYTES take at
    SLOWEST_BYTES_PER_SECOND, for each part. That of other places is bounded by what their libraries do.
    """

    def __init__(self, url: str, *, patience_seconds: float = PATIENCE_SECONDS, **options: Any) -> None:
        """Makes nothing, and asks nobody yet. ``options`` go to fsspec, as its storage options; credentials are found
        as the library for this kind of URL finds them.

        Raises UsageError for a URL of an unknown kind, one that names no bucket, and where a library is missing.
        """
        scheme = url.partition("://")[0].lower()
        self._protocol = SAME.get(scheme, scheme)
        self.place = PASSWORD.sub("", url[: len(scheme) + 3] + url[len(scheme) + 3 :].rstrip("/"))
        self._patience_seconds = patience_seconds
        self._fsspec = _imported("fsspec", self.place, "")
        self._asyn = _asyn()
        self._class = self._kind()
        own = {"skip_instance_cache": True, "use_listings_cache": False}
        self._options = {**self._class._get_kwargs_from_urls(url), **own, **options}
        self._file_systems: dict[tuple[int, int], Any] = {}
        self._root = self._class._strip_protocol(url).rstrip("/")
        if not self._root and self._protocol in STREAMED:
            raise UsageError(f"{self.place} names no bucket: {scheme}://BUCKET/FOLDER does.")

    @property
    def exclusive(self) -> bool:
        """Whether ``create`` works here."""
        return self._protocol in CONDITIONAL

    def write_new(self, name: str, chunks: Iterable[ReadableBuffer]) -> None:
        """See Backend."""
        path, parts = self._path(name), _parts(chunks)
        if self._protocol == "memory":
            self._call("pipe_file", path, b"".join(parts))
        elif self._protocol not in STREAMED:
            self._move_in(path, parts)
        else:
            first, second = next(parts, b""), next(parts, b"")
            if second:
                self._stream(path, chain((first, second), parts))
            else:
                self._call("pipe_file", path, first)

    def create(self, name: str, data: bytes) -> bool:
        """Writes a small file if its name is free, and says whether; of several at once, one is told so.

        ``data`` must be like nobody else's: by it a put is known for one's own whose answer was lost. Raises OSError
        with ENOTSUP where the place has no such put: where it never has (``exclusive`` is False), or where it turns out
        to ignore the condition, as some servers with S3's protocol do.
        """
        if not self.exclusive:
            raise OSError(errno.ENOTSUP, f"{self.place} can't tell who came first")
        path = self._path(name)
        if not self._put_if_free(path, data):
            found = memoryview(bytearray(len(data) + 1))
            return bytes(found[: self.read(name, 0, found)]) == data
        if self._put_if_free(path, data):
            raise OSError(errno.ENOTSUP, f"{self.place} puts a name a second time, when told not to")
        return True

    def confirmed(self, name: str) -> bool:
        """True: what a put was acknowledged for is durable."""
        return True

    def how(self, names: Iterable[str]) -> str:
        """Nothing: a put that was answered says it all."""
        return ""

    def notes(self) -> str:
        """None."""
        return ""

    def free_bytes(self) -> int | None:
        """None: no bound is known."""
        return None

    def trouble(self) -> str:
        """Nothing: what fails says it in its error."""
        return ""

    def read(self, name: str, offset: int, into: memoryview) -> int:
        """See Backend. In requests of at most PART_BYTES."""
        path, done = self._path(name), 0
        if not into.nbytes:
            self._call("info", path)
        while done < into.nbytes:
            start = offset + done
            stop = min(offset + into.nbytes, start + PART_BYTES)
            try:
                found = self._call("cat_file", path, start=start, end=stop)
            except PastEnd:
                break
            into[done : done + len(found)] = found
            done += len(found)
            if start + len(found) < stop:
                break
        return done

    def list(self, folder: str) -> Iterator[Entry]:
        """See Backend. What is of unknown age counts as new, so that prune leaves it alone."""
        path = self._path(folder) if folder else self._root
        for info in self._listed(path):
            inside, _, name = str(info["name"]).rstrip("/").rpartition("/")
            if info["type"] == "file" and inside.strip("/") == path.strip("/"):
                yield Entry(f"{folder}/{name}" if folder else name, int(info["size"] or 0), _modified(info))

    def delete(self, name: str) -> None:
        """See Backend."""
        path = self._path(name)
        with suppress(FileNotFoundError):  # another session pruned it
            self._call("rm_file", path)

    def _path(self, name: str) -> str:
        return "/".join((self._root, *parts_of(name, self.place)))

    def _listed(self, path: str) -> Any:
        while True:
            try:
                return self._call("ls", path, detail=True)
            except FileNotFoundError:  # of places with folders, also where a file went while its folder was listed
                if self._protocol in STREAMED or not self._call("exists", path):
                    return ()

    def _put_if_free(self, path: str, data: bytes) -> bool:
        try:
            self._call("pipe_file", path, data, mode="create")
        except FileExistsError:
            return False
        return True

    def _stream(self, path: str, parts: Iterable[bytes]) -> None:
        """Writes what is too large for one request, of which nothing is seen before all is there."""
        options = {"timeout": self._limit_seconds(PART_BYTES)} if self._protocol == "gs" else {}
        file = self._told(partial(self._file_system().open, path, "wb", block_size=PART_BYTES, **options))
        try:
            for part in parts:
                self._told(partial(file.write, part), puts=True)
            self._told(file.close, puts=True)
        except BaseException:
            file.closed = True  # or its destructor would store what there is
            with suppress(Exception):  # the first failure is the one to tell; what stays is not seen
                file.discard()
            with suppress(AttributeError, OSError):  # the Hub's collects it on the disk
                os.unlink(file.temp_file.name)
            raise

    def _move_in(self, path: str, parts: Iterable[bytes]) -> None:
        """For places of which nothing is known but that they can move a file."""
        fs, unfinished = self._file_system(), f"{path}.{secrets.token_hex(4)}{PARTIAL}"
        self._told(partial(fs.makedirs, path.rpartition("/")[0], exist_ok=True))
        try:
            file = self._told(partial(fs.open, unfinished, "wb"))
            try:
                for part in parts:
                    self._told(partial(file.write, part))
            finally:
                self._told(file.close)
            self._told(partial(fs.mv, unfinished, path))
        except BaseException:
            with suppress(OSError):  # what can't be removed is an orphan, and prune's to remove
                self._call("rm_file", unfinished)
            raise

    def _call(self, verb: str, path: str, *data: bytes, **named: Any) -> Any:
        """One verb of fsspec's; of places that are asked over fsspec's own loop, with an end to waiting for it."""
        fs, puts = self._file_system(), verb == "pipe_file"
        if not fs.async_impl:
            fs.invalidate_cache()
            with _memory if self._protocol == "memory" else nullcontext():
                return self._told(partial(getattr(fs, verb), path, *data, **named), puts=puts)
        limit_seconds = self._limit_seconds(sum(map(len, data)) + named.get("end", 0) - named.get("start", 0))
        call = partial(self._asyn.sync, fs.loop, getattr(fs, f"_{verb}"), path, *data, **named)
        return self._told(partial(call, timeout=limit_seconds), puts=puts)

    def _told(self, call: Callable[[], Any], *, puts: bool = False) -> Any:
        try:
            return call()
        except Exception as error:
            told = as_os_error(error, self._protocol)
            raise (no_bucket() if puts and isinstance(told, FileNotFoundError) else told) from error

    def _limit_seconds(self, size_bytes: int) -> float:
        return 2 * self._patience_seconds + size_bytes / SLOWEST_BYTES_PER_SECOND

    def _file_system(self) -> Any:
        key = (os.getpid(), threading.get_ident() if self._protocol == "hf" else 0)
        if key not in self._file_systems:  # two threads may each make one at first: that is well
            self._file_systems.setdefault(key, self._told(self._new_file_system))
        return self._file_systems[key]

    def _kind(self) -> Any:
        """The class of file systems for this kind of URL."""
        if library := LIBRARIES.get(self._protocol):
            _imported(library, self.place, f"=={self._fsspec.__version__}" if library in LIKE_FSSPEC else "")
        try:
            return self._fsspec.get_filesystem_class(self._protocol)
        except (ValueError, ImportError) as error:
            raise UsageError(f"{self.place} can't be opened: {error}. Nothing was run.") from error

    def _new_file_system(self) -> Any:
        """Of our own: that which the user's code shares has settings that are theirs."""
        options = dict(self._options)
        if self._protocol == "s3":
            limits = {"connect_timeout": self._patience_seconds, "read_timeout": self._patience_seconds}
            # Without retries of botocore's, which come on top of those of s3fs, and neither of which tells of them.
            options["config_kwargs"] = {**limits, "retries": {"max_attempts": 0}, **options.get("config_kwargs", {})}
        fs = self._class(**options)
        if self._protocol == "s3":
            fs.retries = TRIES
        for verb in WHILE_WRITTEN.get(self._protocol, ()):
            setattr(fs, verb, partial(getattr(fs, verb), timeout=self._limit_seconds(PART_BYTES)))
        return fs


@cache
def _asyn() -> Any:
    asyn = importlib.import_module("fsspec.asyn")
    # Or a forked process waits for ever for the loop of its parent, whose thread it has not (newer ones do this too).
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=asyn.reset_lock)
    return asyn


def _imported(library: str, place: str, version: str) -> Any:
    try:
        return importlib.import_module(library)
    except ImportError as error:
        raise UsageError(
            f"{place} takes the package {library}, which can't be imported here ({error}). Nothing was run. "
            f"Run `%pip install {library}{version}`, then this cell again."
        ) from error


def _parts(chunks: Iterable[ReadableBuffer]) -> Iterator[bytes]:
    """The same bytes, in parts of PART_BYTES but for the last."""
    part = bytearray()
    for chunk in chunks:
        rest = memoryview(chunk).cast("B") if memoryview(chunk).nbytes else memoryview(b"")
        while rest:
            room = PART_BYTES - len(part)
            part += rest[:room]
            rest = rest[room:]
            if len(part) == PART_BYTES:
                yield bytes(part)
                part.clear()
    if part:
        yield bytes(part)


def _modified(info: dict[str, Any]) -> float:
    """When a file was written, in seconds since 1970; now, where that is not known."""
    for field in MODIFIED:
        value = info.get(field)
        if isinstance(value, str):
            with suppress(ValueError):
                value = datetime.fromisoformat(value.replace("Z", "+00:00"))
        if isinstance(value, datetime):
            return value.timestamp()
        if isinstance(value, (int, float)):
            return float(value)
    return time.time()
