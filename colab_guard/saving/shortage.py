"""What cells tell of memory, disks and time that get short: what holds them, what was done, what to do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from colab_guard.capture.largest import largest
from colab_guard.core.memory import Memory, memory
from colab_guard.core.words import size, span
from colab_guard.flight.deadlines import DEADLINES
from colab_guard.flight.recorder import RECORDER
from colab_guard.guards.bulk import biggest
from colab_guard.guards.fullness import FULLNESS, Full
from colab_guard.guards.lifetime import Fit, Lifetime, lifetime
from colab_guard.guards.pressure import PRESSURE, RESCUE_SHARE, Notice
from colab_guard.saving.saver import Saver
from colab_guard.store.folder import LEFT_BYTES

NAMED = 3


def tell_news(saver: Saver, namespace: dict[str, Any]) -> None:
    """Says what there is to tell of the snapshots and of the memory, once."""
    saver.settle()
    tell_of_shortage(saver.say, namespace, rescued=saver.rescued)


def tell_of_shortage(say: Callable[[str], None], namespace: dict[str, Any], *, rescued: bool = False) -> None:
    """Says what there is to tell of memory, disks and time, once. For the thread that runs cells."""
    told = [("memory", text_of(notice, namespace, rescued=rescued)) for notice in PRESSURE.notices()]
    told += [("disk", text_of_disk(full)) for full in FULLNESS.notices()]
    told += [("time", text_of_time(late, lifetime())) for late in DEADLINES.notices()]
    for about, text in told:
        RECORDER.event("warning", about=about, text=text)
        say(text)


def text_of_disk(full: Full) -> str:
    """A disk that is nearly full, in words, with what is big on it."""
    parts = [f"{path} ({size(size_bytes)})" for path, size_bytes in biggest(full.folder, NAMED)]
    held = f" Big are {', '.join(parts)}." if parts else ""
    return (
        f"the disk of {full.folder} is {full.disk.used_share:.0%} full, {size(full.disk.free_bytes)} are left.{held} "
        f"Delete what is not needed; where less than {size(LEFT_BYTES)} would be left, no snapshot is taken."
    )


def text_of_time(late: Fit, life: Lifetime) -> str:
    """That a cell will not end before the runtime does."""
    return (
        f"{late.cell} needs about {span(late.seconds)} more, and the runtime has about {span(late.left)} left of "
        f"{span(life.limit or 0)} ({life.how}): it will be cut off at about {late.place}. What is durable by then is "
        f"gone on with in the next session: run all cells there. Another limit: %guard config limit=24h."
    )


def text_of(notice: Notice, namespace: dict[str, Any], *, rescued: bool) -> str:
    """A notice in words; a warning with the largest of the variables. ``rescued``: whether the rescue is stored."""
    if notice.kind == "rescue" and not rescued:
        return (
            f"{_in_use(notice.memory)}, and the snapshot that was to be taken here, out of turn, is not stored. "
            f"Interrupt the cell and free some, or the kernel may be killed, and what was done since the last snapshot "
            f"is lost."
        )
    if notice.kind == "rescue":
        return (
            f"{_in_use(notice.memory)}: a snapshot was taken here, out of turn. If the kernel is killed for want of "
            f"memory, start it again and run all cells: it goes on from here."
        )
    parts = [f"{name} ({size(size_bytes)})" for name, size_bytes in largest(namespace, NAMED)]
    held = f"; the largest variables are {', '.join(parts)}" if parts else ""
    return (
        f"{_in_use(notice.memory)}{held}. Beyond 100% the system kills the kernel: delete what is not needed, or load "
        f"less at once. In a guarded cell a snapshot is taken at {RESCUE_SHARE:.0%}, and `%guard config stop_at=97%` "
        f"stops the cell in time."
    )


def stop_of_memory() -> str:
    """Why a cell was stopped, and what to do."""
    found = memory()
    used = f"{_in_use(found)}, and stop_at says to stop there" if found else "The memory is short"
    return f"{used}. Free some (del NAME), or restart the kernel and run all cells; or, to go on here,"


def _in_use(memory: Memory) -> str:
    return f"{memory.used_share:.0%} of the {size(memory.total_bytes)} of RAM are in use"
