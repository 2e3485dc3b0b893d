"""The harness can be believed: equal runs are found equal, and every kind of difference is found."""

import sys

import pytest

from tests.chaos.cell import all_cells, read_cell
from tests.chaos.harness import Bench, Outcome, Report, _Run, reference


@pytest.mark.parametrize("name", ["aliases", "generators"])
def test_two_plain_runs_of_a_seeded_cell_are_equal(name, tmp_path):
    if name == "aliases":
        pytest.importorskip("numpy")
    cell = next(cell for cell in all_cells() if cell.name == name)
    bench = Bench(sys.executable, tmp_path)
    first, second = reference(cell, bench, hash_seed=1), reference(cell, bench, hash_seed=2)
    assert set(first.digests) >= {*cell.results, "(sharing)", "(random state)"}
    assert first.digests == second.digests


def test_a_difference_is_named(tmp_path):
    report = Report("x", 1, folder=str(tmp_path))
    run = _Run(all_cells()[0], Bench(sys.executable, tmp_path), report)
    run.compare(Outcome({"a": "1", "b": "2"}, 0), Outcome({"a": "1", "b": "3"}, 0), "")
    assert report.problems == ["b differs"]


def test_there_are_enough_cells():
    cells = all_cells()
    assert len(cells) >= 18
    assert sum("torch" not in cell.needs for cell in cells) >= 10


def test_a_file_without_a_guarded_cell_is_refused(tmp_path):
    path = tmp_path / "none.py"
    path.write_text("# results: x\n# %%\nx = 1\n")
    with pytest.raises(ValueError, match="one guarded cell"):
        read_cell(path)
