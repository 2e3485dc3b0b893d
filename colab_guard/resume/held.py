"""Memory for a snapshot's large blobs: read into once, while they are compared, and kept by the tensors restored."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from colab_guard.core.memory import memory
from colab_guard.store.manifest import BlobRef, Manifest

LARGE_BYTES = 1_000_000
SHARE = 0.5  # of the free memory; what takes more is read a second time, one tensor after the other


class Held:
    """The memory of one snapshot at a time. Not thread-safe, but what it gives may be filled by any thread."""

    def __init__(self) -> None:
        self._flats: dict[BlobRef, Any] = {}

    def hold(self, snapshot: Manifest) -> Mapping[BlobRef, memoryview]:
        """Memory for its large blobs, none where torch, who is to own it, is not there or memory is short."""
        self._flats = {}
        torch, bound = sys.modules.get("torch"), memory()
        large = {ref for ref in snapshot.blobs if ref.size_bytes >= LARGE_BYTES}
        if torch and bound and sum(ref.size_bytes for ref in large) <= SHARE * bound.free_bytes:
            self._flats = {ref: torch.empty(ref.size_bytes, dtype=torch.uint8) for ref in large}
        return {ref: memoryview(flat.numpy()) for ref, flat in self._flats.items()}

    def take(self, ref: BlobRef) -> Any:
        """A blob's bytes as a tensor that is the taker's from now on; None where they are not held, or no longer."""
        return self._flats.pop(ref, None)
