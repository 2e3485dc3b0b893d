"""One run of a guarded cell: what its safe points do, and how it is resumed.

The rewritten cell holds a run as ``_cg_run`` and calls it; a flag in the namespace, ``_cg_wanted``, says
whether a safe point has anything to do. A timer thread sets the flag when a snapshot is due; only the process
and thread that entered the cell act on it.
"""

from __future__ import annotations

import os
import platform
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import xxhash

from colab_guard.capture import functions, loaders
from colab_guard.capture.contexts import check_context, enter_again
from colab_guard.capture.memory import SMALL_BYTES
from colab_guard.capture.pickler import Unsaveable
from colab_guard.capture.process import machine_id, set_process_state
from colab_guard.capture.select import names_in, sharers
from colab_guard.capture.standin import StandIn
from colab_guard.capture.take import PROCESS, take
from colab_guard.cell.guarded import Cell
from colab_guard.cell.rewrite import SafePoint
from colab_guard.cell.tree import WANTED, Path, hidden_at, is_hidden
from colab_guard.core.errors import StoreError
from colab_guard.core.settings import Interval
from colab_guard.core.words import ago, count_of
from colab_guard.resume.loading import Load
from colab_guard.store.manifest import BlobRef, Manifest
from colab_guard.store.repository import Repository

BEGIN: Path = (("body", 0),)
KEEP = 3


@dataclass(frozen=True)
class Plan:
    """What is to be put back: a snapshot, the cell as it stood then, and its cursor here (None: it had ended)."""

    manifest: Manifest
    old: Cell
    cursor: Path | None


