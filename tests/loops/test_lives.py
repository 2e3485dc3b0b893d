"""A script that is killed at random instants ends with the bits of the one that was left alone."""

from pathlib import Path

import pytest

from tests.loops.script import SCRIPTS, ends_as_if_never_killed


@pytest.mark.parametrize("seed", [1, 2])
def test_plain_python_with_nested_loops_and_three_in_a_row(tmp_path: Path, seed: int) -> None:
    source = (SCRIPTS / "plain.py").read_text()
    assert ends_as_if_never_killed(tmp_path, source, seed, ticks=(5, 12), files=(40, 140)) >= 3


def test_a_markov_chain_in_numpy(tmp_path: Path) -> None:
    source = (SCRIPTS / "mcmc.py").read_text()
    assert ends_as_if_never_killed(tmp_path, source, 3, ticks=(5, 15), files=(40, 140)) >= 3


def test_a_training_in_torch(tmp_path: Path) -> None:
    source = (SCRIPTS / "training.py").read_text()
    assert ends_as_if_never_killed(tmp_path, source, 5, ticks=(4, 6), files=(50, 80)) >= 2
