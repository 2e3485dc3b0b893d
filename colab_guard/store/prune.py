"""Deleting old snapshots, and the packs that nobody needs any more."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

from colab_guard.core.errors import CorruptSnapshot
from colab_guard.store import manifest, packs
from colab_guard.store.backend import PARTIAL, Backend, Entry
from colab_guard.store.listing import read_manifests
from colab_guard.store.manifest import Damaged, Manifest
from colab_guard.store.retention import Retention, choose
from colab_guard.store.trust import Trust

# A pack is written before the manifest that lists it, perhaps by another session and over a slow network:
# one that no manifest lists is left alone for this long.
GRACE_SECONDS = 3600.0
READ_TRIES = 10  # at manifests that others add to meanwhile


@dataclass(frozen=True, slots=True)
class Pruned:
    """What a prune did, or would do."""

    deleted: tuple[str, ...]  # names
    freed_bytes: int
    remarks: tuple[str, ...]  # sentences about what the budget stands against, the same each time
    seen: tuple[Manifest, ...]  # the snapshots that there were of the cell or cells, newest first


def prune(
    backend: Backend, trust: Trust, cell: str | None, retention: Retention, now: float, *, dry_run: bool = False
) -> Pruned:
    """Deletes the snapshots of ``cell`` (of each, where it is None) that are not to be kept, and what nobody needs.

    ``now`` is in seconds since 1970; ``dry_run`` only tells. Unsigned and foreign snapshots are somebody's, and stay.
    Raises OSError; what was not reached then goes with a later prune.
    """
    entries = read_manifests(backend, trust)
    mine = tuple(entry for entry in entries if isinstance(entry, Manifest) and cell in (None, entry.cell))
    sizes = {} if retention.budget_bytes is None else packs.sizes_bytes(backend)
    choices = [choose(retention, list(own), sizes) for own in _by_cell(mine)]
    kept = frozenset[str]().union(*(choice.kept for choice in choices))
    surplus = [entry for entry in mine if entry.name not in kept]
    oldest = min((entry.seq for choice in choices for entry in choice.newest), default=0)
    lost = [entry for entry in entries if _is_lost(entry) and entry.seq < oldest]
    removal = _Removal(backend, trust, now, dry_run)
    manifests = {file.name: file for file in backend.list(manifest.FOLDER)}
    for gone in (*surplus, *lost):
        removal.delete(manifests.get(gone.name) or Entry(gone.name, 0, now))
    removal.packs({blob.pack for entry in surplus for blob in entry.blobs})
    removal.unfinished()
    remarks = tuple(remark for choice in choices for remark in choice.remarks)
    return Pruned(tuple(removal.deleted), removal.freed_bytes, remarks, mine)


class _Removal:
    """Deletes, or only tells what it would delete."""

    def __init__(self, backend: Backend, trust: Trust, now: float, dry_run: bool) -> None:
        self._backend, self._trust, self._now, self._dry_run = backend, trust, now, dry_run
        self.deleted: list[str] = []
        self.freed_bytes = 0

    def delete(self, file: Entry) -> None:
        if not self._dry_run:
            self._backend.delete(file.name)
        self.deleted.append(file.name)
        self.freed_bytes += file.size_bytes

    def packs(self, released: set[str]) -> None:
        """Deletes the packs of which no manifest needs a blob: those ``released`` now, and forgotten ones.

        Each is marked first, and the manifests are read once more: who commits a snapshot meanwhile looks for marks
        after its manifest is written, so that one of the two sees the other.
        """
        unneeded = self._unneeded(
            file
            for file in self._backend.list(packs.FOLDER)
            if (match := packs.NAME.fullmatch(file.name)) and (match[1] in released or self._is_old(file))
        )
        marks: list[str] = []
        try:
            for file in () if self._dry_run else unneeded:
                marks.append(packs.doomed_name(_pack(file)))
                self._backend.write_new(marks[-1], [])
            for file in self._unneeded(unneeded) if marks else unneeded:
                self.delete(file)
        finally:
            with suppress(OSError):  # an old mark goes with what else is unfinished
                for mark in marks:
                    self._backend.delete(mark)

    def unfinished(self) -> None:
        """Deletes what writes and deletes that were cut off have left behind."""
        for folder in ("", packs.FOLDER, manifest.FOLDER):
            for file in list(self._backend.list(folder)):
                ours = folder or file.name.startswith("config.json.")
                left = (ours and file.name.endswith(PARTIAL)) or packs.DOOMED.fullmatch(file.name)
                if left and self._is_old(file):
                    self.delete(file)

    def _unneeded(self, files: Iterable[Entry]) -> list[Entry]:
        """Those that no manifest lists; none while that can't be told."""
        files = list(files)
        needed = _needed(self._backend, self._trust, set(self.deleted)) if files else None
        return [] if needed is None else [file for file in files if _pack(file) not in needed]

    def _is_old(self, file: Entry) -> bool:
        return self._now - file.modified > GRACE_SECONDS


def _by_cell(mine: Iterable[Manifest]) -> Iterable[list[Manifest]]:
    cells: dict[str, list[Manifest]] = {}
    for entry in mine:
        cells.setdefault(entry.cell, []).append(entry)
    return cells.values()


def _is_lost(entry: Manifest | Damaged) -> bool:
    """Whether no version of colab_guard, now or later, can read it."""
    return isinstance(entry, Damaged) and isinstance(entry.error, CorruptSnapshot)


def _pack(file: Entry) -> str:
    match = packs.NAME.fullmatch(file.name)
    assert match, "only packs are asked for"
    return match[1]


def _needed(backend: Backend, trust: Trust, gone: set[str]) -> set[str] | None:
    """The packs that manifests list, but for those ``gone``; None while there is one that can't be judged."""
    for _ in range(READ_TRIES):
        entries = [entry for entry in read_manifests(backend, trust) if entry.name not in gone]
        if any(isinstance(entry, Damaged) and not (entry.manifest or _is_lost(entry)) for entry in entries):
            return None
        listed = {file.name for file in backend.list(manifest.FOLDER) if manifest.NAME.fullmatch(file.name)}
        if listed <= gone | {entry.name for entry in entries}:  # or others were added while these were read
            listing = [entry if isinstance(entry, Manifest) else entry.manifest for entry in entries]
            return {blob.pack for found in listing if found for blob in found.blobs}
    return None
