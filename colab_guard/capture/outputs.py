"""Files and folders that the user named with ``--files``: what they hold goes into the snapshot.

A file is stored in pieces of PIECE_BYTES, each a blob of its own: of a log that grows only the last piece is
new. A file whose size, times and inode are as they were is not read again; one that is read is compared piece
by piece by fingerprint, and only pieces that are new reach the store. ``resume.outputs`` puts them back.
"""

from __future__ import annotations

import glob
import mmap
import os
import stat
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import xxhash

from colab_guard.core.errors import StoreUnavailable, UsageError
from colab_guard.core.words import count_of, size
from colab_guard.store.manifest import BlobRef

PIECE_BYTES = 4 * 1024 * 1024
TEMPORARY = ".colab_guard.tmp"  # how the name of a file that is being put back ends
TRIES = 3
SETTLED_NS = 2_000_000_000  # a file changed twice within its clock's tick (2 s on FAT) looks as if changed once

Piece = tuple[int, int]  # fingerprint, size in bytes
Entry = dict[str, Any]


@dataclass(frozen=True)
class TakenFiles:
    """``described`` is JSON for ``body.files``; ``blobs`` are what it counts on, bytes or known to the store.

    Bytes are a copy of the files' own, held until this object goes. ``notes`` are sentences' ends as in Taken.
    """

    described: dict[str, Any]
    blobs: list[memoryview | BlobRef]
    notes: tuple[str, ...]
    pieces: tuple[Piece, ...]


@dataclass
class Known:
    """What the snapshots of one run have stored already. Not thread-safe."""

    pieces: dict[Piece, BlobRef] = field(default_factory=dict)
    files: dict[str, tuple[tuple[int, ...], list[Piece]]] = field(default_factory=dict)

    def committed(self, taken: TakenFiles, refs: Sequence[BlobRef]) -> None:
        """``taken`` is stored, its blobs as ``refs``, in order."""
        self.pieces = dict(zip(taken.pieces, refs, strict=True))

    def clear(self) -> None:
        """A commit failed: what was relied on may be gone."""
        self.pieces.clear()


def check_paths(paths: Iterable[str], store: str | os.PathLike[str]) -> list[str]:
    """The absolute paths that ``--files`` names, from the working directory of now; none lies in another.

    Raises UsageError for what can't be meant: a pattern, a folder with the working directory in it (the
    notebook would be put back too), the store.
    """
    found: list[str] = []
    for name in paths:
        path = os.path.abspath(os.path.expanduser(name))
        if not name.strip() or (glob.has_magic(name) and not os.path.lexists(path)):
            raise UsageError(f"--files {name!r} is no file or folder, and patterns are not expanded: name the folder.")
        real = Path(path).resolve()
        if Path.cwd().resolve().is_relative_to(real):
            raise UsageError(
                f"--files {name}: the working directory lies in it, and with it the notebook, which would be put back "
                f"as it was, edits lost. Name the folder that the cell writes to."
            )
        if real.is_relative_to(Path(store).expanduser().resolve()):
            raise UsageError(f"--files {name} lies in the store, {store}. Name what the cell itself writes.")
        found.append(path)
    roots = {path: Path(path).resolve() for path in dict.fromkeys(found)}
    return [
        path
        for path, real in roots.items()
        if not any(real != other and real.is_relative_to(other) for other in roots.values())
    ]


def take_files(paths: Iterable[str], known: Known, *, store: str | os.PathLike[str], first: int) -> TakenFiles:
    """What is at ``paths`` (as ``check_paths`` gave them) now, its first blob to be number ``first`` of the snapshot.

    To be called when the variables are pickled: that flushes the files among them. ``store`` is left out.
    Raises StoreUnavailable where what is new can't be copied (into the folder for temporary files).
    """
    taking = _Taking(known, Path(store).expanduser().resolve(), first)
    roots = [{"path": path, "entries": list(taking.entries(os.path.realpath(path)))} for path in paths]
    known.files = taking.files
    blobs = taking.blobs()
    return TakenFiles({"roots": roots}, blobs, tuple(taking.notes), tuple(taking.pieces))


def summary(taken: TakenFiles) -> str:
    """What is kept of the named files, for the line that says that a cell started."""
    parts = []
    for root in taken.described["roots"]:
        entries = [entry for entry in root["entries"] if entry["kind"] == "file"]
        total = size(sum(entry["size_bytes"] for entry in entries))
        name = os.path.relpath(root["path"])
        if not root["entries"]:
            parts.append(f"{name} (not there yet)")
        elif root["entries"][0]["kind"] == "folder":
            parts.append(f"{name}/ ({count_of(len(entries), 'file')}, {total})")
        else:
            parts.append(f"{name} ({total})")
    return ", ".join(parts)


