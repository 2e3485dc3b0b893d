"""Each notebook runs as it stands, in a real kernel, to the end that it promises; and what trains in it ends, killed in
its middle and run again, with the bits of a run that was left alone.

Left alone it runs unguarded, in the second kernel, from the state that the first one started from: so the framework is
imported twice instead of three times.
"""

import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import nbformat
import pytest

from demo.lives import DUMP, LOAD, NAMESPACE, read_notebook
from tests.support.kernel import Kernel

FOLDER = Path(__file__).parents[2] / "notebooks"
FOR_KERNELS = Path(__file__).parents[1] / "chaos"  # `start` and `compare`, imported by hidden cells
SNAPSHOTS = 3  # the kernel is killed once so many were written since the cell began
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
# Goes no further than a few snapshots beyond those, so that it does not come to its end before it is killed.
HOLD = f"""
import itertools, time
from colab_guard.saving import Saver
save, saves = Saver.save, itertools.count()
def held(self, *given, **options):
    if next(saves) > {SNAPSHOTS} + 2: time.sleep(600)
    return save(self, *given, **options)
Saver.save = held
"""
DIGESTS = f"print(__import__('json').dumps(__import__('compare').digests({NAMESPACE}, {{}})))"


class Training(NamedTuple):
    """A notebook with a guarded cell, and what its test looks at."""

    epochs: int | None  # instead of the notebook's own number of them, if it has one: a test need not train well
    every: str  # instead of the notebook's one second, so that the test does not hang on how fast a machine is
    gives: str  # code that picks the results, as `results`
    shows: str  # true of the variables that it ends with


TORCH = """
timed = ("runtime", "per_second")
log = [{key: value for key, value in row.items() if not key.endswith(timed)} for row in trainer.state.log_history]
results = [dict(trainer.model.state_dict()), trainer.optimizer.state_dict()["state"], log, result.training_loss]
"""
KERAS = "results = [model.get_weights(), [one.numpy() for one in model.optimizer.variables], result.history]"
JOBS = """
weights = {name: model.coefs_ + model.intercepts_ for name, model in models.items()}
results = [weights, [(row.name, row.state, row.tries, row.metrics) for row in sweep.rows]]
"""
TRAININGS = {
    "fine_tuning_lora": Training(3, "10it", TORCH, "result.global_step == 24 * 3 and losses[-1] < losses[0] - 0.2"),
    "keras": Training(4, "20it", KERAS, "len(history['loss']) == 4 and accuracy > 0.6"),
    "many_models": Training(8, "200it", JOBS, "(sweep.table['state'] == 'done').all() and len(models) == 12"),
    "recovery": Training(60, "500it", "results = [weights, history]", "len(history) == 150 * 60 and accuracy > 0.9"),
    "search_sklearn": Training(None, "1it", "results = [candidates, tried]", "len(results) == 16 and accuracy > 0.9"),
}
NOT_HERE = {"quickstart", "gpu_memory"}  # tested by itself; and below


def test_every_notebook_is_tested() -> None:
    assert {path.stem for path in FOLDER.glob("*.ipynb")} == {*TRAININGS, *NOT_HERE}


def test_readme_opens_every_notebook_in_colab() -> None:
    readme = (FOLDER.parent / "README.md").read_text()
    project = tomllib.loads((FOLDER.parent / "pyproject.toml").read_text())["project"]
    on_github = project["urls"]["Repository"].removeprefix("https://github.com/")
    for path in FOLDER.glob("*.ipynb"):
        link = f"https://colab.research.google.com/github/{on_github}/blob/main/notebooks/{path.name}"
        assert f"(notebooks/{path.name}) | [![Open in Colab][badge]][{path.stem}] |" in readme
        assert f"\n[{path.stem}]: {link}\n" in readme


@pytest.mark.parametrize("name", TRAININGS)
def test_a_killed_training_ends_as_if_left_alone(name: str, tmp_path: Path) -> None:
    epochs, every, gives, shows = TRAININGS[name]
    notebook = read_notebook(FOLDER / f"{name}.ipynb", epochs)
    guarded = notebook.guarded.replace("--every 1s", f"--every {every}", 1)
    results = f"{gives}\n{DIGESTS.format(['results'])}"
    with Kernel(cwd=tmp_path, env=_environment(tmp_path)) as kernel:
        for cell in notebook.above:
            kernel.run(cell).check()
        kernel.run(DUMP, hidden=True).check()
        kernel.run(f"exec({HOLD!r}, {{}})", hidden=True).check()
        execution = kernel.start(guarded)
        while _newest(tmp_path) < SNAPSHOTS:
            assert not execution.poll(0.01), f"it ended before {SNAPSHOTS} snapshots:\n{execution.result.text}"
        kernel.kill()
    with Kernel(cwd=tmp_path, env=_environment(tmp_path)) as kernel:
        said = [kernel.run(cell).check().text for cell in notebook.above]
        trained = kernel.run(guarded).check().text
        end = kernel.run(results, hidden=True).check().text
        said += [trained, *(kernel.run(cell).check().text for cell in notebook.below)]
        assert kernel.run(f"print(bool({shows}))", hidden=True).check().text == "True\n", said
        kernel.run(LOAD, hidden=True).check()
        kernel.run(notebook.plain.guarded).check()
        assert kernel.run(results, hidden=True).check().text == end
    assert re.search(r"^colab_guard: \w+ resumed at ", trained, re.MULTILINE), trained
    assert [line for line in _quoted(name) if not re.search(_any_numbers(line), "".join(said))] == []
    if name == "many_models":
        assert (tmp_path / "results.zip").is_file()


def test_the_tour_of_gpu_memory_runs_with_a_gpu_and_without(tmp_path: Path) -> None:
    cells = nbformat.read(FOLDER / "gpu_memory.ipynb", as_version=4).cells
    with Kernel(cwd=tmp_path, env=_environment(tmp_path)) as kernel:
        said = {cell.id: kernel.run(cell.source).check().text for cell in cells if cell.cell_type == "code"}
        assert kernel.run("print('total' in globals())", hidden=True).check().text == "False\n"
    assert re.search("^ .*graph of total;", said["top"], re.MULTILINE), said["top"]
    assert [name for name in ("show", "limit", "suggest", "measure", "clear", "watch") if "GPU" not in said[name]] == []


def _environment(folder: Path) -> Mapping[str, str]:
    path = os.pathsep.join([str(FOR_KERNELS), *filter(None, [os.environ.get("PYTHONPATH")])])
    return {"COLAB_GUARD_STORE": str(folder / "store"), "PYTHONPATH": path, **ONE_THREAD}


def _newest(folder: Path) -> int:
    """The number of the newest snapshot."""
    return max((int(path.name[:8]) for path in folder.glob("store/**/snapshots/*.json")), default=0)


def _quoted(name: str) -> list[str]:
    """What the notebook's texts say is printed: their blocks of text."""
    notebook = nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)
    texts = [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]
    return re.findall(r"^```text\n(.*?)\n```$", "\n\n".join(texts), re.MULTILINE | re.DOTALL)


def _any_numbers(line: str) -> str:
    return r"\d+".join(map(re.escape, re.split(r"\d+", line)))
