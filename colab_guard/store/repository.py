"""The repository: commits snapshots, finds them, reads them back."""

from __future__ import annotations

import os
import re
import secrets
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from typing import Any, TypeAlias

from colab_guard.core.errors import (
    AlteredSnapshot,
    CorruptSnapshot,
    StoreError,
    StoreUnavailable,
    UntrustedSnapshot,
    UsageError,
)
from colab_guard.core.keys import Keyring
from colab_guard.store import manifest as manifests
from colab_guard.store import packs
from colab_guard.store.backend import Backend, HasCopies
from colab_guard.store.failures import unavailable
from colab_guard.store.listing import next_seq, read_manifests
from colab_guard.store.manifest import BlobRef, Damaged, Manifest
from colab_guard.store.opening import backend_at
from colab_guard.store.packing import Blob, Lost, Packing, flat
from colab_guard.store.prune import Pruned, prune
from colab_guard.store.retention import Retention
from colab_guard.store.sealed import seal, typed, unseal
from colab_guard.store.trust import Trust
from colab_guard.store.verify import Report, verify

CONFIG = "config.json"
FRESH = 2  # snapshots of a cell after which a pack may be moved out of
CONFIG_BYTES = 10_000  # a config is some 130 bytes; what is longer is none
REFUSALS = (StoreUnavailable, UntrustedSnapshot, AlteredSnapshot)  # a user can do something about these
CELL = re.compile(r"[^\W.][^/\\:\x00-\x1f\x7f]{0,199}")

Hold: TypeAlias = Callable[[Manifest], Mapping[BlobRef, memoryview]]


def hold_nothing(manifest: Manifest) -> Mapping[BlobRef, memoryview]:
    """No memory for any blob."""
    return {}


