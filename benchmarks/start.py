"""How long ``%load_ext colab_guard`` takes in a fresh process, beside IPython's own start.

Modules come as bytecode, as pip installs them, whatever the environment says: to compile them takes twice as long.
"""

from __future__ import annotations

import os
import subprocess
import sys

from benchmarks.measure import Row
from benchmarks.venvs import FOLDER

CODE = """
import time
begun = time.perf_counter()
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
shell.run_cell("1")
ready = time.perf_counter()
shell.run_line_magic("load_ext", "colab_guard")
loaded = time.perf_counter()
import sys
heavy = [name for name in ("torch", "numpy", "pandas") if name in sys.modules]
assert not heavy, f"loading imported {heavy}"
print((ready - begun) * 1e3, (loaded - ready) * 1e3)
"""


def rows(repeats: int) -> list[Row]:
    """The row about loading; fails where loading imports torch, numpy or pandas."""
    environment = {**os.environ, "PYTHONPYCACHEPREFIX": str(FOLDER / "bytecode")}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    times = []
    for _ in range(1 + repeats):  # the first writes the bytecode
        done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True, env=environment)
        times.append(tuple(map(float, done.stdout.splitlines()[-1].split())))
    start, load = (min(column) for column in zip(*times[1:], strict=True))
    return [Row("`%load_ext colab_guard`", f"{load:.0f} ms", f"IPython's own start {start:.0f} ms", load, "ms", 150)]
