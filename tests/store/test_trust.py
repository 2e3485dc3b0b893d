"""A manifest that is unsigned, foreign or altered is told apart, reported, never used unasked, and never deleted."""

import hmac
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from colab_guard.core.errors import (
    AlteredSnapshot,
    CorruptSnapshot,
    ForeignSnapshot,
    KeyUnusable,
    StoreError,
    UnsignedSnapshot,
    UntrustedSnapshot,
)
from colab_guard.core.keys import Keyring
from colab_guard.store import packs
from colab_guard.store.manifest import Damaged, Manifest
from colab_guard.store.repository import Repository
from colab_guard.store.retention import DEFAULT, Retention
from colab_guard.store.sealed import seal

THEIRS = "5a" * 32


def theirs(path: Path) -> Repository:
    return Repository.open(path, keys=Keyring(lambda: THEIRS, lambda: []))


def reseal(file: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Changes a manifest as somebody would who lacks the key: the digest is right again, the signature as it was."""
    fields = json.loads(file.read_bytes())
    del fields["digest"]
    change(fields)
    file.write_bytes(seal(fields))


def foreign(path: Path, cell: str = "train", blobs: tuple[bytes, ...] = (b"theirs",)) -> Manifest:
    return theirs(path).commit(cell, {}, blobs)


def unsigned(path: Path, cell: str = "train", blobs: tuple[bytes, ...] = (b"nobody's",)) -> Manifest:
    manifest = Repository.open(path).commit(cell, {}, blobs)
    reseal(path / manifest.name, lambda fields: (fields.pop("signature"), fields.pop("key")))
    return manifest


def altered(path: Path, cell: str = "train", blobs: tuple[bytes, ...] = (b"altered",)) -> Manifest:
    manifest = Repository.open(path).commit(cell, {}, blobs)
    reseal(path / manifest.name, lambda fields: fields.update(body={"n": "another"}))
    return manifest


CASES = [
    (foreign, ForeignSnapshot, "which is not yours"),
    (unsigned, UnsignedSnapshot, "is not signed"),
    (altered, AlteredSnapshot, "was altered after it was signed with your key"),
]
THREE = pytest.mark.parametrize(("make", "kind", "text"), CASES, ids=["foreign", "unsigned", "altered"])
SOMEBODYS = pytest.mark.parametrize("make", [foreign, unsigned])

Make = Callable[..., Manifest]


@THREE
def test_each_has_an_error_of_its_own_that_names_the_file_and_what_to_do(
    tmp_path: Path, make: Make, kind: type[StoreError], text: str
) -> None:
    manifest = make(tmp_path)
    with pytest.raises(kind, match=text) as caught:
        Repository.open(tmp_path).newest("train")
    assert type(caught.value) is kind
    for part in (str(tmp_path / manifest.name), "nothing of it was loaded", "--trust", "--fresh"):
        assert part in str(caught.value)
    [entry] = Repository.open(tmp_path).snapshots("train")
    assert isinstance(entry, Damaged)
    assert type(entry.error) is kind


@THREE
def test_it_is_passed_over_in_a_sentence_where_there_is_an_older_one(
    tmp_path: Path, make: Make, kind: type[StoreError], text: str
) -> None:
    mine = Repository.open(tmp_path).commit("train", {}, [b"mine"])
    manifest = make(tmp_path)
    found, [passed_over] = Repository.open(tmp_path).newest("train")
    assert found == mine
    assert manifest.name in passed_over
    assert text in passed_over


@THREE
def test_verify_reports_it_and_counts_nothing_of_it_as_orphaned(
    tmp_path: Path, make: Make, kind: type[StoreError], text: str
) -> None:
    Repository.open(tmp_path).commit("train", {}, [b"mine"])
    manifest = make(tmp_path)
    report = Repository.open(tmp_path).verify()
    [problem] = report.problems
    assert manifest.name in problem
    assert text in problem
    assert (report.snapshots_ok, report.orphans) == (1, ())


def test_a_signature_says_every_field_and_every_blob(tmp_path: Path) -> None:
    manifest = Repository.open(tmp_path).commit("train", {"n": 1}, [b"one", b"two"])
    file = tmp_path / manifest.name
    whole = file.read_bytes()
    changes: list[Callable[[dict[str, Any]], object]] = [
        lambda fields: fields.update(cell="eval"),
        lambda fields: fields.update(created=1.0),
        lambda fields: fields.update(new_bytes=1),
        lambda fields: fields.update(body={"n": 2}),
        lambda fields: fields.update(more=1),
        lambda fields: fields["blobs"].reverse(),
        lambda fields: fields["blobs"].pop(),
        *(
            lambda fields, name=name, value=value: fields["blobs"][0].update({name: value})
            for name, value in [("digest", "0" * 64), ("pack", "0" * 12), ("offset", 3), ("size_bytes", 2)]
        ),
        lambda fields: fields.update(signature="0" * 64),
    ]
    for change in changes:
        reseal(file, change)
        with pytest.raises(AlteredSnapshot):
            Repository.open(tmp_path, trust=True).newest("train")
        file.write_bytes(whole)
    for name in (f"{manifest.seq + 1:08d}-{manifest.id}.json", f"{manifest.seq:08d}-{'0' * 12}.json"):
        copy = file.with_name(name)
        copy.write_bytes(whole)
        seq, identity = name.removesuffix(".json").split("-")
        reseal(copy, lambda fields, seq=seq, identity=identity: fields.update(seq=int(seq), id=identity))
        error = next(e.error for e in Repository.open(tmp_path).snapshots() if isinstance(e, Damaged))
        assert type(error) is AlteredSnapshot
        copy.unlink()
    assert Repository.open(tmp_path).newest("train") == (manifest, [])


@pytest.mark.parametrize("value", ["", "é" * 64, "0" * 63, None, 7, ["0" * 64]])
@pytest.mark.parametrize("field", ["signature", "key"])
def test_a_signature_that_is_none_is_damage(tmp_path: Path, field: str, value: object) -> None:
    manifest = Repository.open(tmp_path).commit("train", {}, [b"mine"])
    reseal(tmp_path / manifest.name, lambda fields: fields.update({field: value}))
    [entry] = Repository.open(tmp_path, trust=True).snapshots()
    assert isinstance(entry, Damaged)
    assert type(entry.error) is CorruptSnapshot
    assert f"is damaged: {field} is" in str(entry.error)


def test_signatures_are_compared_in_constant_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    manifest = altered(tmp_path)
    signature = json.loads((tmp_path / manifest.name).read_bytes())["signature"]
    compared: list[tuple[str, str]] = []

    def compare(one: str, other: str) -> bool:
        compared.append((one, other))
        return True

    monkeypatch.setattr(hmac, "compare_digest", compare)
    Repository.open(tmp_path).newest("train")
    [pair] = compared
    assert signature in pair
    assert len(set(pair)) == 2, "and nothing else looked at them"


def test_what_was_signed_with_any_key_of_mine_is_mine(tmp_path: Path) -> None:
    """So that a key set as a Colab secret later on makes nobody's older snapshots foreign."""
    old = Repository.open(tmp_path).commit("train", {}, [b"old"])
    later = Repository.open(tmp_path, keys=Keyring(lambda: THEIRS, lambda: []))
    assert later.newest("train") == (old, [])
    new = later.commit("train", {}, [b"new"])
    assert later.newest("train") == (new, [])
    found, [passed_over] = Repository.open(tmp_path).newest("train")
    assert found == old, "the first key signs"
    assert new.name in passed_over


@SOMEBODYS
def test_trust_finds_it_like_any_other(tmp_path: Path, make: Make) -> None:
    manifest = make(tmp_path)
    repository = Repository.open(tmp_path, trust=True)
    assert repository.newest("train") == (manifest, [])
    assert repository.snapshots() == [manifest]


@SOMEBODYS
def test_trust_believes_no_bytes(tmp_path: Path, make: Make) -> None:
    manifest = make(tmp_path)
    pack = tmp_path / packs.pack_name(manifest.blobs[0].pack)
    pack.write_bytes(pack.read_bytes()[:-1] + b"?")
    found, [problem] = Repository.open(tmp_path, trust=True).newest("train")
    assert found is None
    assert "their digest differs" in problem
    with pytest.raises(UntrustedSnapshot):
        Repository.open(tmp_path).newest("train")
    file = tmp_path / manifest.name
    file.write_bytes(file.read_bytes().replace(b'"cell":"train"', b'"cell":"trail"'))
    _, [problem] = Repository.open(tmp_path, trust=True).newest("train")
    assert "its digest is not that of its content" in problem


@SOMEBODYS
@pytest.mark.parametrize("trust", [False, True])
def test_prune_deletes_neither_it_nor_its_packs_and_still_what_is_mine(tmp_path: Path, make: Make, trust: bool) -> None:
    manifest = make(tmp_path)
    repository = Repository.open(tmp_path, trust=trust)
    old, new = repository.commit("train", {}, [b"old"]), repository.commit("train", {}, [b"new"])
    for file in tmp_path.glob("packs/*"):
        os.utime(file, (1, 1))  # older than any grace
    assert set(repository.prune("train", Retention(1)).deleted) == {old.name, packs.pack_name(old.blobs[0].pack)}
    assert Repository.open(tmp_path, trust=True).snapshots() == [new, manifest]
    Repository.open(tmp_path).check(manifest)


def test_prune_deletes_what_was_altered_as_it_does_what_is_damaged(tmp_path: Path) -> None:
    manifest = altered(tmp_path)
    repository = Repository.open(tmp_path)
    new = repository.commit("train", {}, [b"new"])
    assert manifest.name in repository.prune("train", Retention(1)).deleted
    assert repository.snapshots() == [new]


@SOMEBODYS
def test_of_another_cell_it_stands_in_nobodys_way(tmp_path: Path, make: Make) -> None:
    make(tmp_path, "eval")
    assert Repository.open(tmp_path).newest("train") == (None, [])
    assert len(Repository.open(tmp_path).snapshots()) == 1


def test_a_damaged_key_is_not_taken_for_damage_of_the_snapshots(tmp_path: Path) -> None:
    manifest = foreign(tmp_path)
    broken = Repository.open(tmp_path, keys=Keyring(lambda: "no key"))
    for use in (
        broken.snapshots,
        broken.verify,
        lambda: broken.newest("train"),
        lambda: broken.prune("train", DEFAULT),
    ):
        with pytest.raises(KeyUnusable):
            use()
    with pytest.raises(KeyUnusable):
        broken.commit("train", {}, [b"x"])
    assert theirs(tmp_path).snapshots() == [manifest]
    assert theirs(tmp_path).verify().orphans == ()


def test_to_look_makes_no_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    foreign(tmp_path / "store")
    monkeypatch.delenv("COLAB_GUARD_KEY")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    repository = Repository.open(tmp_path / "store")
    repository.verify()
    with pytest.raises(ForeignSnapshot, match="which is not yours \\(none yet\\)"):
        repository.newest("train")
    assert not (tmp_path / "home").exists()
    mine = repository.commit("train", {}, [b"mine"])
    assert [file.name for file in (tmp_path / "home").rglob("*.key")] == ["signing.key"]
    assert repository.newest("train") == (mine, [])
