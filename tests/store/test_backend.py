"""What every backend guarantees."""

import threading

import pytest

from colab_guard.core.errors import UsageError
from colab_guard.store.backend import Backend
from colab_guard.store.repository import Repository
from colab_guard.store.retention import Retention

OUTSIDE = ["../x", "packs/../../x", "/x", "", "packs//x", "packs/.", "packs\\x", "c:x", "packs/a\0b"]


def read(backend: Backend, name: str, offset: int, size_bytes: int) -> bytes:
    buffer = bytearray(size_bytes)
    return bytes(buffer[: backend.read(name, offset, memoryview(buffer))])


def test_what_was_written_is_read_back_from_any_offset(backend: Backend) -> None:
    backend.write_new("packs/a", [b"one", memoryview(b"two"), b""])
    assert read(backend, "packs/a", 0, 6) == b"onetwo"
    assert read(backend, "packs/a", 2, 2) == b"et"


def test_a_read_past_the_end_is_short(backend: Backend) -> None:
    backend.write_new("packs/a", [b"abc"])
    assert read(backend, "packs/a", 1, 10) == b"bc"
    assert read(backend, "packs/a", 10, 10) == b""


def test_a_missing_name_is_told_from_an_empty_one(backend: Backend) -> None:
    backend.write_new("packs/empty", [])
    assert read(backend, "packs/empty", 0, 5) == b""
    with pytest.raises(FileNotFoundError):
        read(backend, "packs/missing", 0, 5)


def test_a_listing_has_the_files_of_one_folder_with_size_and_time(backend: Backend) -> None:
    backend.write_new("packs/a", [b"abc"])
    backend.write_new("snapshots/b", [b""])
    backend.write_new("c", [b"x"])
    assert [(entry.name, entry.size_bytes) for entry in backend.list("packs")] == [("packs/a", 3)]
    assert [(entry.name, entry.size_bytes) for entry in backend.list("")] == [("c", 1)]
    assert all(entry.modified > 1e9 for entry in backend.list("packs"))


def test_a_write_that_fails_half_way_leaves_nothing(backend: Backend) -> None:
    def chunks():
        yield b"some bytes"
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        backend.write_new("packs/a", chunks())
    assert list(backend.list("packs")) == []


def test_deleted_is_gone_and_deleting_twice_is_no_error(backend: Backend) -> None:
    backend.write_new("packs/a", [b"abc"])
    backend.delete("packs/a")
    backend.delete("packs/a")
    assert list(backend.list("packs")) == []


@pytest.mark.parametrize("name", OUTSIDE)
def test_no_name_leads_out_of_the_place(backend: Backend, name: str) -> None:
    for verb in (lambda: read(backend, name, 0, 1), lambda: backend.write_new(name, []), lambda: backend.delete(name)):
        with pytest.raises(UsageError, match="is not a name inside"):
            verb()


def test_sessions_in_several_threads_commit_prune_and_read_at_once(backend: Backend) -> None:
    errors: list[BaseException] = []
    done = threading.Event()

    def write(cell: str) -> None:
        try:
            session = Repository(backend)
            for n in range(6):
                session.commit(cell, {}, [b"shared", cell.encode() * 1000, b"%d" % n * 3000])
                session.prune(cell, Retention(2))
        except BaseException as error:  # noqa: BLE001 - told below
            errors.append(error)

    def read() -> None:
        try:
            session = Repository(backend)
            while not done.is_set():
                assert session.verify().problems == ()
        except BaseException as error:  # noqa: BLE001 - told below
            errors.append(error)

    Repository(backend)
    writers = [threading.Thread(target=write, args=(cell,)) for cell in ("train", "eval")]
    reader = threading.Thread(target=read)
    for thread in (*writers, reader):
        thread.start()
    for thread in writers:
        thread.join()
    done.set()
    reader.join()
    assert errors == []
    report = Repository(backend).verify()
    assert (report.snapshots_ok, report.problems) == (4, ())
