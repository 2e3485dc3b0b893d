"""The benchmarks run, and their table says what they found."""

import subprocess
import sys
from pathlib import Path

import torch

from benchmarks.measure import Row, best_of, table
from benchmarks.notebook import compared
from benchmarks.state import change, sample, torn


def test_the_table_is_made() -> None:
    root = Path(__file__).parents[1]
    command = [sys.executable, "-m", "benchmarks", "--quick"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for what in (
        "empty body", "A/A", "flag up", "%load_ext", "a beat of", "the panel", "resume at batch", "all changed",
        "10 % of it", "restore of", "a deque of", "`torch.save` + fsync", "every value right, every alias kept",
        "a snapshot a minute", "durable age", "the first new step",
    ):  # fmt: skip
        assert what in done.stdout


def test_a_bound_that_is_exceeded_is_marked() -> None:
    rows = [Row("good", "1", "1", 1.0, "×", 1.3), Row("bad", "2", "1", 2.0, "×", 1.3)]
    assert [row.held for row in rows] == [True, False]
    assert "exceeded" in table(rows).splitlines()[-1]


def test_a_row_that_could_not_be_measured_says_so() -> None:
    row = Row("a peer", "", "could not be run: no network", None, "×", 1.3)
    assert not row.held
    assert "could not be run: no network | – |" in table([row])


def test_a_value_that_comes_back_wrong_and_one_that_does_not_are_named() -> None:
    before = {"array_1": "a", "opt": "b", "_kept": "c", "opt trains model": "True"}
    after = {"array_1": "a", "opt": "other", "opt trains model": "False"}
    assert compared(before, after) == "wrong: opt; missing: _kept; no longer true: opt trains model"
    assert compared(before, before) == "every value right, every alias kept"


def test_a_tensor_that_changed_while_it_was_saved_is_torn() -> None:
    tensors = {"one": torch.zeros(10), "two": torch.zeros(10)}
    then = sample(tensors)
    assert torn(tensors, then) == 0
    change([tensors["two"]])
    assert torn(tensors, then) == 1


def test_each_candidate_is_measured_in_turn() -> None:
    calls: list[str] = []

    def one() -> float:
        calls.append("one")
        return float(len(calls))

    def two() -> float:
        calls.append("two")
        return float(len(calls))

    assert best_of(3, one, two) == [1.0, 2.0]
    assert calls == ["one", "two"] * 3
