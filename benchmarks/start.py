"""How long ``%load_ext colab_guard`` takes in a fresh process, beside IPython's own start."""

from __future__ import annotations

import statistics
import subprocess
import sys

from benchmarks.measure import Row

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
    times = []
    for _ in range(repeats):
        done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
        times.append(tuple(map(float, done.stdout.splitlines()[-1].split())))
    start, load = (statistics.median(column) for column in zip(*times, strict=True))
    return [Row("`%load_ext colab_guard`", f"{load:.0f} ms", f"IPython's own start {start:.0f} ms", load, "ms", 150)]
