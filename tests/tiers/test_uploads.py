"""What is durable is on the remote, whole and confirmed; nothing that is is given up before something newer is."""

import errno
import os
import random
from pathlib import Path

import pytest

from colab_guard.core.errors import StoreUnavailable, UnknownFormat
from colab_guard.store.repository import Repository
from colab_guard.store.retention import Retention
from tests.tiers.remotes import GONE, Later, Machine


@pytest.fixture
def remote(tmp_path: Path) -> Later:
    return Later(tmp_path / "remote")


@pytest.fixture
def machine(tmp_path: Path, remote: Later) -> Machine:
    return Machine(tmp_path / "local", remote)


def names(path: Path, folder: str) -> set[str]:
    return {f"{folder}/{name}" for name in os.listdir(path / folder)}


def test_packs_are_there_before_the_manifest_that_lists_them(machine, remote):
    snapshot = machine.commit()
    machine.settle()
    assert [name.split("/")[0] for name in remote.written] == ["leases", "config.json", "packs", "snapshots"]
    assert machine.durable() == snapshot


def test_saved_is_not_durable_until_the_remote_confirms_every_file(machine, remote):
    remote.at_once = False
    snapshot = machine.commit()
    machine.settle()
    for name in (*remote.written[1:],):
        assert machine.durable() is None
        assert not machine.uploads.state("train").is_complete
        remote.arrived.add(name)
        machine.settle()
    assert machine.durable() == snapshot
    assert machine.uploads.state("train").is_complete


def test_a_remote_that_cannot_tell_makes_nothing_durable(machine, remote):
    remote.knows = False
    snapshot = machine.commit()
    machine.settle()
    state = machine.uploads.state("train")
    assert (state.durable, state.copied) == (None, snapshot)
    assert state.words(snapshot.created + 5) == "unconfirmed 5 s ago"


def test_nothing_is_durable_before_the_key_that_signs_it_is(tmp_path, remote):
    answers = {"key": (False, "")}
    machine = Machine(tmp_path / "local", remote, key=lambda: answers["key"])
    snapshot = machine.commit()
    machine.settle()
    assert machine.durable() is None
    answers["key"] = (None, "the key that signs dies with this VM")
    machine.settle()
    assert machine.durable() is None
    assert "dies with this VM" in machine.uploads.state("train").words(snapshot.created)
    answers["key"] = (True, "")
    machine.commit()
    machine.settle()
    assert machine.durable().seq == 2


def test_what_was_superseded_before_its_turn_is_never_uploaded(machine, remote):
    remote.at_once = False
    first, second, third = machine.commit(), machine.commit(), machine.commit()
    machine.settle()
    assert third.name in remote.written
    assert not {first.name, second.name} & set(remote.written)


def test_one_at_a_time_so_that_nothing_piles_up(machine, remote):
    remote.at_once = False
    first = machine.commit()
    machine.settle()
    machine.commit()
    third = machine.commit()
    machine.settle()
    assert [name for name in remote.written if name.startswith("snapshots")] == [first.name]
    remote.arrived.update(remote.written)
    machine.settle()
    assert [name for name in remote.written if name.startswith("snapshots")] == [first.name, third.name]


def test_the_best_one_is_uploaded_too_when_nothing_is_newer(machine, remote):
    def best(value):
        return {"best": {"name": "loss", "goal": "min", "value": value}}

    good = machine.commit(**best(0.1))
    machine.commit(**best(0.3))
    newest = machine.commit(**best(0.2))
    machine.settle()
    assert [name for name in remote.written if name.startswith("snapshots")] == [newest.name, good.name]


def test_cells_do_not_wait_for_each_other_newest_first(machine, remote):
    a, b = machine.commit("a"), machine.commit("b")
    machine.settle()
    assert [name for name in remote.written if name.startswith("snapshots")] == [b.name, a.name]
    assert (machine.durable("a"), machine.durable("b")) == (a, b)


