"""The manifest: what one snapshot consists of, and its form as a file."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from colab_guard.core.errors import CorruptSnapshot, StoreError
from colab_guard.core.keys import Key
from colab_guard.store.sealed import DIGEST, ID, matching, seal, typed, unseal
from colab_guard.store.trust import Trust

FOLDER = "snapshots"
NAME = re.compile(FOLDER + r"/([0-9]{8,})-([0-9a-f]{12})\.json")


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

    def to_json(self, key: Key) -> bytes:
        """Its file's content, signed. Raises as ``seal`` does for a body that JSON can't hold."""
        fields = {field: getattr(self, field) for field in ("id", "seq", "cell", "created", "body", "new_bytes")}
        blobs = [{field: getattr(blob, field) for field in BlobRef.__slots__} for blob in self.blobs]
        return seal({**fields, "blobs": blobs}, key)

    @classmethod
    def from_json(cls, data: bytes, where: str, trust: Trust) -> tuple[Manifest, StoreError | None]:
        """The manifest in the file at ``where``, whose name must be that of the manifest; and why it must not be
        used, where it is unsigned, foreign or altered.

        Raises CorruptSnapshot, or UnknownFormat for a format newer than this version's.
        """

        def build(content: dict[str, Any]) -> tuple[Manifest, StoreError | None]:
            refusal = trust.refusal(content, where)
            return _manifest(content), refusal

        manifest, refusal = unseal(data, where, build)
        if where.rpartition("/")[2] != manifest.name.rpartition("/")[2]:
            raise CorruptSnapshot(f"{where} is damaged: it holds {manifest.name}.")
        return manifest, refusal


@dataclass(frozen=True, slots=True)
class Damaged:
    """A manifest that can't be used, and why: any StoreError."""

    where: str  # its path, or its URL
    error: StoreError
    name: str  # its file within the repository
    seq: int  # as its name says
    manifest: Manifest | None = None  # what it says itself, where it is whole, and only not to be believed


def read(data: bytes, where: str) -> Manifest | None:
    """What the file at ``where`` says, whoever signed it; None where it is damaged, or of a later format."""
    try:
        return unseal(data, where, _manifest)
    except StoreError:
        return None


def _manifest(fields: dict[str, Any]) -> Manifest:
    return Manifest(
        id=matching(fields, "id", ID),
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
        digest=matching(fields, "digest", DIGEST),
        size_bytes=_count(fields, "size_bytes"),
        pack=matching(fields, "pack", ID),
        offset=_count(fields, "offset"),
    )


def _count(fields: Mapping[str, Any], name: str) -> int:
    value = typed(fields, name, int)
    if value < 0:
        raise ValueError(f"{name} is {value}")
    return value


def order(snapshot: Manifest) -> tuple[int, float]:
    """What grows from one snapshot of a cell to the next."""
    return snapshot.seq, snapshot.created


def newest_of(entries: Iterable[Manifest | Damaged]) -> list[Manifest]:
    """Of each cell the newest snapshot, the newest of all first; what can't be used is left out."""
    usable = [entry for entry in entries if isinstance(entry, Manifest)]
    newest = {one.cell: one for one in sorted(usable, key=order)}
    return sorted(newest.values(), key=lambda one: one.created, reverse=True)
