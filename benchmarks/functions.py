"""What it costs that functions can be left in their middle."""

from __future__ import annotations

import ast
import linecache
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.loops import HOUR, TIMED
from benchmarks.measure import Row, best_of
from colab_guard.cell.tree import parse
from colab_guard.session import Options, Session

ABOVE = """
import collections
def nothing(x):
    return x
def few(x):
    for i in five:
        pass
    return x
def many(n):
    for i in range(n):
        pass
class Model:
    def few(self, x):
        for i in five:
            pass
        return x
five, model, counter = range(5), Model(), collections.Counter()
"""


def notebook() -> dict[str, Any]:
    """A notebook's variables after its first cell."""
    linecache.cache["<above>"] = (len(ABOVE), None, ABOVE.splitlines(keepends=True), "<above>")
    namespace: dict[str, Any] = {"__name__": "__main__"}
    exec(compile(ABOVE, "<above>", "exec"), namespace)
    return namespace


def run(source: str, guarded: bool) -> float:
    """Seconds that a cell takes."""
    namespace, text = notebook(), TIMED.format(source)
    if not guarded:
        exec(compile(text, "<plain>", "exec"), namespace)
        return float(namespace["taken"])
    with tempfile.TemporaryDirectory() as folder:
        session = Session(namespace, lambda said: None, Path(folder))
        program = session.program(parse(text), text, Options("bench", HOUR))
        exec(compile(ast.fix_missing_locations(ast.Module(program, [])), "<guarded>", "exec"), namespace)
        return float(namespace["taken"])


def called_afterwards(count: int) -> Callable[[], float]:
    """Seconds that calls of a notebook's function take once a guarded cell has called it."""
    namespace = notebook()
    text = "for i in range(3):\n    x = few(i)"
    with tempfile.TemporaryDirectory() as folder:
        session = Session(namespace, lambda said: None, Path(folder))
        program = session.program(parse(text), text, Options("bench", HOUR))
        exec(compile(ast.fix_missing_locations(ast.Module(program, [])), "<guarded>", "exec"), namespace)
    code = compile(TIMED.format(f"for i in range({count}): x = few(i)"), "<plain>", "exec")

    def measure() -> float:
        exec(code, namespace)
        return float(namespace["taken"])

    return measure


def rewriting() -> float:
    """Seconds until a cell of 2,000 lines, with 200 functions, is ready to run."""
    function = (
        "def f{0}(x):\n    for i in range(3):\n        y = g(i)\n        if y: x += i\n    x += 1\n    return x\n"
    )
    calls = "for k in range(2):\n    a{0} = f{0}(1)\n    b{0} = a{0}\n    c{0} = [a{0}, b{0}]\n"
    source = "".join(function.format(n) + calls.format(n) for n in range(200))
    assert source.count("\n") == 2000
    with tempfile.TemporaryDirectory() as folder:
        session = Session({"__name__": "__main__"}, lambda said: None, Path(folder))
        begun = time.perf_counter()
        program = session.program(parse(source), source, Options("bench", HOUR))
        compile(ast.fix_missing_locations(ast.Module(program, [])), "<guarded>", "exec")
        return time.perf_counter() - begun


def rows(count: int, repeats: int) -> list[Row]:
    """The rows about functions, with ``count`` calls each."""
    out = []
    for name, source in (
        ("a call of a function without a loop", "x = nothing(i)"),
        ("a call of a function with a tiny loop", "x = few(i)"),
        ("a call of a method with a tiny loop", "x = model.few(i)"),
        ("a call of a library's method", "counter.subtract()"),
    ):
        loop = f"for i in range({count}):\n    {source}"
        base, ours = best_of(repeats, lambda s=loop: run(s, False), lambda s=loop: run(s, True))
        added = (ours - base) / count * 1e9
        each = f"{ours / count * 1e9:.0f} ns", f"plain {base / count * 1e9:.0f} ns"
        out.append(Row(f"{name}, in the innermost loop", *each, added, "ns added", 300))
    inside = f"many({count * 10})"
    base, again, ours = best_of(repeats, *[lambda g=guarded: run(inside, g) for guarded in (False, False, True)])
    out.append(Row("a loop in a function, empty body", f"{ours:.3f} s", f"plain {base:.3f} s", ours / base, "×", 1.5))
    out.append(Row("– A/A: the plain function beside itself", f"{again:.3f} s", f"{base:.3f} s", again / base, "×"))
    plainly = f"for i in range({count}): x = few(i)"
    base, again, ours = best_of(
        2 * repeats, lambda: run(plainly, False), lambda: run(plainly, False), called_afterwards(count)
    )
    out.append(Row("a function after a guarded cell called it", f"{ours:.3f} s", f"{base:.3f} s", ours / base, "×"))
    out.append(Row("– A/A: before", f"{again:.3f} s", f"{base:.3f} s", again / base, "×"))
    (ready,) = best_of(repeats, rewriting)
    name = "a cell of 2,000 lines with 200 functions, until it runs"
    out.append(Row(name, f"{ready * 1e3:.0f} ms", "", ready * 1e3, "ms", 300))
    return out
