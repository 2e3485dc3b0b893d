"""The command line says what a notebook would, and ends with 0, 1 for problems, or 2 for calls that make no sense."""

import os
import pkgutil
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path

import pytest

from colab_guard.cli import main
from colab_guard.store.manifest import Manifest
from colab_guard.store.repository import Repository

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def made(tmp_path: Path) -> list[Manifest]:
    repository = Repository.open(tmp_path)
    body = {"cursor": None, "line": 1, "best": {"name": "loss", "goal": "min", "value": 0.0}}
    first = repository.commit("train", body, [b"first"])
    later = [
        repository.commit("train", body | {"best": {"name": "loss", "goal": "min", "value": n}}, [b"%d" % n])
        for n in range(1, 5)
    ]
    return [first, *later, repository.commit("eval", body, [b"other"])]


def said(capsys: Captured, arguments: Sequence[str], code: int) -> str:
    assert main(arguments) == code
    out, err = capsys.readouterr()
    return out + err


def numbers(path: Path) -> list[int]:
    return [entry.seq for entry in Repository.open(path).snapshots()]


def test_list_shows_every_snapshot_and_what_is_damaged(tmp_path: Path, made: list[Manifest], capsys: Captured) -> None:
    lines = said(capsys, ["list", str(tmp_path)], 0).splitlines()
    assert lines[0].split()[:3] == ["no.", "taken", "cell"]
    assert [line.split()[0] for line in lines[1:]] == ["6", "5", "4", "3", "2", "1"]
    (tmp_path / made[0].name).write_text("{}")
    assert f"{made[0].name} is damaged" in said(capsys, ["list", str(tmp_path)], 1)


def test_verify_reads_everything_back(tmp_path: Path, made: list[Manifest], capsys: Captured) -> None:
    assert "every byte is what was written" in said(capsys, ["verify", str(tmp_path)], 0)
    pack = tmp_path / "packs" / f"{made[-1].blobs[0].pack}.pack"
    pack.write_bytes(b"0ther")
    assert made[-1].name in said(capsys, ["verify", str(tmp_path)], 1)


def test_prune_keeps_the_newest_and_the_best_of_each_cell(
    tmp_path: Path, made: list[Manifest], capsys: Captured
) -> None:
    told = said(capsys, ["prune", "--dry-run", "--keep", "2", str(tmp_path)], 0)
    assert "would be deleted: 2 snapshots and 2 other files" in told
    assert numbers(tmp_path) == [6, 5, 4, 3, 2, 1]
    done = said(capsys, ["prune", "--keep", "2", str(tmp_path)], 0)
    assert done == told.replace("would be deleted", "deleted")
    assert numbers(tmp_path) == [6, 5, 4, 1]
    assert "alone needs more than --budget 1.0 kB" not in said(capsys, ["prune", "--budget", "1kB", str(tmp_path)], 0)


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["delete", "."],
        ["list"],
        ["prune", "--keep", "none", "STORE"],
        ["prune", "--keep", "0", "STORE"],
        ["prune", "--budget", "10", "STORE"],
        ["verify", "elsewhere"],
    ],
)
def test_what_makes_no_sense_ends_with_2(tmp_path: Path, made: list[Manifest], arguments: list[str]) -> None:
    assert main([str(tmp_path) if word == "STORE" else word for word in arguments]) == 2
    assert len(numbers(tmp_path)) == 6
    assert not Path("elsewhere").exists()


def test_a_store_that_fails_ends_with_1(tmp_path: Path, made: list[Manifest], capsys: Captured) -> None:
    (tmp_path / "config.json").write_text("{}")
    assert "config.json is damaged" in said(capsys, ["list", str(tmp_path)], 1)


def test_it_is_a_program(tmp_path: Path, made: list[Manifest]) -> None:
    command = [sys.executable, "-m", "colab_guard.cli", "verify", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ, check=True)
    assert "6 snapshots read back" in done.stdout


def test_it_is_installed_under_its_name() -> None:
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())["project"]
    assert {name: pkgutil.resolve_name(place) for name, place in project["scripts"].items()} == {"colab-guard": main}
