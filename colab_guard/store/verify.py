"""Reading a whole repository back."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from colab_guard.store import manifest, packs
from colab_guard.store.backend import PARTIAL, Backend
from colab_guard.store.listing import read_manifests
from colab_guard.store.manifest import BlobRef, Damaged, Manifest
from colab_guard.store.trust import Trust


@dataclass(frozen=True, slots=True)
class Report:
    """What ``verify`` found."""

    snapshots_ok: int  # snapshots of which every byte is what was written
    bytes_read: int  # of all blobs that a readable manifest lists, each counted once
    problems: tuple[str, ...]  # sentences: what is damaged, and which snapshots need it
    orphans: tuple[str, ...]  # names that no snapshot needs; no problem, prune removes most


def verify(backend: Backend, trust: Trust) -> Report:
    """Reads every manifest and every blob, compares digests; changes nothing. Raises OSError."""
    entries = read_manifests(backend, trust)
    users: dict[BlobRef, list[Manifest]] = defaultdict(list)
    for entry in entries:
        whole = entry if isinstance(entry, Manifest) else entry.manifest
        if whole:
            for blob in set(whole.blobs):
                users[blob].append(whole)
    bad = packs.faults(backend, users)
    # What another session pruned while this one read is gone, not damaged.
    listed = {entry.name for entry in backend.list(manifest.FOLDER)}
    problems = [str(entry.error) for entry in entries if isinstance(entry, Damaged) and entry.name in listed]
    spoiled: set[str] = set()
    for fault in bad:
        names = sorted(user.name for user in users[fault.blob] if user.name in listed)
        if names:
            problems.append(f"{backend.place}/{fault.what}. Needed by {', '.join(names)}.")
        spoiled.update(user.name for user in users[fault.blob])
    return Report(
        snapshots_ok=sum(isinstance(entry, Manifest) and entry.name not in spoiled for entry in entries),
        bytes_read=sum(blob.size_bytes for blob in users),
        problems=tuple(problems),
        orphans=tuple(sorted(_orphans(backend, {packs.pack_name(blob.pack) for blob in users}))),
    )


def _orphans(backend: Backend, needed: set[str]) -> set[str]:
    names = {entry.name for folder in (packs.FOLDER, manifest.FOLDER) for entry in backend.list(folder)}
    outermost = {entry.name for entry in backend.list("") if entry.name.endswith(PARTIAL)}
    return outermost | {name for name in names if name not in needed and not manifest.NAME.fullmatch(name)}
