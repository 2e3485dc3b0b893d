"""One run of a guarded cell: what its safe points do, and how it is resumed.

The rewritten cell holds a run as ``_cg_run`` and calls it; a flag in the namespace, ``_cg_wanted``, says
whether a safe point has anything to do. A timer thread sets the flag when a snapshot is due, an interrupt when
the cell is to pause; only the process and thread that entered the cell act on it.
"""

from __future__ import annotations

import os
import sys
import threading
import time
import types
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from colab_guard.capture import loaders, replay
from colab_guard.capture.causes import at_snapshot
from colab_guard.capture.contexts import check_context, hold
from colab_guard.capture.environment import describe
from colab_guard.capture.fingerprint import fingerprints
from colab_guard.capture.iterables import begin
from colab_guard.capture.pickler import Unsaveable
from colab_guard.capture.process import machine_id, process_state, set_process_state, set_random_state
from colab_guard.capture.secrets import masked
from colab_guard.capture.select import names_in, sharers, sharers_of_used
from colab_guard.capture.take import take
from colab_guard.cell.guarded import Cell
from colab_guard.cell.rewrite import SafePoint
from colab_guard.cell.tree import WANTED, Path, is_hidden
from colab_guard.cell.units import none_passed
from colab_guard.core.errors import Inexact, Pause
from colab_guard.core.settings import Interval
from colab_guard.resume.outputs import prepare
from colab_guard.resume.plan import Plan, State, apply, load
from colab_guard.running.alarm import Alarm
from colab_guard.running.beside import Beside
from colab_guard.running.deeper import deeper
from colab_guard.running.limit import last_call
from colab_guard.running.pausing import Kept
from colab_guard.running.postponed import Postponed
from colab_guard.running.signals import Signals, is_handled
from colab_guard.running.stack import Broken, Frame
from colab_guard.running.standing import Place, standing
from colab_guard.running.telling import differences, paused, restored, sentences, stopped
from colab_guard.saving import Content, Saver
from colab_guard.saving.shortage import stop_of_memory, tell_news
from colab_guard.saving.writer import BEGIN_SECONDS, FINISH_SECONDS, WRITER
from colab_guard.store.repository import Repository

BEGIN: Path = (("body", 0),)


