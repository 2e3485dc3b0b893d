"""Kills a cell, in this process, at its n-th safe point, and carries it on from what was taken there.

The rewriting, the pickle, the loading and the residual program are the real ones; what this can't show is
the death of a process: tests/chaos does that.
"""

from __future__ import annotations

import ast
import functools
import linecache
import random
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import cloudpickle

from colab_guard.capture.contexts import enter_again
from colab_guard.capture.pickler import Unsaveable
from colab_guard.capture.process import process_state, set_process_state
from colab_guard.capture.select import names_in, sharers
from colab_guard.capture.take import PROCESS, Taken, take
from colab_guard.cell.edits import Definition
from colab_guard.cell.residual import residual
from colab_guard.cell.rewrite import Rewriter, at
from colab_guard.cell.tree import ITER, RUN, WANTED, Path, hidden_at, is_hidden, parse
from colab_guard.resume.loading import Load


class Died(BaseException):
    """The cell has reached the safe point at which it is to die."""


class Held:
    """A snapshot's blobs, held in memory."""

    def __init__(self, taken: Taken) -> None:
        self.names = taken.names
        self._blobs = [bytes(blob) for blob in (taken.skeleton, taken.table, *taken.memory)]

    def read(self, number: int, into: memoryview | None = None) -> memoryview:
        if into is None:
            return memoryview(bytearray(self._blobs[number]))
        into[:] = self._blobs[number]
        return into

    def size_bytes(self, number: int) -> int:
        return len(self._blobs[number])


class DyingRun:
    """Stands in for ``colab_guard.run.Run``: dies at the ``dies_at``-th safe point it passes."""

    def __init__(self, namespace: dict[str, Any], source: str, dies_at: int) -> None:
        self.namespace, self.source, self.left = namespace, source, dies_at
        self.module, names, self.own = _read(source)
        self.names = names | sharers(namespace, names)
        self.rewriter = Rewriter()
        self.passed = 0
        self.held: Held | None = None
        self.cursor: Path = ()
        self.values: dict[str, Any] = {}

    def execute(self, body: list[ast.stmt]) -> None:
        self.namespace |= {RUN: self, ITER: iter, WANTED: True}
        _show(self.source, "<cell>")
        program = [at(ast.Global([WANTED]), self.module.body[0]), *body]
        exec(compile(ast.fix_missing_locations(ast.Module(program, [])), "<cell>", "exec"), self.namespace)

    def point(self, number: int) -> None:
        self.left -= 1
        self.passed += 1
        if self.left > 0:
            return
        self.cursor = self.rewriter.points[number].path
        hidden = hidden_at(self.module, self.cursor)
        try:
            self.held = Held(take(self.namespace, self.names, hidden, self.own))
        except Unsaveable:  # as in a real run: the next safe point takes the snapshot
            return
        raise Died

    def restore(self) -> None:
        self.namespace |= self.values

    def live(self) -> None:
        set_process_state(self.values[PROCESS])

    def imported(self) -> None:
        """Nothing to watch for here."""

    def context(self, line: int, manager: Any) -> Any:
        return manager

    def again(self, line: int, manager: Any) -> Any:
        return enter_again(manager)


@functools.lru_cache(maxsize=8)
def _read(source: str) -> tuple[ast.Module, set[str], frozenset[str]]:
    """A cell's tree, the names it uses, and those of its definitions; the same for all lives."""
    module = parse(source)
    own = frozenset(node.name for node in ast.walk(module) if isinstance(node, Definition))
    return module, names_in(module), own


def plain(source: str, above: str = "") -> dict[str, Any]:
    """The variables at the end of the cell, run as Python runs it."""
    namespace = _begin(above)
    exec(compile(source, "<cell>", "exec"), namespace)
    return _end(namespace)


def lives(
    source: str, above: str = "", stride: int = 1, choose: Callable[[int], Iterable[int]] | None = None
) -> Iterator[tuple[int, dict[str, Any]]]:
    """For each safe point, the end of a run that died there, and again ``stride`` points further, and so on.

    ``choose`` gets the number of safe points and says at which of them (from 1 on; 0: none) to die first.
    Where a safe point can't be left, the death is at the next one that can.
    """
    for point in range(1, 10**9) if choose is None else choose(count(source, above)):
        run = DyingRun(_begin(above), source, point or 10**9)
        body = run.rewriter.top(run.module.body)
        deaths = 0
        while True:
            try:
                run.execute(body)
            except Died:
                deaths += 1
                run, body = _next_life(run, source, above, stride)
            else:
                break
        if choose is None and not deaths:
            return
        yield point, _end(run.namespace)


def count(source: str, above: str = "") -> int:
    """How many safe points a run passes that does not die."""
    run = DyingRun(_begin(above), source, 10**9)
    run.execute(run.rewriter.top(run.module.body))
    return run.passed


def _begin(above: str) -> dict[str, Any]:
    """The namespace of a new process, after the cells above."""
    random.seed(7)
    # A new process knows no class of a dead one, whose `finally` bodies ran on here while it died.
    cloudpickle.cloudpickle._DYNAMIC_CLASS_TRACKER_BY_CLASS.clear()
    cloudpickle.cloudpickle._DYNAMIC_CLASS_TRACKER_BY_ID.clear()
    namespace: dict[str, Any] = {"__name__": "__main__"}
    _show(above, "<above>")
    exec(compile(above, "<above>", "exec"), namespace)
    return namespace


def _show(source: str, name: str) -> None:
    # As IPython does it: a generator's source is looked up by the name of the code's file.
    linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)


def _next_life(dead: DyingRun, source: str, above: str, stride: int) -> tuple[DyingRun, list[ast.stmt]]:
    namespace = _begin(above)
    random.seed()
    run = DyingRun(namespace, source, stride)
    assert dead.held is not None
    load = Load(dead.held, namespace, run.own)
    run.values = load.variables(dead.held.names)
    load.put_in_place()
    return run, residual(run.module, dead.cursor, run.rewriter, redefined=frozenset(), new_machine=False)


def _end(namespace: dict[str, Any]) -> dict[str, Any]:
    process = process_state()["random"]
    end = {
        name: value
        for name, value in namespace.items()
        if not is_hidden(name) and not name.startswith("__") and not callable(value) and not _is_module(value)
    }
    return end | {"<random>": process["random"]}


def _is_module(value: object) -> bool:
    return type(value).__name__ == "module"