def test_there_is_a_durable_one_at_every_moment(machine, remote):
    remote.at_once = False
    for number in range(12):
        machine.commit()
        machine.repository.prune("train", Retention(1))
        machine.settle()
        if number % 3 == 2:
            remote.arrived.update(remote.written)
            machine.settle()
        alone = Repository.open(remote.place)
        newest, _ = alone.newest("train")
        sure = machine.durable()
        if sure is not None:
            alone.check(sure)
            assert newest.seq >= sure.seq
    assert len(names(Path(remote.place), "snapshots")) <= 2, "what was superseded is deleted there too"
    assert machine.repository.verify().problems == ()


def test_a_file_being_uploaded_stays_although_it_was_pruned(machine, remote, monkeypatch):
    snapshot = machine.commit(size_bytes=5000)
    put = remote.write_new

    def prune_meanwhile(name, chunks):
        if name.startswith("packs"):
            machine.commit()
            machine.repository.prune("train", Retention(1))
            assert snapshot.name not in {one.name for one in machine.repository.snapshots()}
        put(name, chunks)

    monkeypatch.setattr(remote, "write_new", prune_meanwhile)
    machine.uploads.step()
    monkeypatch.undo()
    assert snapshot.name in remote.written, "what was begun is brought to its end, or a slow remote would never get any"
    assert snapshot.name not in names(Path(machine.uploads.local.place), "snapshots")
    machine.settle()
    assert snapshot.name in remote.deleted
    assert machine.durable().seq == 2


def test_a_new_machine_goes_on_from_what_was_durable_and_uploads_no_byte_twice(tmp_path, machine, remote):
    frozen = os.urandom(200_000)
    machine.repository.commit("train", {}, [frozen, b"1"])
    machine.settle()
    remote.at_once = False
    machine.repository.commit("train", {}, [frozen, b"2"])
    machine.settle()
    remote.lose()
    sure = machine.durable()
    later = Machine(tmp_path / "another disk", remote, "b")
    found, problems = later.repository.newest("train")
    assert (found, problems) == (sure, [])
    assert bytes(later.repository.read(found.blobs[0])) == frozen
    assert "came from" in " ".join(later.uploads.news())
    before = set(remote.written)
    remote.at_once = True
    third = later.repository.commit("train", {}, [frozen, b"3"])
    later.settle()
    assert later.durable() == third
    new = [name for name in remote.written if name.startswith("packs") and name not in before]
    assert sum((Path(remote.place) / name).stat().st_size for name in new) == 1


def test_a_remote_that_fails_is_said_once_tried_less_and_less_often_and_catches_up_by_itself(tmp_path, remote):
    now = [0.0]
    machine = Machine(tmp_path / "local", remote, clock=lambda: now[0])
    machine.commit()
    machine.settle()
    remote.broken = errno.EIO
    machine.commit()
    waits = []
    for _ in range(12):
        waits.append(machine.uploads.step())
        now[0] += waits[-1]
    assert all(0.5 * 2**n <= wait <= 2**n for n, wait in enumerate(waits[:8]))
    assert max(waits) <= 300
    [said] = machine.uploads.news()
    assert "reports a fault" in said
    assert "reports a fault" in machine.uploads.state("train").words(0)
    third = machine.commit()
    remote.broken = None
    machine.settle()
    assert machine.durable() == third
    assert "again" in " ".join(machine.uploads.news())


def test_a_file_that_was_cut_off_is_uploaded_anew(tmp_path, machine, remote):
    snapshot = machine.commit(size_bytes=5000)
    machine.settle()
    [pack] = [name for name in remote.written if name.startswith("packs")]
    os.truncate(Path(remote.place) / pack, 100)
    os.unlink(Path(remote.place) / snapshot.name)
    again = Machine(tmp_path / "local", remote)
    again.settle()
    assert again.durable() == snapshot
    assert Repository.open(remote.place).newest("train") == (snapshot, [])


