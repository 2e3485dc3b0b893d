"""Puts the files that ``--files`` names back as they were at a snapshot (``capture.outputs`` took them).

In two steps, since a restore changes all or nothing. ``prepare`` reads what it needs into temporary files beside
their targets, and changes nothing that anybody looks at; ``apply`` renames, cuts and deletes. A file that still
begins with what it held is cut in place, so that a handle somebody holds on it stays good.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import IO, Any

from colab_guard.capture.outputs import TEMPORARY
from colab_guard.core.errors import CorruptSnapshot, RestoreError
from colab_guard.core.folders import make_folder
from colab_guard.store.manifest import BlobRef

Read = Callable[[BlobRef, memoryview], object]
Entry = Mapping[str, Any]
NAMED = 3  # how many deleted files are named


@dataclass
class PutBack:
    """What is to be done, and once ``apply`` has done it, what was. A context manager: leaves no temporary file.

    ``places`` maps the real path of a file that will be replaced to the file that takes its place: one that is
    opened there before ``apply`` is the target afterwards. Not thread-safe.
    """

    places: dict[str, str] = field(default_factory=dict)
    cut: int = 0
    rewritten: int = 0
    restored: int = 0
    removed: list[str] = field(default_factory=list)
    _steps: list[Callable[[], object]] = field(default_factory=list)
    _late: list[Callable[[], object]] = field(default_factory=list)

    def __enter__(self) -> PutBack:
        return self

    def __exit__(self, *_: object) -> None:
        for temporary in self.places.values():
            with suppress(OSError):  # renamed by then, or as good as ignored: the name says whose it is
                os.unlink(temporary)

    def apply(self) -> None:
        """Does it. Raises RestoreError where the system refuses; to do it again does the rest."""
        try:
            for step in [*self._steps, *reversed(self._late)]:
                step()
        except OSError as error:
            raise RestoreError(
                f"The files of --files were put back only in part: {error}. Mend that, then run the cell again."
            ) from error

    def __str__(self) -> str:
        """One line for the user, without a full stop."""
        parts = [
            f"{count:,} {what}"
            for count, what in [
                (self.cut, "cut back"),
                (self.rewritten, "rewritten"),
                (self.restored, "that were gone restored"),
            ]
            if count
        ]
        if self.removed:
            some = ", ".join(os.path.relpath(path) for path in self.removed[:NAMED])
            more = ", …" if len(self.removed) > NAMED else ""
            was = "was" if len(self.removed) == 1 else "were"
            parts.append(f"{len(self.removed):,} that {was} not there then deleted ({some}{more})")
        return f"files are as they were at the snapshot: {', '.join(parts) or 'none had changed'}"


def prepare(described: Mapping[str, Any], refs: Sequence[BlobRef], read: Read) -> PutBack:
    """Makes ready to put back what ``described`` (``body.files``) says, ``refs`` the blobs of the snapshot.

    Raises RestoreError, or what ``read`` raises; then nothing is changed.
    """
    put_back = PutBack()
    try:
        for root in described["roots"]:
            _Root(put_back, os.path.realpath(root["path"]), root["entries"], refs, read).plan()
    except OSError as error:
        put_back.__exit__()
        raise RestoreError(
            f"The files of --files can't be put back: {error}. Nothing was changed. Mend that, then run the cell "
            f"again; or start over with --fresh."
        ) from error
    except BaseException:
        put_back.__exit__()
        raise
    return put_back


class _Root:
    """One path that the user named, and what was there."""

    def __init__(self, todo: PutBack, root: str, entries: Sequence[Entry], refs: Sequence[BlobRef], read: Read):
        self._todo, self._root, self._refs, self._read = todo, root, refs, read
        self._then = {str(entry["at"]): entry for entry in entries}
        self._now: dict[str, os.stat_result] = {}
        for relative in self._then:
            if PurePath(relative).is_absolute() or ".." in PurePath(relative).parts:
                raise CorruptSnapshot(f"the snapshot names the file {relative!r}, outside of {root}.")

    def plan(self) -> None:
        self._look("")
        for relative, entry in self._then.items():
            path = self._path(relative)
            match entry["kind"]:
                case "folder":
                    self._folder(path, relative, entry["mode"])
                case "link" if relative not in self._now:
                    self._link(path, entry["to"])
                case "file":
                    self._file(path, relative, entry)

    def _look(self, relative: str) -> None:
        """Notes what is there now; what was not there, or is in the way of something else, is to be deleted."""
        path = self._path(relative)
        try:
            info = os.lstat(path)
        except (FileNotFoundError, NotADirectoryError):
            return
        entry = self._then.get(relative)
        match entry and entry["kind"]:
            case "other":
                return
            case "folder" if stat.S_ISDIR(info.st_mode):
                self._now[relative] = info
                for name in sorted(os.listdir(path)):
                    self._look(os.path.join(relative, name))
                return
            case "file" if stat.S_ISREG(info.st_mode):
                self._now[relative] = info
                return
            case "link" if entry and _target(path) == entry["to"]:
                self._now[relative] = info
                return
        if entry is None:
            self._todo.removed += [name for name in _files(path, info) if not name.endswith(TEMPORARY)]
        self._todo._steps.append(lambda: shutil.rmtree(path) if stat.S_ISDIR(info.st_mode) else os.unlink(path))

    def _folder(self, path: str, relative: str, mode: int) -> None:
        if relative not in self._now:
            self._todo._steps.append(lambda: make_folder(Path(path)))
        # Late, and inner ones first: a folder may be one that nothing can be written to.
        if relative not in self._now or stat.S_IMODE(self._now[relative].st_mode) != mode:
            self._todo._late.append(lambda: os.chmod(path, mode))

    def _link(self, path: str, to: str) -> None:
        self._todo._steps.append(lambda: os.symlink(to, path))
        self._todo.restored += 1

    def _file(self, path: str, relative: str, entry: Entry) -> None:
        refs = self._refs[entry["blob"] : entry["blob"] + entry["blobs"]]
        wanted = entry["size_bytes"]
        info = self._now.get(relative)
        if info is None:
            self._replace(path, entry, self._pieces(refs, None))
            self._todo.restored += 1
            return
        with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb") as file:
            if all(_is(ref, file.read(ref.size_bytes)) for ref in refs):
                if info.st_size > wanted:
                    self._todo._steps.append(lambda: os.truncate(path, wanted))
                    self._todo.cut += 1
                self._todo._steps.append(lambda: _dress(path, entry))
                return
            file.seek(0)
            self._replace(path, entry, self._pieces(refs, file))
            self._todo.rewritten += 1

    def _pieces(self, refs: Sequence[BlobRef], file: IO[bytes] | None) -> Iterator[bytes | memoryview]:
        """What the file held, from the disk where that is as it was, else from the store."""
        for ref in refs:
            here = file.read(ref.size_bytes) if file else b""
            if _is(ref, here):
                yield here
            else:
                piece = memoryview(bytearray(ref.size_bytes))
                self._read(ref, piece)
                yield piece

    def _replace(self, path: str, entry: Entry, pieces: Iterator[bytes | memoryview]) -> None:
        folder = self._existing(path)
        temporary = os.path.join(folder, f".{secrets.token_hex(4)}{TEMPORARY}")
        self._todo.places[path] = temporary
        with open(temporary, "wb") as file:
            file.writelines(pieces)
        _dress(temporary, entry)
        self._todo._steps += [
            lambda: make_folder(Path(path).parent),
            lambda: os.replace(temporary, path),
        ]

    def _existing(self, path: str) -> str:
        """The nearest folder above ``path`` that will stay: in it, a rename to ``path`` is one on the same disk."""
        for parent in Path(path).parents:
            below = parent.is_relative_to(self._root)
            relative = "" if str(parent) == self._root else os.path.relpath(parent, self._root)
            if (relative in self._now) if below else parent.is_dir():
                return str(parent)
            if not below and os.path.lexists(parent):
                raise NotADirectoryError(f"{parent} is no folder")
        raise AssertionError("the root folder is always there")

    def _path(self, relative: str) -> str:
        return os.path.join(self._root, relative) if relative else self._root


def _is(ref: BlobRef, data: bytes) -> bool:
    return len(data) == ref.size_bytes and hashlib.sha256(data).hexdigest() == ref.digest


def _dress(path: str, entry: Entry) -> None:
    os.chmod(path, entry["mode"])
    os.utime(path, ns=(entry["modified_ns"], entry["modified_ns"]))


def _target(path: str) -> str | None:
    try:
        return os.readlink(path)
    except OSError:
        return None


def _files(path: str, info: os.stat_result) -> Iterator[str]:
    """The path, or all that is in it where it is a folder; links are not followed."""
    if not stat.S_ISDIR(info.st_mode):
        yield path
        return
    for folder, folders, names in os.walk(path):
        links = [name for name in folders if os.path.islink(os.path.join(folder, name))]
        yield from (os.path.join(folder, name) for name in [*names, *links])
