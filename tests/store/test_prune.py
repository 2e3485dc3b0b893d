"""Pruning deletes what nobody needs any more, and never anything else."""

import os
from pathlib import Path

import pytest

from colab_guard.core.errors import StoreUnavailable, UsageError
from colab_guard.store.manifest import Damaged, Manifest
from colab_guard.store.prune import GRACE_SECONDS
from colab_guard.store.repository import Repository
from colab_guard.store.retention import Retention

HOUR_SECONDS = 3600


def files(path: Path) -> set[str]:
    return {str(file.relative_to(path)) for file in path.rglob("*") if file.is_file()} - {"config.json"}


def pack(manifest: Manifest, blob: int = 0) -> str:
    return f"packs/{manifest.blobs[blob].pack}.pack"


def pruned(repository: Repository, keep: int) -> list[str]:
    return list(repository.prune("train", Retention(keep)).deleted)


def age(file: Path, seconds: float) -> None:
    then = file.stat().st_mtime - seconds
    os.utime(file, (then, then))


def test_the_newest_are_kept_and_what_only_the_others_needed_goes(tmp_path: Path) -> None:
    repository = Repository.open(tmp_path)
    old, middle, new = (repository.commit("train", {}, [b"shared", b"own %d" % n]) for n in range(3))
    gone = pruned(repository, 2)
    assert gone == [old.name]  # its pack holds what the others share
    assert pruned(repository, 1) == [middle.name, pack(middle, 1)]
    assert files(tmp_path) == {new.name, pack(new, 0), pack(new, 1)}
    assert repository.newest("train") == (new, [])


def test_other_cells_are_left_alone_and_what_they_share_stays(tmp_path: Path) -> None:
    repository = Repository.open(tmp_path)
    repository.commit("train", {}, [b"shared"])
    other = repository.commit("eval", {}, [b"shared"])
    new = repository.commit("train", {}, [b"own"])
    pruned(repository, 1)
    assert repository.snapshots() == [new, other]
    repository.check(other)


def test_fewer_than_to_be_kept_are_all_kept(tmp_path: Path) -> None:
    repository = Repository.open(tmp_path)
    repository.commit("train", {}, [b"x"])
    assert pruned(repository, 1) == []
    assert repository.prune("none", Retention(3)).deleted == ()
    with pytest.raises(UsageError, match="keep is 0"):
        pruned(repository, 0)


def test_a_damaged_manifest_stays_until_all_that_is_kept_is_newer(tmp_path: Path) -> None:
    repository = Repository.open(tmp_path)
    repository.commit("train", {}, [b"1"])
    damaged = repository.commit("train", {}, [b"2"])
    (tmp_path / damaged.name).write_text("{}")
    repository.commit("train", {}, [b"3"])
    assert pruned(repository, 2) == []
    assert isinstance(repository.snapshots()[1], Damaged)
    assert damaged.name in pruned(repository, 1)
    assert repository.verify().problems == ()


def test_orphans_go_once_they_are_an_hour_old(tmp_path: Path) -> None:
    repository = Repository.open(tmp_path)
    repository.commit("train", {}, [b"x"])
    orphans = [
        f"packs/{'0' * 12}.pack",
        f"packs/{'1' * 12}.pack.77aa.tmp",
        "snapshots/a.json.5.tmp",
        "config.json.1.tmp",
        f"packs/{'2' * 12}-{'3' * 12}.doomed",
    ]
    for name in orphans:
        (tmp_path / name).write_bytes(b"half a write")
    assert pruned(repository, 1) == []
    assert repository.verify().orphans == tuple(sorted(orphans))
    for name in orphans:
        age(tmp_path / name, GRACE_SECONDS + 1)
    assert set(pruned(repository, 1)) == set(orphans)
    assert repository.verify().orphans == ()


def test_files_of_others_are_never_deleted(tmp_path: Path) -> None:
    repository = Repository.open(tmp_path)
    manifest = repository.commit("train", {}, [b"x"])
    others = {"thesis.tmp", "notes.txt", "packs/mine.bin", "snapshots/00000001-0123456789ab (1).json"}
    for name in others:
        (tmp_path / name).write_text("mine")
        age(tmp_path / name, 100 * HOUR_SECONDS)
    pruned(repository, 1)
    assert files(tmp_path) == others | {manifest.name, pack(manifest)}


def test_no_pack_goes_while_a_newer_version_has_a_snapshot_that_may_need_it(tmp_path: Path) -> None:
    repository = Repository.open(tmp_path)
    old = repository.commit("train", {}, [b"old"])
    repository.commit("train", {}, [b"new"])
    age(tmp_path / pack(old), 2 * HOUR_SECONDS)
    newer = tmp_path / "snapshots" / "00000001-0123456789ab.json"
    newer.write_text('{"format":2}')
    assert pruned(repository, 1) == [old.name]
    newer.unlink()
    assert pruned(repository, 1) == [pack(old)]


def test_what_is_deleted_was_cut_to_no_bytes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Drive keeps the deleted in a trash that counts against the quota."""
    repository = Repository.open(tmp_path)
    old = repository.commit("train", {}, [b"old"])
    keeper = tmp_path / "the same file under another name"
    os.link(tmp_path / pack(old), keeper)
    repository.commit("train", {}, [b"new"])
    pruned(repository, 1)
    assert keeper.read_bytes() == b""


def test_a_dry_run_tells_what_a_prune_then_does_and_deletes_nothing(tmp_path: Path) -> None:
    repository = Repository.open(tmp_path)
    for n in range(3):
        for cell in ("train", "eval"):
            repository.commit(cell, {}, [b"shared", b"%s %d" % (cell.encode(), n // 2)])
    (tmp_path / "packs" / f"{'0' * 12}.pack").write_bytes(b"forgotten")
    age(tmp_path / "packs" / f"{'0' * 12}.pack", 2 * HOUR_SECONDS)
    before = files(tmp_path)
    told = repository.prune(None, Retention(1), dry_run=True)
    assert files(tmp_path) == before
    used_bytes = repository.usage_bytes()
    done = repository.prune(None, Retention(1))
    assert sorted(done.deleted) == sorted(told.deleted)
    assert len(done.deleted) == 4 + 1 + 1, "the older snapshots, the pack of one cell's own, the forgotten one"
    assert files(tmp_path) == before - set(done.deleted)
    assert used_bytes - repository.usage_bytes() == done.freed_bytes == told.freed_bytes


def test_a_pack_under_a_mark_is_not_relied_on(tmp_path: Path) -> None:
    """Its session died, perhaps right before the pack would have gone."""
    repository = Repository.open(tmp_path)
    old = repository.commit("train", {}, [b"frozen"])
    mark = tmp_path / "packs" / f"{old.blobs[0].pack}-{'0' * 12}.doomed"
    mark.touch()
    with pytest.raises(StoreUnavailable, match="is gone or damaged"):
        repository.commit("train", {}, old.blobs)
    assert repository.commit("train", {}, [b"frozen"]).new_bytes == len(b"frozen")
    assert repository.newest("train")[1] == []
    assert repository.prune("train", Retention(2)).deleted == ()
    age(mark, GRACE_SECONDS + 1)
    assert pruned(repository, 2) == [f"packs/{mark.name}"]
    assert repository.commit("train", {}, old.blobs).new_bytes == 0