def test_what_was_cut_off_when_the_remote_went_is_removed_though_something_newer_takes_its_turn(
    machine, remote, monkeypatch
):
    def goes(name, chunks):
        (Path(remote.place) / name).touch()
        if name.startswith("snapshots"):
            raise OSError(GONE, os.strerror(GONE))

    with monkeypatch.context() as patch:
        patch.setattr(remote, "write_new", goes)
        cut_off = machine.commit()
        machine.settle()
    for name in ("config.json", *names(Path(remote.place), "packs"), *names(Path(remote.place), "leases")):
        os.unlink(Path(remote.place) / name)
    assert names(Path(remote.place), "snapshots") == {cut_off.name}
    assert not machine.uploads.is_idle()
    newest = machine.commit()
    machine.settle()
    assert names(Path(remote.place), "snapshots") == {newest.name}
    assert machine.uploads.is_idle()


@pytest.mark.parametrize("left", [b"", b'{"dig'])
def test_a_config_that_was_cut_off_keeps_no_new_machine_from_beginning(tmp_path, remote, left):
    (Path(remote.place) / "config.json").write_bytes(left)
    machine = Machine(tmp_path / "new", remote)
    snapshot = machine.commit()
    machine.settle()
    assert machine.durable() == snapshot
    assert Repository.open(remote.place).newest("train") == (snapshot, [])


def test_a_config_of_a_later_format_is_refused_and_kept(tmp_path, remote):
    config = Path(remote.place) / "config.json"
    config.write_text('{"format":99}')
    with pytest.raises(UnknownFormat):
        Machine(tmp_path / "new", remote)
    assert config.read_text() == '{"format":99}'


def test_what_the_remote_lost_is_uploaded_again(machine, remote):
    remote.at_once = False
    snapshot = machine.commit()
    machine.settle()
    remote.lose()
    remote.at_once = True
    machine.settle()
    assert machine.durable() == snapshot
    assert Repository.open(remote.place).newest("train") == (snapshot, [])


def test_a_damaged_local_copy_is_replaced_by_the_remote_s(machine, remote):
    snapshot = machine.commit(size_bytes=5000)
    machine.settle()
    [pack] = names(Path(machine.uploads.local.place), "packs")
    path = Path(machine.uploads.local.place) / pack
    path.write_bytes(b"x" + path.read_bytes()[1:])
    assert machine.repository.newest("train") == (snapshot, [])
    assert machine.repository.verify().problems == ()


def test_of_two_sessions_of_one_cell_the_later_one_writes(tmp_path, machine, remote):
    machine.commit()
    machine.settle()
    other = Machine(tmp_path / "other", remote, "b")
    other.uploads.claim("train")
    theirs = other.commit()
    other.settle()
    mine = machine.commit()
    machine.settle()
    assert mine.name not in remote.written
    assert "another session" in machine.uploads.state("train").words(0)
    assert "another session" in " ".join(machine.uploads.news())
    assert other.durable() == theirs
    machine.uploads.claim("train")
    machine.settle()
    assert machine.durable() == mine, "the cell was begun here again"


def test_a_steady_state_lists_nothing_and_makes_two_files_a_snapshot(machine, remote):
    for _ in range(5):
        machine.commit()
        machine.repository.prune("train", Retention(3))
        machine.settle()
    remote.written.clear()
    remote.deleted.clear()
    before = remote.listings
    for _ in range(5):
        machine.commit()
        machine.repository.prune("train", Retention(3))
        machine.settle()
    assert (len(remote.written), len(remote.deleted), remote.listings - before) == (10, 10, 0)


def test_a_remote_that_cannot_be_read_is_no_empty_one(tmp_path, remote):
    remote.broken = GONE
    with pytest.raises((OSError, StoreUnavailable)):
        Machine(tmp_path / "local", remote)


def test_the_user_s_random_numbers_are_left_alone(machine, remote):
    state = random.getstate()
    remote.broken = GONE
    machine.tiered.write_new("snapshots/x", [])
    for _ in range(3):
        machine.uploads.step()
    assert random.getstate() == state


def test_a_file_chosen_for_upload_stays_although_it_is_pruned_at_that_instant(machine, remote, monkeypatch):
    first = machine.commit()
    choose = machine.uploads.catalogue.keep_next

    def then_pruned(passed_over):
        chosen = choose(passed_over)
        machine.commit()
        machine.repository.prune("train", Retention(1))
        return chosen

    monkeypatch.setattr(machine.uploads.catalogue, "keep_next", then_pruned)
    machine.uploads.step()
    monkeypatch.undo()
    assert first.name in remote.written
    machine.settle()
    assert machine.durable().seq == 2
    assert names(Path(machine.uploads.local.place), "snapshots") == {machine.durable().name}


