"""What --files names comes back as it was at the snapshot, and nothing else is touched."""

import errno
import os
import stat
import subprocess
import sys
import tempfile
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from colab_guard.capture import outputs
from colab_guard.capture.outputs import PIECE_BYTES, TEMPORARY, Known, check_paths, summary, take_files
from colab_guard.capture.take import take
from colab_guard.core.errors import CorruptSnapshot, RestoreError, StoreUnavailable, UsageError
from colab_guard.resume.loading import Load
from colab_guard.resume.outputs import PutBack, prepare
from colab_guard.store.manifest import Manifest
from colab_guard.store.repository import Repository
from tests.support.dying import Held


class Guarded:
    """A folder ``work`` with the outputs of a cell, and a store beside it; commits as a run does."""

    def __init__(self, folder: Path, *names: str) -> None:
        self.work, self.store = folder / "work", folder / "store"
        self.work.mkdir()
        self.paths = check_paths([str(self.work / name) for name in names], self.store)
        self.repository, self.known = Repository.open(self.store), Known()
        self.notes: tuple[str, ...] = ()

    def snapshot(self) -> Manifest:
        taken = take_files(self.paths, self.known, store=self.store, first=1)
        manifest = self.repository.commit("cell", {"files": taken.described}, [b"before them", *taken.blobs])
        self.known.committed(taken, manifest.blobs[1:])
        self.notes, self.summary = taken.notes, summary(taken)
        return manifest

    def prepare(self, manifest: Manifest) -> PutBack:
        return prepare(manifest.body["files"], manifest.blobs, self.repository.read)

    def put_back(self, manifest: Manifest) -> PutBack:
        with self.prepare(manifest) as put_back:
            put_back.apply()
        assert not list(self.work.parent.rglob(f"*{TEMPORARY}"))
        return put_back


@pytest.fixture
def guarded(tmp_path: Path) -> Guarded:
    return Guarded(tmp_path, "log.txt", "out")


def tree(folder: Path) -> dict[str, Any]:
    """All below a folder: kind, permissions, and content or target."""
    found: dict[str, Any] = {}
    for path in sorted(folder.rglob("*")):
        mode = stat.S_IMODE(path.lstat().st_mode)
        if path.is_symlink():
            found[str(path.relative_to(folder))] = os.readlink(path)
        elif path.is_dir():
            found[str(path.relative_to(folder))] = ("folder", mode)
        elif path.is_file():
            found[str(path.relative_to(folder))] = (path.read_bytes(), mode, path.stat().st_mtime_ns)
    return found


def fill(guarded: Guarded) -> None:
    (guarded.work / "log.txt").write_text("one\n")
    out = guarded.work / "out"
    for folder in ("empty", "sub/deep"):
        (out / folder).mkdir(parents=True)
    (out / "sub/deep/weights.bin").write_bytes(bytes(range(256)))
    (out / "run.sh").write_text("#!/bin/sh\n")
    (out / "run.sh").chmod(0o750)
    (out / "nothing").touch()
    (out / "to file").symlink_to("run.sh")
    (out / "to folder").symlink_to("sub")
    (out / "to nowhere").symlink_to("/no/such/place")
    (out / "ünï \n").write_text("é")
    Path(os.fsdecode(os.fsencode(out) + b"/\xff")).write_text("a name that is no UTF-8")
    (out / "sub").chmod(0o500)


def append(work: Path) -> None:
    with (work / "log.txt").open("a") as log:
        log.write("two\n")


def rewrite(work: Path) -> None:
    (work / "out/run.sh").write_text("other text, longer than it was\n")
    (work / "out/sub/deep/weights.bin").write_bytes(b"short")


def lose(work: Path) -> None:
    subprocess.run(["rm", "-rf", work / "log.txt", work / "out"], check=True)


def add(work: Path) -> None:
    (work / "out/new/er").mkdir(parents=True)
    (work / "out/new/er/file").touch()
    (work / "out/new link").symlink_to("run.sh")


