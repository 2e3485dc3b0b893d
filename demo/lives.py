"""Runs the quickstart in real kernels: through lives that end by SIGKILL, and once left alone."""

import json
import os
import re
import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import nbformat

from tests.support.kernel import Execution, Kernel, KernelDiedError

POLL_SECONDS = 0.01
CELL_SECONDS = 900.0  # far more than any cell of the notebook takes

# Modules that hidden cells import: `probe` from here, `start` from the chaos tests.
FOR_KERNELS = (Path(__file__).parent, Path(__file__).parents[1] / "tests" / "chaos")
NAMESPACE = "get_ipython().user_ns"
SIZES = "[EPOCHS, len(loader)]"
DUMP = f"__import__('start').dump({NAMESPACE}, get_ipython().user_ns_hidden, 'start.pickle')"
LOAD = f"__import__('start').load({NAMESPACE}, 'start.pickle')"
WATCH = f"__import__('probe').watch({NAMESPACE}, '{{}}', {{}})"
RESULTS = f"__import__('probe').write_results({NAMESPACE}, '{{}}')"

Results = Mapping[str, Mapping[str, str]]


class Sample(NamedTuple):
    """When the number of finished batches changed, in seconds since 1970, and to what."""

    seconds: float
    batches: int


@dataclass(frozen=True)
class Life:
    """What one kernel did for the training."""

    samples: tuple[Sample, ...]  # from where it took the training up, to its end
    ended_seconds: float  # since 1970, as in `Sample`
    killed: bool
    said: str  # the first line that the training cell printed

    @property
    def first(self) -> Sample:
        """Where the training stood when this life took it up: at zero, or at what it resumed with."""
        return self.samples[0]

    @property
    def last(self) -> Sample:
        """The last that this life got done."""
        return self.samples[-1]


@dataclass(frozen=True)
class Notebook:
    """A notebook's code, cut at its guarded cell."""

    above: tuple[str, ...]
    guarded: str
    below: tuple[str, ...]

    @property
    def plain(self) -> "Notebook":
        """The same as it was before anybody added colab_guard to it."""
        above = tuple(cell for cell in self.above if not cell.startswith("%load_ext colab_guard"))
        return replace(self, above=above, guarded=self.guarded.split("\n", 1)[1])


def read_notebook(path: Path, epochs: int | None = None) -> Notebook:
    """Read *path*; *epochs* replaces the notebook's own number of them."""
    cells = [cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    if epochs is not None:
        cells = [re.sub(r"^EPOCHS = \d+$", f"EPOCHS = {epochs}", cell, flags=re.MULTILINE) for cell in cells]
    (guarded,) = (index for index, cell in enumerate(cells) if cell.startswith("%%checkpointed"))
    return Notebook(tuple(cells[:guarded]), cells[guarded], tuple(cells[guarded + 1 :]))


class Stage:
    """The folder that all kernels of one demo share: the store, the common start, what the probes wrote."""

    def __init__(self, notebook: Notebook, folder: Path, every: str) -> None:
        self.epochs = self.batches_per_epoch = 0  # known once a kernel has run the cells above the training
        self._notebook, self._folder = notebook, folder
        path = os.pathsep.join([*map(str, FOR_KERNELS), *filter(None, [os.environ.get("PYTHONPATH")])])
        self._environment = {
            "PYTHONPATH": path,
            "COLAB_GUARD_STORE": str(folder / "store"),
            "COLAB_GUARD_EVERY": every,
            "COLAB_GUARD_PANEL": "off",  # there is no page
            "COLAB_GUARD_KEY": secrets.token_hex(32),  # of this demo only: none is made at home
            "OMP_NUM_THREADS": "1",  # for such small batches two, beside other work, may take six times as long
        }

    @property
    def batches(self) -> int:
        """How many the whole training has."""
        return self.epochs * self.batches_per_epoch

    def live(self, number: int, kill_at: float | None = None) -> Life:
        """Run all cells in a fresh kernel; SIGKILL it as soon as *kill_at*, a fraction, of the work is done.

        The first life also writes down the state that the training starts from, for `left_alone`.
        """
        with self._kernel(self._notebook) as kernel:
            if number == 1:
                self.epochs, self.batches_per_epoch = json.loads(kernel.run(SIZES, hidden=True).check().text)
                kernel.run(DUMP, hidden=True).check()
            return self._train(kernel, self._notebook, f"life-{number}", kill_at)

    def left_alone(self) -> Life:
        """The same training from the same start, never killed and never guarded."""
        with self._kernel(self._notebook.plain) as kernel:
            kernel.run(LOAD, hidden=True).check()
            return self._train(kernel, self._notebook.plain, "left-alone", None)

    def results(self, name: str) -> Results:
        """What "life-<number>" or "left-alone" ended with (see probe.py)."""
        held: Results = json.loads((self._folder / f"{name}.json").read_text())
        return held

    @contextmanager
    def _kernel(self, notebook: Notebook) -> Iterator[Kernel]:
        with Kernel(cwd=self._folder, env=self._environment) as kernel:
            for cell in notebook.above:
                kernel.run(cell).check()
            yield kernel

    def _train(self, kernel: Kernel, notebook: Notebook, name: str, kill_at: float | None) -> Life:
        progress = self._folder / f"{name}.txt"
        kill_batches = None if kill_at is None else kill_at * self.batches
        kernel.run(WATCH.format(progress.name, kill_batches), hidden=True).check()
        execution = kernel.start(notebook.guarded)
        if kill_batches is None:
            ended = _to_the_end(execution)
            for cell in notebook.below:
                kernel.run(cell).check()
            kernel.run(RESULTS.format(f"{name}.json"), hidden=True).check()
        else:
            ended = _kill(kernel, execution, progress, kill_batches)
        said = execution.result.text.partition("\n")[0]
        return Life(_samples(progress), ended, kill_at is not None, said)


def _to_the_end(execution: Execution) -> float:
    deadline = time.monotonic() + CELL_SECONDS
    while not execution.poll(POLL_SECONDS):
        if time.monotonic() > deadline:
            raise TimeoutError(f"the training has not ended after {CELL_SECONDS} s:\n{execution.result.text}")
    execution.result.check()
    return time.time()


def _kill(kernel: Kernel, execution: Execution, progress: Path, batches: float) -> float:
    """Kill *kernel* once *batches* are done; returns the time of its death."""
    deadline = time.monotonic() + CELL_SECONDS
    while not execution.poll(POLL_SECONDS):
        if _batches(progress) >= batches:
            kernel.kill()
            ended = time.time()
            with suppress(KernelDiedError):
                execution.poll()  # what it said before it died
            return ended
        if time.monotonic() > deadline:
            raise TimeoutError(f"batch {batches:.0f} was not reached after {CELL_SECONDS} s")
    execution.result.check()
    raise RuntimeError(f"the training ended before batch {batches:.0f}:\n{execution.result.text}")


def _batches(progress: Path) -> int:
    lines = _whole_lines(progress)
    return int(lines[-1].split()[1]) if lines else 0


def _samples(progress: Path) -> tuple[Sample, ...]:
    samples = [Sample(float(seconds), int(batches)) for seconds, batches in map(str.split, _whole_lines(progress))]
    resumed = len(samples) > 1 and samples[1].batches > samples[0].batches + 1  # the probe misses no batch
    return tuple(samples[1:] if resumed else samples)  # what it saw before the training was put back is no work


def _whole_lines(progress: Path) -> list[str]:
    """The lines of the probe that are complete: it may be writing one."""
    return progress.read_text().rpartition("\n")[0].splitlines() if progress.exists() else []