@dataclass(eq=False)
class Run(Frame):
    """One run, the outermost frame of its stack; not thread-safe but for the flag that timers set."""

    cell: Cell
    interval: Interval
    open_repository: Callable[[], Repository]
    namespace: dict[str, Any]
    session_id: str
    say: Callable[[str], None]
    plan: Plan | None = None
    clock: Callable[[], float] = time.time
    repository: Repository | None = None
    rerun: frozenset[str] = frozenset()
    replay: bool = False
    exact: bool = False
    defined: frozenset[str] = frozenset()
    state: State | None = None  # what is put back; from the start, what a paused run of this cell kept
    points: list[SafePoint] = field(default_factory=list)
    hidden: list[str] = field(default_factory=list)
    beside: Beside = field(default_factory=Beside)
    causes: list[str] = field(default_factory=list)  # of inexactness, that the code shows
    finished: bool = False
    pausing: bool = False
    kept: Kept | None = None  # where this one paused
    units: dict[types.CodeType, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.run = self.parent = self
        self.saver = Saver(
            self.cell.name, self.open_repository, self.say, self.repository, (Unsaveable, Broken, Inexact), sentences,
            stored=self.beside.committed, wake=self._wake, clock=self.clock,
        )  # fmt: skip
        self._strict, self._woken, self._from_memory = self.exact, False, self.state is not None
        self._refused: Inexact | None = None
        self.iter_cell = types.CellType(begin)
        self._names: set[str] = set()
        self.alarm = Alarm(self.interval, self._flag, self._wake)
        self.signals = Signals(self._wake, partial(is_handled, self.cell.module, self.units))
        self._postponed = Postponed(lambda: self.signals.asked or self.alarm.is_rescue)

    # -- what the rewritten cell calls, beside what every frame offers -------------------------------------

    def __enter__(self) -> None:
        self._pid, self._thread = os.getpid(), threading.get_ident()
        self.namespace.update(dict.fromkeys(self.hidden))
        loaders.watch(self)
        replay.configure(replay.Settings(say=self.say, forced=self.replay))
        if self.plan is None:
            try:
                self._begin()
            except BaseException:
                self._leave()
                raise
        self.signals.watch()

    def _begin(self) -> None:
        self.saver.say_once(*sentences(self.causes))
        self._names = names_in(self.cell.module)
        self._names |= sharers(self.namespace, self._names)
        if linked := self.beside.choose(self.namespace, self._names, self.cell):
            self._names |= set(linked)
            self.say(f"linked by name, not stored: {', '.join(linked)}.")
        saved = self._save(Place(self, BEGIN, self.cell.module.body[0].lineno, sys._getframe()))
        self.saver.finish(BEGIN_SECONDS)
        self.beside.listen("")
        self._go_on(counted=0, saved=saved)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        try:
            self.signals.come_to_the_end()
            self.beside.leave()
            if kind is None:
                if self.plan is None or self.plan.cursor is not None:
                    self._save(Place(self, (("body", len(self.cell.module.body)),), 0, None))
                    self.saver.finish()
                    self.saver.tell_end("When that is mended, `%guard save` stores its variables.")
                self.finished = True
            elif not issubclass(kind, Pause):
                self.saver.finish(BEGIN_SECONDS)
                self.saver.say_once(*stopped(self.cell.name, error, self.saver.last, self.clock()))
        finally:
            self._leave()

    def _leave(self) -> None:
        unwatch = partial(loaders.unwatch, self)
        with ExitStack() as each:  # from the last on; also where an interrupt comes in between
            for step in (self.signals.unwatch, self._clear, unwatch, self.saver.release, self.alarm.off):
                each.callback(step)

    def _clear(self) -> None:
        for name in [name for name in self.namespace if is_hidden(name)]:
            del self.namespace[name]

    def context(self, line: int, manager: Any, refused: bool) -> Any:
        """A manager about to be entered; refuses one around a loop of the cell's own that can't be entered again."""
        if refused:
            check_context(manager, line, self.namespace)
        return hold(manager)

    def show(self, value: object) -> None:
        """The value of an expression that IPython would display."""
        sys.displayhook(value)

    def restore(self) -> None:
        """Puts the planned snapshot's variables back, all or none; those of a pause are there already."""
        assert self.plan is not None, "only a program made for a plan restores"
        loaders.watch(self)
        names = self.plan.names
        if self.state is None:
            assert self.saver.last is not None, "the planned snapshot"
            manifest, blobs = self.saver.last, self.saver.blobs(self.saver.last)
            with prepare(self.plan.body.get("files", {"roots": []}), manifest.blobs, self.saver.opened().read) as files:
                self.state = load(self.plan, blobs, self.namespace, self.cell, files)
            count, differs = apply(self.state, self.plan, self.namespace, self.cell)
            self.saver.settle()
            for text in restored(self.plan, self.cell.name, self.clock(), count, differs, self.state.edited):
                self.say(text)
            if self.plan.cursor is not None:
                self.saver.say_once(*sentences(self.causes))
            if self.beside.files:
                self.say(f"{files}.")
            printed = self.plan.body.get("transcript")
            self.beside.put_back(self.plan.body, "" if printed is None else bytes(blobs.read(printed)).decode())
            names = frozenset(self.state.values) | self.beside.links.fingerprints.keys()
        else:
            self.beside.listen_on()
        self._names = {*names, *names_in(self.cell.module)}
        self.namespace.update(self.state.hidden)
        if self.plan.cursor is None:
            set_process_state(self.state.process)

    def adopt(self, name: str) -> None:
        """A definition before the cursor was edited and has run."""
        if self.state is not None:
            self.namespace[name] = self.state.adopt(name, self.namespace[name])

    # -- what frames ask -----------------------------------------------------------------------------------

    def is_wanted(self) -> bool:
        """Whether the flag is up."""
        return bool(self.namespace[WANTED])

    def go_live(self) -> None:
        """The cursor is reached: loops and contexts are entered again, and the cell goes on from here."""
        assert self.state is not None, "restore() comes first"
        assert self.plan is not None, "that is where the state comes from"
        if self._from_memory:
            set_random_state(self.state.process["random"])
        else:
            set_process_state(self.state.process)
            self.saver.say_once(*(cause.text for cause in differences(self.plan, exact=self.exact)))
        self.state = None
        self._go_on(counted=1, saved=True)

    def next_level(self, frame: Frame, number: int, callee: Any) -> Callable[[], Any]:
        """The function that was under way in ``frame``'s call, standing where it stood."""
        assert self.plan is not None, "only a program made for a plan goes deeper"
        assert self.state is not None, "restore() comes first"
        return deeper(frame, number, callee, self.plan, self.state, self.defined)

    def reached(self, frame: Frame, number: int, python: types.FrameType) -> None:
        """A safe point that the flag was up at."""
        self.signals.attend()
        here = frame.points[number]
        due = self.alarm.is_due(frame.depth(), here.counts) or self.signals.asked or self._refused
        if not (due or self._woken) or (os.getpid(), threading.get_ident()) != (self._pid, self._thread):
            return
        if self._woken:
            self._woken = False
            tell_news(self.saver, self.namespace)
            if not due:
                self.alarm.lower(unless=lambda: self.signals.asked or self._woken)
                return
        if self._refused:
            raise self._refused  # again, lest an `except` of the user's swallow it
        place = Place(frame, here.path, here.line, python)
        with self.signals.doing():
            if self.signals.to_pause or self.alarm.is_stop:
                self._pause(place)
            point = (frame.unit if place.functions else None, number)
            if point in self._postponed:
                return
            try:
                saved = self._save(place)
            except (Unsaveable, Broken) as error:
                self.saver.say_once(*self._postponed.add(point, place, error))
                return  # the flag stays up
            if self.signals.to_end:
                WRITER.end_process()
        self._go_on(int(here.counts), saved)

    def _go_on(self, counted: int, saved: bool) -> None:
        """From here on no safe point has anything to do, until a snapshot is due or the cell is to pause."""
        self._postponed.clear()
        none_passed(self.units.values())
        self.alarm.set(self.saver.stall_seconds, counted, last_call(self.saver, saved))
        tell_news(self.saver, self.namespace)
        if self.signals.asked:
            self._flag(True)

    def _wake(self) -> None:
        """The writer has something to say, at the next safe point."""
        self._woken = True
        self._flag(True)

    def _flag(self, up: bool) -> None:
        self.namespace[WANTED] = up

    # -- snapshots --------------------------------------------------------------------------------------

    def _save(self, place: Place, *, pausing: bool = False) -> bool:
        """Takes a snapshot; whether that was begun. Raises Unsaveable and Broken, and nothing else."""
        again = f" The cell goes on, and tries again every {self.interval}." if place.python else ""
        # Those that are due after so many iterations, of the beginning, the end and a pause, are taken where they are.
        patient = pausing or self.interval.iterations is not None or place.path == BEGIN or not place.python
        wait_seconds, rescue = FINISH_SECONDS if patient else 0.0, self.alarm.is_rescue
        return self.saver.save(partial(self._take, place), again, wait_seconds, rescue=rescue)

    def _take(self, place: Place, spare: bool) -> Content:
        found = standing(place, self.cell, self.points, self.namespace, self.rerun)
        state, names = found.state, self._names - found.rerun
        cell, links = self.cell, self.beside.links
        own, stored = cell.own_names, cell.stored_names
        taken = take(self.namespace, names, state.hidden, own, state.levels, links, cell.source, stored, spare=spare)
        if place.path == BEGIN and (more := sharers_of_used(self.namespace, taken.names, self._names)):
            self._names |= more
            return self._take(place, spare)
        self._postponed.check(taken.awaited, midway=place.path != BEGIN and place.python is not None)
        self.saver.say_once(*taken.remarks)
        blobs, beside, notes = self.beside.blobs(taken)
        causes = at_snapshot(taken.notes, self.cell.module, self.namespace)
        if causes and self._strict:
            self._refused = Inexact(causes)
            raise self._refused
        # Two are looked at so strictly: that of the beginning, and the first in the middle.
        self._strict = self._strict and place.path == BEGIN
        body = {
            **self._about(),
            **found.body,
            **beside,
            "names": taken.names,
            "notes": [*(cause.text for cause in causes), *notes],
            "environment": describe(taken.packages),
        }
        return masked(body, taken.secrets), blobs

    def _about(self) -> dict[str, Any]:
        """What a manifest says wherever the cell stands."""
        return {"source": self.cell.source, "session": self.session_id, "machine": machine_id()}

    def _pause(self, place: Place) -> None:
        """Leaves the cell here, to be gone on with from memory. Raises Pause, or comes back where that can't be."""
        try:
            found = standing(place, self.cell, self.points, self.namespace, self.rerun)
            saved = self._save(place, pausing=True) and self.saver.finish()
        except (Unsaveable, Broken):
            return
        state = replace(found.state, process=process_state())
        marks = fingerprints(self.namespace, self._names, self.cell.own_names)
        self.kept = Kept({**self._about(), **found.body}, self.clock(), state, frozenset(self._names), marks)
        self.pausing, why = True, stop_of_memory() if self.alarm.is_stop else ""
        raise Pause(paused(self.cell.name, str(place), saved=saved, why=why))
