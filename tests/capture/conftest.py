"""Loaders are watched as in a guarded cell, and what replays say is kept."""

import sys
import weakref
from collections.abc import Iterator

import pytest

from colab_guard.capture import loaders, replay


@pytest.fixture(autouse=True)
def said() -> Iterator[list[str]]:
    """What replays say. The loaders of libraries that the test module imports are watched."""
    loaders.watch()
    lines: list[str] = []
    replay.configure(replay.Settings(say=lines.append))
    yield lines
    loaders.unwatch()


@pytest.fixture(autouse=True)
def ended(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Workers of loaders end with their test: where the garbage collector comes upon them in a cycle, in whatever test,
    torch waits 5 s for each.
    """
    loader = sys.modules.get("torch.utils.data.dataloader")
    if loader is None:
        yield
        return
    kind, made = loader._MultiProcessingDataLoaderIter, list[weakref.ref[object]]()
    begin = kind.__init__

    def note(self: object, *arguments: object, **options: object) -> None:
        made.append(weakref.ref(self))
        begin(self, *arguments, **options)

    monkeypatch.setattr(kind, "__init__", note)
    yield
    for reference in made:
        if (iterator := reference()) is not None:
            iterator._shutdown_workers()  # type: ignore[attr-defined]
