"""Several sessions at once, and sessions that are killed."""

import itertools
import os
import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import colab_guard
from colab_guard.core.errors import StoreUnavailable
from colab_guard.store.folder import Folder
from colab_guard.store.manifest import Damaged, Manifest
from colab_guard.store.repository import Repository
from colab_guard.store.retention import Retention
from colab_guard.store.verify import Report
from tests.store.steps import Stepped

CHECKOUT = Path(__file__).parents[2]
KILLS = 8
NEVER = 0


@contextmanager
def writer(path: Path, cell: str, count: int, die_at: int = NEVER) -> Iterator[subprocess.Popen[str]]:
    """A process that commits ``count`` snapshots; it is gone when the block ends."""
    places = [str(Path(colab_guard.__file__).parents[1]), str(CHECKOUT)]
    process = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("writer.py")), str(path), cell, str(count), str(die_at)],
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


def test_a_session_killed_at_any_step_of_commit_and_prune(tmp_path: Path) -> None:
    with writer(tmp_path / "before", "train", 2) as process:
        process.wait()
    for step in itertools.count(1):
        path = Path(shutil.copytree(tmp_path / "before", tmp_path / str(step)))
        with writer(path, "train", 2, die_at=step) as process:
            said = lines(process)
        assert_good(path, said[1:])
        if process.returncode == 0:
            break
        assert process.returncode == -signal.SIGKILL
    assert step > 20, "both commits and both prunes were cut off everywhere"


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


def test_a_snapshot_committed_during_a_prune_keeps_the_packs_it_relies_on(tmp_path: Path) -> None:
    """At whatever step of the prune the other session commits: its snapshot is sound, or it was told."""
    outcomes = set()
    for step in itertools.count(1):
        path = tmp_path / str(step)
        session = Repository.open(path)
        old = session.commit("train", {}, [b"frozen"])
        session.commit("train", {}, [b"another"])
        backend = Stepped(Folder(path))
        pruner = Repository(backend)
        committed: list[Manifest] = []
        told: list[str] = []
        at: list[str] = []

        def on_step(
            number: int,
            what: str,
            step: int = step,
            session: Repository = session,
            old: Manifest = old,
            committed: list[Manifest] = committed,
            told: list[str] = told,
            at: list[str] = at,
        ) -> None:
            if number == step:
                at.append(what)
                try:
                    committed.append(session.commit("train", {}, old.blobs))
                except StoreUnavailable as error:
                    told.append(str(error))

        backend.arm(on_step)
        pruner.prune("train", Retention(1))
        if not at:
            break
        newest, passed_over = Repository.open(path).newest("train")
        if at == [f"delete packs/{old.blobs[0].pack}.pack"]:
            # The one instant that docs/format.md leaves open: nobody can be told, but nothing is loaded wrongly.
            assert newest is not None
            assert "is missing" in passed_over[0]
            outcomes.add("passed over")
        elif committed:
            assert (newest, passed_over) == (committed[0], [])
            outcomes.add("kept")
        else:
            assert "is gone or damaged" in told[0]
            outcomes.add("told")
    assert outcomes == {"kept", "told", "passed over"}


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
