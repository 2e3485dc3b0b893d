"""Several sessions at once, and sessions that are killed; ``test_power`` has their deaths step by step."""

import itertools
import os
import random
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import colab_guard
from colab_guard.core.errors import StoreUnavailable
from colab_guard.saving import Saver
from colab_guard.store.backend import Entry
from colab_guard.store.folder import Folder
from colab_guard.store.manifest import Damaged, Manifest
from colab_guard.store.repository import Repository
from colab_guard.store.retention import Retention
from colab_guard.store.sessions import other_writers
from colab_guard.store.verify import Report
from tests.store.memory import Memory
from tests.store.steps import Stepped

CHECKOUT = Path(__file__).parents[2]
KILLS = 8


@contextmanager
def writer(path: Path, cell: str, count: int) -> Iterator[subprocess.Popen[str]]:
    """A process that commits ``count`` snapshots; it is gone when the block ends."""
    places = [str(Path(colab_guard.__file__).parents[1]), str(CHECKOUT)]
    process = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("writer.py")), str(path), cell, str(count)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(places)},
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def lines(process: subprocess.Popen[str]) -> list[str]:
    assert process.stdout is not None
    return process.stdout.read().split()


def assert_good(path: Path, committed: list[str]) -> None:
    """What was said to be committed is there, or something newer; everything there is sound."""
    repository = Repository.open(path)
    manifest, passed_over = repository.newest("train")
    assert passed_over == []
    assert repository.verify().problems == ()
    if committed:
        assert manifest is not None
        assert manifest.seq >= int(committed[-1])
    if manifest is not None:
        own = b"train %d." % manifest.body["n"]
        assert bytes(repository.read(manifest.blobs[1])) == own * 50_000


def test_a_session_killed_at_a_random_instant(tmp_path: Path) -> None:
    chance = random.Random(5)
    for _ in range(KILLS):
        with writer(tmp_path, "train", 10**9) as process:
            assert process.stdout is not None
            said = [process.stdout.readline() for _ in range(chance.randrange(1, 8))]
            with pytest.raises(subprocess.TimeoutExpired):  # a random instant has to be waited for
                process.wait(timeout=chance.uniform(0, 0.02))
            process.kill()
            said += lines(process)
        assert_good(tmp_path, [line.strip() for line in said[1:]])
    Repository.open(tmp_path).commit("train", {}, [b"life goes on"])


def test_two_sessions_commit_and_prune_in_one_repository(tmp_path: Path) -> None:
    with writer(tmp_path, "train", 30) as one, writer(tmp_path, "eval", 30) as two:
        said = [lines(one), lines(two)]
    assert one.returncode == two.returncode == 0
    for numbers in said:
        assert len(numbers) == 31
        assert [int(number) for number in numbers[1:]] == sorted({int(number) for number in numbers[1:]})
    repository = Repository.open(tmp_path)
    report = repository.verify()
    assert (report.snapshots_ok, report.problems) == (4, ())
    assert [manifest.body["n"] for manifest in repository.snapshots("train")] == [29, 28]
    assert_good(tmp_path, said[0][1:])


def test_two_sessions_make_the_repository_at_the_same_time(tmp_path: Path) -> None:
    backend = Stepped(Folder(tmp_path))
    others: list[Repository] = []

    def on_step(number: int, what: str) -> None:
        if what.startswith("write config.json"):
            others.append(Repository.open(tmp_path))

    backend.arm(on_step)
    repository = Repository(backend)
    assert others
    assert Repository.open(tmp_path).id == repository.id
    assert others[0].newest("train") == (None, [])


def committed_amid(prune_steps: int, commit_steps: int) -> tuple[str, bool, bool]:
    """One session prunes as far as its step, then another commits as far as its own, then each goes to its end.

    What came of the snapshot, which relies on a pack that the prune is to delete; and whether each had so many steps.
    """
    shared = Memory()
    session = Repository(shared)
    old = session.commit("train", {}, [b"frozen"])
    session.commit("train", {}, [b"another"])
    backends = pruning, committing = Stepped(shared), Stepped(shared)
    pruner, committer = map(Repository, backends)
    committed: list[Manifest] = []
    told: list[str] = []
    halfway, go_on = threading.Event(), threading.Event()

    def commit() -> None:
        try:
            committed.append(committer.commit("train", {}, old.blobs))
        except StoreUnavailable as error:
            told.append(str(error))
        halfway.set()

    def on_commit_step(number: int, what: str) -> None:
        if number == commit_steps:
            halfway.set()
            go_on.wait(60)

    def on_prune_step(number: int, what: str) -> None:
        if number == prune_steps:
            thread.start()
            halfway.wait(60)

    thread = threading.Thread(target=commit)
    committing.arm(on_commit_step)
    pruning.arm(on_prune_step)
    pruner.prune("train", Retention(1))
    reached = pruning.steps >= prune_steps
    go_on.set()
    if reached:
        thread.join()
    newest, passed_over = Repository(shared).newest("train")
    assert passed_over == []
    assert not committed or newest == committed[0]
    assert not told or "is gone or damaged" in told[0]
    return ("kept" if committed else "told" if told else "none"), reached, committing.steps >= commit_steps


def test_a_snapshot_committed_during_a_prune_is_sound_or_its_session_is_told() -> None:
    """Whatever of the prune is done when the commit begins, and of the commit when the prune goes on."""
    outcomes: Counter[str] = Counter()
    for prune_steps in itertools.count(1):
        for commit_steps in itertools.count(1):
            outcome, reached, further = committed_amid(prune_steps, commit_steps)
            outcomes[outcome] += 1
            if not (reached and further):
                break
        if not reached:
            break
    assert outcomes["none"] == 1
    assert min(outcomes["kept"], outcomes["told"]) > 20


