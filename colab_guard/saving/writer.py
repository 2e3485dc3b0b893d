"""One thread in the background that writes snapshots, at a lower priority than the training.

It does one job at a time and has no queue. It never prints, and what it raises it keeps for the thread of the
cell. Before a fork it comes to rest between two steps of its work, so that the child inherits no lock that is
held; in the child there is no writer. When the process ends, or is asked to by SIGTERM, a job under way is
finished, for at most FINISH_SECONDS; so are, by SIGTERM, uploads. A store that hangs costs that much, and no more.
"""

from __future__ import annotations

import atexit
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from colab_guard.core.memory import memory
from colab_guard.flight.recorder import RECORDER
from colab_guard.saving.pool import Pool
from colab_guard.tiers import opening

FINISH_SECONDS = 10.0
BEGIN_SECONDS = 2.0  # how long a cell or loop waits for its first snapshot, to tell at once of a store that fails
PARK_SECONDS = 0.1  # how long a fork waits for a step to end
NICER = 10  # a tenth of the weight of what trains, where both want a core
GIVE_BACK_SHARE = 0.8  # of all memory in use: the pool is given back
LOOK_SECONDS = 1.0  # how often that is looked at


class Abandoned(Exception):
    """Whoever waited for a job waits no longer: it must not be finished."""


class Job:
    """Something to do in the background: ``work``, which is given this job and calls its ``step``; when it is over,
    ``after``, in the background too.
    """

    def __init__(self, work: Callable[[Job], Any], after: Callable[[Job], None]) -> None:
        self.result: Any = None
        self.error: BaseException | None = None
        self._work: Callable[[Job], Any] | None = work
        self._after = after
        self._moved = time.monotonic()
        self._abandoned = False
        self._over = threading.Lock()  # a plain lock: also a signal handler may wait for it
        self._over.acquire()

    @property
    def is_over(self) -> bool:
        """Whether it has ended, well or not."""
        return not self._over.locked()

    @property
    def still_seconds(self) -> float:
        """Since the last step."""
        return time.monotonic() - self._moved

    def wait(self, seconds: float) -> bool:
        """Waits for its end; whether that came."""
        if self._over.acquire(timeout=seconds):
            self._over.release()
            return True
        return False

    def wait_while_moving(self, seconds: float) -> None:
        """Waits for its end, as long as there is a step within ``seconds``. Abandons it otherwise, and when
        interrupted.
        """
        try:
            while not self.wait(1.0):
                if self.still_seconds > seconds:
                    self._abandoned = True
                    return
        except BaseException:
            self._abandoned = True
            raise

    def step(self) -> None:
        """Between two steps of the work. Raises Abandoned."""
        self._moved = time.monotonic()
        WRITER.rest()
        if self._abandoned:
            raise Abandoned("it took too long, and the cell went on")

    def run(self) -> None:
        """What the writer does. Raises nothing."""
        work, self._work = self._work, None  # which holds what is written
        assert work is not None, "a job is done once"
        try:
            self.result = work(self)
        except BaseException as error:  # noqa: BLE001 - it is the cell's thread that tells of it
            self.error = error.with_traceback(None)
        del work
        self._over.release()
        with suppress(Exception):  # the thread must live: who waits for the next job waits for it
            self._after(self)


class Writer:
    """The thread and its job. ``submit`` is for the threads of cells and loops, ``rest`` for the writer's own."""

    def __init__(self) -> None:
        self._owner = os.getpid()
        self.begin()

    def begin(self) -> None:
        """With no job and no thread: the writer of a new process."""
        self.pool = Pool()
        self.job: Job | None = None
        self._wanted = threading.Condition()
        self._thread: threading.Thread | None = None
        self._parking = False
        self._parked, self._go_on = threading.Event(), threading.Event()

    @property
    def is_busy(self) -> bool:
        """Whether a job is under way."""
        return self.job is not None and not self.job.is_over

    @contextmanager
    def handing_over(self) -> Iterator[Pool]:
        """The pool, to be filled for the job that is submitted in here."""
        with self._wanted:
            yield self.pool

    def submit(self, job: Job) -> None:
        """Has a job done; only while there is no other."""
        assert not self.is_busy, "one job at a time"
        with self._wanted:
            self.job = job
            if self._thread is None:
                _end_well()
                self._thread = threading.Thread(target=self._run, name="colab_guard-writer", daemon=True)
                self._thread.start()
            self._wanted.notify()

    def finish(self, seconds: float = FINISH_SECONDS) -> bool:
        """Waits for the job under way; whether it ended."""
        return self.job is None or self.job.wait(seconds)

    def rest(self) -> None:
        """Waits here while a fork is under way."""
        if self._parking:
            self._parked.set()
            self._go_on.wait()

    def ends_by_signal(self) -> bool:
        """Whether SIGTERM ends this process, at most after a wait for the writer: nobody else handles it."""
        return signal.getsignal(signal.SIGTERM) in (signal.SIG_DFL, self.end)

    def end(self, number: int, frame: Any) -> None:
        """The handler of SIGTERM."""
        RECORDER.event("signal", signal="SIGTERM")
        self.end_process()

    def end_process(self) -> None:
        """Waits, for a bounded time, until what was saved is written and uploaded; then ends the process by SIGTERM."""
        if os.getpid() == self._owner:
            self.finish(FINISH_SECONDS)
            with suppress(RuntimeError):  # the system has no more threads to give
                # In a thread of its own: what this one was interrupted in may hold a lock that uploads take.
                seconds = opening.FINISH_SECONDS
                uploads = threading.Thread(target=opening.finish, args=(seconds,), name="colab_guard-end", daemon=True)
                uploads.start()
                uploads.join(seconds)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGTERM)

    def _run(self) -> None:
        if sys.platform == "linux":  # elsewhere threads have no priority, and their number may be a process's
            with suppress(OSError):
                thread = threading.get_native_id()
                os.setpriority(os.PRIO_PROCESS, thread, os.getpriority(os.PRIO_PROCESS, thread) + NICER)
        done: Job | None = None
        while True:
            with self._wanted:
                while self.job is done:
                    self._wanted.wait(LOOK_SECONDS if self.pool.size_bytes else None)
                    if self.job is done and self.pool.size_bytes and _is_short():
                        self.pool.empty(0)
                job = self.job
            assert job is not None, "it was wanted"
            job.run()
            done = job

    def park(self) -> None:
        """Before a fork."""
        if self.is_busy and threading.current_thread() is not self._thread:
            self._parked.clear()
            self._go_on.clear()
            self._parking = True
            self._parked.wait(PARK_SECONDS)

    def unpark(self) -> None:
        """After a fork, in the parent."""
        self._parking = False
        self._go_on.set()


def _is_short() -> bool:
    bound = memory()
    return bound is not None and bound.used_share > GIVE_BACK_SHARE


WRITER = Writer()


def _end_well() -> None:
    """What is under way is finished when the process ends or is asked to."""
    atexit.register(WRITER.finish)
    if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, WRITER.end)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=WRITER.park, after_in_parent=WRITER.unpark, after_in_child=WRITER.begin)
