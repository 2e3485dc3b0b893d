"""One run of an outermost loop with all that is nested in it: its snapshots, and how they are put back."""

from __future__ import annotations

import platform
import time
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from colab_guard.capture.process import machine_id, process_state, set_process_state
from colab_guard.capture.secrets import in_holes, leave_out, masked
from colab_guard.capture.take import PROCESS
from colab_guard.core.errors import UsageError
from colab_guard.core.words import ago, count_of
from colab_guard.guards.pressure import PRESSURE
from colab_guard.loops.inplace import Pair, Placing
from colab_guard.loops.level import Level
from colab_guard.loops.roots import RootLoad, RootPickler, contents, put_contents, tells_its_state
from colab_guard.loops.where import SESSION, arguments, main_namespace
from colab_guard.resume.held import Held
from colab_guard.saving import Content, Saver
from colab_guard.saving.newest import newest
from colab_guard.saving.shortage import tell_news
from colab_guard.saving.writer import FINISH_SECONDS
from colab_guard.store.manifest import Manifest


@dataclass(eq=False)
class LoopRun:
    """The loops under way, outermost first, and the snapshot that they are going on from while that lasts. Used by
    one thread of one process.
    """

    saver: Saver
    place: str
    levels: list[Level] = field(default_factory=list)
    plan: Manifest | None = None

    _resumed: int = 0  # how many of the plan's loops have begun again
    _items: int = 0
    _items_saved: int = 0
    _saved_at: float = 0.0

    # -- going on from a snapshot -----------------------------------------------------------------------

    @property
    def told(self) -> list[dict[str, Any]]:
        """The loops of the plan, outermost first."""
        return list(self.plan.body["loops"]) if self.plan else []

    def is_over(self, level: Level) -> bool:
        """Whether an inner loop that begins now had been over at the snapshot; its state is put back if so."""
        if self.plan is None or not 0 < level.depth == self._resumed:
            return False
        number = self.levels[-1].begun[level.name]
        begun = self.told[level.depth - 1]["begun"].get(level.name, 0)
        under_way = self.told[level.depth]["name"]
        if under_way == level.name and number == begun:
            return False
        if number <= begun:
            self._put_back([*self._all(), level], self._load([*self._all(), level]))
            self.levels[-1].ended.append(level)
            return True
        raise UsageError(
            f"The snapshot of {self.levels[0].name!r} was taken inside of its loop {under_way!r}, but the loop "
            f"{level.name!r} comes first here. Undo the change of the code, or start over with fresh=True."
        )

    def resume(self, level: Level) -> bool:
        """Begins a loop where the snapshot left it, if it is the plan's next one; whether it was."""
        if self.plan is None or level.depth != self._resumed:
            return False
        told = self.told[level.depth]
        level.check(told)
        loaded = self._load([*self._all(), level])
        if told["replays"]:
            level.replay(told, loaded[1][f"{level.key} entry"])
        level.count = told["count"]
        self._put_back([*self._all(), level], loaded)
        self._resumed += 1
        if self._resumed == len(self.told):
            self._say_resumed()
            level.begun = dict(told["begun"])
            self.plan = None
            self._mark()
        elif not told["replays"]:
            level.item = loaded[1][f"{level.key} item"]
        return True

    def find_plan(self, level: Level) -> None:
        """Looks for the newest snapshot that the outermost loop is to go on from. Raises UsageError where it is of
        a run with other arguments, StoreError where it can't be read.
        """
        manifest = self._newest()
        if manifest is None:
            return
        body = manifest.body
        finished, told = body["cursor"] is None, body["loops"]
        if finished and body["session"] == SESSION:
            return
        if not finished and len(told) == 1 and told[0]["count"] == 0:
            return  # nothing of it had run, and the code before it may have been mended since
        if body["arguments"] != arguments():
            raise UsageError(
                f"The loop {level.name!r} ran with the arguments {body['arguments']}, and now they are {arguments()}. "
                f"Nothing was run. Give the same ones to go on with it; for runs side by side put what differs into "
                f"the loop's name; fresh=True, or COLAB_GUARD_FRESH=1, starts over."
            )
        self.plan = manifest

    def _newest(self) -> Manifest | None:
        """The newest snapshot that reads back well. Raises StoreError where there may be one that can't be read."""
        held = Held()
        manifest = newest(self.saver, self.place, "snapshots", held.hold)
        self.saver.held = held
        return manifest

    def waits(self, level: Level) -> bool:
        """Whether an inner loop of ``level`` is still to be gone on with."""
        return self.plan is not None and self._resumed == level.depth + 1 < len(self.told)

    def put_back_finished(self, level: Level) -> None:
        """Puts back what the plan's loop left behind when it ended."""
        assert self.plan is not None, "that is what is put back"
        level.check(self.told[0])
        self._put_back([level], self._load([level]))
        self.saver.say(
            f"{level.name} finished earlier ({self._age()}): it is passed over, and its state put back. To run it "
            f"again: fresh=True, or COLAB_GUARD_FRESH=1 for all loops."
        )

    def _load(self, levels: list[Level]) -> tuple[RootLoad, dict[str, Any]]:
        assert self.plan is not None, "only a plan is loaded"
        roots = {key: root for level in levels for key, root in level.roots().items()}
        load = RootLoad(self.saver.blobs(self.plan), main_namespace(), roots)
        names, keys = self.plan.body["names"], {PROCESS, *(level.key for level in levels)}
        needed = [index for index, name in enumerate(names) if name.partition(" ")[0] in keys]
        return load, load.variables(names[: max(needed) + 1])

    def _put_back(self, levels: list[Level], loaded: tuple[RootLoad, dict[str, Any]]) -> None:
        """The state of ``levels``, from one load, so that what they share they share again."""
        load, values = loaded
        pairs, by_protocol, filled = list[Pair](), list[tuple[Any, Any]](), list[tuple[Any, Any]]()
        for level in levels:
            for key, root in level.contents().items():
                if key not in values:
                    continue
                if tells_its_state(root):
                    by_protocol.append((root, values[key]))
                else:
                    filled.append((root, contents(root)))
                    pairs.append(Pair(filled[-1][1], values[key], f"{key} ({type(root).__qualname__})"))
            if level in self.levels and f"{level.key} item" in values:
                pairs.append(Pair(level.item, values[f"{level.key} item"], "", must=False))
        placing = Placing(pairs)
        load.put_in_place()
        placing.fill()
        for root, held in filled:
            put_contents(root, held)
        load.filled()
        for root, value in by_protocol:
            root.load_state_dict(value)
        for level in levels:
            if not level.replays and f"{level.key} iterator" in values:
                level.iterator = values[f"{level.key} iterator"]
        set_process_state(values[PROCESS])

    def _all(self) -> list[Level]:
        """The loops under way, and those in them that are over since an item of theirs began."""
        return [one for level in self.levels for one in (level, *level.ended)]

    def _age(self) -> str:
        assert self.plan is not None, "that is whose age it is"
        return ago(time.time() - self.plan.created)

    def _say_resumed(self) -> None:
        *outer, last = self.told
        inside = "".join(f"inside of item {told['count']} of {told['name']}, " for told in outer)
        self.saver.say(
            f"{last['name']} goes on {inside}behind item {last['count']}, from the snapshot of {self._age()}."
        )

    # -- snapshots --------------------------------------------------------------------------------------

    def gave(self, level: Level, item: Any) -> None:
        """A loop gives an item."""
        self._items += 1
        level.gave(item)

    def warn_of_what_outlives(self, level: Level) -> None:
        """Says what an inner loop holds that is not made anew in each item of the loop around it."""
        before = {id(root) for root in self.levels[-1].before.get(level.key, ())}
        held = {id(root) for outer in self.levels for root in outer.contents().values()}
        if names := [key for key, root in level.contents().items() if id(root) in before - held]:
            self.saver.say_once(
                f"{', '.join(names)} lives longer than an item of {self.levels[-1].name}: give it to the state= of "
                f"that loop, or it is not put back when a snapshot was taken between two of its items."
            )

    def save_if_due(self, level: Level) -> None:
        """A snapshot, where the interval of the loop that asks is over."""
        tell_news(self.saver, main_namespace())
        every = level.interval.after(self.saver.stall_seconds)
        if every.iterations is not None:
            due = self._items - self._items_saved >= every.iterations
        else:
            due = every.seconds is not None and time.monotonic() - self._saved_at >= every.seconds
        PRESSURE.look_if_near()
        if due or PRESSURE.rescue_wanted:
            self.save()

    def save(self, *, finished: bool = False) -> None:
        """A snapshot of all loops under way, or of how the outermost ended."""
        patient = finished or self.levels[-1].interval.iterations is not None
        again = "" if finished else " The loop goes on, and tries again."
        wait_seconds, rescue = FINISH_SECONDS if patient else 0.0, PRESSURE.rescue_wanted
        self.saver.save(partial(self._take, finished), again, wait_seconds, rescue=rescue)
        self._mark()
        if finished:
            self.saver.finish()
            self.saver.tell_end()

    def _mark(self) -> None:
        self._saved_at, self._items_saved = time.monotonic(), self._items
        PRESSURE.ask(self, _nothing, _nothing)  # who goes through items asks by itself

    def _take(self, finished: bool, spare: bool) -> Content:
        while True:
            if (pickler := self._pickled(finished, spare)) is None:
                continue
            secrets = leave_out(pickler)
            if not in_holes(pickler, secrets):
                break
            spare = False  # only in the pickles can it be masked
        self.saver.say_once(*secrets.remarks)
        skeleton = pickler.cut(secrets)
        table, memory = pickler.regions.blobs(spare=spare)
        body: dict[str, Any] = {
            "source": "",
            "cursor": None if finished else {"frames": []},
            "loops": [level.told() for level in self.levels],
            "line": self.levels[-1].line,
            "names": list(pickler.added),
            "hidden": [],
            "notes": list(pickler.notes),
            "session": SESSION,
            "arguments": arguments(),
            "python": platform.python_version(),
            "machine": machine_id(),
        }
        return masked(body, secrets.values), [skeleton, table, *memory]

    def _pickled(self, finished: bool, spare: bool) -> RootPickler | None:
        """Everything in the order in which it is needed again, so that a loop that begins can load what is there for
        it and those before it; None where an iterator turned out not to be one that can be saved.
        """
        pickler = RootPickler(main_namespace(), frozenset())
        pickler.pickles.spare = spare
        pickler.add(PROCESS, process_state(), strict=True)
        for level in self._all():
            pickler.know(level.roots())
            if level in self.levels and not finished and not self._add_place(pickler, level):
                return None
            for key, root in level.contents().items():
                pickler.add_contents(key, root)
        return pickler

    def _add_place(self, pickler: RootPickler, level: Level) -> bool:
        """Where a loop stands; False where its iterator turns out not to be one that can be saved."""
        if level.replays:
            pickler.add(f"{level.key} entry", level.entry(), strict=True)
            return True
        try:
            pickler.add(f"{level.key} iterator", level.iterator, strict=True)
            if level is not self.levels[-1]:
                pickler.add(f"{level.key} item", level.item, strict=True)
        except Exception as error:  # noqa: BLE001 - whatever a class's own pickling raises
            level.replays = True
            self.saver.say(
                f"the place of the loop {level.name!r} in {level.over} can't be saved ({error}): to go on there, its "
                f"{count_of(level.count, 'item')} will be gone through again."
            )
            return False
        return True


def _nothing() -> None:
    pass
