"""Bytes that are not those that were written are found, named, and never loaded."""

import random
from pathlib import Path

import pytest

from colab_guard.core.errors import CorruptSnapshot, UnknownFormat
from colab_guard.store import packs
from colab_guard.store.manifest import Damaged, Manifest
from colab_guard.store.repository import Repository
from colab_guard.store.sealed import seal

DAMAGES = 10_000
BLOBS = [b"a", b"", bytes(range(256)) * 20, b"the last"]


@pytest.fixture
def old(tmp_path: Path) -> Manifest:
    return Repository.open(tmp_path).commit("train", {"n": 1}, [b"sound"])


@pytest.fixture
def new(tmp_path: Path, old: Manifest) -> Manifest:
    return Repository.open(tmp_path).commit("train", {"source": "x = 'é\\n'", "n": 2.5e-7}, BLOBS)


def pack_of(path: Path, manifest: Manifest) -> Path:
    return path / packs.pack_name(manifest.blobs[0].pack)


def assert_found(path: Path, old: Manifest, naming: str) -> None:
    """The newest snapshot is passed over by a sentence that names the file; verify says the same."""
    repository = Repository.open(path)
    found, passed_over = repository.newest("train")
    assert found == old
    assert len(passed_over) == 1
    assert naming in passed_over[0]
    report = repository.verify()
    assert report.snapshots_ok == 1
    assert report.problems
    assert all(naming in problem for problem in report.problems)


def damaged(whole: bytes, chance: random.Random) -> bytes:
    """With some bits of one byte changed, or cut short; both at any place."""
    place = chance.randrange(len(whole))
    if chance.random() < 0.2:
        return whole[:place]
    return whole[:place] + bytes([whole[place] ^ chance.randrange(1, 256)]) + whole[place + 1 :]


def lay_in(content: bytes, file: Path) -> None:
    """In place: to make the file anew takes a file system many times as long."""
    with file.open("r+b", buffering=0) as target:
        target.write(content)
        target.truncate()


def test_ten_thousand_flips_and_cuts_over_every_file(tmp_path: Path) -> None:
    """Each is found by name; what does not need the file is loaded, what does is not, and nothing else is raised."""
    first = Repository.open(tmp_path).commit("train", {"n": 1}, [b"sound", b"frozen"])
    second = Repository.open(tmp_path)
    second.newest("train")
    both = second.commit("train", {"source": "x = 'é\\n'", "n": 2.5e-7}, [b"frozen", bytes(range(256)), b""])
    names = [first.name, both.name, *(f"packs/{m.blobs[n].pack}.pack" for m, n in ((first, 0), (both, 1)))]
    survivors = {names[0]: both, names[1]: first, names[2]: None, names[3]: first}
    wholes = {name: (tmp_path / name).read_bytes() for name in (*names, "config.json")}
    chance = random.Random(6)
    for _ in range(DAMAGES):
        name = chance.choice([*wholes])
        lay_in(damaged(wholes[name], chance), tmp_path / name)
        if name == "config.json":
            with pytest.raises((CorruptSnapshot, UnknownFormat), match=r"config\.json"):
                Repository.open(tmp_path)
        else:
            repository = Repository.open(tmp_path)
            found, passed_over = repository.newest("train")
            # Of the older pack only one blob is needed by both: damage to the other spares the newer snapshot.
            assert found in (survivors[name], both if name == names[2] else survivors[name])
            problems = repository.verify().problems
            assert problems
            assert all(name in problem for problem in (*passed_over, *problems))
            assert passed_over or found == both
        lay_in(wholes[name], tmp_path / name)
    assert Repository.open(tmp_path).newest("train") == (both, [])


def test_a_changed_format_in_the_config_is_told_from_damage(tmp_path: Path, old: Manifest) -> None:
    config = tmp_path / "config.json"
    whole = config.read_bytes()
    for changed, error in ((whole.replace(b'"format":1', b'"format":9'), UnknownFormat), (whole[1:], CorruptSnapshot)):
        config.write_bytes(changed)
        with pytest.raises(error, match=r"config\.json") as caught:
            Repository.open(tmp_path)
        assert ("delete it, and it is made again" in str(caught.value)) == (error is CorruptSnapshot)


@pytest.mark.parametrize(("part", "other"), [('{"', '\n{"'), ('{"', '{ "'), ("00e9", "00E9"), ("2.5e-07", "2.5E-07")])
def test_the_same_content_in_other_bytes(tmp_path: Path, old: Manifest, new: Manifest, part: str, other: str) -> None:
    file = tmp_path / new.name
    assert part in file.read_text()
    file.write_text(file.read_text().replace(part, other, 1))
    assert_found(tmp_path, old, new.name)


def test_a_pack_cut_anywhere(tmp_path: Path, old: Manifest, new: Manifest) -> None:
    file = pack_of(tmp_path, new)
    whole = file.read_bytes()
    for size_bytes in (*range(10), *random.Random(4).sample(range(len(whole)), 50), len(whole) - 1):
        file.write_bytes(whole[:size_bytes])
        assert_found(tmp_path, old, new.blobs[0].pack)
        with pytest.raises(CorruptSnapshot, match=f"truncated at {size_bytes:,} of"):
            Repository.open(tmp_path).check(new)


def test_a_manifest_cut_anywhere(tmp_path: Path, old: Manifest, new: Manifest) -> None:
    file = tmp_path / new.name
    whole = file.read_bytes()
    for size_bytes in range(0, len(whole), 7):
        file.write_bytes(whole[:size_bytes])
        assert_found(tmp_path, old, new.name)


