"""What is known of a flight's machine where the flight is read: what ``causes`` asks for beside the flight itself."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from colab_guard.core.procfiles import PROC
from colab_guard.flight.causes import Here, Verdict, cause_of
from colab_guard.flight.reading import Flight
from colab_guard.guards import machine

LOG = Path("/var/colab/app.log")  # of Colab's Jupyter server; a line is JSON with a time in it
LOG_BYTES = 256_000
TIME = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)")
TELLING = re.compile(rb"tcmalloc: large alloc \d+ bytes|KernelRestarter: restarting kernel[^\"]*|kernel \S+ restarted")


def here(flight: Flight, *, successor: bool = True, clock: Callable[[], float] = time.time) -> Here:
    """What this machine knows of that flight; ``successor`` as in ``Here``. Raises nothing. Thread-safe."""
    boot = machine.boot_id()
    return Here(
        t=clock(),
        boot=boot,
        group=machine.memory_group(),
        oom_kills=machine.oom_kills(),
        alive=_alive(flight) if boot is not None and boot == flight.boot else None,
        log=tuple(_log()),
        successor=successor,
    )


def end_of(flight: Flight, *, successor: bool = True) -> tuple[Verdict, Here]:
    """What ended that session, as far as it can be told here. Raises nothing. Thread-safe."""
    now = here(flight, successor=successor)
    return cause_of(flight, now), now


def _alive(flight: Flight) -> bool | None:
    """Whether the process that flew is still there; where it is hidden (another container's) it seems gone."""
    kernel = str(flight.start.get("kernel", ""))
    pid = kernel.partition("-")[0]
    return machine.process_id(int(pid)) == kernel if pid.isdecimal() and (PROC / "self").exists() else None


def _log() -> list[tuple[float, str]]:
    try:
        with open(LOG, "rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - LOG_BYTES))
            lines = file.read().splitlines()
    except OSError:
        return []
    found = []
    for line in lines:
        if (telling := TELLING.search(line)) and (when := TIME.search(line)):
            with suppress(ValueError):  # of the 99th month
                at = datetime.fromisoformat(when[0].decode()).timestamp()
                found.append((at, telling[0].decode("utf-8", "replace")))
    return found
