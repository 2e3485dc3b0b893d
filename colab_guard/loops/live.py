"""The iterator behind ``cg.loop``: begins, goes on, and notices how the loop was left."""

from __future__ import annotations

import inspect
import opcode
import os
import sys
import threading
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any, Generic, NoReturn, TypeVar

from colab_guard.capture import loaders
from colab_guard.cell.naming import check_name
from colab_guard.core.config import setting
from colab_guard.core.errors import UsageError
from colab_guard.core.keys import Keyring
from colab_guard.core.places import described
from colab_guard.core.settings import from_environment, parse_interval
from colab_guard.guards.pressure import PRESSURE
from colab_guard.loops import where
from colab_guard.loops.level import Level
from colab_guard.loops.run import LoopRun
from colab_guard.saving import Saver
from colab_guard.saving.writer import BEGIN_SECONDS
from colab_guard.tiers.opening import repository

T = TypeVar("T")
EVERY = "auto"


@dataclass(frozen=True)
class Loop(Generic[T]):
    """What ``cg.loop`` returns: the iterable, to be gone through once or, as another loop each time, again."""

    iterable: Iterable[T]
    name: str
    every: str | None
    state: Sequence[Any]
    store: str | os.PathLike[str] | None
    fresh: bool
    trust: bool = False

    def __iter__(self) -> Iterator[T]:
        if where.in_guarded_cell():
            return iter(self.iterable)  # that cell saves and resumes its loops itself
        return Live(self)

    def __len__(self) -> int:
        return len(self.iterable)  # type: ignore[arg-type]


class _Thread(threading.local):
    """The run under way in each thread."""

    def __init__(self) -> None:
        self.run: LoopRun | None = None
        self.execution = 0


_thread = _Thread()
_names: dict[str, Level] = {}  # of all live loops of this process
_begun: defaultdict[tuple[int, str], int] = defaultdict(int)  # outermost loops, by execution and name


class Live(Iterator[T]):
    """A loop under way. Only the process and thread that asked for its first item save it."""

    _run: LoopRun
    _level: Level

    def __init__(self, loop: Loop[T]) -> None:
        self._loop: Loop[T] | None = loop
        self._rest: Iterator[T] | None = None  # what is left, where somebody else asks
        self._owner = (0, 0)

    def __next__(self) -> T:
        if self._loop is not None:
            loop, self._loop = self._loop, None
            if not self._begin(loop, sys._getframe(1).f_lineno):
                self._rest = iter(())
            elif self._run.waits(self._level):
                return self._level.item  # type: ignore[no-any-return]
        elif self._rest is None:
            if self._owner != (os.getpid(), threading.get_ident()):
                return next(self._level.iterator)  # type: ignore[no-any-return]
            self._close_inner()
            self._run.save_if_due(self._level)
        if self._rest is not None:
            return next(self._rest)
        try:
            item = next(self._level.iterator)
        except StopIteration:
            self._end(finished=True)
            raise
        self._run.gave(self._level, item)
        return item  # type: ignore[no-any-return]

    def __del__(self) -> None:
        if self._loop is not None or self._rest is not None or sys.is_finalizing():
            return
        if self._owner == (os.getpid(), threading.get_ident()):
            self._end(finished=left_on_purpose(sys._getframe(1)))

    def __reduce__(self) -> NoReturn:
        raise TypeError("a cg.loop that is under way can't be pickled; give it the name of its own loop instead")

    # -- begin and end ----------------------------------------------------------------------------------

    def _begin(self, loop: Loop[T], line: int) -> bool:
        """Whether there is something to go through."""
        self._rest = iter(())  # until it is sure: what goes wrong here ends the loop
        outer = _current()
        name = check_name(loop.name)
        if name in _names:
            raise UsageError(
                f"Two loops called {name!r} would be under way at once, and their snapshots mixed up. Give one of "
                f"them another name; or `del` the first, if it was left and is still held by a variable."
            )
        if outer is None:
            run = self._outermost(loop, line)
            if run is None:
                return False
        else:
            run = outer
            self._level = _inner(run, loop, line)
            if run.is_over(self._level):
                return False
            run.warn_of_what_outlives(self._level)
        level = self._level
        loaders.watch()
        if not run.resume(level):
            level.iterator = iter(loop.iterable)
        run.levels.append(level)
        self._run = _thread.run = run
        _names[name] = level
        self._owner, self._rest = (os.getpid(), threading.get_ident()), None
        if level.depth == 0 and level.count == 0:
            run.save()
            run.saver.finish(BEGIN_SECONDS)
        return True

    def _outermost(self, loop: Loop[T], line: int) -> LoopRun | None:
        """A new run, with what it is to go on from; None where it finished in an earlier process."""
        refuse_ranks()
        _begun[where.execution(), loop.name] += 1
        number = _begun[where.execution(), loop.name]
        place = described(loop.store) if loop.store is not None else where.place()
        interval = parse_interval(loop.every or setting("every", EVERY))
        self._level = level = Level(loop.name, loop.iterable, loop.state, interval, 0, loop.name, line)
        key = f"loop {where.program()} {loop.name}" + (f" {number}" if number > 1 else "")
        trust = loop.trust or bool(from_environment("TRUST", ""))
        signing = Keyring().signing(Path(place.store))
        run = LoopRun(Saver(key, partial(repository, place.store, trust=trust), where.say), place.store)
        fresh = loop.fresh or bool(from_environment("FRESH", ""))
        if not fresh:
            run.find_plan(level)
        if run.plan is None:
            afresh = " afresh. Take fresh=True out again, or a death will start it over" if fresh else ""
            where.say(
                f"{loop.name} started{afresh}, snapshots every {interval} to {place.store} ({place.survives})."
                f"{signing.warning(place)}"
            )
        elif run.plan.body["cursor"] is None:
            run.put_back_finished(level)
            return None
        return run

    def _close_inner(self) -> None:
        """The body of an item is over, so what began in it is."""
        run, level = self._run, self._level
        if level not in run.levels:
            raise UsageError(
                f"The loop {level.name!r} began inside of an item of another loop, and was gone on with when that "
                f"item was over. Loops that are saved together must be nested: go through one of them without cg.loop."
            )
        if run.waits(level):
            raise UsageError(
                f"The snapshot of {level.name!r} was taken inside of its loop {run.told[level.depth + 1]['name']!r}, "
                f"which did not come again. Undo the change of the code, or start over with fresh=True."
            )
        _drop(run, level.depth + 1)

    def _end(self, *, finished: bool) -> None:
        run, level = self._run, self._level
        self._rest = iter(())
        if level not in run.levels:
            return
        _drop(run, level.depth + 1)
        if level.depth:
            run.levels[level.depth - 1].ended.append(level)
        elif finished and run.plan is None:
            run.save(finished=True)
        else:
            run.saver.finish()
            where.say(
                f"{level.name} was left before its end, in item {level.count}; started again, it goes on from its "
                f"newest snapshot."
            )
        _drop(run, level.depth)


