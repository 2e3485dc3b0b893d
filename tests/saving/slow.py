"""Stand-ins for a slow disk, and what the tests of the engine take snapshots with."""

import threading
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from colab_guard.capture.take import take
from colab_guard.resume.loading import Load
from colab_guard.saving import Blobs, Saver
from colab_guard.saving.saver import Content
from colab_guard.store.folder import Folder
from colab_guard.store.repository import Repository


class SlowFolder(Folder):
    """A real folder whose writes wait before their first byte until `go` is set.

    A stand-in for a slow disk or a mount that hangs: it shows who waits for a write, not how long real ones take.
    """

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.go = threading.Event()
        self.go.set()
        self.waiting = threading.Event()  # a write has come

    def write_new(self, name: str, chunks: Iterable[Any]) -> None:
        self.waiting.set()
        self.go.wait()
        super().write_new(name, chunks)


class Patient(Saver):
    """One whose end a test waits for, on however slow a machine."""

    def finish(self, seconds: float = 100.0) -> bool:
        return super().finish(seconds)


class Session:
    """Variables, and the saver of their snapshots on a slow disk."""

    def __init__(self, folder: Path, **variables: Any) -> None:
        self.namespace: dict[str, Any] = {"__name__": "__main__", **variables}
        self.names = list(variables)
        self.disk = SlowFolder(folder)
        self.repository = Repository(self.disk)
        self.said: list[str] = []
        self.woken = threading.Event()
        self.saver = Patient("train", lambda: self.repository, self.said.append, wake=self.woken.set)

    def take(self, spare: bool) -> Content:
        """What a snapshot of the variables holds."""
        taken = take(self.namespace, self.names, {}, frozenset(), spare=spare)
        return {"names": taken.names, "notes": []}, [taken.skeleton, taken.table, *taken.memory]

    def save(self, wait_seconds: float = 0.0) -> bool:
        """A snapshot, on its way."""
        return self.saver.save(self.take, " The cell goes on.", wait_seconds)

    def newest(self) -> dict[str, Any]:
        """The variables in the newest snapshot, as another process reads them."""
        repository = Repository.open(self.repository.place)
        manifest, problems = repository.newest("train")
        assert manifest is not None, problems
        assert problems == []
        return Load(Blobs(repository, manifest), {}, frozenset()).variables(manifest.body["names"])


def until(holds: Callable[[], bool], seconds: float = 60.0) -> None:
    """Returns as soon as something holds that another thread brings about. Raises AssertionError if it never does."""
    pause = threading.Event()
    for _ in range(int(seconds / 0.01)):
        if holds():
            return
        pause.wait(0.01)
    raise AssertionError("it never came")


def sizes(blobs: Sequence[Any]) -> list[int]:
    """In bytes."""
    return [len(bytes(blob)) for blob in blobs]