class _Taking:
    """One walk over the named paths."""

    def __init__(self, known: Known, store: Path, first: int) -> None:
        self._known, self._store, self._first = known, store, first
        self.files: dict[str, tuple[tuple[int, ...], list[Piece]]] = {}
        self.pieces: list[Piece] = []
        self.notes: list[str] = []
        self._spool: IO[bytes] | None = None
        self._places: dict[Piece, int] = {}

    def entries(self, path: str, relative: str = "") -> Iterator[Entry]:
        """What is at ``path``, folders before what they hold, in the order of names; nothing where it is absent."""
        try:
            info = os.lstat(path)
            names = sorted(os.listdir(path)) if stat.S_ISDIR(info.st_mode) else []
            link = os.readlink(path) if stat.S_ISLNK(info.st_mode) else ""
        except (FileNotFoundError, NotADirectoryError):
            return
        except OSError as error:  # a Drive that went away must not cost the variables their snapshot
            yield self._left_alone(path, relative, f"can't be read: {error.strerror}")
            return
        if Path(path) == self._store:
            yield {"at": relative, "kind": "other"}
        elif stat.S_ISDIR(info.st_mode):
            yield {"at": relative, "kind": "folder", "mode": stat.S_IMODE(info.st_mode)}
            for name in names:
                if not name.endswith(TEMPORARY):
                    yield from self.entries(os.path.join(path, name), os.path.join(relative, name))
        elif link:
            yield {"at": relative, "kind": "link", "to": link}
        elif stat.S_ISREG(info.st_mode):
            yield from self._file(path, relative)
        else:
            yield self._left_alone(path, relative, "no ordinary file")

    def _left_alone(self, path: str, relative: str, why: str) -> Entry:
        self.notes.append(f"{path} ({why})")
        return {"at": relative, "kind": "other"}

    def _file(self, path: str, relative: str) -> Iterator[Entry]:
        try:
            with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb", buffering=0) as file:
                info, pieces = self._pieces(path, file)
        except FileNotFoundError:
            return  # deleted since the folder was listed
        except OSError as error:
            yield self._left_alone(path, relative, f"can't be read: {error.strerror}")
            return
        yield {
            "at": relative,
            "kind": "file",
            "mode": stat.S_IMODE(info.st_mode),
            "modified_ns": info.st_mtime_ns,
            "size_bytes": sum(length for _, length in pieces),
            "blob": self._first + len(self.pieces),
            "blobs": len(pieces),
        }
        self.pieces += pieces

    def _pieces(self, path: str, file: IO[bytes]) -> tuple[os.stat_result, list[Piece]]:
        before = os.fstat(file.fileno())
        signature, pieces = self._known.files.get(path, ((), []))
        if signature == _signature(before) and all(piece in self._known.pieces for piece in pieces):
            self.files[path] = signature, pieces
            return before, pieces
        for _ in range(TRIES):
            started_ns = time.time_ns()
            file.seek(0)
            pieces = [self._add(data) for data in _read(file, before.st_size)]
            after = os.fstat(file.fileno())
            if _signature(after) == _signature(before):
                if started_ns - max(after.st_mtime_ns, after.st_ctime_ns) > SETTLED_NS:
                    self.files[path] = _signature(after), pieces
                return after, pieces
            grown, before = after.st_size >= before.st_size, after
        if not grown:
            self.notes.append(f"{path} (it was being written while it was read)")
        return before, pieces

    def _add(self, data: bytes) -> Piece:
        piece = xxhash.xxh3_128_intdigest(data), len(data)
        if piece not in self._known.pieces and piece not in self._places:
            if self._spool is None:
                # On disk, not in memory: it may be many GB. No name, so that nobody else can cut it under our map.
                self._spool = tempfile.TemporaryFile()  # noqa: SIM115 - its map outlives this walk
            self._places[piece] = self._spool.tell()
            try:
                self._spool.write(data)
                self._spool.flush()
            except OSError as error:
                raise StoreUnavailable(
                    f"There is no room to copy the files of --files in {tempfile.gettempdir()} ({error.strerror}). "
                    f"Make room there, or set TMPDIR to another folder."
                ) from error
        return piece

    def blobs(self) -> list[memoryview | BlobRef]:
        copied = memoryview(b"")
        if self._spool is not None:
            with self._spool as file:
                copied = memoryview(mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ))
        return [
            self._known.pieces.get(piece) or copied[self._places[piece] : self._places[piece] + piece[1]]
            for piece in self.pieces
        ]


def _signature(info: os.stat_result) -> tuple[int, ...]:
    return info.st_size, info.st_mtime_ns, info.st_ctime_ns, info.st_ino


def _read(file: IO[bytes], size_bytes: int) -> Iterator[bytes]:
    """The first ``size_bytes`` of the file, or what there is of them, piece by piece."""
    while size_bytes > 0:
        data = bytearray()
        while len(data) < min(PIECE_BYTES, size_bytes):
            part = file.read(min(PIECE_BYTES, size_bytes) - len(data))
            if not part:
                break
            data += part
        if data:
            yield bytes(data)
        if len(data) < min(PIECE_BYTES, size_bytes):
            return
        size_bytes -= len(data)
