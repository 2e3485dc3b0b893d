"""What the Drive stand-in does on demand beside its work: it counts calls, is slow, fails, and tells its log.
Thread-safe.
"""

import errno
import os
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path


@dataclass
class _Fault:
    number: int
    match: str
    kinds: Sequence[str] | None
    reason: str | None
    times: int | None


class Log:
    """A log with the lines of DriveFS's `drive_fs.txt`, and beside it `timeouts.txt`, with those that tell of
    time-outs.

    What its lines look like was seen in users' reports of 2020 and 2021 (colabtools #1443, #1809); the names in them
    are ours but for the reasons.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path, self._lock = path, threading.Lock()
        path.touch()

    def error(self, reason: str, path: str) -> None:
        """One line for a call that failed."""
        now = datetime.now(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00")
        line = f"{now}ZE [{threading.get_ident()}:stand-in] content.cc:1:Run Failed for {path}: {reason}\n"
        late = "deadlineExceeded" in reason or "timed out" in reason
        with self._lock:
            for log in [self._path, self._path.with_name("timeouts.txt")] if late else [self._path]:
                with log.open("a") as file:
                    file.write(line)


class Watch:
    """Told of every call before it is carried out."""

    def __init__(self, log: Log) -> None:
        self._log, self._lock = log, threading.Lock()
        self._counts: Counter[tuple[str, str]] = Counter()
        self._faults: list[_Fault] = []
        self._slow: list[tuple[float, str]] = []

    def begin(self, kind: str, path: str) -> None:
        """Counts a call, waits as long as was asked for, raises what was asked for."""
        with self._lock:
            self._counts[kind, path] += 1
            seconds = sum(seconds for seconds, match in self._slow if fnmatchcase(path, match))
            fault = self._fault(kind, path)
        if seconds:
            time.sleep(seconds)
        if fault:
            if fault.reason:
                self._log.error(fault.reason, path)
            raise OSError(fault.number, os.strerror(fault.number), path)

    def over_quota(self, path: str) -> None:
        """Logs why a write failed."""
        self._log.error("QUOTA_EXCEEDED: The user has exceeded their Drive storage quota", path)

    def fail(self, number: int, match: str, kinds: Sequence[str] | None, reason: str | None, times: int | None) -> None:
        """Every call to come fails, or the next few, of some kinds, on paths that a pattern matches."""
        assert number in errno.errorcode
        with self._lock:
            self._faults.append(_Fault(number, match, kinds, reason, times))

    def slow(self, seconds: float, match: str) -> None:
        """Every call to come takes longer."""
        with self._lock:
            self._slow.append((seconds, match))

    def heal(self) -> None:
        """Ends all faults."""
        with self._lock:
            self._faults, self._slow = [], []

    def operations(self) -> list[tuple[str, str, int]]:
        """How often which kind of call was made for which path."""
        with self._lock:
            return [(kind, path, count) for (kind, path), count in self._counts.items()]

    def reset(self) -> None:
        """Counts from zero."""
        with self._lock:
            self._counts.clear()

    def _fault(self, kind: str, path: str) -> _Fault | None:
        for fault in self._faults:
            if fnmatchcase(path, fault.match) and (fault.kinds is None or kind in fault.kinds) and fault.times != 0:
                fault.times = None if fault.times is None else fault.times - 1
                return fault
        return None
