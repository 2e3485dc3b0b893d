"""Manifests: what a snapshot consists of, as JSON that carries its own digest."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from colab_guard.core.errors import CorruptSnapshot, UnknownFormat

FORMAT = "colab_guard"
VERSION = 1


@dataclass(frozen=True, slots=True)
class BlobRef:
    """Where a blob lies: ``size_bytes`` bytes at ``offset`` of a pack, whose sha256 is ``digest`` (hex)."""

    digest: str
    size_bytes: int
    pack: str
    offset: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """One snapshot. ``created`` is Unix time in seconds; ``new_bytes`` is what it added to the repository;
    ``body`` is the business of the layers above.
    """

    id: str
    seq: int
    cell: str
    created: float
    blobs: tuple[BlobRef, ...]
    body: Mapping[str, Any]
    new_bytes: int = 0

    @property
    def size_bytes(self) -> int:
        """What it holds, blobs that it shares with others included."""
        return sum(blob.size_bytes for blob in self.blobs)

    @property
    def name(self) -> str:
        """The name of its file."""
        return f"snapshots/{self.seq:08d}-{self.id}.json"

    def to_json(self) -> bytes:
        """Its file's content."""
        return sealed({
            "format": FORMAT, "version": VERSION, "id": self.id, "seq": self.seq, "cell": self.cell,
            "created": self.created, "new_bytes": self.new_bytes, "body": dict(self.body),
            "blobs": [asdict(blob) for blob in self.blobs],
        })  # fmt: skip

    @classmethod
    def from_json(cls, raw: bytes, name: str) -> Manifest:
        """The manifest in the file ``name``. Raises UnknownFormat, or CorruptSnapshot for any other flaw."""
        record = unsealed(raw, name)
        try:
            blobs = tuple(BlobRef(**blob) for blob in record["blobs"])
            return cls(record["id"], record["seq"], record["cell"], record["created"], blobs, record["body"],
                       record["new_bytes"])  # fmt: skip
        except (KeyError, TypeError) as error:
            raise CorruptSnapshot(f"{name} lacks a field or has one too many ({error}); --fresh starts over.") from None


def sealed(record: dict[str, Any]) -> bytes:
    """A record as canonical JSON, its own digest in it."""
    return _canonical({**record, "digest": _digest(record)})


def unsealed(raw: bytes, name: str) -> dict[str, Any]:
    """The record in a sealed file. Raises UnknownFormat for another version, CorruptSnapshot for a flaw."""
    try:
        record = json.loads(raw)
        digest = record.pop("digest")
        version = record["version"]
        if record["format"] != FORMAT:
            raise KeyError("format")
    except (ValueError, KeyError, TypeError, AttributeError):
        raise CorruptSnapshot(f"{name} is damaged: it is not what colab_guard wrote.") from None
    if digest != _digest(record):
        raise CorruptSnapshot(f"{name} is damaged: its bytes do not match its digest.")
    if version != VERSION:
        raise UnknownFormat(
            f"{name} has format version {version}, and this colab_guard reads version {VERSION}. Install the newest: "
            f"%pip install -U colab-guard"
        )
    return record


def _canonical(record: dict[str, Any]) -> bytes:
    return json.dumps(record, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()


def _digest(record: dict[str, Any]) -> str:
    return hashlib.sha256(_canonical(record)).hexdigest()