class Repository:
    """Snapshots on a backend. Any number of threads, processes and machines may use one repository at once.

    Every method raises StoreUnavailable where the backend fails, with what to do next.
    """

    def __init__(
        self,
        backend: Backend,
        *,
        clock: Callable[[], float] = time.time,
        keys: Keyring | None = None,
        trust: bool = False,
    ) -> None:
        """Opens what is on the backend, or makes it where there is no config; ``clock`` is in seconds since 1970.

        ``keys`` (the environment's and the user's files, if not given) sign and verify; they are looked up when they
        are first needed, and made by the first commit. ``trust``: unsigned and foreign snapshots are found like any
        other (but not pruned), as long as their digests hold.

        Raises UnknownFormat for a repository of a later version, CorruptSnapshot for a damaged config.
        """
        self.place = backend.place  # a folder's path, or a URL
        self._backend = backend
        self._clock = clock
        self._keys = Trust(keys or Keyring(), Path(self.place))
        self._trust = trust
        # By digest, the blobs that this process wrote or read back: only these are sure to be sound.
        self._sound: dict[str, BlobRef] = {}
        self._bad_packs: set[str] = set()
        self._fresh: dict[str, deque[str]] = {}  # by cell, the packs of its last snapshots
        with unavailable(backend.place, "the repository can't be opened"):
            self.id = self._config_id()

    @classmethod
    def open(
        cls,
        path: str | os.PathLike[str],
        *,
        clock: Callable[[], float] = time.time,
        keys: Keyring | None = None,
        trust: bool = False,
    ) -> Repository:
        """The repository in a folder or at a URL, made where it is missing. See the constructor, and ``backend_at``."""
        return cls(backend_at(path), clock=clock, keys=keys, trust=trust)

    def commit(
        self, cell: str, body: Mapping[str, Any], blobs: Sequence[Blob], created: float | None = None
    ) -> Manifest:
        """Writes a snapshot, taken at ``created`` (now); when this returns, it is durable.

        A blob is bytes, which must not change until this returns; or Chunks, which are digested and written one after
        the other and never joined; or a BlobRef of this repository for content that is known to be unchanged. Bytes
        that are stored already are not stored again, but for those that move, see ``packing``.

        Raises UsageError for a cell name or body that can't be stored, KeyUnusable, and StoreUnavailable; what was
        there before is then untouched. If a BlobRef's pack is gone or damaged, StoreUnavailable says so: commit again,
        with bytes.
        """
        _check_cell(cell)
        with unavailable(self._backend.place, f"no snapshot of {cell!r} was written"):
            sizes = packs.sizes_bytes(self._backend)
            self._sound = {digest: ref for digest, ref in self._sound.items() if self._is_there(ref, sizes)}
            for blob in blobs:
                if isinstance(blob, BlobRef) and not self._is_there(blob, sizes):
                    raise StoreUnavailable(self._gone(blob))
            packing = Packing(self._sound, sizes, {pack for fresh in self._fresh.values() for pack in fresh})
            refs = packing.place(blobs)
            manifest = Manifest(
                id=_new_id(),
                seq=next_seq(self._backend),
                cell=cell,
                created=float(self._clock() if created is None else created),
                blobs=refs,
                body=body,
                new_bytes=packing.size_bytes,
            )
            try:
                data = manifest.to_json(self._keys.key())
            except (TypeError, ValueError, RecursionError) as error:
                raise UsageError(f"the snapshot of {cell!r} has a body that JSON can't hold: {error}.") from error
            self._write(manifest, data, packing)
        self._sound = packing.sound
        self._fresh.setdefault(cell, deque(maxlen=2 * FRESH)).extend((packing.new.id, packing.cold.id))
        return Manifest.from_json(data, manifest.name, self._keys)[0]

    def _write(self, manifest: Manifest, data: bytes, packing: Packing) -> None:
        written = {pack.id for pack in packing.written}
        try:
            for pack in packing.written:
                self._backend.write_new(packs.pack_name(pack.id), pack.chunks(self._backend))
            self._backend.write_new(manifest.name, [data])
            if relied_on := [ref for ref in manifest.blobs if ref.pack not in written]:
                self._check_not_pruned(relied_on)
        except (OSError, StoreUnavailable, Lost) as error:
            with suppress(OSError):  # the first failure is the one to tell; orphans are prune's to remove
                for name in (manifest.name, *map(packs.pack_name, written)):
                    self._backend.delete(name)
            if isinstance(error, Lost):
                self._bad_packs.add(error.ref.pack)
                raise StoreUnavailable(self._gone(error.ref)) from None
            raise

    def snapshots(self, cell: str | None = None) -> list[Manifest | Damaged]:
        """Every snapshot, or those of one cell, newest first. What can't be used is in its place; what can't be read
        at all, or was altered, may be of any cell. Raises KeyUnusable where a key to verify with is damaged.
        """
        if cell is not None:
            _check_cell(cell)
        with unavailable(self._backend.place, "the snapshots can't be listed"):
            entries = [self._trusted(entry) for entry in read_manifests(self._backend, self._keys)]
        return [entry for entry in entries if cell is None or _may_be_of(cell, entry)]

    def check(self, manifest: Manifest, hold: Hold = hold_nothing) -> None:
        """Reads every blob of a snapshot and compares digests. Raises CorruptSnapshot at the first that differs.

        ``hold`` gives memory, of their sizes, for the blobs that are wanted afterwards.
        """
        with unavailable(self._backend.place, f"{manifest.name} can't be read back"):
            faults = packs.faults(self._backend, manifest.blobs, hold(manifest))
            damaged = {packs.pack_name(fault.blob.pack) for fault in faults}
            if faults and isinstance(self._backend, HasCopies) and self._backend.drop_copies(damaged):
                faults = packs.faults(self._backend, manifest.blobs, hold(manifest))
            for fault in faults:
                raise fault.error or self._corrupt(fault.blob, f"{fault.what}, so that {manifest.name} can't be used")
        self._sound.update((ref.digest, ref) for ref in manifest.blobs)

    def read(self, ref: BlobRef, into: memoryview | None = None) -> memoryview:
        """A blob's bytes, in ``into`` (writable, contiguous, of exactly its size) or in a new buffer.

        Compares no digests: ``check`` does. Raises CorruptSnapshot where bytes are missing.
        """
        target = memoryview(bytearray(ref.size_bytes)) if into is None else into
        if target.nbytes != ref.size_bytes:
            raise UsageError(f"a blob of {ref.size_bytes:,} bytes can't be read into {target.nbytes:,} bytes.")
        if not ref.size_bytes:
            return target
        with unavailable(self._backend.place, f"{packs.pack_name(ref.pack)} can't be read"):
            try:
                count = self._backend.read(packs.pack_name(ref.pack), ref.offset, flat(target))
            except FileNotFoundError:
                raise self._corrupt(ref, f"{packs.pack_name(ref.pack)} is missing") from None
        if count < ref.size_bytes:
            raise self._corrupt(ref, packs.truncated(ref, ref.offset + count))
        return target

    def newest(
        self, cell: str, accept: Callable[[Manifest], bool] = lambda manifest: True, hold: Hold = hold_nothing
    ) -> tuple[Manifest | None, list[str]]:
        """The newest snapshot of ``cell`` that is accepted and reads back well; and what was passed over, in sentences.
        ``hold``: see ``check``.

        Where there is none, but might be one if the store could be read, or that is not known to be the user's, or
        was altered, raises what stands in the way of the newest: StoreUnavailable, UntrustedSnapshot, AlteredSnapshot.
        """
        passed_over: list[str] = []
        refused: StoreError | None = None
        for entry in self.snapshots(cell):
            try:
                if isinstance(entry, Damaged):
                    raise entry.error
                if accept(entry):
                    self.check(entry, hold)
                    return entry, passed_over
            except StoreError as error:
                passed_over.append(str(error))
                if isinstance(error, REFUSALS):
                    refused = refused or error
        if refused:
            raise refused
        return None, passed_over

    def verify(self) -> Report:
        """Reads everything back, and changes nothing."""
        with unavailable(self._backend.place, "the repository can't be read back"):
            return verify(self._backend, self._keys)

    def prune(self, cell: str | None, retention: Retention, *, dry_run: bool = False) -> Pruned:
        """Deletes the snapshots of ``cell`` that are not to be kept (None: of each cell), and what no snapshot needs.

        ``dry_run`` deletes nothing. While a manifest is there that can't be judged (of a newer format, or not readable
        now) no pack is deleted.
        """
        if cell is not None:
            _check_cell(cell)
        what = f"old snapshots{'' if cell is None else f' of {cell!r}'} can't be deleted"
        with unavailable(self._backend.place, what):
            return prune(self._backend, self._keys, cell, retention, self._clock(), dry_run=dry_run)

    def usage_bytes(self) -> int:
        """What all packs and manifests take, unfinished files included."""
        with unavailable(self._backend.place, "the repository can't be listed"):
            folders = (packs.FOLDER, manifests.FOLDER)
            return sum(entry.size_bytes for folder in folders for entry in self._backend.list(folder))

    def _config_id(self) -> str:
        buffer = memoryview(bytearray(CONFIG_BYTES))
        try:
            count = self._backend.read(CONFIG, 0, buffer)
        except FileNotFoundError:
            self._backend.write_new(CONFIG, [seal({"id": _new_id(), "version": _version()})])
            count = self._backend.read(CONFIG, 0, buffer)  # another session may have made it at the same time
        where = f"{self.place}/{CONFIG}"
        try:
            return unseal(bytes(buffer[:count]), where, lambda fields: typed(fields, "id", str))
        except CorruptSnapshot as error:
            raise CorruptSnapshot(
                f"{error} No snapshot depends on this file: delete it, and it is made again."
            ) from error

    def _trusted(self, entry: Manifest | Damaged) -> Manifest | Damaged:
        if self._trust and isinstance(entry, Damaged) and isinstance(entry.error, UntrustedSnapshot):
            return entry.manifest or entry
        return entry

    def _is_there(self, ref: BlobRef, sizes_bytes: Mapping[str, int]) -> bool:
        return ref.pack not in self._bad_packs and sizes_bytes.get(ref.pack, -1) >= ref.offset + ref.size_bytes

    def _check_not_pruned(self, refs: Sequence[BlobRef]) -> None:
        for _ in range(2):  # one listing may show a pack right before it goes, and no longer its mark
            sizes = packs.sizes_bytes(self._backend)
            for ref in refs:
                if not self._is_there(ref, sizes):
                    raise StoreUnavailable(self._gone(ref))

    def _gone(self, ref: BlobRef) -> str:
        return (
            f"{self.place}/{packs.pack_name(ref.pack)} is gone or damaged, and the new snapshot was to rely on it. "
            f"Another session may have pruned it, or somebody deleted it. The next one has all its bytes again."
        )

    def _corrupt(self, ref: BlobRef, what: str) -> CorruptSnapshot:
        self._bad_packs.add(ref.pack)
        return CorruptSnapshot(f"{self.place}: {what}. Use an older snapshot; `%guard verify` tells which are sound.")


def _may_be_of(cell: str, entry: Manifest | Damaged) -> bool:
    if isinstance(entry, Manifest):
        return entry.cell == cell
    # Somebody else's of another cell is none of this one's business; of what was altered, who knows.
    return not (isinstance(entry.error, UntrustedSnapshot) and entry.manifest and entry.manifest.cell != cell)


def _check_cell(cell: str) -> None:
    if not CELL.fullmatch(cell):
        raise UsageError(
            f"{cell!r} can't be the name of a cell: begin with a letter, digit or underscore, and use no slash, "
            f"backslash, colon or control character, and at most 200 characters."
        )


def _new_id() -> str:
    return secrets.token_hex(6)


def _version() -> str:
    # Not from the package's __init__: to import what stands above it would make a circle.
    try:
        return metadata.version("colab-guard")
    except metadata.PackageNotFoundError:
        return "not installed"
