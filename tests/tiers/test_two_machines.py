"""Two machines in front of one remote, one after the other or at once: what was called durable is there."""

import errno
import time
from pathlib import Path

import pytest

from colab_guard.store.repository import Repository
from colab_guard.store.retention import Retention
from colab_guard.tiers.catalogue import files_of
from tests.tiers.remotes import FORGOTTEN_SECONDS, Later, Machine

SAME = b"1" * 100_000  # what two snapshots share


@pytest.fixture
def remote(tmp_path):
    return Later(tmp_path / "remote")


@pytest.fixture
def new_machine(tmp_path, remote):
    """Makes machines of sessions of their own; ``later`` by the clock of a prune."""
    names = iter("abcdef")

    def make(folder=None, later=0.0):
        name = next(names)
        machine = Machine(tmp_path / (folder or name), remote, name)
        machine.repository._clock = lambda: time.time() + later
        return machine

    return make


def restored(new_machine, cell="train"):
    """What a new machine finds, every byte of it."""
    machine = new_machine()
    snapshot, passed_over = machine.repository.newest(cell)
    assert passed_over == []
    assert machine.repository.verify().problems == ()
    return snapshot


def is_there(remote, snapshot):
    files = {entry.name for folder in ("", "packs", "snapshots") for entry in Later.list(remote, folder)}
    return files >= set(files_of(snapshot))


def at_the_manifest(remote, do):
    """Has something done when the next manifest is about to be written."""
    write_new = remote.write_new

    def held(name, chunks):
        if name.startswith("snapshots/"):
            remote.write_new = write_new
            do()
        write_new(name, chunks)

    remote.write_new = held


def out_of_reach():
    raise OSError(errno.ETIMEDOUT, "out of reach")


def test_a_pack_that_was_seen_before_its_manifest_is_not_deleted_hours_later(new_machine, remote):
    new_machine()
    machine, others = new_machine(), []
    prepared = machine.commit("prepare")
    at_the_manifest(remote, lambda: others.append(new_machine(later=FORGOTTEN_SECONDS)))
    machine.settle()
    (other,) = others
    other.commit()
    assert other.repository.prune("train", Retention()).deleted, "as far as it knows nobody needs that pack"
    other.settle()
    assert machine.durable("prepare") == restored(new_machine, "prepare") == prepared
    other.commit()
    assert other.repository.prune("train", Retention()).deleted == (), "it knows better now"


def test_a_pack_that_was_deleted_while_the_remote_was_out_of_reach_is_uploaded_again(new_machine, remote):
    remote.confirmed = lambda name: True  # as object stores are: an answered put is all there is
    new_machine()
    machine = new_machine()
    prepared = machine.commit("prepare")
    at_the_manifest(remote, out_of_reach)
    machine.uploads.step()
    assert machine.durable("prepare") is None
    other = new_machine(later=FORGOTTEN_SECONDS)
    other.commit()
    assert other.repository.prune("train", Retention()).deleted
    other.settle()
    machine.settle()
    assert machine.durable("prepare") == restored(new_machine, "prepare") == prepared


def test_a_cell_that_is_run_again_behind_another_machine_relies_on_nothing_that_is_gone(new_machine, remote):
    machine = new_machine()
    machine.repository.commit("train", {}, [SAME, b"first"])
    machine.settle()
    other = new_machine()
    for n in range(6):
        other.commit(n=n)
        other.repository.prune("train", Retention())
        other.settle()
    machine.uploads.claim("train")
    for turn in (b"second", b"third"):
        last = machine.repository.commit("train", {}, [SAME, turn])
        machine.settle()
        durable = machine.durable()
        assert is_there(remote, durable)
        assert machine.uploads.state("train").is_complete == (durable == last)
    assert durable == restored(new_machine) == last


def test_a_cell_that_begins_while_the_remote_is_listed_has_it_listed_again(new_machine, remote):
    machine, listing = new_machine(), remote.list

    def begun_meanwhile(folder):
        remote.list = listing
        found = listing(folder)
        machine.uploads.claim("prepare")
        return found

    machine.uploads.claim("train")
    remote.list = begun_meanwhile
    machine.uploads.step()
    remote.listings = 0
    machine.uploads.step()
    assert remote.listings
    remote.listings = 0
    machine.uploads.step()
    assert not remote.listings


@pytest.mark.parametrize("runs", [1, 2, 3])
def test_who_was_overtaken_is_told_however_often(new_machine, runs):
    machine = new_machine()
    machine.commit()
    machine.settle()
    other = new_machine()
    for run in range(runs):
        other.uploads.claim("train")
        newest = other.commit(run=run)
        other.settle()
    machine.commit()
    machine.settle()
    assert "another session writes snapshots of 'train'" in machine.uploads.news()[0]
    assert restored(new_machine) == newest


def test_what_an_overtaken_session_may_not_delete_keeps_its_packs(new_machine, remote):
    machine, other = new_machine(), new_machine()
    machine.repository.commit("train", {}, [SAME, b"first"])
    machine.settle()
    other.commit()
    other.settle()
    machine.repository.commit("train", {}, [SAME, b"second"])
    machine.settle()
    machine.repository.commit("train", {}, [b"third"])
    assert machine.repository.prune("train", Retention(2)).deleted
    machine.settle()
    assert machine.repository.prune("train", Retention(1)).deleted
    machine.uploads.claim("train")
    machine.settle()
    assert machine.durable() == restored(new_machine)


