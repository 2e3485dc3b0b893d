"""Python's own fault handler, made to write where the next session finds it."""

from __future__ import annotations

import faulthandler
import os
from contextlib import suppress
from pathlib import Path

_ours: list[tuple[int, Path]] = []  # the file's descriptor, which the handler needs as long as it is enabled


def watch(path: Path) -> None:
    """A fatal signal is told of in this file from now on. Raises OSError. Where somebody else has enabled the handler,
    it goes on writing where it does.
    """
    if not faulthandler.is_enabled():
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        faulthandler.enable(descriptor)
        _ours.append((descriptor, path))


def unwatch() -> None:
    """Leaves the handler as it was, and no empty file."""
    if _ours:
        _, path = _ours[0]
        _let_go()
        with suppress(OSError):
            if not path.stat().st_size:
                path.unlink()


def _let_go() -> None:
    if _ours:
        faulthandler.disable()
        os.close(_ours.pop()[0])


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_let_go)  # a worker that dies is not the session's death