@dataclass
class Run:
    """One run; not thread-safe but for the flag that its timer sets."""

    cell: Cell
    interval: Interval
    open_repository: Callable[[], Repository]
    namespace: dict[str, Any]
    session_id: str
    say: Callable[[str], None]
    plan: Plan | None = None
    clock: Callable[[], float] = time.time
    points: list[SafePoint] = field(default_factory=list)
    hidden: list[str] = field(default_factory=list)

    repository: Repository | None = None
    finished: bool = False
    last: Manifest | None = None

    _names: set[str] = field(default_factory=set)
    _known: dict[tuple[int, int], BlobRef] = field(default_factory=dict)
    _said: set[str] = field(default_factory=set)
    _failing: bool = False
    _blocked: set[int] = field(default_factory=set)
    _timer: threading.Timer | None = None
    _count: int = 0
    _process: dict[str, Any] | None = None
    _replaced: dict[str, Any] = field(default_factory=dict)

    # -- what the rewritten cell calls ------------------------------------------------------------------

    def __enter__(self) -> None:
        self._pid, self._thread = os.getpid(), threading.get_ident()
        self.namespace.update(dict.fromkeys(self.hidden))
        loaders.watch()
        if self.plan is None:
            self._begin()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        self._disarm()
        loaders.unwatch()
        if kind is None:
            if self.plan is None or self.plan.cursor is not None:
                self._save((("body", len(self.cell.module.body)),), line=0, finished=True)
            self.finished = True
        elif self.last is not None:
            age = self.clock() - self.last.created
            self.say(
                f"{self.cell.name} was stopped by {kind.__name__}; run the cell again to go on from the snapshot "
                f"of {ago(age)} (line {self.last.body['line']})."
            )
        for name in [name for name in self.namespace if is_hidden(name)]:
            del self.namespace[name]

    def point(self, number: int) -> None:
        """A safe point that the flag was up at."""
        here = self.points[number]
        if self.interval.iterations is not None:
            self._count += here.counts
            if self._count <= self.interval.iterations:
                return
        if number in self._blocked or os.getpid() != self._pid or threading.get_ident() != self._thread:
            return
        try:
            self._save(here.path, here.line)
        except Unsaveable as error:
            # The flag stays up: the next safe point outside of this loop takes the snapshot.
            self._blocked.add(number)
            self._say_once(f"the loop in line {here.line} can't be left in its middle: {error}")
            return
        self._count = int(here.counts)
        self._arm()

    def context(self, line: int, manager: Any) -> Any:
        """A manager about to be entered around a loop; refuses one that could not be entered again."""
        check_context(manager, line, self.namespace)
        return manager

    def again(self, line: int, manager: Any) -> Any:
        """A restored manager, to be entered at ``line``."""
        return enter_again(manager)

    def show(self, value: object) -> None:
        """The value of an expression that IPython would display."""
        sys.displayhook(value)

    def imported(self) -> None:
        """An import statement of the cell has run."""
        loaders.watch()

    def restore(self) -> None:
        """Puts the planned snapshot's variables back, all or none."""
        assert self.plan is not None, "only a program made for a plan restores"
        assert self.repository is not None, "that is where the plan comes from"
        loaders.watch()
        manifest, old = self.plan.manifest, self.plan.old
        body = manifest.body
        load = Load(_Blobs(self.repository, manifest), self.namespace, old.own_names | self.cell.own_names)
        values = load.variables(body["names"])
        load.put_in_place()
        self._process = values.pop(PROCESS)
        lost = [name for name, value in values.items() if isinstance(value, StandIn) and name in self.namespace]
        differs = self._differences(values)
        for name in lost:
            del values[name]
        renamed = dict(zip(body["hidden"], hidden_at(self.cell.module, self.plan.cursor or ()), strict=True))
        values = {renamed.get(name, name): value for name, value in values.items()}
        self._replaced = {name: values[name] for name in self.cell.own_names if name in values}
        for name in (old.stored_names | self.cell.stored_names) - values.keys():
            if name not in lost:
                self.namespace.pop(name, None)
        self.namespace.update(values)
        self._names = {name for name in values if not is_hidden(name)} | names_in(self.cell.module)
        self.last = manifest
        self._say_restored(len(values) - len(renamed), differs)
        if self.plan.cursor is None:
            set_process_state(self._process)

    def adopt(self, name: str) -> None:
        """A definition before the cursor was edited and has run: the restored function takes its code."""
        old = self._replaced.get(name)
        if old is not None and functions.adopt_code(old, self.namespace[name]):
            self.namespace[name] = old

    def live(self) -> None:
        """The cursor is reached: loops and contexts are entered again, and the cell goes on from here."""
        assert self._process is not None, "restore() comes first"
        set_process_state(self._process)
        self._count = 1
        self._arm()

    # -- snapshots --------------------------------------------------------------------------------------

    def _begin(self) -> None:
        names = names_in(self.cell.module)
        self._names = names | sharers(self.namespace, names)
        self._count = 0
        self._save(BEGIN, self.cell.module.body[0].lineno)
        self._arm()

    def _arm(self) -> None:
        self._disarm()
        self._blocked.clear()
        if self.interval.seconds is None:
            self.namespace[WANTED] = True
            return
        self.namespace[WANTED] = False
        self._timer = threading.Timer(self.interval.seconds, self.namespace.__setitem__, (WANTED, True))
        self._timer.name, self._timer.daemon = "colab_guard-timer", True
        self._timer.start()

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer.join()  # or it might put the flag back into a namespace that was cleaned
            self._timer = None

    def _save(self, path: Path, line: int, *, finished: bool = False) -> bool:
        """Takes and commits a snapshot; whether that went well. What goes wrong is said once, and again only
        after it went well in between: it never stops the cell.
        """
        hidden = [] if finished else hidden_at(self.cell.module, path)
        try:
            taken = take(self.namespace, self._names, hidden, self.cell.own_names)
            body = {
                "source": self.cell.source,
                "cursor": None if finished else {"frames": [{"function": "<cell>", "path": path}]},
                "line": line,
                "names": taken.names,
                "hidden": hidden,
                "notes": taken.notes,
                "session": self.session_id,
                "python": platform.python_version(),
                "machine": machine_id(),
            }
            self.last = self._commit(body, [taken.skeleton, taken.table, *taken.memory])
        except Unsaveable:
            raise
        except Exception as error:  # noqa: BLE001 - a flaw of ours, or of a class's own pickling, must not cost a training
            if not self._failing:
                reason = str(error) if isinstance(error, StoreError) else f"{type(error).__name__}: {error}."
                when = "" if finished else f" The cell goes on; the next try is after {self.interval}."
                self.say(f"no snapshot could be taken: {reason}{when}")
            self._failing = True
            return False
        if self._failing:
            self.say("snapshots are taken again.")
        if new := [note for note in taken.notes if note not in self._said]:
            self._said.update(new)
            self.say(f"not kept in snapshots: {', '.join(new)}.")
        self._failing = False
        return True

    def _commit(self, body: dict[str, Any], blobs: list[Any]) -> Manifest:
        keys = [_key(blob) if len(blob) >= SMALL_BYTES else None for blob in blobs]
        known = [self._known.get(key, blob) if key else blob for key, blob in zip(keys, blobs, strict=True)]
        if self.repository is None:
            self.repository = self.open_repository()
        try:
            manifest = self.repository.commit(self.cell.name, body, known)
        except StoreError:
            # A pack that was relied on may be gone; the next snapshot stores every byte again.
            self._known.clear()
            raise
        self._known = {key: ref for key, ref in zip(keys, manifest.blobs, strict=True) if key}
        self.repository.prune(self.cell.name, KEEP)
        return manifest

    # -- what is said -----------------------------------------------------------------------------------

    def _say_once(self, text: str) -> None:
        if text not in self._said:
            self._said.add(text)
            self.say(text)

    def _differences(self, values: dict[str, Any]) -> list[str]:
        """Where a plain value that the cell only reads is another in this session than in the snapshot."""
        stored = self.cell.stored_names
        return [
            f"{name} = {value!r} (this session had {self.namespace[name]!r})"
            for name, value in values.items()
            if name not in stored
            and isinstance(value, int | float | str | bool | type(None))
            and name in self.namespace
            and isinstance(self.namespace[name], int | float | str | bool | type(None))
            and self.namespace[name] != value
        ]

    def _say_restored(self, count: int, differs: list[str]) -> None:
        assert self.plan is not None
        manifest = self.plan.manifest
        age, put_back = ago(self.clock() - manifest.created), count_of(count, "variable")
        if self.plan.cursor is None:
            self.say(
                f"{self.cell.name} finished earlier ({age}); its results were put back ({put_back}). "
                f"--fresh runs it again."
            )
        else:
            self.say(
                f"{self.cell.name} resumed at line {manifest.body['line']} from the snapshot of {age}; "
                f"{put_back} put back."
            )
        if differs:
            self.say(f"from the snapshot, not from the cells above: {'; '.join(differs[:5])}")


class _Blobs:
    """The blobs of a manifest by number."""

    def __init__(self, repository: Repository, manifest: Manifest) -> None:
        self._repository, self._refs = repository, manifest.blobs

    def read(self, number: int, into: memoryview | None = None) -> memoryview:
        return self._repository.read(self._refs[number], into)

    def size_bytes(self, number: int) -> int:
        return self._refs[number].size_bytes


def _key(blob: Any) -> tuple[int, int]:
    return xxhash.xxh3_128_intdigest(blob), len(blob)
