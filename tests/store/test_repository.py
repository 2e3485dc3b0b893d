"""Commit, find, read back."""

import itertools
import json
import shutil
import subprocess
from pathlib import Path

import pytest

from colab_guard.core.errors import CorruptSnapshot, StoreUnavailable, UnknownFormat, UsageError
from colab_guard.core.keys import Keyring
from colab_guard.store.backend import Backend
from colab_guard.store.manifest import Manifest
from colab_guard.store.repository import Repository
from colab_guard.store.retention import Retention

BAD_CELLS = ["../x", "..", ".", "", "a/b", "a\\b", "/etc", "c:x", "a\0b", "a\nb", ".hidden", "x" * 201]


def content(repository: Repository, manifest: Manifest) -> list[bytes]:
    return [bytes(repository.read(ref)) for ref in manifest.blobs]


def test_a_snapshot_reads_back_as_it_was_committed(repository: Repository) -> None:
    blobs = [b"abc", b"", memoryview(bytearray(5_000_000)), b"abc"]
    manifest = repository.commit("train", {"cursor": [1, 2], "ü": None}, blobs)
    assert content(repository, manifest) == [bytes(blob) for blob in blobs]
    assert manifest.body == {"cursor": [1, 2], "ü": None}
    assert manifest.size_bytes == 5_000_006
    assert manifest.new_bytes == 5_000_003  # equal blobs are written once
    repository.check(manifest)


def test_another_process_finds_what_this_one_committed(backend: Backend) -> None:
    first = Repository(backend)
    manifest = first.commit("train", {"n": 1}, [b"abc"])
    second = Repository(backend)
    assert second.id == first.id
    assert second.newest("train") == (manifest, [])
    assert second.snapshots() == [manifest]


def test_what_is_stored_is_not_stored_again(repository: Repository) -> None:
    first = repository.commit("train", {}, [b"frozen", b"old"])
    by_content = repository.commit("train", {}, [b"frozen", b"new"])
    by_reference = repository.commit("eval", {}, [first.blobs[0], b"newest"])
    assert (by_content.new_bytes, by_reference.new_bytes) == (3, 6)
    assert content(repository, by_content) == [b"frozen", b"new"]
    assert content(repository, by_reference) == [b"frozen", b"newest"]


def test_a_new_process_stores_nothing_again_that_it_has_read_back(backend: Backend) -> None:
    Repository(backend).commit("train", {}, [b"frozen"])
    repository = Repository(backend)
    repository.newest("train")
    assert repository.commit("train", {}, [b"frozen"]).new_bytes == 0


def test_no_pack_is_written_when_nothing_is_new(repository: Repository, backend: Backend) -> None:
    repository.commit("train", {}, [b"abc"])
    repository.commit("train", {}, [b"abc"])
    repository.commit("train", {}, [])
    assert len(list(backend.list("packs"))) == 1


def test_a_reference_whose_pack_is_gone_is_refused_and_bytes_are_written_again(backend: Backend) -> None:
    repository = Repository(backend)
    manifest = repository.commit("train", {}, [b"abc"])
    backend.delete(f"packs/{manifest.blobs[0].pack}.pack")
    with pytest.raises(StoreUnavailable, match=r"is gone or damaged.*all its bytes again"):
        repository.commit("train", {}, manifest.blobs)
    again = repository.commit("train", {}, [b"abc"])
    assert again.new_bytes == 3
    repository.check(again)


def test_a_pack_found_damaged_is_not_relied_on_again(tmp_path: Path) -> None:
    repository = Repository.open(tmp_path)
    manifest = repository.commit("train", {}, [b"frozen"])
    next(tmp_path.glob("packs/*")).write_bytes(b"frazen")
    with pytest.raises(CorruptSnapshot):
        repository.check(manifest)
    again = repository.commit("train", {}, [b"frozen"])
    repository.check(again)
    with pytest.raises(StoreUnavailable):
        repository.commit("train", {}, manifest.blobs)


def test_a_damaged_pack_of_an_earlier_session_spoils_no_new_snapshot(tmp_path: Path) -> None:
    Repository.open(tmp_path).commit("train", {}, [b"frozen"])
    next(tmp_path.glob("packs/*")).write_bytes(b"frazen")
    repository = Repository.open(tmp_path)
    repository.snapshots()  # to have read a manifest proves nothing about its packs
    repository.check(repository.commit("train", {}, [b"frozen"]))


def test_numbers_grow_and_the_newest_comes_first(repository: Repository) -> None:
    committed = [repository.commit(cell, {}, [cell.encode()]) for cell in ("a", "b", "a")]
    assert [manifest.seq for manifest in committed] == [1, 2, 3]
    assert repository.snapshots() == committed[::-1]
    assert repository.snapshots("a") == [committed[2], committed[0]]
    assert repository.newest("b") == (committed[1], [])
    assert repository.newest("none") == (None, [])