def test_a_pack_that_is_missing(tmp_path: Path, old: Manifest, new: Manifest) -> None:
    pack_of(tmp_path, new).unlink()
    assert_found(tmp_path, old, f"packs/{new.blobs[0].pack}.pack is missing")
    with pytest.raises(CorruptSnapshot, match="is missing"):
        Repository.open(tmp_path).read(new.blobs[0])
    assert Repository.open(tmp_path).read(new.blobs[1]) == b"", "what has no bytes needs no pack"


def test_a_read_from_a_pack_that_ends_too_early_is_refused(tmp_path: Path, new: Manifest) -> None:
    pack_of(tmp_path, new).write_bytes(b"a")
    repository = Repository.open(tmp_path)
    assert repository.read(new.blobs[0]) == b"a"
    with pytest.raises(CorruptSnapshot, match="truncated at 1 of 5,121 bytes"):
        repository.read(new.blobs[2])


def test_damage_in_any_of_several_packs_is_found(tmp_path: Path, old: Manifest) -> None:
    repository = Repository.open(tmp_path)
    second = repository.commit("train", {}, [b"second"])
    both = repository.commit("train", {}, [old.blobs[0], second.blobs[0], b"third"])
    for manifest in (old, second, both):
        file = tmp_path / packs.pack_name(manifest.blobs[-1].pack)
        whole = file.read_bytes()
        file.write_bytes(whole[:-1] + b"?")
        with pytest.raises(CorruptSnapshot, match=file.name):
            Repository.open(tmp_path).check(both)
        file.write_bytes(whole)
    Repository.open(tmp_path).check(both)


def test_a_snapshot_of_a_newer_format_is_named_and_the_older_one_used(tmp_path: Path, old: Manifest) -> None:
    newer = tmp_path / "snapshots" / "00000002-0123456789ab.json"
    newer.write_text('{"format":2,"whatever":[]}')
    repository = Repository.open(tmp_path)
    found, passed_over = repository.newest("train")
    assert found == old
    assert "00000002-0123456789ab.json has format 2" in passed_over[0]
    assert "formats up to 1" in passed_over[0]
    damaged, _ = repository.snapshots()
    assert isinstance(damaged, Damaged)
    assert isinstance(damaged.error, UnknownFormat)
    assert (damaged.where, damaged.seq) == (str(newer), 2)


def test_only_damaged_snapshots_are_not_the_same_as_none(tmp_path: Path, old: Manifest) -> None:
    (tmp_path / old.name).write_bytes(b"")
    found, passed_over = Repository.open(tmp_path).newest("train")
    assert found is None
    assert "is damaged" in passed_over[0]


def test_a_manifest_under_another_name_is_refused(tmp_path: Path, old: Manifest) -> None:
    """Or an old snapshot, copied to a higher number, would pass for the newest."""
    copy = tmp_path / "snapshots" / f"1{old.seq:08d}-{old.id}.json"
    copy.write_bytes((tmp_path / old.name).read_bytes())
    assert_found(tmp_path, old, copy.name)


def test_a_manifest_cannot_name_a_file_outside_the_repository(tmp_path: Path, old: Manifest) -> None:
    fields = {"id": "0123456789ab", "seq": 2, "cell": "train", "created": 1.0, "body": {}, "new_bytes": 0}
    blob = {"digest": "0" * 64, "size_bytes": 1, "pack": "../../secret", "offset": 0}
    (tmp_path / "snapshots" / "00000002-0123456789ab.json").write_bytes(seal({**fields, "blobs": [blob]}))
    assert_found(tmp_path, old, "00000002-0123456789ab.json is damaged: pack is '../../secret'")


NONSENSE = {
    "seq": [True, -1, "2"],
    "id": ["x"],
    "cell": [None],
    "created": ["now"],
    "body": [[]],
    "blobs": [{}, [1], [{}]],
    "new_bytes": [1.5],
}


@pytest.mark.parametrize(("field", "value"), [(field, value) for field in NONSENSE for value in NONSENSE[field]])
def test_fields_that_make_no_sense_are_refused(tmp_path: Path, old: Manifest, field: str, value: object) -> None:
    fields = {"id": "0123456789ab", "seq": 2, "cell": "train", "created": 1.0, "body": {}, "new_bytes": 0, "blobs": []}
    (tmp_path / "snapshots" / "00000002-0123456789ab.json").write_bytes(seal({**fields, field: value}))
    assert_found(tmp_path, old, "00000002-0123456789ab.json is damaged")


@pytest.mark.parametrize("data", [b"", b"[]", b"null", b"\xff\xfe", b"{" * 100_000, b"[" * 100_000, b'{"format":1}'])
def test_anything_may_stand_in_a_manifest(tmp_path: Path, old: Manifest, data: bytes) -> None:
    (tmp_path / "snapshots" / "00000002-0123456789ab.json").write_bytes(data)
    assert_found(tmp_path, old, "00000002-0123456789ab.json is damaged")


def test_names_of_others_are_neither_read_nor_problems(tmp_path: Path, old: Manifest) -> None:
    others = ["snapshots/00000001-0123456789ab (1).json", "snapshots/notes.txt", "packs/x", "snapshots/desktop.ini"]
    for name in others:
        (tmp_path / name).write_text("other")
    repository = Repository.open(tmp_path)
    assert repository.newest("train") == (old, [])
    report = repository.verify()
    assert report.problems == ()
    assert report.orphans == tuple(sorted(others))
