"""When the Drive stand-in uploads what: one file after another, in the order in which they were closed.

A file begins to be sent once *delay_seconds* have passed since it was closed and the one before it is through, and
takes its size divided by *bytes_per_second*. No clock is read here: every call is told the time, in seconds of a clock
that never goes back. Not thread-safe.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class _Waiting:
    size_bytes: int
    closed_at: float


class Uploads:
    """The queue of closed files; *bytes_per_second* None is a line without limit."""

    def __init__(self, delay_seconds: float, bytes_per_second: float | None, *, paused: bool = False) -> None:
        self._delay_seconds, self._bytes_per_second, self._paused = delay_seconds, bytes_per_second, paused
        self._waiting: dict[str, _Waiting] = {}  # in the order of closing
        self._free_at = -math.inf  # from then on the line is free for the first of them

    def paths(self) -> list[str]:
        """What waits or is being sent, the first one first."""
        return list(self._waiting)

    def add(self, path: str, size_bytes: int, now: float) -> None:
        """A file was closed. One that waits already goes to the end."""
        self.drop(path, now)
        self._waiting[path] = _Waiting(size_bytes, now)

    def drop(self, path: str, now: float) -> None:
        """A file is being changed, or gone: what was sent of it was sent for nothing."""
        if not self._paused and path == next(iter(self._waiting), None) and self._begin(path) < now:
            self._free_at = now
        self._waiting.pop(path, None)

    def rename(self, renamed: Callable[[str], str]) -> None:
        """Files go by other names now."""
        self._waiting = {renamed(path): waiting for path, waiting in self._waiting.items()}

    def take(self, count: int) -> list[str]:
        """The next *count* files, as uploaded now, whatever the time."""
        taken = self.paths()[:count]
        for path in taken:
            del self._waiting[path]
        return taken

    def due(self, now: float) -> list[str]:
        """Takes out what has been sent by now."""
        done = []
        while self._waiting and not self._paused:
            path = next(iter(self._waiting))
            end = self._end(path)
            if end > now:
                break
            self._free_at = end
            done += self.take(1)
        return done

    def wait_seconds(self, now: float) -> float | None:
        """How long until the next file is through; None where nothing will be."""
        if self._paused or not self._waiting:
            return None
        return max(0.0, self._end(next(iter(self._waiting))) - now)

    def pause(self) -> None:
        """From now on nothing is sent, and what was sent of a file is lost."""
        self._paused = True

    def resume(self, now: float) -> None:
        """Ends a pause."""
        self._paused, self._free_at = False, max(self._free_at, now)

    def _begin(self, path: str) -> float:
        return max(self._waiting[path].closed_at + self._delay_seconds, self._free_at)

    def _end(self, path: str) -> float:
        size_bytes, speed = self._waiting[path].size_bytes, self._bytes_per_second
        return self._begin(path) + (size_bytes / speed if speed else 0.0)
