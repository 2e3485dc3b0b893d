"""The sweep that gave an item last, for those who show it. Thread-safe; keeps no sweep alive."""

from __future__ import annotations

import weakref

from colab_guard.sweeps.results import Results

_latest: weakref.ref[Results] | None = None


def latest() -> Results | None:
    """It; None where there was none, or nobody holds it any more."""
    return None if _latest is None else _latest()


def note(sweep: Results) -> None:
    """It is this one from now on."""
    global _latest
    _latest = weakref.ref(sweep)
