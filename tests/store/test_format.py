"""Format 1 is what docs/format.md says, and stays readable: data/format-1 was written by version 0.1.0."""

import hashlib
import hmac
import json
import os
import shutil
from pathlib import Path

import pytest

from colab_guard.store.repository import Repository

RELEASED = Path(__file__).parent / "data" / "format-1"


@pytest.fixture
def released(tmp_path: Path) -> Path:
    return Path(shutil.copytree(RELEASED, tmp_path / "released"))


def sealed(file: Path) -> dict:
    """Read as docs/format.md says, without our code."""
    fields = json.loads(file.read_bytes())
    digest = fields.pop("digest")
    canonical = json.dumps(fields, sort_keys=True, separators=(",", ":")).encode()
    assert hashlib.sha256(canonical).hexdigest() == digest
    assert fields["format"] == 1
    return fields


def signed(file: Path) -> dict:
    """The same, of a manifest."""
    fields = sealed(file)
    key = bytes.fromhex(os.environ["COLAB_GUARD_KEY"])
    assert fields.pop("key") == hmac.new(key, b"colab_guard key", "sha256").hexdigest()[:12]
    signature = fields.pop("signature")
    whole = {key: value for key, value in json.loads(file.read_bytes()).items() if key not in ("digest", "signature")}
    canonical = json.dumps(whole, sort_keys=True, separators=(",", ":")).encode()
    assert hmac.new(key, canonical, "sha256").hexdigest() == signature
    return fields


def by_the_document(path: Path) -> list[tuple[dict, list[bytes]]]:
    snapshots = []
    for file in sorted(path.glob("snapshots/*.json")):
        fields = signed(file)
        assert file.name == f"{fields['seq']:08d}-{fields['id']}.json"
        blobs = []
        for blob in fields["blobs"]:
            pack = (path / "packs" / f"{blob['pack']}.pack").read_bytes()
            blobs.append(pack[blob["offset"] : blob["offset"] + blob["size_bytes"]])
            assert hashlib.sha256(blobs[-1]).hexdigest() == blob["digest"]
        snapshots.append((fields, blobs))
    return snapshots


def test_a_repository_of_format_1_is_read(released: Path) -> None:
    repository = Repository.open(released)
    assert repository.id == json.loads((released / "config.json").read_text())["id"]
    second, first = repository.snapshots("train")
    assert [bytes(repository.read(ref)) for ref in first.blobs] == [b"skeleton 1", b"frozen", b""]
    assert [bytes(repository.read(ref)) for ref in second.blobs] == [b"skeleton 2", b"frozen"]
    assert first.body == {"cursor": {"path": [1, "body", 3]}, "source": "for x in 'é':\n    pass"}
    assert (first.created, first.new_bytes, second.new_bytes) == (1790000000.25, 16, 10)
    assert repository.newest("train") == (second, [])
    report = repository.verify()
    assert (report.snapshots_ok, report.bytes_read, report.problems, report.orphans) == (2, 26, (), ())


def test_a_repository_of_format_1_is_continued(released: Path) -> None:
    repository = Repository.open(released)
    repository.newest("train")
    manifest = repository.commit("train", {}, [b"frozen", b"skeleton 3"])
    assert (manifest.seq, manifest.new_bytes) == (3, 10 + 6), "what is frozen moves out of a pack that is mostly dead"
    assert repository.commit("train", {}, [b"frozen", b"skeleton 4"]).new_bytes == 10


def test_what_is_written_is_what_the_document_says(tmp_path: Path) -> None:
    repository = Repository.open(tmp_path, clock=lambda: 12)
    repository.commit("train", {"n": 1}, [b"abc", b"", b"abc"])
    repository.commit("train", {"n": 2}, [b"abc", b"de"])
    assert set(sealed(tmp_path / "config.json")) == {"format", "id", "version"}
    (first, first_blobs), (second, second_blobs) = by_the_document(tmp_path)
    assert (first_blobs, second_blobs) == ([b"abc", b"", b"abc"], [b"abc", b"de"])
    assert set(first) == {"blobs", "body", "cell", "created", "format", "id", "new_bytes", "seq"}
    assert (first["body"], first["cell"], first["created"], second["new_bytes"]) == ({"n": 1}, "train", 12.0, 2)
    files = {file.relative_to(tmp_path).parts[0] for file in tmp_path.rglob("*") if file.is_file()}
    assert files == {"config.json", "packs", "snapshots"}
