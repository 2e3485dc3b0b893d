"""Records a session's flight: a beat every BEAT_SECONDS, and events when they happen. docs/flight.md is the format.

Beats are taken in the background (``core.watch``). Events are written by the thread that tells of them, at once: the
next instruction may be the last. A disk that can't be written to stops nothing: the newest lines wait in memory until
it can be again. Nothing here prints, raises, or draws a random number; a forked child records nothing.
"""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from colab_guard.core.watch import WATCH
from colab_guard.flight import crash
from colab_guard.flight.copies import Copies, Remote
from colab_guard.flight.lines import TEXT_CHARS, encoded
from colab_guard.flight.rolling import Rolling

BEAT_SECONDS = 10.0
EVENTS = 500  # the newest, which each file begins with
BEATS = 360  # of the last hour, for the durable store
EVENTS_BYTES = 150_000
LINE_BYTES = 2_000  # of an event: what is longer is told without its fields
WAITING = 1000  # lines, until the disk can be written to
PATIENCE_SECONDS = 0.5  # how long an event waits for a thread that is writing; if in vain, that one writes it next
# Behind these may come nothing any more: a copy to the durable store is begun at once.
LAST = frozenset({"shutdown", "signal", "exit", "released", "rescue", "store-back"})

Probe = Callable[[], Mapping[str, Any]]


