"""What ``cg.jobs`` returns: gives the items that are left, one by one, and keeps the table of all."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from colab_guard.core.errors import StoreError, UsageError
from colab_guard.core.places import described
from colab_guard.core.words import span
from colab_guard.gpumem.keepers import clear_frames, collect_cycles
from colab_guard.loops import where
from colab_guard.running.progress import running
from colab_guard.running.run import Run
from colab_guard.saving.writer import WRITER
from colab_guard.sweeps.around import Around, Here, Lent, Options
from colab_guard.sweeps.failing import is_of_nobody, line_of, traceback_of
from colab_guard.sweeps.keeping import Keeper, write_files
from colab_guard.sweeps.latest import latest, note
from colab_guard.sweeps.plot import plot
from colab_guard.sweeps.results import Results
from colab_guard.sweeps.table import DONE, FAILED, RUNNING, WAITING, Row, csv_of, json_of, reported

T = TypeVar("T")

FAILURES = {"raise": math.inf, "continue": 1, "retry": 3}  # of an item, before it is passed over
CUT_OFF = 2  # sessions that ended in an item, before it comes after all others
LONG_SECONDS = 1.0  # behind an item that took so long, a snapshot and a collection of garbage are worth their time
FILES_SECONDS = 2.0  # between two times that files are written
REST_SECONDS = 0.2  # of a cool-down, between two looks whether the cell is to pause


class Jobs(Results, Generic[T]):
    """Items one after another; around the body that works on one, ``with``, which hears of its errors. In a guarded
    cell it is a variable like others, and pickled with them. Used by one thread.
    """

    around = Around()  # of the class, so that no snapshot holds it

    def __init__(
        self,
        items: Mapping[str, T],
        options: Options,
        lent: Lent,
        store: str,
        keeper: Keeper | None,
        *,
        fresh: bool = False,
    ) -> None:
        """``store`` is for its files; ``keeper`` has the table outside of guarded cells, None inside of one; ``fresh``
        does not look at it. Raises StoreError where it can't be read.
        """
        super().__init__(options.name, keeper.read() if keeper and not fresh else (), items, lent)
        self.options, self._store = options, store
        self._items: dict[str, T | None] = dict(items)
        self._current: str | None = None
        self._giver: Given[T] | None = None  # who gave it
        self._earlier = 0.0  # seconds that it took in sessions before this one
        self._with = False  # whether the body stands in a ``with``
        self._here = Here(keeper)

    def __iter__(self) -> Given[T]:
        return Given(self)

    def __getstate__(self) -> dict[str, Any]:
        # Whole seconds, so that one that a pause left where it had just begun is the same behind the pause.
        return self.__dict__ | {"_earlier": float(int(self._seconds() or 0.0)), "_here": Here()}

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        self.__dict__.update(state)
        if self._current is not None:
            self._here.begun, self._here.since = {self._current}, (self.around.clock(), _run_number())
            if latest() is None:  # else it may be read only to be looked at: an export's, beside the one under way
                note(self)

    # -- the body ---------------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        if self._current is None:
            raise UsageError(f"`with` of the sweep {self.name!r} belongs into its loop, once around the body.")
        self._with, self._here.since = True, (self.around.clock(), _run_number())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        name = self._current
        if name is None or (error is not None and is_of_nobody(error)):
            return False
        if error is None:
            self._close(DONE)
            return False
        what = line_of(error)
        self._close(FAILED, what, traceback_of(error))
        if self.options.on_error == "raise":
            return False
        clear_frames([error])
        self._free(always=True)
        again = name in self.left
        self._say(f"{name} failed ({what}); {'it is tried again' if again else 'it is passed over'}.")
        return True

    def report(self, **metrics: Any) -> None:
        """Notes numbers and short texts for the item under way; the last value of a name counts. Raises UsageError."""
        if self._current is None:
            raise UsageError(f"report() of the sweep {self.name!r} belongs into the body: no item is under way.")
        row = self._row(self._current)
        self._put(replace(row, metrics={**row.metrics, **reported(metrics)}))

    # -- for the loop -----------------------------------------------------------------------------------

    def give(self, giver: Given[T]) -> T:
        """The next item; the one before is done. Raises StopIteration where there is none, or it must not begin."""
        self._settle(giver)
        if not (left := self.left):
            self._over()
            raise StopIteration
        if why := self._obstacle(left[0]):
            self._stop(left[0], why)
        elif self._here.begun:
            self._rest()
        self._begin(left[0], giver)
        return self._items[left[0]]  # type: ignore[return-value]

    @property
    def left(self) -> list[str]:
        """The names of the items that are still to come, the next one first."""
        found = [row for row in self.rows if row.name in self._items and self._is_left(row)]
        return [row.name for row in sorted(found, key=lambda row: row.cut_off >= CUT_OFF)]

    @property
    def counted(self) -> tuple[int, int]:
        """How many items were given, the one under way among them, and how many are to come; for any thread."""
        left = len(self.left) - (self._current is not None)
        return len(self._items) - left, left

    def _is_left(self, row: Row) -> bool:
        return row.state != DONE and row.failures < FAILURES[self.options.on_error]

    def _settle(self, giver: Given[T]) -> None:
        """What becomes of the item that was under way, now that another is asked for."""
        if self._current is None:
            return
        if giver is not self._giver:  # another loop was left in its middle
            self._put(replace(self._row(self._current), state=WAITING))
            self._current = None
            return
        if not self._with and self.options.on_error != "raise":
            self._say_once(
                f"on_error={self.options.on_error!r} needs `with sweep:` around the body, for sweep in `sweep = "
                f"cg.jobs(…)`: without it an error ends the loop."
            )
        self._close(DONE)

    def _begin(self, name: str, giver: Given[T]) -> None:
        row = self._row(name)
        self._put(replace(row, state=RUNNING, tries=row.tries + 1))
        self._current, self._giver, self._earlier = name, giver, 0.0
        note(self)
        self._here.begun.add(name)
        if (keeper := self._table_keeper()) is not None:
            keeper.write(self.rows, finished=False)
        self._here.since = self.around.clock(), _run_number()

    def _close(self, state: str, error: str = "", traceback: str = "") -> None:
        name, seconds = self._current, self._seconds()
        assert name is not None, "that is what is closed"
        self._current = self._giver = self._here.since = None
        row = self._row(name)
        failures = row.failures + (state == FAILED)
        row = replace(row, state=state, seconds=seconds, failures=failures, error=error, traceback=traceback)
        self._put(row)
        if not self._is_left(row):
            self._items[name] = None  # nobody needs it any more, here
        if (keeper := self._table_keeper()) is not None:
            keeper.write(self.rows, finished=not self.left)
        if state == FAILED or self.around.clock() - self._here.written > FILES_SECONDS:
            self._write_files()
        is_long = seconds is None or seconds > LONG_SECONDS
        if state == DONE:
            self._free(always=is_long)
        if is_long and (run := guarding()) is not None:
            WRITER.finish()  # else what is being written would keep the snapshot of this end from being taken
            run.alarm.ring()

    def _free(self, *, always: bool) -> None:
        if self.options.clear_gpu:
            self._lent.free()
        elif always:
            collect_cycles()

    def _seconds(self) -> float | None:
        """Of the item under way; None where it was paused in between, for that may have been for days."""
        if self._here.since is None or self._here.since[1] != _run_number():
            return None
        return self._earlier + self.around.clock() - self._here.since[0]

    # -- when not to begin ------------------------------------------------------------------------------

    def _obstacle(self, name: str) -> str:
        """Why the item may not begin now, in words; empty where it may. One that is tried again was counted."""
        begun = len(self._here.begun)
        if self.options.per_session is not None and begun >= self.options.per_session and name not in self._here.begun:
            return f"{begun:,} {'item was' if begun == 1 else 'items were'} worked on, as per_session says"
        known = [row.seconds for row in self.rows if row.state == DONE and row.seconds is not None]
        life = self.around.life()
        if not known or life.left is None:
            return ""
        needed = max(known) + (self.options.cool_down_seconds if self._here.begun else 0.0)
        if needed <= life.left:
            return ""
        return (
            f"{span(life.left)} are left of this session ({life.how}), and the longest item so far took "
            f"{span(max(known))}"
        )

    def _stop(self, name: str, why: str) -> None:
        """Pauses a guarded cell at the beginning of the body, which comes next; else ends the loop."""
        self._here.begun = set()
        self._write_files()
        run = guarding()
        how = "in a new session" if run is None else "in a new session, or in this one"
        self._say(f"{self.name} stops here: {why}. {self.summary}. Run this again {how}: it goes on with {name!r}.")
        if run is None:
            raise StopIteration
        run.signals.to_pause = True
        run.alarm.ring()

    def _rest(self) -> None:
        until, run = self.around.clock() + self.options.cool_down_seconds, guarding()
        while (left := until - self.around.clock()) > 0 and not (run is not None and run.signals.asked):
            self.around.sleep(min(left, REST_SECONDS))

    def _over(self) -> None:
        self._write_files()
        kept = f" Its table is {self._here.files}, with a plot beside it." if self._here.files else ""
        self._say_once(f"{self.name} is over: {self.summary}.{kept}")

    # -- where it is kept -------------------------------------------------------------------------------

    def _table_keeper(self) -> Keeper | None:
        """Who keeps the table, outside of guarded cells: there the snapshots hold it."""
        if guarding() is not None:
            return None
        if self._here.keeper is None:  # it was restored, or made in a guarded cell
            self._here.keeper = Keeper(self.name, described(self._store), where.say)
        return self._here.keeper

    def _write_files(self) -> None:
        rows, self._here.written = self.rows, self.around.clock()
        texts = {"csv": csv_of(rows), "json": json_of(rows), "svg": plot(self.name, rows).svg}
        try:
            self._here.files = write_files(store_of(guarding()) or self._store, self.name, texts)
        except StoreError as error:
            self._say_once(f"{error} The sweep goes on; `sweep.zip()` makes one of them here.")

    def _say(self, text: str) -> None:
        run = guarding()
        (where.say if run is None else run.say)(text)

    def _say_once(self, text: str) -> None:
        if text not in self._here.said:
            self._here.said.add(text)
            self._say(text)


class Given(Iterator[T]):
    """The items as one loop gets them."""

    def __init__(self, sweep: Jobs[T]) -> None:
        self.sweep = sweep

    def __next__(self) -> T:
        return self.sweep.give(self)

    @property
    def tally(self) -> tuple[int, int]:
        """See ``Jobs.counted``."""
        return self.sweep.counted


def guarding() -> Run | None:
    """The guarded cell that is running."""
    return running(where.main_namespace())


def store_of(run: Run | None) -> str:
    """Where a guarded cell's snapshots go by now; empty for none."""
    if run is None:
        return ""
    return run.beside.store if run.saver.repository is None else run.saver.repository.place


def _run_number() -> int:
    run = guarding()
    return 0 if run is None else id(run)
