"""What a flight says of the machine: in its ``start`` and in its beats, from the probes in ``guards``."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from typing import Any

from colab_guard.core.memory import memory
from colab_guard.flight.recorder import Probe
from colab_guard.guards import machine
from colab_guard.guards.disk import disk
from colab_guard.guards.gpu import allocators, gpus


def identity() -> dict[str, Any]:
    """Which process of which machine this is, for the ``start`` line; known at once."""
    return _known({"pid": os.getpid(), "kernel": machine.process_id(), "boot": machine.boot_id()})


def facts(place: str | os.PathLike[str]) -> dict[str, Any]:
    """What else never changes, and may take long to find, for the ``start`` line; the disk is that of ``place``."""
    ram, local = memory(), disk(place)
    return _known({
        "python": platform.python_version(), "oom_kills": machine.oom_kills(), "group": machine.memory_group(),
        "ram_total": ram and ram.total_bytes, "disk_total": local and local.total_bytes,
        "gpus": [[gpu.name, gpu.total_bytes] for gpu in gpus()],
    })  # fmt: skip


def probes(place: str | os.PathLike[str]) -> dict[str, Probe]:
    """What a beat tells of the machine, by what is asked; the disk is that of ``place``."""

    def disk_fields() -> Mapping[str, Any]:
        local = disk(place)
        return {} if local is None else {"disk": [local.used_bytes, local.total_bytes]}

    return {"machine": _machine, "memory": _memory, "disk": disk_fields, "gpu": _gpu, "torch": _torch}


def _machine() -> Mapping[str, Any]:
    return _known({"up": machine.uptime(), "load": machine.load()})


def _memory() -> Mapping[str, Any]:
    ram = memory()
    used = None if ram is None else [ram.total_bytes - ram.free_bytes, ram.total_bytes]
    return _known({"ram": used, "rss": machine.rss_bytes(), "oom_kills": machine.oom_kills()})


def _gpu() -> Mapping[str, Any]:
    return _known({"gpu": [[gpu.used_bytes, gpu.total_bytes, gpu.busy] for gpu in gpus()]})


def _torch() -> Mapping[str, Any]:
    return _known({"torch": [[one.allocated_bytes, one.reserved_bytes] for one in allocators()]})


def _known(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None and value != [] and value != {}}