class Recorder:
    """Records one session at a time. ``begin``, ``move`` and ``end`` are for the thread that runs cells, ``event`` for
    any thread at any time, signal handlers and forked children included. ``troubles`` says what went wrong, by where;
    ``last`` is the newest beat.
    """

    def __init__(self) -> None:
        self.troubles: dict[str, str] = {}
        self.last: dict[str, Any] = {}
        self._clock: Callable[[], float] = time.time
        self._writing = threading.RLock()  # a signal handler may come while its own thread writes
        self._pid = 0
        self._facts: Probe = dict
        self._probes: Mapping[str, Probe] = {}
        self._start: dict[str, Any] = {}
        self._events: deque[dict[str, Any]] = deque(maxlen=EVENTS)
        self._beats: deque[dict[str, Any]] = deque(maxlen=BEATS)
        self._waiting: deque[bytes] = deque(maxlen=WAITING)
        self._files: Rolling | None = None
        self._copies: Copies | None = None

    @property
    def is_recording(self) -> bool:
        """Whether this process records."""
        return self._pid == os.getpid()

    @property
    def begun(self) -> float | None:
        """Since when this process records, in seconds since 1970; None where it does not."""
        return float(self._start["t"]) if self.is_recording else None

    @property
    def copies_trouble(self) -> str:
        """Why the newest copy could not be made in the durable store; empty where it could, or there is none."""
        return "" if self._copies is None else self._copies.trouble

    def begin(
        self,
        root: Path,
        start: Mapping[str, Any],
        facts: Probe,
        probes: Mapping[str, Probe],
        remote: Callable[[], Remote | None] = lambda: None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Records from now on, in files below ``root``: ``start``, which names the ``session``; the ``facts``,
        asked in the background, for some take long; and in each beat what the ``probes`` give. ``remote`` gives what
        outlives this machine, if there is anything; ``clock`` seconds since 1970. A session that was recorded before
        goes on. Raises nothing that the disk may raise.
        """
        self.end()
        session = str(start["session"])
        if self._start.get("session") != session:
            self._events.clear()
            self._beats.clear()
            self._start = {"kind": "start", "t": clock(), **start}
        self._clock, self._probes, self._facts = clock, probes, facts
        self._files = Rolling(root, self._start["t"], session)
        self._copies = Copies(remote, self._start["t"], session, self._content)
        self._pid = os.getpid()
        self._write(PATIENCE_SECONDS, begin=True)  # at once: the first beat may come too late
        WATCH.add("flight", self._beat)
        WATCH.add("flight-copy", self._copies.look)

    def move(self, root: Path) -> None:
        """From now on the files lie below ``root``."""
        if self.is_recording:
            self._close()
            self._files = Rolling(root, self._start["t"], self._start["session"])
            self._write(PATIENCE_SECONDS, begin=True)

    def ask(self, name: str) -> Mapping[str, Any]:
        """What a probe gives now, where the newest beat is too old; empty where there is none, or it fails."""
        return self._asked(name, self._probes.get(name, dict))

    def event(self, what: str, **fields: Any) -> None:
        """Something happened, now. Does nothing before a session records; raises nothing."""
        if not self.is_recording:
            return
        try:
            short = {name: value[:TEXT_CHARS] if isinstance(value, str) else value for name, value in fields.items()}
            line = {"kind": "event", "what": what, "t": self._clock(), **short}
            data = encoded(line)
            if len(data) > LINE_BYTES:
                line = {"kind": "event", "what": what, "t": line["t"]}
                data = encoded(line)
            self._events.append(line)
            self._waiting.append(data)
            self._write(PATIENCE_SECONDS)
            if what in LAST and self._copies is not None:
                self._copies.hurry()
        except Exception as error:  # noqa: BLE001 - whoever tells of an event goes on
            self._note("events", error)

    def finish(self, seconds: float) -> bool:
        """Has a copy made for the durable store, and waits for it, for at most so long; whether it is made."""
        if not self.is_recording or self._copies is None:
            return True
        return self._copies.hurry().acquire(timeout=seconds)

    def end(self) -> None:
        """Records no more; what was recorded stays."""
        if not self.is_recording:
            return
        self._pid = 0
        WATCH.drop("flight")
        WATCH.drop("flight-copy")
        self._close()
        if self._copies is not None:
            self._copies.end()

    def _close(self) -> None:
        """Lets go of the files, unless a thread is writing to a disk that hangs."""
        if self._writing.acquire(timeout=PATIENCE_SECONDS):
            try:
                crash.unwatch()
                if self._files is not None:
                    self._files.close()
            finally:
                self._writing.release()

    def _beat(self) -> float:
        try:
            self._take_beat()
        except Exception as error:  # noqa: BLE001 - the next one may go well
            self._note("beats", error)
        return BEAT_SECONDS

    def _take_beat(self) -> None:
        if facts := self._asked("facts", self._facts):
            self._start, self._facts = {**self._start, **facts}, dict
            self._waiting.append(encoded(self._start))
        line: dict[str, Any] = {"kind": "beat", "t": self._clock()}
        for name, probe in list(self._probes.items()):
            line |= self._asked(name, probe)
        self.last = line
        self._beats.append(line)
        self._waiting.append(encoded(line))
        self._write(BEAT_SECONDS, begin=True)

    def _asked(self, name: str, probe: Probe) -> Mapping[str, Any]:
        try:
            return probe()
        except Exception as error:  # noqa: BLE001 - the other probes have something to say, too
            self._note(name, error)
            return {}

    def _write(self, patience: float, *, begin: bool = False) -> None:
        """Writes what waits; only with ``begin`` to a new file, which may take long."""
        if not self._writing.acquire(timeout=patience):
            return
        try:
            files = self._files
            if files is None or not self.is_recording or not (begin or files.is_open):
                return
            if begin and files.wants_new:
                self._begin_file(files)
            while self._waiting:
                self._write_next(files)
            self.troubles.pop("disk", None)
        except OSError as error:
            self._note("disk", error)
        finally:
            self._writing.release()

    def _write_next(self, files: Rolling) -> None:
        try:
            line = self._waiting.popleft()
        except IndexError:  # a signal handler has written it
            return
        try:
            files.write(line)
        except OSError:
            if len(self._waiting) < WAITING:  # else what is newest would go for it
                self._waiting.appendleft(line)
            raise

    def _begin_file(self, files: Rolling) -> None:
        events = [encoded(line) for line in self._kept_events()]
        files.begin([encoded(self._start), *events])
        written = set(events)
        for _ in range(len(self._waiting)):  # others may append meanwhile
            if (line := self._waiting.popleft()) not in written:
                self._waiting.append(line)
        with suppress(OSError):  # the next file may have better luck
            crash.watch(files.crash)

    def _content(self) -> bytes:
        """The whole flight as far as it is kept in memory."""
        lines = [*self._kept_events(), *list(self._beats)]
        return b"".join(map(encoded, [self._start, *sorted(lines, key=lambda line: float(line["t"]))]))

    def _kept_events(self) -> list[dict[str, Any]]:
        kept, size_bytes = list[dict[str, Any]](), 0
        for line in reversed(list(self._events)):
            size_bytes += len(encoded(line))
            if size_bytes > EVENTS_BYTES:
                break
            kept.insert(0, line)
        return kept

    def _note(self, where: str, error: BaseException) -> None:
        self.troubles[where] = f"{type(error).__name__}: {error}"


RECORDER = Recorder()
