"""Kills a cell, in this process, at its n-th safe point, and carries it on from what was taken there.

The rewriting, the pickle, the loading and the residual program are the real ones; what this can't show is
the death of a process: tests/chaos does that.
"""

from __future__ import annotations

import ast
import linecache
import random
from collections.abc import Iterator
from typing import Any

from colab_guard.capture.contexts import enter_again
from colab_guard.capture.iterables import begin
from colab_guard.capture.process import process_state, set_process_state
from colab_guard.capture.select import names_in
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
        self.namespace, self.source, self.module, self.left = namespace, source, parse(source), dies_at
        self.rewriter = Rewriter()
        self.held: Held | None = None
        self.cursor: Path = ()
        self.values: dict[str, Any] = {}
        self.own = frozenset(node.name for node in ast.walk(self.module) if isinstance(node, Definition))

    def execute(self, body: list[ast.stmt]) -> None:
        self.namespace |= {RUN: self, ITER: begin, WANTED: True}
        # As IPython does it: a generator's source is looked up by the name of the code's file.
        linecache.cache["<cell>"] = (len(self.source), None, self.source.splitlines(keepends=True), "<cell>")
        program = [at(ast.Global([WANTED]), self.module.body[0]), *body]
        exec(compile(ast.fix_missing_locations(ast.Module(program, [])), "<cell>", "exec"), self.namespace)

    def point(self, number: int) -> None:
        self.left -= 1
        if self.left:
            return
        self.cursor = self.rewriter.points[number].path
        hidden = hidden_at(self.module, self.cursor)
        self.held = Held(take(self.namespace, names_in(self.module), hidden, self.own))
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


def plain(source: str, above: str = "") -> dict[str, Any]:
    """The variables at the end of the cell, run as Python runs it."""
    random.seed(7)
    namespace: dict[str, Any] = {"__name__": "__main__"}
    exec(above, namespace)
    exec(compile(source, "<cell>", "exec"), namespace)
    return _end(namespace)


def lives(source: str, above: str = "", stride: int = 1) -> Iterator[tuple[int, dict[str, Any]]]:
    """For each safe point, the end of a run that died there, and again ``stride`` points further, and so on."""
    count = 0
    while True:
        count += 1
        random.seed(7)
        namespace: dict[str, Any] = {"__name__": "__main__"}
        exec(above, namespace)
        run = DyingRun(namespace, source, count)
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
        if not deaths:
            return
        yield count, _end(run.namespace)
        _end_workers(run.namespace)


def _next_life(dead: DyingRun, source: str, above: str, stride: int) -> tuple[DyingRun, list[ast.stmt]]:
    random.seed()
    _end_workers(dead.namespace)
    namespace: dict[str, Any] = {"__name__": "__main__"}
    exec(above, namespace)
    run = DyingRun(namespace, source, stride)
    assert dead.held is not None
    load = Load(dead.held, namespace, run.own)
    run.values = load.variables(dead.held.names)
    load.put_in_place()
    return run, residual(run.module, dead.cursor, run.rewriter, redefined=frozenset(), new_machine=False)


def _end_workers(namespace: dict[str, Any]) -> None:
    # They would end with their process; here they would live until some collection of garbage, which waits for them.
    for name in [name for name, value in namespace.items() if is_hidden(name) or hasattr(value, "num_workers")]:
        del namespace[name]


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
