"""Deleting old snapshots, and the packs that nobody needs any more."""

from __future__ import annotations

from collections.abc import Iterator

from colab_guard.core.errors import CorruptSnapshot
from colab_guard.store import manifest, packs
from colab_guard.store.backend import PARTIAL, Backend
from colab_guard.store.listing import read_manifests
from colab_guard.store.manifest import Damaged, Manifest
from colab_guard.store.trust import Trust

# A pack is written before the manifest that lists it, perhaps by another session and over a slow network:
# one that no manifest lists is left alone for this long.
GRACE_SECONDS = 3600.0
READ_TRIES = 10  # at manifests that others add to meanwhile


def prune(backend: Backend, trust: Trust, cell: str, keep: int, now: float) -> Iterator[str]:
    """Deletes all but the newest ``keep`` snapshots of ``cell``, yielding each name once it is gone.

    ``now`` is in seconds since 1970. Unsigned and foreign snapshots are somebody's, and stay. Raises OSError; what was
    not reached then goes with a later prune.
    """
    entries = read_manifests(backend, trust)
    mine = [entry for entry in entries if isinstance(entry, Manifest) and entry.cell == cell]
    surplus = mine[keep:]
    oldest_kept = min((entry.seq for entry in mine[:keep]), default=0)
    damaged = [entry for entry in entries if _is_lost(entry) and entry.seq < oldest_kept]
    for entry in (*surplus, *damaged):
        backend.delete(entry.name)
        yield entry.name
    released = {blob.pack for entry in surplus for blob in entry.blobs}
    for file in list(backend.list(packs.FOLDER)):
        match = packs.NAME.fullmatch(file.name)
        old = now - file.modified > GRACE_SECONDS
        if match and (match[1] in released or old) and not _may_be_needed(backend, trust, match[1]):
            backend.delete(file.name)
            yield file.name
    for folder in ("", packs.FOLDER, manifest.FOLDER):
        for file in list(backend.list(folder)):
            ours = folder or file.name.startswith("config.json.")
            if ours and file.name.endswith(PARTIAL) and now - file.modified > GRACE_SECONDS:
                backend.delete(file.name)
                yield file.name


def _is_lost(entry: Manifest | Damaged) -> bool:
    """Whether no version of colab_guard, now or later, can read it."""
    return isinstance(entry, Damaged) and isinstance(entry.error, CorruptSnapshot)


def _may_be_needed(backend: Backend, trust: Trust, pack: str) -> bool:
    # Read anew for each pack, right before it goes: another session may have committed a snapshot that relies on it,
    # even while these were read.
    for _ in range(READ_TRIES):
        entries = read_manifests(backend, trust)
        read = {entry.name for entry in entries}
        listed = {file.name for file in backend.list(manifest.FOLDER) if manifest.NAME.fullmatch(file.name)}
        if listed <= read:
            return any(_may_need(entry, pack) for entry in entries)
    return True


def _may_need(entry: Manifest | Damaged, pack: str) -> bool:
    manifest = entry if isinstance(entry, Manifest) else entry.manifest
    if manifest is None:
        return not _is_lost(entry)
    return any(blob.pack == pack for blob in manifest.blobs)
