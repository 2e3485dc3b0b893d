"""Kills a cell, in this process, at its n-th safe point, and carries it on from what was taken there.

The rewriting, the pickle, the loading and the residual program are the real ones; what this can't show is
the death of a process: tests/chaos does that.
"""

from __future__ import annotations

import ast
import functools
import linecache
import random
import types
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path as FilePath
from typing import Any, NoReturn

import cloudpickle

from colab_guard.capture.iterables import begin
from colab_guard.capture.pickler import Unsaveable
from colab_guard.capture.process import process_state
from colab_guard.capture.select import names_in, sharers
from colab_guard.capture.take import Taken
from colab_guard.cell.guarded import Cell
from colab_guard.cell.residual import residual
from colab_guard.cell.rewrite import Rewriter, at
from colab_guard.cell.tree import ITER, RUN, WANTED, is_hidden, parse
from colab_guard.core.settings import AUTO
from colab_guard.resume.plan import Plan, apply, load
from colab_guard.running.run import Run
from colab_guard.running.stack import Broken, Frame
from colab_guard.running.standing import Place
from colab_guard.session import Options, Session, defined_names


class Died(BaseException):
    """The cell has reached the safe point at which it is to die."""


class Held:
    """A snapshot's blobs, held in memory."""

    def __init__(self, taken: Taken) -> None:
        self._hold(taken.names, (taken.skeleton, taken.table, *taken.memory))

    @classmethod
    def of(cls, names: Sequence[str], blobs: Sequence[Any]) -> Held:
        """What was about to be committed."""
        held = cls.__new__(cls)
        held._hold(names, blobs)
        return held

    def _hold(self, names: Sequence[str], blobs: Sequence[Any]) -> None:
        self.names, self._blobs = names, [bytes(blob) for blob in blobs]

    def read(self, number: int, into: memoryview | None = None) -> memoryview:
        if into is None:
            return memoryview(bytearray(self._blobs[number]))
        into[:] = self._blobs[number]
        return into

    def take(self, number: int) -> None:
        return None

    def size_bytes(self, number: int) -> int:
        return len(self._blobs[number])


class DyingRun(Run):
    """A run that dies at the ``dies_at``-th safe point it passes, and never writes."""

    def __init__(self, namespace: dict[str, Any], source: str, dies_at: int, plan: Plan | None = None) -> None:
        cell = _cell(source)
        super().__init__(
            cell, AUTO, _no_store, namespace, "", _quiet, plan=plan, defined=defined_names(namespace, cell.module)
        )
        self.left = dies_at
        self.body: dict[str, Any] = {}
        self.held: Held | None = None
        self.from_held: Held | None = None

    def statements(self) -> list[ast.stmt]:
        """The cell rewritten, or what is left of it."""
        rewriter = Rewriter(defined=self.defined)
        if self.plan is None:
            body = rewriter.top(self.cell.module.body)
        else:
            assert self.plan.cursor is not None, "only cells that died are carried on"
            body = residual(self.cell.module, self.plan.cursor, rewriter, in_call=bool(self.plan.levels))
        self.points = rewriter.points
        return [at(ast.Global([WANTED]), self.cell.module.body[0]), *body]

    def execute(self) -> None:
        """Runs the cell, or what is left of it."""
        program = self.statements()
        names = names_in(self.cell.module)
        self._names = names | sharers(self.namespace, names)
        self.namespace |= {RUN: self, ITER: begin, WANTED: True}
        _publish("<cell>", self.cell.source)
        exec(compile(ast.fix_missing_locations(ast.Module(program, [])), "<cell>", "exec"), self.namespace)

    def reached(self, frame: Frame, number: int, python: types.FrameType) -> None:
        """Dies at the point where it is to die."""
        self.left -= 1
        if self.left > 0:
            return
        here = frame.points[number]
        try:
            body, blobs = self._take(Place(frame, here.path, here.line, python), spare=False)
        except (Unsaveable, Broken):  # as in a real run: the next safe point takes the snapshot
            return
        self.body = dict(body)
        self.held = Held.of(body["names"], blobs)
        raise Died

    def restore(self) -> None:
        """Loads what the run before held."""
        assert self.plan is not None
        assert self.from_held is not None
        self.state = load(self.plan, self.from_held, self.namespace, self.cell)
        self._names = {*self.state.values, *names_in(self.cell.module)}
        apply(self.state, self.plan, self.namespace, self.cell)
        self.namespace.update(self.state.hidden)

    def _go_on(self, counted: int, saved: bool) -> None:
        self.namespace[WANTED] = True


@functools.lru_cache(maxsize=8)
def _cell(source: str) -> Cell:
    return Cell("dying", source, parse(source))


def _no_store() -> NoReturn:
    raise AssertionError("nothing is written here")


def _quiet(text: str) -> None:
    pass


def _publish(name: str, source: str) -> None:
    # As IPython does it: a function's source is looked up by the name of the code's file.
    linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)


def session_with(above: str) -> dict[str, Any]:
    """A notebook's variables after the cells above, in a new process."""
    # Which knows no class of a dead one, whose `finally` bodies ran on here while it died.
    cloudpickle.cloudpickle._DYNAMIC_CLASS_TRACKER_BY_CLASS.clear()
    cloudpickle.cloudpickle._DYNAMIC_CLASS_TRACKER_BY_ID.clear()
    namespace: dict[str, Any] = {"__name__": "__main__"}
    _publish("<above>", above)
    exec(compile(above, "<above>", "exec"), namespace)
    return namespace


def plain(source: str, above: str = "") -> dict[str, Any]:
    """The variables at the end of the cell, run as Python runs it."""
    random.seed(7)
    namespace = session_with(above)
    _publish("<cell>", source)
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
        random.seed(7)
        run = DyingRun(session_with(above), source, point or 10**9)
        deaths = 0
        while True:
            try:
                run.execute()
            except Died:
                deaths += 1
                run = _next_life(run, source, above, stride)
            else:
                break
        if choose is None and not deaths:
            return
        yield point, _end(run.namespace)
        _end_workers(run.namespace)


def count(source: str, above: str = "") -> int:
    """How many safe points a run passes that does not die."""
    random.seed(7)
    run = DyingRun(session_with(above), source, 10**9)
    run.execute()
    return 10**9 - run.left


def _next_life(dead: DyingRun, source: str, above: str, stride: int) -> DyingRun:
    random.seed()
    _end_workers(dead.namespace)
    namespace = session_with(above)
    session = Session(namespace, _quiet, FilePath("nowhere"))
    cell = _cell(source)
    plan = session._planned(cell, dead.body, 0.0, Options())
    run = DyingRun(namespace, source, stride, plan)
    run.from_held = dead.held
    return run


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
