"""The benchmarks run, and their table says what they found."""

import subprocess
import sys
from pathlib import Path

from benchmarks.measure import Row, best_of, table


def test_the_table_is_made() -> None:
    root = Path(__file__).parents[1]
    command = [sys.executable, "-m", "benchmarks", "--quick"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for what in ("empty body", "A/A", "flag up", "%load_ext", "resume at batch", "snapshot of", "restore of"):
        assert what in done.stdout


def test_a_bound_that_is_exceeded_is_marked() -> None:
    rows = [Row("good", "1", "1", 1.0, "×", 1.3), Row("bad", "2", "1", 2.0, "×", 1.3)]
    assert [row.held for row in rows] == [True, False]
    assert "exceeded" in table(rows).splitlines()[-1]


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
