"""A recorder whose beats come when the test says so, and whose clock is the test's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from colab_guard.flight import recorder as module
from colab_guard.flight.copies import Remote
from colab_guard.flight.reading import Flight, flights
from colab_guard.flight.recorder import Recorder


class Unwatched:
    """In the place of the thread that looks: remembers what it was to look at."""

    def __init__(self) -> None:
        self.looks: dict[str, Callable[[], float]] = {}

    def add(self, name: str, look: Callable[[], float]) -> None:
        self.looks[name] = look

    def drop(self, name: str) -> None:
        self.looks.pop(name, None)


class Recorded:
    """A recorder, and the folder that it records in."""

    def __init__(self, root: Path, watch: Unwatched) -> None:
        self.root, self.watch, self.recorder = root, watch, Recorder()
        self.now = 1_795_000_000.0
        self.fields: dict[str, Any] = {"up": 1.0}

    def begin(self, session: str = "one", remote: Callable[[], Remote | None] = lambda: None) -> None:
        start = {"session": session, "machine": "m"}
        probes = {"all": lambda: dict(self.fields)}
        self.recorder.begin(self.root, start, lambda: {"boot": "b"}, probes, remote, lambda: self.now)

    def beat(self, count: int = 1) -> None:
        for _ in range(count):
            assert self.watch.looks["flight"]() == module.BEAT_SECONDS
            self.now += module.BEAT_SECONDS

    def files(self) -> list[Path]:
        return sorted((self.root / "flight").glob("*.jsonl"))

    def read(self) -> Flight:
        return flights(self.root)[0]


@pytest.fixture
def recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Recorded]:
    watch = Unwatched()
    monkeypatch.setattr(module, "WATCH", watch)
    recorded = Recorded(tmp_path / "store", watch)
    yield recorded
    recorded.recorder.end()