def test_a_listing_that_shows_a_pack_and_no_longer_its_mark_is_not_relied_on(tmp_path: Path) -> None:
    """A folder may change while it is listed: here the pack and its mark go between the one's turn and the other's."""
    session = Repository.open(tmp_path)
    old = session.commit("train", {}, [b"frozen"])
    newer = session.commit("train", {}, [b"another"])
    pruning = Stepped(Folder(tmp_path))
    pruner = Repository(pruning)
    marked, go_on = threading.Event(), threading.Event()

    def on_prune_step(number: int, what: str) -> None:
        if what == f"delete packs/{old.blobs[0].pack}.pack":
            marked.set()
            go_on.wait(60)

    class Torn(Folder):
        def write_new(self, name: str, chunks: Iterable[Any]) -> None:
            # The mark was made and the manifests read for the last time before the new one is written; a commit that
            # began earlier is not refused at its beginning.
            thread.start()
            marked.wait(60)
            super().write_new(name, chunks)

        def list(self, folder: str) -> Iterator[Entry]:
            entries = [*super().list(folder)]
            if folder == "packs" and marked.is_set() and not go_on.is_set():
                go_on.set()
                thread.join()
                entries = [entry for entry in entries if not entry.name.endswith(".doomed")]
            yield from entries

    pruning.arm(on_prune_step)
    thread = threading.Thread(target=pruner.prune, args=("train", Retention(1)))
    committer = Repository(Torn(tmp_path))
    with pytest.raises(StoreUnavailable, match="is gone or damaged"):
        committer.commit("train", {}, old.blobs)
    assert Repository.open(tmp_path).newest("train") == (newer, [])


def test_a_pack_pruned_during_a_commit_is_noticed(tmp_path: Path) -> None:
    """And the snapshot that would have relied on it does not come to exist."""
    for step in itertools.count(1):
        path = tmp_path / str(step)
        other = Repository.open(path)
        old = other.commit("train", {}, [b"frozen"])
        newer = other.commit("train", {}, [b"another"])
        backend = Stepped(Folder(path))
        session = Repository(backend)

        def on_step(number: int, what: str, step: int = step, other: Repository = other) -> None:
            if number == step:
                other.prune("train", Retention(1))

        backend.arm(on_step)
        try:
            manifest = session.commit("train", {}, [old.blobs[0], b"fresh"])
        except StoreUnavailable:
            manifest = newer
        assert Repository.open(path).newest("train") == (manifest, [])
        if backend.steps < step:
            break


@pytest.mark.parametrize("read", [Repository.verify, Repository.snapshots])
def test_a_snapshot_pruned_while_another_session_reads_is_no_problem(
    tmp_path: Path, read: Callable[[Repository], Report | list[Manifest | Damaged]]
) -> None:
    for step in itertools.count(1):
        path = tmp_path / str(step)
        other = Repository.open(path)
        for n in range(3):
            other.commit("train", {}, [b"own %d" % n])
        backend = Stepped(Folder(path))
        reader = Repository(backend)

        def on_step(number: int, what: str, step: int = step, other: Repository = other) -> None:
            if number == step:
                other.prune("train", Retention(1))

        backend.arm(on_step)
        found = read(reader)
        if isinstance(found, Report):
            assert found.problems == ()
        else:
            assert all(isinstance(entry, Manifest) for entry in found)
        if backend.steps < step:
            break


def test_a_session_that_writes_the_same_cell_is_named_once(tmp_path: Path) -> None:
    said: dict[str, list[str]] = {"one": [], "two": [], "dead": []}

    def saver(session: str) -> Callable[[], bool]:
        made = Saver("train", partial(Repository.open, tmp_path), said[session].append)
        body = {"session": session, "machine": "m" + session, "notes": []}
        return lambda: made.save(lambda spare: (body, [session.encode()]), "") and made.finish()

    dead, one, two = saver("dead"), saver("one"), saver("two")
    for save in (dead, dead, one, one):
        assert save()
    assert said == {"one": [], "two": [], "dead": []}, "who wrote before it began is its past, and not another session"
    for save in (two, one, one, two, two):
        assert save()
    assert "another session (two, on another machine) takes snapshots of 'train' here too" in said["one"][0]
    assert "another session (one, " in said["two"][0]
    assert [len(lines) for lines in said.values()] == [1, 1, 0]


def others(repository: Repository, session: str, since: int) -> list[Manifest]:
    return other_writers((one for one in repository.snapshots("t") if isinstance(one, Manifest)), session, since)


def test_other_writers_are_told_by_number_and_each_by_its_newest(tmp_path: Path) -> None:
    clock = iter([50.0, 10.0, 90.0, 20.0, 30.0])  # of several machines: no order can be read from it
    repository = Repository(Folder(tmp_path), clock=lambda: next(clock))
    made = [
        repository.commit(cell, {"session": session}, [])
        for cell, session in (("t", "b"), ("t", "a"), ("t", "b"), ("t", "b"), ("other", "c"))
    ]
    assert others(repository, "a", made[1].seq) == [made[3]]
    assert others(repository, "b", made[2].seq) == []
    assert others(repository, "x", 1) == [made[3], made[1]]
    repository = Repository(Folder(tmp_path))
    repository.commit("t", {"session": 5}, [])
    repository.commit("t", {}, [])
    assert len(others(repository, "x", 1)) == 2
