"""Loaders are watched as in a guarded cell, and what replays say is kept."""

from collections.abc import Iterator

import pytest

from colab_guard.capture import loaders, replay


@pytest.fixture(autouse=True)
def said() -> Iterator[list[str]]:
    """What replays say. The loaders of libraries that the test module imports are watched."""
    loaders.watch()
    lines: list[str] = []
    replay.configure(replay.Settings(say=lines.append, show=lines.append))
    yield lines
    loaders.unwatch()
