"""Snapshots are written in the background: what the cell waits for, what it is told, what is stored."""

import errno
import os
import threading
import time
import weakref

import numpy as np
import pytest

from colab_guard.core.errors import StoreUnavailable
from colab_guard.saving import freezing
from colab_guard.saving import saver as saving
from colab_guard.saving.pool import SLAB_BYTES
from colab_guard.saving.writer import WRITER
from tests.saving.slow import Session, until

LARGE = 300_000  # numbers: a piece of its own, in less than a slab
LITTLE_BYTES = (
    20_000  # what the pickles take, with the states of random sources, torch's too where a test before imported it
)


@pytest.fixture
def session(tmp_path):
    session = Session(tmp_path / "store", x=np.arange(LARGE), small=[0])
    yield session
    session.disk.go.set()
    assert WRITER.finish(60)


def test_the_cell_goes_on_while_a_snapshot_is_written(session):
    session.disk.go.clear()
    assert session.save()
    session.disk.waiting.wait(60)
    assert session.repository.snapshots() == []
    session.disk.go.set()
    assert session.saver.finish()
    assert len(session.repository.snapshots()) == 1


def test_the_writer_leaves_the_cores_to_the_training(session):
    assert session.save()
    assert session.saver.finish()
    writer = next(thread for thread in threading.enumerate() if thread.name == "colab_guard-writer")
    own = os.getpriority(os.PRIO_PROCESS, 0)
    assert os.getpriority(os.PRIO_PROCESS, writer.native_id) == min(own + 10, 19)


def test_one_is_in_flight_and_one_that_comes_due_meanwhile_is_skipped_and_counted(session):
    session.disk.go.clear()
    assert session.save()
    session.namespace["small"] = [1]
    assert not session.save()
    assert not session.save()
    assert session.saver.skipped == 2
    session.disk.go.set()
    assert session.saver.finish()
    assert session.newest()["small"] == [0]
    assert session.save()
    assert session.saver.finish()
    assert session.newest()["small"] == [1]
    assert session.saver.skipped == 2


def test_a_patient_one_waits_for_the_one_before(session):
    session.disk.go.clear()
    assert session.save()
    session.disk.waiting.wait(60)
    threading.Timer(0.05, session.disk.go.set).start()
    assert session.save(wait_seconds=60)
    assert session.saver.skipped == 0
    assert session.saver.finish()
    assert len(session.repository.snapshots()) == 2


@pytest.mark.parametrize("patience", [0, 60])
def test_what_another_thread_hands_over_meanwhile_keeps_its_own_bytes(session, tmp_path, patience):
    """That thread's part is played by this one, at the worst moment."""
    other, handed_over = Session(tmp_path / "other", x=np.full(LARGE, -1)), list[bool]()

    def take(spare):
        if not handed_over:
            session.disk.go.clear()
            handed_over.append(session.save())
            session.disk.waiting.wait(60)
            if patience:
                threading.Timer(0.2, session.disk.go.set).start()
        return other.take(spare)

    assert other.saver.save(take, "", patience) == bool(patience)
    assert handed_over == [True]
    session.disk.go.set()
    assert session.saver.finish()
    assert (session.newest()["x"] == np.arange(LARGE)).all()
    assert (session.said, other.said, other.saver.skipped) == ([], [], not patience)
    assert other.saver.finish()
    assert not patience or (other.newest()["x"] == -1).all()


def test_a_store_that_hangs_is_waited_for_once_until_it_is_back(session):
    session.disk.go.clear()
    assert session.save()
    assert not session.save(wait_seconds=0.01)
    assert not session.save(wait_seconds=1e6), "it would wait for days"
    session.disk.go.set()
    assert session.saver.finish()
    assert session.save(wait_seconds=1e6)


def test_a_store_that_hangs_is_told_of_once_and_when_it_is_back(session, monkeypatch):
    monkeypatch.setattr(saving, "HANG_SECONDS", 0.0)
    session.disk.go.clear()
    assert session.save()
    session.disk.waiting.wait(60)
    assert not session.save()
    assert not session.save()
    told = [text for text in session.said if "has not answered" in text]
    assert len(told) == 1
    assert told[0].endswith("The cell goes on.")
    session.disk.go.set()
    session.saver.finish()
    assert session.said[-1] == "snapshots are taken again."


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EACCES, errno.ENOTCONN])
def test_a_failure_is_told_once_in_the_cells_thread_and_the_next_snapshot_brings_every_byte(session, number):
    assert session.save()
    assert session.saver.finish()
    fails = True

    def chunks_fail(name, chunks):
        if fails:
            raise OSError(number, os.strerror(number))
        type(session.disk).write_new(session.disk, name, chunks)

    session.disk.write_new = chunks_fail
    for _ in range(3):
        session.namespace["x"][0] += 1
        assert session.save()
        session.woken.wait(60)
        assert not session.saver.finish()
    told = [text for text in session.said if os.strerror(number) in text]
    assert len(told) == 1
    assert threading.current_thread() is threading.main_thread()
    fails = False
    session.disk.delete(f"packs/{session.saver.last.blobs[-1].pack}.pack")
    assert session.save()
    assert session.saver.finish()
    assert session.said[-1] == "snapshots are taken again."
    assert np.array_equal(session.newest()["x"], session.namespace["x"])


