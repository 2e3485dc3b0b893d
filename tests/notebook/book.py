"""A notebook: a folder, a store in it, and one kernel after the other."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any, Self

import pytest

from tests.support.kernel import Kernel, KernelDiedError, Result

OURS = "colab_guard: "
FOLDED = re.compile(r"\[(newest )?[\d,]+ lines? printed before the snapshot: folded\]")
BOTH = pytest.mark.parametrize("python", ["newest", "colab"], indirect=True)

# A notebook's first cell. What it defines is the same in each life; what differs is read from the disk.
ABOVE = """
import os, time
HERE = os.getcwd()
def stop(now=True):
    "Ends the cell by an error, while this is the first life."
    if now and not os.path.exists(f"{HERE}/second life"):
        raise RuntimeError("stopped")
def die(now=True):
    "Ends the kernel, while this is the first life, once what is being written is stored."
    if now and not os.path.exists(f"{HERE}/second life"):
        from colab_guard.saving.writer import WRITER
        WRITER.finish(60)
        os.kill(os.getpid(), 9)
"""

# The greeting waits for what the store holds, however slow the machine is.
PATIENT = "__import__('colab_guard.notebook.extension', fromlist=['']).LOOK_SECONDS = 60"
# Nor is a cell told how full the disk is of the machine that the tests run on, or its memory.
ROOM_ON_DISK = "__import__('colab_guard.guards.fullness', fromlist=['']).FULLNESS._probe = lambda folder: None"
ROOM_IN_MEMORY = "__import__('colab_guard.guards.pressure', fromlist=['']).PRESSURE._probe = lambda: None"


class Book:
    """A notebook in *folder*, with colab_guard loaded and `ABOVE` run whenever a kernel starts.

    Of a notebook *in_group* the memory is that of a real control group, and counts.
    """

    def __init__(
        self, folder: Path, python: str, environment: dict[str, str] | None = None, *, in_group: bool = False
    ) -> None:
        self.folder, self.store = folder, folder / "store"
        self._python, self._before = python, [PATIENT, ROOM_ON_DISK, *([] if in_group else [ROOM_IN_MEMORY])]
        self._environment = {
            "COLAB_GUARD_STORE": str(self.store), "COLAB_GUARD_LOCAL": str(folder / ".colab_guard"),
            "COLAB_GUARD_EVERY": "0.1s", **(environment or {}),
        }  # fmt: skip
        self.start()

    def start(self) -> None:
        """A kernel, colab_guard in it, and the first cell run."""
        self.kernel = Kernel(self._python, cwd=self.folder, env=self._environment)
        self.kernel.run("\n".join(self._before), hidden=True).check()
        self.greeting = self.run("%load_ext colab_guard").check().text
        self.run(ABOVE).check()

    def restart(self) -> None:
        """SIGKILL, then the next life."""
        self.kernel.kill()
        self.close()
        (self.folder / "second life").touch()
        self.start()

    def run(self, cell: str, answer: str | None = None) -> Result:
        """Runs a cell to its end, with an answer to what it asks."""
        return self.kernel.run(cell, answer=answer)

    def dies_in(self, cell: str) -> None:
        """Runs a cell that kills the kernel, and starts the next life."""
        with pytest.raises(KernelDiedError):
            self.run(cell)
        self.restart()

    def value(self, expression: str) -> Any:
        """The value of an expression in the kernel, which must be made of literals."""
        return ast.literal_eval(self.kernel.run(f"print(repr(({expression})))", hidden=True).check().text)

    def refusal(self, cell: str) -> tuple[str, str]:
        """The class and message of the error that a cell ends with, having run nothing and printed nothing."""
        result = self.run(cell)
        assert result.error is not None, result.text
        assert result.text == ""
        return result.error.ename, result.error.evalue

    def close(self) -> None:
        """Ends the kernel. May be called twice."""
        self.kernel.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def said(result: Result) -> list[str]:
    """What colab_guard said in a cell's output."""
    return [line.removeprefix(OURS) for line in result.text.splitlines() if line.startswith(OURS)]


def printed(result: Result) -> list[str]:
    """What the cell itself printed and showed, in this life."""
    return [line for line in result.text.splitlines() if not line.startswith(OURS) and not FOLDED.fullmatch(line)]