def _inner(run: LoopRun, loop: Loop[Any], line: int) -> Level:
    outer = run.levels[-1]
    if loop.store is not None or loop.fresh or loop.trust:
        raise UsageError(
            f"The loop {loop.name!r} is inside of {run.levels[0].name!r}, whose snapshots hold it too: give store=, "
            f"fresh= and trust= to that one."
        )
    interval = parse_interval(loop.every) if loop.every else outer.interval
    number = outer.begun[loop.name] = outer.begun.get(loop.name, 0) + 1
    key = f"{outer.key}/{loop.name}" + (f"#{number}" if number > 1 else "")
    return Level(loop.name, loop.iterable, loop.state, interval, outer.depth + 1, key, line)


def _current() -> LoopRun | None:
    """The run that this thread is in. One that another execution of a notebook's cells left behind is let go of."""
    run = _thread.run
    if run is not None and _thread.execution != where.execution():
        _drop(run, 0)
        run = None
    _thread.execution = where.execution()
    return run


def refuse_ranks() -> None:
    """Raises UsageError in one of several processes that train together."""
    if int(os.environ.get("WORLD_SIZE", "1") or 1) > 1:
        raise UsageError(
            "cg.loop in one of several processes that train together (WORLD_SIZE is above 1) is not supported: their "
            "snapshots would be of different moments. Nothing was run."
        )


def left_on_purpose(frame: FrameType | None) -> bool:
    """Whether the loop in ``frame``, which lets go of its iterator at this moment, was left by ``break`` or
    ``return``: there the iterator is popped by an instruction of its own, at an exception by the unwinding. Through
    a generator around it (``tqdm``) one looks at who closed that.
    """
    while frame is not None:
        instruction = frame.f_code.co_code[frame.f_lasti]
        if instruction == opcode.opmap["POP_TOP"]:
            return True
        paused = instruction in (opcode.opmap["YIELD_VALUE"], opcode.opmap["RESUME"])
        if not (paused and frame.f_code.co_flags & inspect.CO_GENERATOR):
            return False
        frame = frame.f_back
    return False


def _drop(run: LoopRun, depth: int) -> None:
    for level in run.levels[depth:]:
        if _names.get(level.name) is level:
            del _names[level.name]
    del run.levels[depth:]
    if not run.levels:
        run.saver.release()
        PRESSURE.ask_no_more(run)
        if _thread.run is run:
            _thread.run = None
        if not _names:
            loaders.unwatch()


def _forget() -> None:
    _names.clear()
    _thread.run = None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
