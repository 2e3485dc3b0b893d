"""The harness can be believed: equal runs are found equal, and every kind of difference is found."""

import ast
import sys

import pytest

from colab_guard.capture.causes import before
from colab_guard.cell.causes import causes_in
from colab_guard.running.telling import sentences
from tests.chaos.campaign import Campaign
from tests.chaos.cell import all_cells, read_cell
from tests.chaos.harness import Bench, _Run, reference
from tests.chaos.report import TEXTS, Outcome, Report, named


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


EXAMPLES = {
    "clock": "import time\nwhile time.time() < 9: pass",
    "entropy": "import os\nfor x in y: os.urandom(4)",
    "outside": "for x in y: input()",
    "hash": "a[hash(x)] = 1",
    "identity": "a[id(x)] = 1",
    "module-state": "import mylib\nmylib.x = 1",
    "cached-random": "import functools\n@functools.cache\ndef f(): return random()",
}


@pytest.mark.parametrize("key", TEXTS)
def test_what_a_cell_names_is_understood(key):
    if key == "set-order":
        few = [cause for cause in before(ast.parse("for x in a: pass"), {"a": {object()}}) if cause.key == key]
    else:
        few = causes_in(ast.parse(EXAMPLES[key]), {}, lambda name: False)
    [line] = sentences([cause.text for cause in few])
    assert named(f"3 %|  | it/s\ncolab_guard: x started.\ncolab_guard: {line}\n") == {key}
    assert named(line) == set(), "what the cell itself prints does not count"


def test_a_difference_that_was_named_before_the_kill_is_none(tmp_path):
    report = Report("x", 1, folder=str(tmp_path))
    run = _Run(all_cells()[0], Bench(sys.executable, tmp_path), report)
    report.heard("colab_guard: not exact after a death: line 3: the order of tags as a set is not kept.\n")
    run.compare(Outcome({"a": "1"}, 0), Outcome({"a": "2"}, 0), "unresumed: ")
    report.resumes = 1
    run.compare(Outcome({"a": "1"}, 0), Outcome({"a": "2"}, 0), "")
    assert (report.expected, report.problems) == (["a differs"], ["unresumed: a differs"])
    report.problems.clear()
    campaign = Campaign([report, Report("x", 2, problems=["verify: …"], causes=["set-order"])])
    assert (campaign.named, campaign.differences) == (1, 1)
    assert campaign.table().endswith("1 named beforehand, 1 differences")


def test_there_are_enough_cells():
    cells = all_cells()
    assert len(cells) >= 18
    assert sum("torch" not in cell.needs for cell in cells) >= 10


def test_a_file_without_a_guarded_cell_is_refused(tmp_path):
    path = tmp_path / "none.py"
    path.write_text("# results: x\n# %%\nx = 1\n")
    with pytest.raises(ValueError, match="one guarded cell"):
        read_cell(path)
