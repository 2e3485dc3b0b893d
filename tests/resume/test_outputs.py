"""What --files names comes back as it was at the snapshot, and nothing else is touched."""

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from colab_guard.capture.take import take
from colab_guard.core.errors import CorruptSnapshot, RestoreError, StoreUnavailable
from colab_guard.resume.loading import Load
from colab_guard.resume.outputs import prepare
from colab_guard.store.manifest import Manifest
from colab_guard.store.repository import Repository
from tests.support.dying import Held
from tests.support.outputs import Guarded, append, fill, lose, rewrite, tree


@pytest.fixture
def guarded(tmp_path: Path) -> Guarded:
    return Guarded(tmp_path, "log.txt", "out")


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
    held = Held(take({"__name__": "__main__", "w": writing}, ["w"], {}, frozenset()))
    manifest = guarded.snapshot()
    writing.close()
    path.unlink()  # another machine
    with guarded.prepare(manifest) as files:
        load = Load(held, {}, frozenset(), files=files)
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


def test_what_is_no_ordinary_file_is_named_and_left_alone(guarded: Guarded) -> None:
    out = guarded.work / "out"
    out.mkdir()
    os.mkfifo(out / "pipe")
    manifest = guarded.snapshot()
    assert guarded.notes == (f"{out / 'pipe'} (no ordinary file)",)
    (out / "new").touch()
    guarded.put_back(manifest)
    assert [path.name for path in out.iterdir()] == ["pipe"]


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
