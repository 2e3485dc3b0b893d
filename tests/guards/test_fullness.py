"""Disks that get full: when it is told, what is big on them, and what snapshots leave free."""

import subprocess
from pathlib import Path

import pytest

from colab_guard.core.errors import StoreUnavailable
from colab_guard.guards import bulk, fullness
from colab_guard.guards.bulk import biggest
from colab_guard.guards.disk import Disk, disk
from colab_guard.guards.fullness import Full, Fullness
from colab_guard.store.repository import Repository

GB, MB = 1_000_000_000, 1_000_000


def test_one_warning_until_there_is_room_again(monkeypatch):
    """The figures come from a probe put at the seam."""
    monkeypatch.setattr(fullness.WATCH, "add", lambda name, look: None)
    used = {"/a": 50, "/b": 50}
    full = Fullness(lambda folder: Disk(100, used[str(folder)], 100 - used[str(folder)]))
    full.begin(lambda: [Path("/a"), Path("/b")])
    for used["/a"] in (89, 90, 95, 88):
        full.look()
    assert full.notices() == [Full(Path("/a"), Disk(100, 90, 10))]
    for used["/a"] in (80, 91):
        full.look()
    assert full.notices() == [Full(Path("/a"), Disk(100, 91, 9))]
    used["/b"], used["/a"] = 91, 50
    full.look()
    assert [one.folder for one in full.notices()] == [Path("/b")]


def test_two_folders_on_one_disk_are_one_warning(monkeypatch):
    monkeypatch.setattr(fullness.WATCH, "add", lambda name, look: None)
    full = Fullness(lambda folder: Disk(100, 95, 5))
    full.begin(lambda: [Path("/a"), Path("/b")])
    full.look()
    assert len(full.notices()) == 1


def test_what_is_big_is_found_with_all_that_is_in_it(tmp_path, monkeypatch):
    monkeypatch.setattr(bulk, "CACHES", ())
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data/deep").mkdir(parents=True)
    (tmp_path / "data/deep/a.bin").write_bytes(bytes(600_000))
    (tmp_path / "data/b.bin").write_bytes(bytes(300_000))
    (tmp_path / "model.bin").write_bytes(bytes(700_000))
    (tmp_path / "link").symlink_to(tmp_path / "data")
    found = dict(biggest(tmp_path, 100_000, seconds=60))
    assert 900_000 <= found[tmp_path / "data"] < 1_000_000
    assert 700_000 <= found[tmp_path / "model.bin"] < 800_000
    assert found.get(tmp_path / "link", 0) < 10_000
    assert biggest(tmp_path, 1, seconds=0) == [], "no time: nothing was met"
    monkeypatch.chdir(tmp_path / "data")
    store = dict(biggest(tmp_path / "store/not/made/yet", 100_000, seconds=60))
    assert list(store) == [tmp_path / "data/deep", tmp_path / "data/b.bin"], "the largest first"


@pytest.fixture
def large_disk(tmp_path):
    """A file system of 3 GB, in memory that it takes only as it is written to."""
    place = tmp_path / "disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=3g", "tmpfs", str(place)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("a file system can't be mounted here")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


def test_what_is_big_on_another_disk_is_not_what_fills_this_one(large_disk, tmp_path, monkeypatch):
    monkeypatch.setattr(bulk, "CACHES", ())
    monkeypatch.chdir(tmp_path)
    (tmp_path / "elsewhere.bin").write_bytes(bytes(600_000))
    (large_disk / "here.bin").write_bytes(bytes(300_000))
    assert [path for path, _ in biggest(large_disk, 10, 60)] == [large_disk / "here.bin"]
    assert large_disk not in dict(biggest(tmp_path, 10, 60)), "nor is what is there counted here"


def test_snapshots_leave_the_last_gigabyte(large_disk):
    """The disk is filled by a file without content: up to 1.05 GB."""
    repository = Repository.open(large_disk / "store")
    repository.commit("train", {}, [b"fits"])
    free = disk(large_disk).free_bytes
    subprocess.run(["fallocate", "-l", str(free - GB - 50 * MB), large_disk / "data"], check=True)
    repository.commit("train", {}, [bytes(10 * MB)])
    for blob in (bytes(30 * MB), bytes(12 * MB)):
        with pytest.raises(StoreUnavailable, match=r"snapshots leave the last 1\.0 GB to you.*Free some space there"):
            repository.commit("train", {}, [blob, *(bytes([n]) * 8 * MB for n in range(5))])
        assert disk(large_disk).free_bytes > GB
    assert len(repository.snapshots("train")) == 2
    (large_disk / "data").unlink()
    repository.commit("train", {}, [bytes(30 * MB)])
