"""A disk that fails at any step costs the snapshot in progress and nothing else."""

import errno
import itertools
import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from colab_guard.core.errors import StoreUnavailable
from colab_guard.store.folder import Folder
from colab_guard.store.manifest import Manifest
from colab_guard.store.prune import GRACE_SECONDS
from colab_guard.store.repository import Repository
from colab_guard.store.retention import Retention
from tests.store.memory import Memory
from tests.store.rough import Faulty, refusal
from tests.store.steps import Stepped, failing

ADVISED = {
    errno.ENOSPC: "Free some space there",
    errno.EIO: "The disk or mount reports a fault",
    errno.EACCES: "Check who may write there",
    errno.ENOTCONN: "The mount has died: mount it again",
    errno.EDQUOT: "Free some of your quota there",
    errno.ESTALE: "The network share has changed below: mount it again",
}


def tried(told: set[str], call: Callable[..., Any], *arguments: object) -> Any:
    """What a call comes to when it is tried again until it works."""
    for _ in range(3):
        try:
            return call(*arguments)
        except StoreUnavailable as error:
            told.add(str(error))
    raise AssertionError("failures are rarer than so many in a row")


def earlier(path: Path) -> list[Manifest]:
    """A repository with three snapshots that share a blob."""
    repository = Repository.open(path)
    return [repository.commit("train", {"n": n}, [b"shared", b"own %d" % n]) for n in range(3)]


def sound(path: Path) -> list[int]:
    """The numbers of the snapshots that a new process finds, every one of them checked; newest first."""
    repository = Repository.open(path)
    for manifest in (entries := repository.snapshots()):
        repository.check(manifest)
    return [manifest.seq for manifest in entries]


@pytest.mark.parametrize("code", ADVISED)
def test_a_fault_at_any_step_of_a_commit_leaves_what_was_there_and_no_litter(tmp_path: Path, code: int) -> None:
    for step in itertools.count(1):
        path = tmp_path / str(step)
        before = earlier(path)
        backend = Stepped(Folder(path))
        repository = Repository(backend)
        repository.newest("train")
        backend.arm(failing(step, code))
        blobs = [before[-1].blobs[0], b"shared", b"fresh", b"fresher"]
        said = refusal(repository.commit, "train", {}, blobs)
        if said is None:
            break
        assert os.strerror(code) in said
        assert ADVISED[code] in said
        assert str(path) in said
        assert sound(path) == [3, 2, 1]
        assert Repository.open(path).verify().orphans == ()
        repository.check(repository.commit("train", {}, blobs))
        assert sound(path) == [4, 3, 2, 1]
    assert step > 8, "each verb and each blob is a step"


def test_a_disk_that_fails_for_good_leaves_what_was_there(tmp_path: Path) -> None:
    for step in itertools.count(1):
        path = tmp_path / str(step)
        earlier(path)
        backend = Stepped(Folder(path))
        repository = Repository(backend)
        backend.arm(failing(step, errno.EIO, lasting=True))
        if refusal(repository.commit, "train", {}, [b"fresh", b"fresher"]) is None:
            break
        assert sound(path)[-3:] == [3, 2, 1]
        assert Repository.open(path).verify().problems == ()
        backend.arm(failing(0))
        repository.commit("train", {}, [b"fresh"])


@pytest.mark.parametrize("lasting", [False, True])
def test_a_fault_at_any_step_of_a_prune_keeps_what_was_to_be_kept(tmp_path: Path, lasting: bool) -> None:
    for step in itertools.count(1):
        path = tmp_path / str(step)
        earlier(path)
        backend = Stepped(Folder(path))
        repository = Repository(backend)
        backend.arm(failing(step, errno.EIO, lasting=lasting))
        if refusal(repository.prune, "train", Retention(1)) is None:
            break
        assert sound(path)[0] == 3
        Repository.open(path).prune("train", Retention(1))
        assert sound(path) == [3]