def test_a_local_file_that_somebody_deleted_is_a_trouble_until_the_next_snapshot(machine, remote):
    machine.commit()
    machine.settle()
    lost = machine.commit()
    os.unlink(Path(machine.uploads.local.place) / f"packs/{lost.blobs[0].pack}.pack")
    assert machine.uploads.step() > 0
    assert "No such file" in machine.uploads.state("train").words(0)
    newer = machine.commit()
    machine.settle()
    assert machine.durable() == newer


def test_a_cell_that_is_begun_here_during_an_upload_is_not_lost_by_it(tmp_path, machine, remote, monkeypatch):
    machine.commit()
    machine.settle()
    other = Machine(tmp_path / "other", remote, "b")
    other.commit()
    other.settle()
    mine = machine.commit()
    put = remote.write_new

    def begun_meanwhile(name, chunks):
        put(name, chunks)
        if name.startswith("packs"):
            machine.uploads.claim("train")

    monkeypatch.setattr(remote, "write_new", begun_meanwhile)
    machine.uploads.step()
    monkeypatch.undo()
    machine.settle()
    assert machine.durable() == mine
    assert machine.uploads.news() == []


def test_it_is_never_idle_before_the_snapshot_is_durable(machine, remote, monkeypatch):
    remote.at_once = False
    machine.commit()
    copied, seen = machine.uploads.catalogue.copied, list[bool]()

    def looked_at_after(*arguments):
        copied(*arguments)
        seen.append(machine.uploads.is_idle())

    monkeypatch.setattr(machine.uploads.catalogue, "copied", looked_at_after)
    machine.settle()
    assert seen == [False] * 3
    assert not machine.uploads.is_idle()
    remote.arrived.update(remote.written)
    machine.settle()
    assert machine.uploads.is_idle()


def test_what_is_deleted_after_another_session_took_over_piles_up_nowhere(tmp_path, machine, remote):
    for _ in range(3):
        machine.commit()
        machine.settle()
    other = Machine(tmp_path / "other", remote, "b")
    other.commit()
    other.settle()
    for _ in range(20):
        machine.commit()
        machine.repository.prune("train", Retention(1))
        machine.settle()
    assert remote.deleted == [name for name in remote.deleted if name.startswith("leases")]
    assert len(machine.uploads.catalogue._deletions) == 0
    machine.uploads.claim("train")
    for _ in range(3):
        newest = machine.commit()
        machine.repository.prune("train", Retention(1))
        machine.settle()
    assert machine.durable() == newest
    assert [entry.name for entry in remote.list("snapshots")] == [newest.name], "nor is anything left"


def test_a_manifest_that_is_damaged_there_is_written_anew(tmp_path, machine, remote):
    snapshot = machine.commit()
    machine.settle()
    path = Path(remote.place) / snapshot.name
    path.write_bytes(b"x" * path.stat().st_size)
    again = Machine(tmp_path / "local", remote)
    again.settle()
    assert again.uploads.step() is None, "there is an end to it"
    assert again.durable() == snapshot
    assert Repository.open(remote.place).newest("train") == (snapshot, [])


def test_a_mount_that_has_died_is_looked_for_often_for_that_costs_nothing(machine, remote):
    remote.broken = GONE
    machine.commit()
    waits = [machine.uploads.step() for _ in range(2000)]
    assert all(0.5 * 2**n <= wait <= 2**n for n, wait in enumerate(waits[:4]))
    assert min(waits[5:]) >= 5
    assert max(waits) <= 10
    assert "The mount has died" in " ".join(machine.uploads.news())


def test_sentences_that_nobody_asks_for_are_few(machine, remote):
    machine.commit()
    for broken in (GONE, None) * 100:
        remote.broken = broken
        machine.commit()
        machine.uploads.step()
    assert len(machine.uploads.news()) <= 20
