"""A real `python script.py`, started as often as it takes to reach its end, and killed with SIGKILL on the way.

Two ways to die: the harness reads a random number of `tick`s and kills, so that death comes wherever the script is by
then, which waits for it two ticks later; or the script kills itself at the n-th thing it does to a file in its store,
which is in the midst of a snapshot.
"""

import os
import random
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

SCRIPTS = Path(__file__).parent / "scripts"
HELPERS = """
import hashlib, os, signal, sys

left = int(os.environ.get("DIES_AT_FILE", 0))
ticks = float(os.environ.get("DIES_AT_TICK", "inf"))

def _heard(event, arguments):
    global left
    if left and event in ("open", "os.rename", "os.remove", "os.truncate") and ".colab_guard" in str(arguments[0]):
        left -= 1
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)

sys.addaudithook(_heard)

def tick():
    global ticks
    ticks -= 1
    print("tick", flush=True)
    if ticks == -2:  # somewhere between two ticks it was to be killed
        os.kill(os.getpid(), signal.SIGSTOP)

def die():
    "Ends the process, once the snapshot that is being written is stored."
    from colab_guard.saving.writer import WRITER
    WRITER.finish(60)
    os.kill(os.getpid(), signal.SIGKILL)

def end(*values):
    "Prints what the run came to; it is not reached by one that was to be killed."
    if ticks <= 0:
        os.kill(os.getpid(), signal.SIGSTOP)
    print("end", hashlib.sha256(repr(values).encode()).hexdigest(), flush=True)
"""
LIVES = 40  # a run that needs more makes no progress


@dataclass(frozen=True)
class Life:
    """How one process went: what it printed at its end (None: it was killed), and to stderr."""

    end: str | None
    said: str
    code: int


class Script:
    """A script in a folder of its own."""

    def __init__(self, folder: Path, source: str, name: str = "train.py") -> None:
        self.folder, self.path = folder, folder / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "helpers.py").write_text(HELPERS)
        self.path.write_text(source)

    def run(self, *arguments: str, ticks: int | None = None, file: int = 0, **environment: str) -> Life:
        """One life: to its end, to so many ticks, or to the so-manieth deed in the store."""
        environment = {**os.environ, "COLAB_GUARD_STORE": "", "DIES_AT_FILE": str(file), **environment}
        if ticks is not None:
            environment["DIES_AT_TICK"] = str(ticks)
        with (self.folder / "stderr").open("w+") as errors:
            process = subprocess.Popen(
                [sys.executable, "-W", "error", self.path.name, *arguments],
                cwd=self.folder,
                env=environment,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )
            with process:
                end, seen = None, 0
                assert process.stdout is not None
                for line in process.stdout:
                    seen += line == "tick\n"
                    if line.startswith("end "):
                        end = line
                    if ticks is not None and seen >= ticks:
                        process.kill()
            errors.seek(0)
            said = errors.read()
        assert process.returncode in (0, 1, -signal.SIGKILL), said
        assert end is not None or process.returncode != 0, said
        return Life(end, said, process.returncode)


def ends_as_if_never_killed(
    folder: Path, source: str, seed: int, ticks: tuple[int, int], files: tuple[int, int]
) -> int:
    """Asserts that, killed at random, a script comes to the end it comes to when left alone; the number of deaths."""
    whole = Script(folder / "whole", source).run()
    assert whole.code == 0, whole.said
    script, draw = Script(folder / "killed", source), random.Random(seed)
    for deaths in range(LIVES):
        in_a_snapshot = draw.random() < 0.5
        life = script.run(file=draw.randint(*files)) if in_a_snapshot else script.run(ticks=draw.randint(*ticks))
        assert life.code != 1, life.said
        if life.code == 0:
            assert life.end == whole.end
            return deaths
    raise AssertionError(f"{LIVES} lives, and no end: {life.said}")
