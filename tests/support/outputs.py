"""A folder that a guarded cell writes to, its snapshots, and what may happen to it."""

import os
import stat
import subprocess
from pathlib import Path
from typing import Any

from colab_guard.capture.outputs import TEMPORARY, Known, check_paths, summary, take_files
from colab_guard.resume.outputs import PutBack, prepare
from colab_guard.store.manifest import Manifest
from colab_guard.store.repository import Repository


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