def turn_into_others(work: Path) -> None:
    for name in ("run.sh", "to file", "nothing", "empty", "sub"):
        subprocess.run(["rm", "-rf", work / "out" / name], check=True)
    (work / "out/run.sh").mkdir()
    (work / "out/run.sh/inner").touch()
    (work / "out/to file").write_text("a file now")
    (work / "out/nothing").symlink_to("run.sh")
    (work / "out/empty").write_text("a file now")
    (work / "out/sub").symlink_to(work.parent / "elsewhere")


def change_permissions(work: Path) -> None:
    (work / "out/run.sh").chmod(0o600)
    (work / "out/empty").chmod(0o700)


@pytest.mark.parametrize("change", [append, rewrite, lose, add, turn_into_others, change_permissions])
def test_all_comes_back_whatever_was_done_to_it(guarded: Guarded, change: Any) -> None:
    fill(guarded)
    (guarded.work.parent / "elsewhere/deep").mkdir(parents=True)
    (guarded.work.parent / "elsewhere/deep/weights.bin").write_text("not ours")
    manifest, before = guarded.snapshot(), tree(guarded.work)
    change(guarded.work)
    assert tree(guarded.work) != before
    guarded.put_back(manifest)
    assert tree(guarded.work) == before
    assert (guarded.work.parent / "elsewhere/deep/weights.bin").read_text() == "not ours", "links are not followed"
    assert str(guarded.put_back(manifest)) == "files are as they were at the snapshot: none had changed"


