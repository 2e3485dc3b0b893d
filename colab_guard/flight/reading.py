"""The flights that a store holds, as the sessions left them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from colab_guard.flight.lines import FILE_BYTES, FOLDER, NAME, decoded
from colab_guard.store.backend import Backend

CRASH = "crash"
READ_BYTES = 4 * FILE_BYTES  # of one file; a whole one has little more than FILE_BYTES
CRASH_CHARS = 20_000  # of all threads, of which the one that failed may come last


@dataclass(frozen=True)
class Flight:
    """One session's flight: its ``start`` line (empty where none could be read), and all its beats and events in
    order of time. Times are seconds since 1970.
    """

    session: str
    start: dict[str, Any]
    lines: list[dict[str, Any]]

    @property
    def beats(self) -> list[dict[str, Any]]:
        """The beats, oldest first."""
        return [line for line in self.lines if line.get("kind") == "beat"]

    @property
    def events(self) -> list[dict[str, Any]]:
        """The events, oldest first."""
        return [line for line in self.lines if line.get("kind") == "event"]

    @property
    def last(self) -> float:
        """When it was last heard of; 0 where nothing could be read."""
        return float(max((line["t"] for line in (self.start, *self.lines) if "t" in line), default=0.0))

    @property
    def machine(self) -> str | None:
        """The id of the machine that it was on."""
        return self.start.get("machine")

    @property
    def boot(self) -> str | None:
        """The boot id of that machine's kernel."""
        return self.start.get("boot")


def flights(*places: Backend | str | os.PathLike[str]) -> list[Flight]:
    """The flights in a store's backend or folder, newest first; of a store with two tiers, give both
    (``tiers.opening.sides``): what one of them has of a session completes what the other has.

    What can't be read is passed over; raises nothing that a place may raise. Writes nothing. Thread-safe.
    """
    found: dict[str, tuple[str, dict[str, Any], dict[str, dict[str, Any]]]] = {}
    for name, data, modified in (file for place in places for file in _files(place)):
        match = NAME.fullmatch(name)
        assert match is not None, "no other file is read"
        _, start, lines = found.setdefault(match["session"], (match["started"], {}, {}))
        if match["number"] is None:
            text = data.decode("utf-8", "replace").strip()[:CRASH_CHARS]
            if text:
                lines[CRASH] = {"kind": "event", "what": "crash", "t": modified, "text": text}
            continue
        for line in decoded(data):
            if line.get("kind") == "start":
                start.update(line)
            else:
                lines.setdefault(repr(line), line)
    # By the second, as names tell, and within one by the line itself.
    newest = sorted(found.items(), key=lambda item: (item[1][0], item[1][1].get("t", 0.0)), reverse=True)
    return [Flight(session, start, _in_order(lines)) for session, (_, start, lines) in newest]


def _in_order(lines: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """By time; a crash comes last, though the times of files are coarser than those of lines."""
    last = max((line["t"] for line in lines.values()), default=0.0)
    if CRASH in lines:
        lines[CRASH]["t"] = last
    return sorted(lines.values(), key=lambda line: (line["t"], line is lines.get(CRASH)))


def _files(place: Backend | str | os.PathLike[str]) -> Iterator[tuple[str, bytes, float]]:
    """The name, the content and the time of change of each file of a flight, by name."""
    entries: list[tuple[str, int, float]] = []
    if isinstance(place, str | os.PathLike):
        root = Path(place)
        with suppress(OSError), os.scandir(root / FOLDER) as found:
            for entry in found:
                with suppress(OSError):  # another session has deleted it meanwhile
                    stat = entry.stat()
                    entries.append((f"{FOLDER}/{entry.name}", stat.st_size, stat.st_mtime))
    else:
        with suppress(OSError):
            entries = [(entry.name, entry.size_bytes, entry.modified) for entry in place.list(FOLDER)]
    for name, size_bytes, modified in sorted(entries):
        if NAME.fullmatch(name):
            with suppress(OSError):
                yield name, _content(place, name, min(size_bytes, READ_BYTES)), modified


def _content(place: Backend | str | os.PathLike[str], name: str, size_bytes: int) -> bytes:
    if isinstance(place, str | os.PathLike):
        with open(Path(place, name), "rb") as file:
            return file.read(size_bytes)
    data = bytearray(size_bytes)
    return bytes(data[: place.read(name, 0, memoryview(data))])
