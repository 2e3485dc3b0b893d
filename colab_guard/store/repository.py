"""A repository: snapshots committed whole, found again, and checked before they are used.

Every file is written once under a new name, the manifest last; a snapshot without its manifest does not
exist. Readers trust nothing but what verifies.
"""

from __future__ import annotations

import hashlib
import os
import time
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from colab_guard.core.errors import CorruptSnapshot, StoreError, StoreUnavailable, UsageError
from colab_guard.store.folder import CHUNK_BYTES, TEMPORARY, Backend, Bytes, Folder, unavailable
from colab_guard.store.manifest import FORMAT, VERSION, BlobRef, Manifest, sealed, unsealed

CONFIG = "config.json"
ORPHAN_SECONDS = 3600.0  # a pack without a manifest may be another session's that is being written


@dataclass(frozen=True, slots=True)
class Damaged:
    """A manifest that can't be read, in the place where it would stand."""

    path: str
    error: StoreError


@dataclass(frozen=True, slots=True)
class Report:
    """What ``verify`` found: problems as sentences, orphans by name."""

    snapshots_ok: int
    bytes_read: int
    problems: tuple[str, ...]
    orphans: tuple[str, ...]


class Repository:
    """Snapshots in one place. Safe beside other processes; not thread-safe itself."""

    def __init__(self, path: Path, backend: Backend, clock: Callable[[], float]) -> None:
        self.path = path
        self._backend = backend
        self._clock = clock
        self._manifests: dict[str, Manifest] = {}  # by file name; manifests never change
        self.id = self._open()

    @classmethod
    def open(cls, path: str | os.PathLike[str], *, clock: Callable[[], float] = time.time) -> Repository:
        """The repository in a folder, made where there is none.

        Raises StoreUnavailable where the folder can't be made or read, UnknownFormat for a newer format, and
        CorruptSnapshot for a damaged ``config.json``.
        """
        folder = Folder(path)
        return cls(folder.path, folder, clock)

    def _open(self) -> str:
        try:
            raw = self._content(CONFIG)
            if raw is None:
                record = {"format": FORMAT, "version": VERSION, "id": uuid.uuid4().hex}
                try:
                    self._backend.write_new(CONFIG, [sealed(record)])
                except FileExistsError:
                    # Another session is making it at this moment, or died while it did.
                    self._backend.delete(CONFIG + TEMPORARY)
                    self._backend.write_new(CONFIG, [sealed(record)])
                raw = self._content(CONFIG) or b""
        except OSError as error:
            raise unavailable(self.path, "opened", error) from error
        return str(unsealed(raw, str(self.path / CONFIG)).get("id"))

    # -- writing ----------------------------------------------------------------------------------------

    def commit(self, cell: str, body: Mapping[str, Any], blobs: Sequence[Bytes | BlobRef]) -> Manifest:
        """Writes a snapshot; it exists when this returns. A BlobRef stands for bytes already in the repository.

        Raises StoreUnavailable where the place fails, or has lost a pack that a BlobRef points into; earlier
        snapshots are not touched.
        """
        if not cell or not all(c.isalnum() or c in "._-" for c in cell):
            raise UsageError(f"{cell!r} can't be a cell's name; use letters, digits, '.', '_' and '-'.")
        try:
            return self._commit(cell, body, blobs)
        except OSError as error:
            raise unavailable(self.path, "written", error) from error

    def _commit(self, cell: str, body: Mapping[str, Any], blobs: Sequence[Bytes | BlobRef]) -> Manifest:
        packs = {name for name, _, _ in self._backend.names("packs")}
        listed = [m for m in self.snapshots() if isinstance(m, Manifest)]
        stored = {ref.digest: ref for m in listed for ref in m.blobs if ref.pack in packs}
        name = uuid.uuid4().hex[:12]
        pack = f"packs/{name}.pack"
        refs: list[BlobRef] = []
        new: list[memoryview] = []
        end = 0
        for blob in blobs:
            if isinstance(blob, BlobRef):
                if blob.pack not in packs:
                    raise StoreUnavailable(f"{self.path / blob.pack} is gone; the next snapshot writes it anew.")
                refs.append(blob)
                continue
            data = memoryview(blob).cast("B") if memoryview(blob).nbytes else memoryview(b"")
            digest = hashlib.sha256(data).hexdigest()
            if digest not in stored:
                stored[digest] = BlobRef(digest, data.nbytes, pack, end)
                new.append(data)
                end += data.nbytes
            refs.append(stored[digest])
        if new:
            self._backend.write_new(pack, new)
        seq = max((m.seq for m in listed), default=0) + 1
        manifest = Manifest(name, seq, cell, self._clock(), tuple(refs), body, end)
        raw = manifest.to_json()
        self._backend.write_new(manifest.name, [raw])
        # What a reader will see, not what we were given: JSON knows no tuples.
        self._manifests[manifest.name] = read_back = Manifest.from_json(raw, manifest.name)
        return read_back

    def prune(self, cell: str, keep: int) -> list[str]:
        """Deletes all but the newest ``keep`` snapshots of a cell, then the packs that nothing needs any more.

        A pack that no manifest lists is left alone for an hour: another session may be about to list it.
        Returns the names deleted. Raises StoreUnavailable.
        """
        try:
            old = [m for m in self.snapshots(cell) if isinstance(m, Manifest)][keep:]
            if not old:
                return []
            for manifest in old:
                self._backend.delete(manifest.name)
                self._manifests.pop(manifest.name, None)
            # Listed again only now, so that a manifest written meanwhile keeps its packs.
            needed = self._needed()
            freed = {ref.pack for manifest in old for ref in manifest.blobs} - needed
            stale = {name for name, changed in self._orphans(needed) if self._clock() - changed > ORPHAN_SECONDS}
            for name in freed | stale:
                self._backend.delete(name)
        except OSError as error:
            raise unavailable(self.path, "pruned", error) from error
        return [*(manifest.name for manifest in old), *sorted(freed | stale)]

    def _needed(self) -> set[str]:
        return {ref.pack for m in self.snapshots() if isinstance(m, Manifest) for ref in m.blobs}

    def _orphans(self, needed: set[str]) -> list[tuple[str, float]]:
        files = [*self._backend.names("packs"), *self._backend.names("snapshots")]
        return [
            (name, changed)
            for name, _, changed in files
            if name.endswith(TEMPORARY) or (name.startswith("packs/") and name not in needed)
        ]

    # -- reading ----------------------------------------------------------------------------------------

    def snapshots(self, cell: str | None = None) -> list[Manifest | Damaged]:
        """Every snapshot, or every one of a cell, the newest first. A manifest that can't be read stands as
        Damaged where its name puts it. Raises StoreUnavailable.
        """
        try:
            names = sorted((n for n, _, _ in self._backend.names("snapshots") if n.endswith(".json")), reverse=True)
        except OSError as error:
            raise unavailable(self.path, "read", error) from error
        found = [self._manifest(name) for name in names]
        return [entry for entry in found if entry and (cell is None or getattr(entry, "cell", cell) == cell)]

    def _manifest(self, name: str) -> Manifest | Damaged | None:
        if name not in self._manifests:
            try:
                raw = self._content(name)
                if raw is None:
                    return None  # pruned between the listing and now
                self._manifests[name] = Manifest.from_json(raw, str(self.path / name))
            except StoreError as error:
                return Damaged(str(self.path / name), error)
            except OSError as error:
                return Damaged(str(self.path / name), unavailable(self.path / name, "read", error))
        return self._manifests[name]

    def newest(
        self, cell: str, accept: Callable[[Manifest], bool] = lambda _: True
    ) -> tuple[Manifest | None, list[str]]:
        """The newest snapshot of a cell whose every byte is as written, and what was passed over on the way."""
        passed: list[str] = []
        for entry in self.snapshots(cell):
            if isinstance(entry, Damaged):
                passed.append(str(entry.error))
            elif accept(entry):
                try:
                    self.check(entry)
                except (CorruptSnapshot, StoreUnavailable) as error:
                    passed.append(f"snapshot {entry.seq}: {error}")
                else:
                    return entry, passed
        return None, passed

    def check(self, manifest: Manifest) -> None:
        """Reads all of a snapshot. Raises CorruptSnapshot, which names the pack, at the first flaw."""
        for ref in manifest.blobs:
            self._check(ref)

    def _check(self, ref: BlobRef) -> None:
        digest = hashlib.sha256()
        buffer = memoryview(bytearray(min(CHUNK_BYTES, max(ref.size_bytes, 1))))
        for start in range(0, ref.size_bytes, CHUNK_BYTES):
            part = buffer[: min(CHUNK_BYTES, ref.size_bytes - start)]
            self._fill(ref, start, part)
            digest.update(part)
        if digest.hexdigest() != ref.digest:
            raise CorruptSnapshot(f"{self.path / ref.pack} is damaged: bytes {ref.offset:,} to "
                                  f"{ref.offset + ref.size_bytes:,} are not those that were written.")  # fmt: skip

    def read(self, ref: BlobRef, into: memoryview | None = None) -> memoryview:
        """A blob, read into memory of its size, or into new memory. Raises CorruptSnapshot where it is cut
        short; its digest is the business of ``check``.
        """
        into = memoryview(bytearray(ref.size_bytes)) if into is None else into
        self._fill(ref, 0, into)
        return into

    def _fill(self, ref: BlobRef, start: int, into: memoryview) -> None:
        if not into.nbytes:
            return
        try:
            count = self._backend.read(ref.pack, ref.offset + start, into.cast("B"))
        except FileNotFoundError:
            raise CorruptSnapshot(f"{self.path / ref.pack} is missing.") from None
        except OSError as error:
            raise unavailable(self.path / ref.pack, "read", error) from error
        if count < into.nbytes:
            end = ref.offset + start + count
            raise CorruptSnapshot(f"{self.path / ref.pack} is cut short: it ends at byte {end:,}.")

    def verify(self) -> Report:
        """Reads everything back, each blob once. Raises StoreUnavailable where the place can't be listed."""
        problems: list[str] = []
        good: dict[BlobRef, str] = {}
        intact = 0
        for entry in self.snapshots():
            if isinstance(entry, Damaged):
                problems.append(str(entry.error))
                continue
            flaws = [flaw for ref in entry.blobs if (flaw := self._flaw(ref, good))]
            problems += [f"snapshot {entry.seq} of {entry.cell}: {flaw}" for flaw in dict.fromkeys(flaws)]
            intact += not flaws
        read = sum(ref.size_bytes for ref, flaw in good.items() if not flaw)
        orphans = tuple(name for name, _ in self._orphans(self._needed()))
        return Report(intact, read, tuple(problems), orphans)

    def _flaw(self, ref: BlobRef, known: dict[BlobRef, str]) -> str:
        if ref not in known:
            try:
                self._check(ref)
                known[ref] = ""
            except (CorruptSnapshot, StoreUnavailable) as error:
                known[ref] = str(error)
        return known[ref]

    def usage_bytes(self) -> int:
        """What the repository takes up."""
        folders: Iterable[str] = ("packs", "snapshots")
        return sum(size for folder in folders for _, size, _ in self._backend.names(folder))

    def _content(self, name: str) -> bytes | None:
        """A small file, None where there is none."""
        size = 64 * 1024
        while True:
            buffer = bytearray(size)
            try:
                count = self._backend.read(name, 0, memoryview(buffer))
            except FileNotFoundError:
                return None
            if count < size:
                return bytes(buffer[:count])
            size *= 8
