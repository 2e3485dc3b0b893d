"""The manifest: what one snapshot consists of, and its form as a file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from colab_guard.core.errors import CorruptSnapshot, StoreError
from colab_guard.store.sealed import seal, typed, unseal

FOLDER = "snapshots"
NAME = re.compile(FOLDER + r"/([0-9]{8,})-([0-9a-f]{12})\.json")
ID = re.compile(r"[0-9a-f]{12}")
DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class BlobRef:
    """Where a blob lies, and the SHA-256 of its bytes."""

    digest: str
    size_bytes: int
    pack: str  # the pack's id
    offset: int  # bytes from the pack's start


@dataclass(frozen=True, slots=True)
class Manifest:
    """One snapshot."""

    id: str
    seq: int  # 1, 2, …: grows within a repository; two writers at a time may use the same
    cell: str
    created: float  # seconds since 1970, by the writer's clock
    blobs: tuple[BlobRef, ...]
    body: Mapping[str, Any]  # JSON; the store does not look into it
    new_bytes: int  # what this snapshot added to the packs

    @property
    def size_bytes(self) -> int:
        """The bytes of all its blobs, whichever snapshot brought them."""
        return sum(blob.size_bytes for blob in self.blobs)

    @property
    def name(self) -> str:
        """Its file within the repository."""
        return f"{FOLDER}/{self.seq:08d}-{self.id}.json"

    def to_json(self) -> bytes:
        """Its file's content. Raises TypeError, ValueError or RecursionError for a body that JSON can't hold."""
        fields = {field: getattr(self, field) for field in ("id", "seq", "cell", "created", "body", "new_bytes")}
        blobs = [{field: getattr(blob, field) for field in BlobRef.__slots__} for blob in self.blobs]
        return seal({**fields, "blobs": blobs})

    @classmethod
    def from_json(cls, data: bytes, where: str) -> Manifest:
        """The manifest in the file at ``where``, whose name must be that of the manifest.

        Raises CorruptSnapshot, or UnknownFormat for a format newer than this version's.
        """
        manifest = unseal(data, where, _manifest)
        if Path(where).name != Path(manifest.name).name:
            raise CorruptSnapshot(f"{where} is damaged: it holds {manifest.name}.")
        return manifest


@dataclass(frozen=True, slots=True)
class Damaged:
    """A manifest that can't be used, and why: CorruptSnapshot, UnknownFormat or StoreUnavailable."""

    path: Path
    error: StoreError
    name: str  # its file within the repository
    seq: int  # as its name says


def _manifest(fields: dict[str, Any]) -> Manifest:
    return Manifest(
        id=_matching(fields, "id", ID),
        seq=_count(fields, "seq"),
        cell=typed(fields, "cell", str),
        created=typed(fields, "created", float),
        blobs=tuple(_blob(blob) for blob in typed(fields, "blobs", list)),
        body=typed(fields, "body", dict),
        new_bytes=_count(fields, "new_bytes"),
    )


def _blob(fields: Mapping[str, Any]) -> BlobRef:
    # The pattern for packs also keeps a foreign manifest from naming a file outside the repository.
    return BlobRef(
        digest=_matching(fields, "digest", DIGEST),
        size_bytes=_count(fields, "size_bytes"),
        pack=_matching(fields, "pack", ID),
        offset=_count(fields, "offset"),
    )


def _count(fields: Mapping[str, Any], name: str) -> int:
    value = typed(fields, name, int)
    if value < 0:
        raise ValueError(f"{name} is {value}")
    return value


def _matching(fields: Mapping[str, Any], name: str, pattern: re.Pattern[str]) -> str:
    value = typed(fields, name, str)
    if not pattern.fullmatch(value):
        raise ValueError(f"{name} is {value!r:.80}")
    return value
