"""What safe points cost in loops at cell level.

Both sides are compiled as IPython compiles a cell and run in a plain namespace. The guarded side is the program
that ``Session`` makes, in the run that it makes; the snapshots at the cell's beginning and end are taken before
the clock starts and after it stops, by timing inside of the cell itself.
"""

from __future__ import annotations

import ast
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.measure import Row, best_of
from colab_guard.cell.tree import parse
from colab_guard.core.settings import Interval
from colab_guard.session import Options, Session

TIMED = "import time\nbegun = time.perf_counter()\n{}\ntaken = time.perf_counter() - begun\n"
HOUR = Interval(seconds=3600.0)


def plain(source: str) -> float:
    """Seconds that the loop takes unguarded."""
    namespace: dict[str, Any] = {"__name__": "__main__"}
    exec(compile(TIMED.format(source), "<plain>", "exec"), namespace)
    return float(namespace["taken"])


def guarded(source: str, every: Interval = HOUR) -> float:
    """Seconds that the loop takes in a guarded cell."""
    with tempfile.TemporaryDirectory() as folder:
        namespace: dict[str, Any] = {"__name__": "__main__"}
        session = Session(namespace, lambda text: None, Path(folder))
        text = TIMED.format(source)
        program = session.program(parse(text), text, Options("bench", every))
        code = compile(ast.fix_missing_locations(ast.Module(program, [])), "<guarded>", "exec")
        exec(code, namespace)
        return float(namespace["taken"])


def rows(count: int, repeats: int) -> list[Row]:
    """The rows about loops, with ``count`` iterations each."""
    out = []
    for name, source, bound in (
        (f"`for` over {count:.0e} numbers, empty body", f"for i in range({count}): pass", 1.3),
        (f"`while` to {count // 4:.0e}", f"i = 0\nwhile i < {count // 4}: i += 1", None),
    ):
        base, again, ours = best_of(
            repeats, lambda s=source: plain(s), lambda s=source: plain(s), lambda s=source: guarded(s)
        )
        out.append(Row(name, f"{ours:.3f} s", f"plain loop {base:.3f} s", ours / base, "×", bound))
        out.append(Row("– A/A: the plain loop beside itself", f"{again:.3f} s", f"{base:.3f} s", again / base, "×"))
    few = count // 10
    never = Interval(iterations=10**12)
    for name, source in (
        ("`for` with the flag up (`--every 100it`)", f"for i in range({few}): pass"),
        ("`while` with the flag up", f"i = 0\nwhile i < {few}: i += 1"),
    ):
        base, ours = best_of(repeats, lambda s=source: plain(s), lambda s=source: guarded(s, never))
        added = (ours - base) / few * 1e9
        out.append(Row(name, f"{ours / few * 1e9:.0f} ns", f"plain {base / few * 1e9:.0f} ns", added, "ns added", 300))
    tiny = count // 50
    source = f"for a in range({tiny}):\n    for b in five: pass"
    base, ours = best_of(
        repeats, lambda: plain(f"five = range(5)\n{source}"), lambda: guarded(f"five = range(5)\n{source}")
    )
    added = (ours - base) / tiny * 1e9
    out.append(
        Row(
            "a loop of 5 empty iterations",
            f"{ours / tiny * 1e9:.0f} ns",
            f"plain {base / tiny * 1e9:.0f} ns",
            added,
            "ns added",
            250,
        )
    )
    return out