def test_of_equal_numbers_the_later_counts(backend: Backend) -> None:
    times = itertools.count(100.0)
    one, two = (Repository(backend, clock=lambda: next(times)) for _ in range(2))
    first, second = one.commit("train", {}, []), two.commit("train", {}, [])
    buffer = memoryview(bytearray(10_000))
    text = bytes(buffer[: backend.read(second.name, 0, buffer)])
    backend.delete(second.name)
    same = Manifest(second.id, 1, "train", second.created, (), {}, 0)
    backend.write_new(same.name, [same.to_json(Keyring().found()[0])])
    assert text != same.to_json(Keyring().found()[0])
    assert one.snapshots() == [same, first]


def test_newest_may_be_asked_for_a_kind(repository: Repository) -> None:
    wanted = repository.commit("train", {"finished": False}, [])
    repository.commit("train", {"finished": True}, [])
    assert repository.newest("train", lambda manifest: not manifest.body["finished"]) == (wanted, [])


def test_a_blob_is_read_into_a_buffer_of_any_shape(repository: Repository) -> None:
    blob = memoryview(bytearray(range(12))).cast("B", (3, 4))
    manifest = repository.commit("train", {}, [blob])
    target = memoryview(bytearray(12)).cast("i")
    assert repository.read(manifest.blobs[0], target) is target
    assert target.tobytes() == bytes(range(12))
    with pytest.raises(UsageError, match="12 bytes can't be read into 5 bytes"):
        repository.read(manifest.blobs[0], memoryview(bytearray(5)))


@pytest.mark.parametrize("cell", BAD_CELLS)
def test_a_cell_name_is_never_a_path(repository: Repository, cell: str) -> None:
    for verb in (
        lambda: repository.commit(cell, {}, []),
        lambda: repository.newest(cell),
        lambda: repository.prune(cell, Retention(1)),
    ):
        with pytest.raises(UsageError, match="can't be the name of a cell"):
            verb()


@pytest.mark.parametrize("body", [{"x": b""}, {"x": float("nan")}, {"x": {1, 2}}])
def test_a_body_that_json_cannot_hold_is_refused_before_anything_is_written(repository: Repository, body: dict) -> None:
    with pytest.raises(UsageError, match="JSON can't hold"):
        repository.commit("train", body, [b"abc"])
    assert repository.usage_bytes() == 0


def test_keys_that_are_numbers_become_strings(repository: Repository) -> None:
    assert repository.commit("train", {10: 1, 9: 2, "a": (3,)}, []).body == {"10": 1, "9": 2, "a": [3]}


def test_usage_counts_every_file(repository: Repository, backend: Backend) -> None:
    repository.commit("train", {}, [b"abc"])
    files = [entry for folder in ("packs", "snapshots") for entry in backend.list(folder)]
    assert repository.usage_bytes() == sum(entry.size_bytes for entry in files) > 3


def test_the_folder_stays_the_same_when_the_working_directory_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    repository = Repository.open("here")
    monkeypatch.chdir("/")
    repository.commit("train", {}, [b"abc"])
    assert repository.place == str(tmp_path / "here")


def test_a_file_in_the_way_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(StoreUnavailable, match=r"file.* can't be opened: .*--store"):
            Repository.open(path)


def test_a_mount_that_has_gone_is_an_error_and_not_an_empty_repository(small_disk: Path) -> None:
    repository = Repository.open(small_disk / "repository")
    repository.commit("train", {}, [b"abc"])
    subprocess.run(["umount", str(small_disk)], check=True)
    try:
        with pytest.raises(StoreUnavailable, match="No such file or directory"):
            repository.newest("train")
        with pytest.raises(StoreUnavailable, match="No such file or directory"):
            repository.commit("train", {}, [b"abc"])
        assert list(small_disk.iterdir()) == []
    finally:  # for the fixture to end it
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(small_disk)], check=True)


def test_a_folder_that_was_deleted_is_made_again_by_the_next_snapshot(tmp_path: Path) -> None:
    repository = Repository.open(tmp_path / "around" / "repository")
    first = repository.commit("train", {}, [b"abc"])
    shutil.rmtree(tmp_path / "around")
    with pytest.raises(StoreUnavailable, match="is gone or damaged"):
        repository.commit("train", {}, list(first.blobs))
    second = repository.commit("train", {}, [b"abc"])
    assert Repository.open(tmp_path / "around" / "repository").newest("train") == (second, [])


def test_a_config_of_a_newer_format_is_refused_by_name(tmp_path: Path) -> None:
    Repository.open(tmp_path)
    config = tmp_path / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"format": 2}))
    with pytest.raises(UnknownFormat, match=r"config.json has format 2, .* up to 1.*Upgrade"):
        Repository.open(tmp_path)


def test_a_config_that_is_missing_is_made_again_and_the_snapshots_are_there(tmp_path: Path) -> None:
    manifest = Repository.open(tmp_path).commit("train", {}, [b"abc"])
    (tmp_path / "config.json").unlink()
    assert Repository.open(tmp_path).newest("train") == (manifest, [])
