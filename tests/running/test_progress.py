"""Where a guarded cell stands, as another thread reads it while the cell runs: real cells, in this process."""

from __future__ import annotations

import ast
import gc
import linecache
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from colab_guard.cell.tree import parse
from colab_guard.core.settings import AUTO, Interval
from colab_guard.running.progress import Progress, progress, running
from colab_guard.session import Options, Session

NAMESPACES: list[dict[str, Any]] = []
SEEN: list[Progress] = []
IN_FUNCTIONS = sys.version_info >= (3, 12)


def looks(tmp_path: Path, cell: str, above: str = "", every: Interval = AUTO) -> list[Progress]:
    """What another thread sees at each ``look()`` of a cell."""
    namespace: dict[str, Any] = {"__name__": "__main__", "look": look}
    NAMESPACES.append(namespace)
    SEEN.clear()
    execute(above, namespace, "<above>", lambda source: ast.parse(source).body)
    session = Session(namespace, lambda text: None, str(tmp_path / "store"))
    execute(cell, namespace, "<cell>", lambda source: session.program(parse(source), source, Options("cell", every)))
    assert running(namespace) is None
    return list(SEEN)


def look() -> None:
    """What the cells call; a function of a module, so that a resume does not bring another one."""
    thread = threading.Thread(target=see, name="colab_guard-test")
    thread.start()
    thread.join()


def see() -> None:
    run = running(NAMESPACES[-1])
    assert run is not None
    SEEN.append(progress(run))


def execute(source: str, namespace: dict[str, Any], filename: str, rewrite: Callable[[str], list[ast.stmt]]) -> None:
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
    module = ast.fix_missing_locations(ast.Module(rewrite(source), []))
    exec(compile(module, filename, "exec"), namespace)


def loops(found: Progress) -> list[list[Any]]:
    return [[loop.name, loop.index, loop.total] for loop in found.loops]


def test_nested_loops_are_told_with_the_line_of_the_cell(tmp_path):
    found = looks(tmp_path, "for epoch in range(2):\n    for i, batch in enumerate('abc'):\n        look()\nlook()\n")
    assert [one.line for one in found] == [3] * 6 + [4]
    assert [loops(one) for one in found[:6]] == [
        [["epoch", epoch, 2], ["(i, batch)", batch, 3]] for epoch in (1, 2) for batch in (1, 2, 3)
    ]
    assert loops(found[6]) == []


OWN = """
START, ITEMS = 1, [1, 2, 3]
class Own:
    def __len__(self):
        raise AssertionError("a class of the notebook's is not asked")
    def __iter__(self):
        return Two()
class Two:
    left = 2
    def __iter__(self):
        return self
    def __next__(self):
        self.left -= 1
        if self.left < 0:
            raise StopIteration
        return self.left
"""


@pytest.mark.parametrize(
    ("iterable", "total"),
    [
        ("range(10, 40, 10)", 3),
        ("range(START, len(ITEMS) * 2 - 3)", 2),
        ("[1, 2, 3]", 3),
        ("(1, 2, 3)", 3),
        ("{'a': 1, 'b': 2}", 2),
        ("{'a': 1, 'b': 2}.items()", 2),
        ("{1, 2, 3}", 3),
        ("'été'", 3),
        ("b'abc'", 3),
        ("reversed([1, 2, 3, 4])", 4),
        ("reversed((1, 2, 3))", 3),
        ("enumerate([1, 2, 3], 5)", 3),
        ("enumerate(reversed([1, 2]))", 2),
        ("zip([1, 2, 3], 'ab')", 2),
        ("map(str, [1, 2])", 2),
        ("iter([1, 2, 3])", 3),
        ("Own()", None),
    ],
)
def test_each_kind_of_loop_is_counted(tmp_path, iterable, total):
    found = [loops(one) for one in looks(tmp_path, f"for x in {iterable}:\n    look()\n", OWN)]
    assert found == [[["x", index, total]] for index in range(1, (total or 2) + 1)]


def test_a_loop_that_can_not_be_counted_is_left_out(tmp_path):
    cell = "for x in (x for x in [1, 2]):\n    for y in 'a':\n        look()\n"
    assert [loops(one) for one in looks(tmp_path, cell)] == [[["y", 1, 1]]] * 2


def test_a_range_whose_numbers_the_loop_has_changed_to_nonsense_is_left_out(tmp_path):
    cell = "step = 1\nfor i in range(0, 3, step):\n    step = {}\n    look()\n"
    for nonsense in ("0", "-1", "10**30"):
        found = looks(tmp_path, cell.format(nonsense))
        assert [one.line for one in found] == [4] * 3


def test_loops_of_functions_are_told_behind_those_of_the_cell(tmp_path):
    above = "def train(epoch):\n    for batch in range(2):\n        inner([batch])\n"
    above += "def inner(xs):\n    for x in xs:\n        look()\n"
    found = [loops(one) for one in looks(tmp_path, "for epoch in range(2):\n    train(epoch)\n", above)]
    inside = [[["batch", batch, 2], ["x", 1, 1]] if IN_FUNCTIONS else [] for batch in (1, 2)]
    assert found == [[["epoch", epoch, 2], *inner] for epoch in (1, 2) for inner in inside]


def test_a_look_keeps_nothing_of_a_function_alive(tmp_path):
    above = "class Thing:\n    pass\ndef use(refs):\n    for x in range(2):\n        thing = Thing()\n"
    above += (
        "        refs.append(weakref.ref(thing))\n        look()\n        del thing\n        alive.append(refs[-1]())\n"
    )
    above = "import weakref\nalive = []\n" + above
    cell = "refs = []\nuse(refs)\nassert alive == [None, None], alive\n"
    gc.disable()
    try:
        assert len(looks(tmp_path, cell, above)) == 2
    finally:
        gc.enable()


def test_a_cell_deep_in_a_recursion_still_tells_its_own_loops(tmp_path):
    above = "import sys\nsys.setrecursionlimit(5000)\ndef deep(n):\n    return look() if n == 0 else deep(n - 1)\n"
    (found,) = looks(tmp_path, "for x in range(1):\n    y = [deep(1500)]\n", above)
    assert loops(found) == [["x", 1, 1]]
    assert found.line is None
