"""From a fresh kernel to a framework's next new training step: a guarded cell beside the framework's own resume.

The same training runs in two real kernels, guarded in one (Run all), with the framework's own checkpoints in the
other, as many steps from one to the next. Both kernels are killed by SIGKILL at the same step, in the middle of an
epoch and between two checkpoints. Then, in alternation, what each left behind is put back, a fresh kernel runs the
notebook, and it is measured how long it takes from its first request (imports included, the same ones) until the first
step is done that had not been done before the death. Each step takes PACE longer than it must, as a larger model's
would. The last kernels train to the end, which is compared with the same notebook in a kernel that never died.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.frameworks_cells import EVERY, NOTEBOOKS, STEPS, Notebook
from benchmarks.measure import Row
from benchmarks.steps import DIES, PACE, marked
from benchmarks.venvs import FOLDER, ROOT
from tests.support.kernel import Kernel, KernelDiedError

PACE_SECONDS = 0.05
DIES_AT = STEPS + STEPS // 2 + EVERY // 2  # in the middle of an epoch, and between two checkpoints
ALL = tuple(notebook.name for notebook in NOTEBOOKS)
LIFE_SECONDS = 300.0  # a kernel that takes longer hangs


@dataclass(frozen=True)
class Resume:
    """Seconds to the first new step and, of them, until the imports were done; how many steps were done twice; and the
    end, where it was reached.
    """

    seconds: float
    imports_seconds: float
    again: int
    end: Any


def rows(rounds: int, measured: Sequence[str] = ALL) -> list[Row]:
    """A row for each framework; those that are not installed, or not to be measured, are named."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    found = list[Row]()
    for notebook in NOTEBOOKS:
        missing = [name for name in notebook.needs if importlib.util.find_spec(name) is None]
        what = f"{notebook.name}: from a fresh kernel to the first new step"
        if missing or notebook.name not in measured:
            why = f"{missing[0]} is not installed" if missing else "left out"
            found.append(Row(what, "", f"not measured: {why}", None, "×"))
            continue
        with tempfile.TemporaryDirectory(dir=FOLDER) as folder:
            own, ours = (_Side(notebook, Path(folder), own=own) for own in (True, False))
            resumes = [(ours.resume(last), own.resume(last)) for last in [False] * (rounds - 1) + [True]]
        found += _rows(what, notebook.own, resumes, (ours.wanted, own.wanted))
    return found


class _Side:
    """A notebook that was killed once, guarded or with the framework's own checkpoints."""

    def __init__(self, notebook: Notebook, folder: Path, *, own: bool) -> None:
        self._notebook, self._own = notebook, own
        self._work, self._left = folder / f"work-{own}", folder / f"left-{own}"
        self._work.mkdir()
        self.wanted = self._life(dies_at=0, pace_seconds=0.0, guarded=False).end
        shutil.rmtree(self._work)
        self._work.mkdir()
        self._life(dies_at=DIES_AT, pace_seconds=PACE_SECONDS, guarded=not own)
        self._work.rename(self._left)

    def resume(self, to_the_end: bool) -> Resume:
        """What a fresh kernel makes of what the dead one left."""
        shutil.copytree(self._left, self._work)
        try:
            return self._life(0, PACE_SECONDS, guarded=not self._own, to_the_end=to_the_end)
        finally:
            shutil.rmtree(self._work)

    def _life(self, dies_at: int, pace_seconds: float, guarded: bool, to_the_end: bool = True) -> Resume:
        before = marked(self._work)
        known = {step for step, _ in before}
        cell = self._notebook.cell(own=self._own)
        above = [self._notebook.imports]
        if guarded:
            above, cell = ["%load_ext colab_guard", *above], f"%%checkpointed training --every {EVERY}it\n{cell}"
        with Kernel(sys.executable, self._work, _environment(self._work, dies_at, pace_seconds)) as kernel:
            begun = time.time()
            for code in above:
                kernel.run(code).check()
            imported = time.time()
            execution = kernel.start(cell)
            with contextlib.suppress(KernelDiedError):
                while not execution.poll(0.1) and time.time() - begun < LIFE_SECONDS:
                    if not to_the_end and any(step not in known for step, _ in marked(self._work)[len(before) :]):
                        break
            execution.result.check()
            assert kernel.alive == (not dies_at), "the kernel died, or lived, where it should not"
            steps = marked(self._work)[len(before) :]
            first = next(at for step, at in steps if step not in known)
            again = sum(step in known for step, _ in steps)
            end = json.loads(kernel.run(self._notebook.end).check().text) if to_the_end and not dies_at else None
        return Resume(first - begun, imported - begun, again, end)


def _rows(what: str, own: str, resumes: list[tuple[Resume, Resume]], wanted: tuple[Any, Any]) -> list[Row]:
    all_of = [min(one.seconds for one in side) for side in zip(*resumes, strict=True)]
    rest = [min(one.seconds - one.imports_seconds for one in side) for side in zip(*resumes, strict=True)]
    again = [f"{took:.1f} s, {one.again} steps again" for took, one in zip(rest, resumes[-1], strict=True)]
    ends = [_compared(*one) for one in zip(wanted, resumes[-1], strict=True)]
    return [
        Row(what, f"{all_of[0]:.1f} s", f"{own}: {all_of[1]:.1f} s", all_of[0] / all_of[1], "×"),
        Row("– after the imports", again[0], again[1], rest[0] / rest[1], "×"),
        Row("– at the end", ends[0], ends[1], None, ""),
    ]


def _compared(wanted: Any, resume: Resume) -> str:
    (weights, losses), (its_weights, its_losses) = wanted, resume.end
    same = "the same" if its_weights == weights else "other"
    logged = "the same" if its_losses == losses[-len(its_losses) :] else "another"
    return f"{same} weights, {logged} logged loss"


def _environment(work: Path, dies_at: int, pace_seconds: float) -> dict[str, str]:
    return {
        PACE: str(pace_seconds),
        DIES: str(dies_at),
        "PYTHONPATH": str(ROOT),
        "PYTHONDONTWRITEBYTECODE": "",  # modules come as bytecode, as pip installs them
        "HOME": str(work),
        "COLAB_GUARD_STORE": str(work / "store"),
        "HF_HUB_OFFLINE": "1",
        **dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1"),
    }
