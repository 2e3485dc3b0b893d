"""Telling which variables changed between two moments."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import xxhash

from colab_guard.capture.memory import Piece
from colab_guard.capture.pickler import Pickler


def fingerprints(namespace: dict[str, Any], names: Iterable[str], own_names: frozenset[str]) -> dict[str, int]:
    """For each of ``names`` that exists a digest of all that is reachable from it; within this process only."""
    found: dict[str, int] = {}
    for name in sorted(names):
        if name not in namespace:
            continue
        pickler = Pickler(namespace, own_names)
        try:
            pickler.add(name, namespace[name])
        except Exception:  # noqa: BLE001 - what can't be pickled can't be compared either
            continue
        _, memory = pickler.regions.blobs()
        digest = xxhash.xxh3_64(pickler.skeleton())
        for blob in memory:
            for chunk in blob.chunks if isinstance(blob, Piece) else (blob,):
                digest.update(chunk)
        found[name] = digest.intdigest()
    return found


def changed(before: dict[str, int], after: dict[str, int]) -> list[str]:
    """The names whose variable is another, new or gone."""
    return sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
