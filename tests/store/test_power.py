"""Wherever the process dies or the power goes, the repository opens and the newest committed snapshot is whole."""

import os
import random
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from colab_guard.core import folders
from colab_guard.store import folder
from colab_guard.store.repository import Repository
from colab_guard.store.retention import Retention
from tests.store.power import STEPS, Image, System, image

SNAPSHOTS = 20
KEEP = 2
CELLS = ("train", "eval")
SOME = 2  # random survivals at each step


def blobs(cell: str, n: int) -> list[bytes]:
    """One that never changes, one that does now and then, one that always does, and one of no bytes."""
    return [cell.encode() * 7, b"%d" % (n // 5), (b"%s %d." % (cell.encode(), n)) * 9, b""]


def restored(repository: Repository, cell: str) -> int:
    """The number of the newest snapshot, which has the very bytes; -1 where there is none."""
    found, passed_over = repository.newest(cell)
    assert passed_over == []
    if found is None:
        return -1
    assert [bytes(repository.read(ref)) for ref in found.blobs] == blobs(cell, found.body["n"])
    return int(found.body["n"])


def lay_out(found: Image, path: Path) -> Path:
    path.mkdir()
    for name, content in found.items():
        if content is None:
            (path / name).mkdir()
        else:
            (path / name).write_bytes(content)
    return path


def as_it_lies(root: Path) -> Image:
    return {
        str(path.relative_to(root)): None if path.is_dir() else path.read_bytes() for path in sorted(root.rglob("*"))
    }


class Patient:
    """The system, without waiting for the disk: what is looked at here is not to outlast anything."""

    def __getattr__(self, name: str) -> Any:
        return getattr(os, name)

    def fsync(self, descriptor: int) -> None:
        pass


class Deaths:
    """Dies at each step, in every way that the ones before allow, and looks at what is left."""

    def __init__(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.monkeypatch = monkeypatch
        self.root, self.graves = tmp_path / "disk", tmp_path / "graves"
        self.root.mkdir()
        self.graves.mkdir()
        self.system = System(self.root, self.on_step)
        self.promised = dict.fromkeys(CELLS, -1)  # the number of the last snapshot whose commit returned
        self.steps: Counter[str] = Counter()
        self.seen: set[tuple[object, ...]] = set()
        self.chance = random.Random(4)
        self.outcomes: Counter[str] = Counter()

    @contextmanager
    def watched(self, system: Any = None, opener: Any = None) -> Iterator[None]:
        with self.monkeypatch.context() as patched:
            for module in (folder, folders):
                patched.setattr(module, "os", system or self.system)
            patched.setattr(folder, "open", opener or self.system.open_file, raising=False)
            yield

    def on_step(self, what: str) -> None:
        self.steps[what.split()[0]] += 1
        now = image(self.system.names, "now", self.chance)
        assert now == as_it_lies(self.root), "the stand-in is what the file system is"
        with self.watched(Patient(), open):
            for kind in ("now", "durable", *["some"] * SOME):
                self.look(image(self.system.names, kind, self.chance), f"{kind} at {what}")

    def look(self, found: Image, when: str) -> None:
        key = (tuple(sorted(found.items())), *self.promised.values())
        if key in self.seen:
            return
        self.seen.add(key)
        path = lay_out(found, self.graves / str(len(self.seen)))
        repository = Repository.open(path / "below" / "repository")
        for cell, promised in self.promised.items():
            there = restored(repository, cell)
            assert there >= promised, when
            self.outcomes["later" if there > promised else "the last"] += 1
            repository.prune(cell, Retention(KEEP))
            report = repository.verify()
            assert report.problems == (), when
            assert restored(repository, cell) == there, when
        repository.check(repository.commit("train", {"n": 99}, blobs("train", 99)))


def test_a_death_at_any_step_of_twenty_snapshots_and_prunes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deaths = Deaths(tmp_path, monkeypatch)
    with deaths.watched():
        repository = Repository.open(deaths.root / "below" / "repository")
        for n in range(SNAPSHOTS):
            cell = CELLS[n % 5 == 4]
            repository.commit(cell, {"n": n}, blobs(cell, n))
            deaths.promised[cell] = n
            repository.prune(cell, Retention(KEEP))
    assert set(deaths.steps) == STEPS
    assert deaths.steps.total() > 300
    assert min(deaths.outcomes.values()) > 20
