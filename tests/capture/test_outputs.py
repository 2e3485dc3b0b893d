"""What --files names is taken whole, once, and in pieces; what can't be taken is named."""

import errno
import os
import subprocess
import sys
import tempfile
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from colab_guard.capture import outputs
from colab_guard.capture.outputs import PIECE_BYTES, check_paths
from colab_guard.core.errors import StoreUnavailable, UsageError
from tests.support.outputs import Guarded, append, fill, rewrite


@pytest.fixture
def guarded(tmp_path: Path) -> Guarded:
    return Guarded(tmp_path, "log.txt", "out")


def test_of_a_log_that_grows_only_the_last_piece_is_stored(guarded: Guarded) -> None:
    log = guarded.work / "log.txt"
    log.write_bytes(os.urandom(3 * PIECE_BYTES + 10))
    assert guarded.snapshot().new_bytes == 3 * PIECE_BYTES + 10 + len(b"before them")
    assert guarded.snapshot().new_bytes == 0
    with log.open("ab") as file:
        file.write(b"one line\n")
    manifest = guarded.snapshot()
    assert manifest.new_bytes == 19
    content = log.read_bytes()
    log.unlink()
    guarded.put_back(manifest)
    assert log.read_bytes() == content


def test_a_file_that_did_not_change_is_not_read_again(guarded: Guarded, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outputs, "SETTLED_NS", 0)
    log = guarded.work / "log.txt"
    log.write_text("one")
    guarded.snapshot()
    monkeypatch.setattr(outputs, "_read", lambda *_: pytest.fail("it was read"))
    guarded.snapshot()
    os.utime(log, (2e9, 2e9))
    with pytest.raises(pytest.fail.Exception):
        guarded.snapshot()


def test_one_that_may_have_changed_within_its_clocks_tick_is(guarded: Guarded, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outputs, "SETTLED_NS", 10**12)  # however long it takes to come to the snapshot
    log = guarded.work / "log.txt"
    log.write_text("one")
    os.utime(log, (1e9, 1e9))
    guarded.snapshot()
    monkeypatch.setattr(outputs, "_read", lambda *_: pytest.fail("it was read"))
    with pytest.raises(pytest.fail.Exception):
        guarded.snapshot()


def test_large_files_are_never_whole_in_memory(guarded: Guarded) -> None:
    log = guarded.work / "log.txt"
    with log.open("wb") as file:
        for number in range(16):
            file.write(bytes([number]) * PIECE_BYTES)
    tracemalloc.start()
    try:
        manifest = guarded.snapshot()
        log.unlink()
        guarded.put_back(manifest)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert log.stat().st_size == 16 * PIECE_BYTES
    assert peak < 6 * PIECE_BYTES


WRITER = """
import sys, os
with open(sys.argv[1], "r+b", buffering=0) as file:
    sys.stdout.write("."); sys.stdout.flush()
    number = 0
    while True:
        number += 1
        file.seek(0)
        file.write(bytes([number % 256]) * 1_000_000)
"""


@pytest.fixture
def written_meanwhile(guarded: Guarded) -> Iterator[Path]:
    path = guarded.work / "log.txt"
    path.write_bytes(bytes(1_000_000))
    with subprocess.Popen([sys.executable, "-c", WRITER, path], stdout=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.read(1)
        yield path
        process.kill()


def test_a_file_that_changes_while_it_is_read(
    guarded: Guarded, written_meanwhile: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outputs, "SETTLED_NS", 10**12)  # however long whoever writes has to wait
    for _ in range(5):
        entry = guarded.snapshot().body["files"]["roots"][0]["entries"][0]
        assert entry["size_bytes"] == 1_000_000
        assert guarded.notes in [(), (f"{written_meanwhile} (it was being written while it was read)",)]
    assert guarded.known.files == {}, "what may be torn is read again the next time"


def test_a_file_that_shrinks_while_it_is_read(guarded: Guarded, monkeypatch: pytest.MonkeyPatch) -> None:
    log = guarded.work / "log.txt"
    log.write_bytes(b"x" * 100)
    read = outputs._read

    def cut(file: Any, size_bytes: int) -> Iterator[bytes]:
        os.truncate(log, log.stat().st_size - 10)
        return read(file, size_bytes)

    monkeypatch.setattr(outputs, "_read", cut)
    manifest = guarded.snapshot()
    assert manifest.body["files"]["roots"][0]["entries"][0]["size_bytes"] == 70
    assert guarded.notes == (f"{log} (it was being written while it was read)",)


@pytest.mark.parametrize("what", ["open", "listdir", "lstat"])
def test_what_can_not_be_read_is_named_and_left_alone(
    guarded: Guarded, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    fill(guarded)
    out, real = str(guarded.work / "out"), getattr(os, what)

    def broken(path: Any, *more: Any) -> Any:
        if str(path).startswith(out):
            raise OSError(errno.ENOTCONN, os.strerror(errno.ENOTCONN))
        return real(path, *more)

    monkeypatch.setattr(os, what, broken)
    manifest = guarded.snapshot()
    monkeypatch.undo()
    assert guarded.notes
    assert all(note.endswith("(can't be read: Transport endpoint is not connected)") for note in guarded.notes)
    append(guarded.work), rewrite(guarded.work)
    guarded.put_back(manifest)
    assert (guarded.work / "log.txt").read_text() == "one\n"
    assert (guarded.work / "out/sub/deep/weights.bin").read_bytes() == b"short"


def test_a_full_folder_for_temporary_files_says_so(guarded: Guarded, monkeypatch: pytest.MonkeyPatch) -> None:
    (guarded.work / "log.txt").write_text("one")
    with open("/dev/full", "r+b", buffering=0) as full:
        monkeypatch.setattr(tempfile, "TemporaryFile", lambda: full)
        monkeypatch.setattr(full, "tell", lambda: 0, raising=False)
        with pytest.raises(StoreUnavailable, match=r"no room .*No space left on device"):
            guarded.snapshot()


@pytest.mark.parametrize(
    ("name", "why"),
    [("", "no file"), ("out/*.csv", "patterns"), (".", "working directory"), ("..", "working directory"),
     ("/", "working directory"), ("store/packs", "store")],
)  # fmt: skip
def test_paths_that_make_no_sense(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, why: str) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match=why):
        check_paths([name], "store")


def test_paths_within_others_count_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a[1]").touch()
    named = ["out/log", "out", "./out", "a[1]", "output"]
    assert check_paths(named, "store") == [str(tmp_path / name) for name in ("out", "a[1]", "output")]