@pytest.mark.parametrize("code", ADVISED)
def test_a_store_that_fails_now_and_then_costs_tries_and_nothing_else(code: int) -> None:
    """Any call of any verb: each failure is told with what to do, and the next try finds all that was there."""
    shared = Memory()
    told: set[str] = set()
    for every in range(41, 61):  # more calls than any of these makes, so that each second try goes well
        repository = tried(told, Repository, Faulty(shared, every, [code]))
        for n in range(5):
            manifest = tried(told, repository.commit, "train", {"n": n}, [b"shared", b"own %d %d" % (every, n)])
            found, passed_over = tried(told, repository.newest, "train")
            assert found == manifest or ADVISED[code] in passed_over[0], "what can't be read now is named"
            tried(told, repository.prune, "train", Retention(2))
    assert all(os.strerror(code) in said and ADVISED[code] in said for said in told)
    assert {said.split(":")[1].strip() for said in told} >= {
        "no snapshot of 'train' was written",
        "the snapshots can't be listed",
        "old snapshots of 'train' can't be deleted",
    }
    repository = Repository(shared, clock=lambda: time.time() + 2 * GRACE_SECONDS)
    repository.prune("train", Retention(2))
    report = repository.verify()
    assert (report.snapshots_ok, report.problems, report.orphans) == (2, (), ())
    assert len(shared.files) == 1 + 2 + 3, "config, manifests, and the packs of what is shared and of their own"


def test_a_fault_while_opening_is_an_error_and_a_later_open_works(tmp_path: Path) -> None:
    for step in itertools.count(1):
        backend = Stepped(Folder(tmp_path / str(step)), failing(step))
        said = refusal(Repository, backend)
        if said is None:
            break
        assert "No space left on device. Free some space there" in said
        Repository.open(tmp_path / str(step))


def test_a_fault_while_reading_is_never_taken_for_no_snapshot(tmp_path: Path) -> None:
    earlier(tmp_path)
    backend = Stepped(Folder(tmp_path))
    for step in itertools.count(1):
        repository = Repository(backend)
        backend.arm(failing(step, errno.ENOTCONN, lasting=True))
        said = refusal(repository.newest, "train")
        if backend.steps < step:
            break
        backend.arm(failing(0))
        assert said is not None
        assert "mount it again" in said


def test_a_lost_pack_is_noticed_before_anything_is_written(tmp_path: Path) -> None:
    lost = earlier(tmp_path)[0]
    (tmp_path / f"packs/{lost.blobs[1].pack}.pack").unlink()
    done: list[str] = []
    backend = Stepped(Folder(tmp_path), lambda number, what: done.append(what))
    assert "is gone or damaged" in (refusal(Repository(backend).commit, "train", {}, [lost.blobs[1], b"large"]) or "")
    assert not any(what.startswith("write") for what in done)


def test_one_unreadable_file_costs_one_snapshot(tmp_path: Path) -> None:
    before = earlier(tmp_path)
    backend = Stepped(Folder(tmp_path))
    repository = Repository(backend)

    def on_step(number: int, what: str) -> None:
        if what in (f"read {before[2].name}", f"read packs/{before[1].blobs[1].pack}.pack"):
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    backend.arm(on_step)
    manifest, passed_over = repository.newest("train")
    assert manifest == before[0]
    assert len(passed_over) == 2
    report = repository.verify()
    assert (report.snapshots_ok, len(report.problems)) == (1, 2)


def test_a_disk_that_is_really_full(small_disk: Path) -> None:
    repository = Repository.open(small_disk)
    said, written = None, 0
    while not (said := refusal(repository.commit, "train", {}, [os.urandom(150_000)])):
        written += 1
    assert "No space left on device" in said
    assert written >= 2
    assert sound(small_disk) == list(range(written, 0, -1))
    assert Repository.open(small_disk).verify().orphans == ()
    repository.prune("train", Retention(1))  # deleting must work where there is no space at all
    repository.check(repository.commit("train", {}, [os.urandom(150_000)]))


def test_a_disk_without_room_for_the_manifest(small_disk: Path) -> None:
    repository = Repository.open(small_disk)
    repository.commit("train", {}, [b"first"])
    filler = small_disk / "filler"
    with filler.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(4096))
    assert "No space left on device" in (refusal(repository.commit, "train", {}, []) or "")
    assert sound(small_disk) == [1]
    filler.unlink()
    repository.commit("train", {}, [])