def test_nothing_of_a_cell_is_deleted_before_its_own_newest_is_there(new_machine, remote):
    machine = new_machine("disk")
    machine.commit("b")
    machine.settle()
    machine.commit("b", n=2)
    machine.commit("a")
    machine.uploads.step()  # that of the other cell, the newest
    machine = new_machine("disk")
    assert len(machine.repository.prune(None, Retention(keep=1)).deleted) == 2

    for _ in range(4):
        at_the_manifest(remote, out_of_reach)
        machine.uploads.step()
    assert restored(new_machine, "b") is not None


def test_a_snapshot_whose_pack_did_not_arrive_is_written_anew(new_machine, remote):
    machine = new_machine("disk")
    snapshot = machine.commit()
    machine.settle()
    remote.delete(files_of(snapshot)[1])
    machine = new_machine("disk")
    assert machine.durable() is None
    machine.settle()
    assert machine.durable() == restored(new_machine) == snapshot


def test_who_was_overtaken_before_it_deleted_leaves_what_the_other_restored(new_machine, remote):
    machine = new_machine()
    machine.repository.commit("train", {}, [SAME, b"first"])
    machine.settle()
    other = new_machine()
    other.repository.check(other.repository.newest("train")[0])
    machine.commit()
    machine.uploads.step()
    assert len(machine.repository.prune("train", Retention(keep=1)).deleted) == 2
    last = other.repository.commit("train", {}, [SAME, b"second"])
    other.settle()
    machine.settle()
    assert other.durable() == restored(new_machine) == last
    assert "another session writes snapshots of 'train'" in machine.uploads.news()[0]


def test_nothing_is_deleted_in_favour_of_another_sessions_snapshot_that_is_not_whole(new_machine, remote):
    machine = new_machine()
    first = machine.commit()
    machine.settle()
    other = new_machine()
    broken = other.commit()
    other.settle()
    remote.delete(files_of(broken)[1])
    machine.uploads.claim("train")
    machine.settle()
    assert machine.repository.prune("train", Retention(keep=1)).deleted == (first.name, files_of(first)[1])
    machine.settle()
    assert new_machine().repository.newest("train")[0] == first
    last = machine.commit()
    machine.repository.prune("train", Retention(keep=1))
    machine.settle()
    assert machine.durable() == restored(new_machine) == last
    assert not is_there(remote, first)


def test_a_manifest_never_comes_without_a_pack_that_another_session_deleted(new_machine, remote):
    machine = new_machine()
    first = machine.repository.commit("train", {}, [SAME, b"first"])
    machine.settle()
    pack = files_of(first)[1]
    remote.delete(pack)
    last = machine.repository.commit("train", {}, [SAME, b"second"])
    assert pack in files_of(last)
    there = []
    at_the_manifest(remote, lambda: there.append((Path(remote.place) / pack).exists()))
    machine.settle()
    assert there == [True]
    assert machine.durable() == restored(new_machine) == last


def test_a_pack_that_goes_while_the_manifest_is_written_is_uploaded_again(new_machine, remote):
    remote.confirmed = lambda name: True  # as object stores are: an answered put is all there is
    machine = new_machine()
    first = machine.repository.commit("train", {}, [SAME, b"first"])
    machine.settle()
    last = machine.repository.commit("train", {}, [SAME, b"second"])
    at_the_manifest(remote, lambda: remote.delete(files_of(first)[1]))
    machine.uploads.step()
    assert machine.uploads.step() == 0.0
    assert machine.durable() != last, "a pack of it has gone"
    machine.settle()
    assert machine.durable() == restored(new_machine) == last


def test_what_only_the_remote_had_and_somebody_deleted_is_stored_again_with_the_next_snapshot(new_machine, remote):
    machine = new_machine()
    first = machine.repository.commit("train", {}, [SAME, b"first"])
    machine.settle()
    other = new_machine()
    other.repository.check(other.repository.newest("train")[0])
    pack = files_of(first)[1]
    other.uploads.local.delete(pack)  # as where the disk had no room for it
    assert pack in files_of(other.repository.commit("train", {}, [SAME, b"second"]))
    for name in (first.name, pack):
        remote.delete(name)
    other.settle()
    assert other.durable() is None
    last = other.repository.commit("train", {}, [SAME, b"third"])
    other.settle()
    assert other.durable() == restored(new_machine) == last


def test_a_manifest_that_goes_while_the_store_is_opened_or_looked_at_is_no_fault(new_machine, remote):
    machine, listing = new_machine(), remote.list
    machine.commit("prepare")
    machine.settle()
    looking = new_machine()
    gone = machine.commit()
    machine.settle()
    last = machine.commit()
    machine.settle()

    def pruned_meanwhile(folder):
        found = [*listing(folder)]
        if folder == "snapshots":
            remote.delete(gone.name)
        return found

    remote.list = pruned_meanwhile
    looking.uploads.claim("train")
    looking.settle()
    assert looking.uploads.news() == []
    assert looking.durable() == last
    remote.write_new(gone.name, [b"as before"])
    assert new_machine().repository.newest("train") == (last, [])


def test_the_steady_state_lists_nothing(new_machine, remote):
    machine = new_machine()
    machine.uploads.claim("train")
    for n in range(20):
        machine.commit(n=n)
        machine.repository.prune("train", Retention())
        machine.settle()
        remote.listings = remote.listings if n > 2 else 0
    assert remote.listings == 0
    assert Repository.open(remote.place).verify().problems == ()
