"""More of what a snapshot's pickle calls when it is loaded, beside ``rebuild``: of the kinds in docs/kinds.md.

Their names and arguments are part of the format (docs/format.md), as those of ``rebuild`` are.
"""

from __future__ import annotations

import threading
import weakref
from typing import Any

from colab_guard.capture.progress import current

# -- Python's own --------------------------------------------------------------------------------------


class _Nobody:
    """What a dead reference led to."""


def weak_reference(kind: Any, target: Any, callback: Any) -> Any:
    """A weak reference of that ``kind`` to ``target``, a dead one for None."""
    if target is None:
        return weakref.ref(_Nobody())
    return kind(target) if callback is None else kind(target, callback)


def weak_proxy(target: Any) -> Any:
    """A weak proxy of ``target``, a dead one for None."""
    return weakref.proxy(_Nobody() if target is None else target)


def finalizer(alive: tuple[Any, ...] | None) -> Any:
    """A ``weakref.finalize`` of (object, function, arguments, keyword arguments, atexit); one that is done for None."""
    if alive is None:
        return weakref.finalize(_Nobody(), int)  # which dies at once, and is done
    target, function, arguments, options, at_exit = alive
    new = weakref.finalize(target, function, *arguments, **(options or {}))
    new.atexit = at_exit
    return new


def lock() -> Any:
    """A lock that is free."""
    return threading.Lock()


def recursive_lock() -> Any:
    """A recursive lock that is free."""
    return threading.RLock()
