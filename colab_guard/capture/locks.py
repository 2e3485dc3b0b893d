"""Locks, which are made anew where nobody holds them; threads and the like, which end with their process."""

from __future__ import annotations

import _thread
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any, NoReturn

from colab_guard.capture import remake

if TYPE_CHECKING:
    from colab_guard.capture.pickler import Pickler

LOCKS: tuple[type, ...] = (_thread.LockType, _thread.RLock)
ENDING: tuple[type, ...] = (threading.Thread, subprocess.Popen)
ENDING_NAMES = (
    ("concurrent.futures", "Executor"), ("multiprocessing.process", "BaseProcess"), ("multiprocessing.pool", "Pool"),
    ("multiprocessing.managers", "BaseManager"),
)  # fmt: skip


def reduce_lock(pickler: Pickler, lock: Any) -> Any:
    """A lock that is free. One that is held would have to be let go by who held it, which may be gone."""
    if getattr(lock, "_is_owned", bool)() or not lock.acquire(blocking=False):
        raise TypeError("it is held")
    lock.release()
    return (remake.lock if type(lock) is LOCKS[0] else remake.recursive_lock), ()


def reduce_condition(pickler: Pickler, condition: Any) -> Any:
    """A condition with its lock, and nobody who waits for it."""
    return type(condition), (condition._lock,)


def reduce_future(pickler: Pickler, future: Any) -> Any:
    """A ``concurrent.futures.Future`` with its result; nobody would ever set that of one that has none yet."""
    if not future.done():
        pickler.awaited = pickler.awaited or pickler.where
        raise TypeError("what it waits for ends with its process")
    return NotImplemented


def reduce_local(pickler: Pickler, local: Any) -> Any:
    """A ``threading.local`` with what it holds for this thread."""
    return threading.local, (), dict(local.__dict__)


def reduce_system_random(pickler: Pickler, source: Any) -> Any:
    """The system's randomness, which has no state."""
    return type(source), ()


def refuse(pickler: Pickler, thing: Any) -> NoReturn:
    """Raises TypeError: it is replaced as a whole, not in its parts."""
    raise TypeError("it lives in the process that made it")


def ending() -> tuple[type, ...]:
    """The classes whose objects end with their process, of the modules that are imported."""
    found = (getattr(sys.modules.get(module), name, None) for module, name in ENDING_NAMES)
    return (*ENDING, *(kind for kind in found if kind is not None))