def test_old_snapshots_that_can_not_be_deleted_are_told_of_and_the_new_one_counts(session):
    def fails(name):
        raise OSError(errno.EACCES, os.strerror(errno.EACCES))

    session.disk.delete = fails
    for number in range(5):
        session.namespace["small"] = [number]
        assert session.save()
        assert session.saver.finish()
    assert session.newest()["small"] == [4]
    assert [text for text in session.said if "can't be deleted: Permission denied" in text] == session.said[:1]


def test_what_the_background_raises_reaches_nobody_but_the_saver(session, capfd):
    def fails(name, chunks):
        raise StoreUnavailable("gone.")

    session.disk.write_new = fails
    assert session.save()
    assert WRITER.finish(60)
    assert session.said == []
    assert capfd.readouterr() == ("", "")
    assert not session.saver.finish()
    assert session.said == ["no snapshot could be taken: gone. The cell goes on."]


def test_only_bytes_that_changed_are_stored_whatever_memory_they_lie_in(session):
    def stored_bytes():
        assert session.save()
        assert session.saver.finish()
        return session.saver.last.new_bytes

    nbytes = session.namespace["x"].nbytes
    assert stored_bytes() > nbytes
    assert stored_bytes() < LITTLE_BYTES
    session.namespace["x"] = session.namespace["x"].copy()
    assert stored_bytes() < LITTLE_BYTES, "it is the same, elsewhere"
    session.namespace["x"][7] += 1
    assert nbytes <= stored_bytes() < nbytes + LITTLE_BYTES
    session.namespace["x"][8] += 1
    assert nbytes <= stored_bytes() < nbytes + LITTLE_BYTES
    assert stored_bytes() < LITTLE_BYTES, "what changed twice did not change again"
    session.namespace["x"][9] += 1
    assert nbytes <= stored_bytes() < nbytes + LITTLE_BYTES
    assert np.array_equal(session.newest()["x"], session.namespace["x"])


def test_the_age_of_a_snapshot_is_that_of_the_safe_point(session):
    session.disk.go.clear()
    before = time.time()
    assert session.save()
    after = time.time()
    session.disk.waiting.wait(60)
    session.disk.go.set()
    assert session.saver.finish()
    assert before <= session.saver.last.created <= after


def test_memory_for_copies_is_used_again_and_no_more_than_changed_is_kept(session, monkeypatch):
    monkeypatch.setattr(freezing, "SPARE_BYTES", 0)
    for _ in range(3):
        session.namespace["x"] += 1
        assert session.save()
        assert session.saver.finish()
    assert 0 < WRITER.pool.size_bytes <= session.namespace["x"].nbytes + SLAB_BYTES
    assert session.save()
    assert session.saver.finish()
    assert WRITER.pool.size_bytes == 0, "nothing changed since"


def test_a_held_snapshot_copies_nothing_and_the_cell_waits_for_it(session, monkeypatch):
    monkeypatch.setattr("colab_guard.saving.freezing._fits", lambda more_bytes: False)
    assert session.save()
    assert WRITER.job.is_over
    assert WRITER.pool.size_bytes == 0
    assert session.saver.finish()
    assert "does not fit into the free memory" in session.said[0]
    assert np.array_equal(session.newest()["x"], session.namespace["x"])


def test_a_held_cell_gives_a_store_up_that_does_not_answer_and_that_snapshot_never_comes(session, monkeypatch):
    monkeypatch.setattr("colab_guard.saving.freezing._fits", lambda more_bytes: False)
    monkeypatch.setattr(saving, "HANG_SECONDS", 0.0)
    session.disk.go.clear()
    assert session.save()
    assert not WRITER.job.is_over
    session.namespace["x"] += 1
    session.disk.go.set()
    until(lambda: WRITER.job.is_over)
    assert session.repository.snapshots() == []
    assert not session.saver.finish()
    assert any("the cell went on" in text for text in session.said)


def test_nothing_is_kept_alive_once_a_snapshot_is_stored(session, monkeypatch):
    for held in (False, True):
        monkeypatch.setattr("colab_guard.saving.freezing._fits", lambda more_bytes, held=held: not held)
        session.namespace["x"] = np.arange(LARGE) + held
        watched = weakref.ref(session.namespace["x"])
        assert session.save()
        assert session.saver.finish()
        del session.namespace["x"]
        assert watched() is None
    session.saver.release()
    assert WRITER.pool.size_bytes == 0