def test_what_was_done_is_said_in_one_line(guarded: Guarded, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(guarded)
    monkeypatch.chdir(guarded.work)
    manifest = guarded.snapshot()
    assert guarded.summary == "log.txt (4 B), out/ (5 files, 291 B)"
    append(guarded.work), add(guarded.work), rewrite(guarded.work)
    (guarded.work / "out/nothing").unlink()
    assert str(guarded.put_back(manifest)) == (
        "files are as they were at the snapshot: 1 cut back, 2 rewritten, 1 that were gone restored, "
        "2 that were not there then deleted (out/new/er/file, out/new link)"
    )


def test_a_path_that_is_not_there_yet_is_gone_again(guarded: Guarded) -> None:
    manifest = guarded.snapshot()
    assert guarded.summary.count("(not there yet)") == 2
    fill(guarded)
    bystander = guarded.work / "bystander"
    bystander.touch()
    guarded.put_back(manifest)
    assert list(guarded.work.iterdir()) == [bystander]


def test_a_handle_on_a_log_stays_good(guarded: Guarded) -> None:
    with (guarded.work / "log.txt").open("a") as log:
        print("one", file=log, flush=True)
        manifest = guarded.snapshot()
        print("two", file=log, flush=True)
        guarded.put_back(manifest)
        print("two again", file=log, flush=True)
    assert (guarded.work / "log.txt").read_text() == "one\ntwo again\n"


def test_an_open_file_of_the_cell_goes_on_in_the_file_that_was_put_back(guarded: Guarded) -> None:
    path = guarded.work / "log.txt"
    writing = path.open("w")
    writing.write("kept\n")
    held = Held(take({"__name__": "__main__", "w": writing}, ["w"], [], frozenset()))
    manifest = guarded.snapshot()
    writing.close()
    path.unlink()  # another machine
    with guarded.prepare(manifest) as files:
        load = Load(held, {}, frozenset(), files)
        out = load.variables(held.names)["w"]
        assert not path.exists(), "nothing is changed before the restore is sure"
        load.put_in_place()
    assert out.name == str(path)
    out.write("again\n")
    out.close()
    assert path.read_text() == "kept\nagain\n"


def test_where_the_load_fails_no_file_is_changed(guarded: Guarded) -> None:
    fill(guarded)
    manifest = guarded.snapshot()
    lose(guarded.work)
    with pytest.raises(ZeroDivisionError), guarded.prepare(manifest):
        raise ZeroDivisionError
    assert list(guarded.work.iterdir()) == []


def test_a_restore_that_is_cut_off_can_be_done_again(guarded: Guarded) -> None:
    fill(guarded)
    manifest, before = guarded.snapshot(), tree(guarded.work)
    rewrite(guarded.work), append(guarded.work), add(guarded.work)
    steps = len(guarded.prepare(manifest)._steps)
    assert steps > 5
    for count in range(steps):
        cut_off = guarded.prepare(manifest)  # and never left: its temporary files stay
        for step in cut_off._steps[:count]:
            step()
        rewrite(guarded.work)
    guarded.put_back(manifest)
    assert tree(guarded.work) == before


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
    log = guarded.work / "log.txt"
    log.write_text("one")
    os.utime(log, (1e9, 1e9))
    guarded.snapshot()
    monkeypatch.setattr(outputs, "_read", lambda *_: pytest.fail("it was read"))
    with pytest.raises(pytest.fail.Exception):
        guarded.snapshot()


def test_after_a_failed_commit_every_byte_is_stored_again(guarded: Guarded) -> None:
    fill(guarded)
    guarded.snapshot()
    for pack in (guarded.store / "packs").iterdir():
        pack.unlink()
    with pytest.raises(StoreUnavailable):
        guarded.snapshot()
    guarded.known.clear()
    before = tree(guarded.work)
    manifest = guarded.snapshot()
    lose(guarded.work)
    guarded.put_back(manifest)
    assert tree(guarded.work) == before


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


def test_a_file_that_changes_while_it_is_read(guarded: Guarded, written_meanwhile: Path) -> None:
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


def test_what_is_no_ordinary_file_is_named_and_left_alone(guarded: Guarded) -> None:
    out = guarded.work / "out"
    out.mkdir()
    os.mkfifo(out / "pipe")
    manifest = guarded.snapshot()
    assert guarded.notes == (f"{out / 'pipe'} (no ordinary file)",)
    (out / "new").touch()
    guarded.put_back(manifest)
    assert [path.name for path in out.iterdir()] == ["pipe"]


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


def test_the_store_is_never_part_of_what_it_stores(tmp_path: Path) -> None:
    guarded = Guarded(tmp_path, "out")
    guarded.store = guarded.work / "out/store"
    guarded.repository = Repository.open(guarded.store)
    first = guarded.snapshot()
    guarded.snapshot()
    guarded.put_back(first)
    assert [m for m in guarded.repository.snapshots() if isinstance(m, Manifest)][1] == first


def test_a_folder_that_is_named_by_a_link(guarded: Guarded) -> None:
    (guarded.work / "real").mkdir()
    (guarded.work / "out").symlink_to("real")
    (guarded.work / "real/a").write_text("a")
    manifest, before = guarded.snapshot(), tree(guarded.work)
    (guarded.work / "real/a").write_text("b")
    (guarded.work / "real/b").touch()
    guarded.put_back(manifest)
    assert tree(guarded.work) == before


def test_a_manifest_that_leads_out_of_the_folder_is_refused(guarded: Guarded) -> None:
    described = {"roots": [{"path": str(guarded.work / "out"), "entries": [{"at": "../x", "kind": "file"}]}]}
    with pytest.raises(CorruptSnapshot, match="outside of"):
        prepare(described, (), guarded.repository.read)


def test_a_place_that_refuses_is_named_and_nothing_changed(guarded: Guarded) -> None:
    fill(guarded)
    manifest = guarded.snapshot()
    lose(guarded.work)
    guarded.work.rmdir()
    guarded.work.write_text("a file where the folder was")
    with pytest.raises(RestoreError, match=r"(?s)can't be put back.*work.*Nothing was changed"):
        guarded.put_back(manifest)
    assert guarded.work.read_text() == "a file where the folder was"
    assert {path.name for path in guarded.work.parent.iterdir()} == {"store", "work"}


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
