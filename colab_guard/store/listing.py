"""Which snapshots a repository holds."""

from __future__ import annotations

from collections.abc import Iterator

from colab_guard.core.errors import StoreError
from colab_guard.store.backend import Backend
from colab_guard.store.failures import unavailable
from colab_guard.store.manifest import FOLDER, NAME, Damaged, Manifest
from colab_guard.store.trust import Trust


def next_seq(backend: Backend) -> int:
    """One more than the largest number in use, damaged manifests included. Raises OSError."""
    seqs = (int(match[1]) for entry in backend.list(FOLDER) if (match := NAME.fullmatch(entry.name)))
    return max(seqs, default=0) + 1


def read_manifests(backend: Backend, trust: Trust) -> list[Manifest | Damaged]:
    """Every manifest, newest first; one that can't be used is in its place.

    Raises OSError where the list fails, KeyUnusable where a key does.
    """
    trust.known()  # here, or the fault of a key would pass for that of each manifest
    return [found for _, found in sorted(_read(backend, trust), key=lambda pair: pair[0], reverse=True)]


def _read(backend: Backend, trust: Trust) -> Iterator[tuple[tuple[int, float, str], Manifest | Damaged]]:
    for entry in backend.list(FOLDER):
        match = NAME.fullmatch(entry.name)
        if not match:
            continue
        seq, where = int(match[1]), f"{backend.place}/{entry.name}"
        data = bytearray(entry.size_bytes)
        try:
            with unavailable(where, "a manifest can't be read"):
                count = backend.read(entry.name, 0, memoryview(data))
            manifest, refusal = Manifest.from_json(bytes(data[:count]), where, trust)
        except StoreError as error:
            if isinstance(error.__cause__, FileNotFoundError):
                continue  # pruned since the listing
            yield (seq, entry.modified, entry.name), Damaged(where, error, entry.name, seq)
        else:
            found = Damaged(where, refusal, entry.name, seq, manifest) if refusal else manifest
            yield (seq, manifest.created, entry.name), found
