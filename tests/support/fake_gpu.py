"""A stand-in for a machine's GPU: the answers of its driver, and of torch's allocator for it.

It shows that what they answer is read, put together and told rightly; not that a real driver answers so, nor what a
real allocator does. ``KERNEL`` is a cell that puts one GPU into a kernel.
"""

from __future__ import annotations

import types
from dataclasses import dataclass, field
from typing import Any

import pytest
import torch

HAS_GPU = torch.cuda.is_available()
needs_gpu = pytest.mark.skipif(not HAS_GPU, reason="there is no NVIDIA GPU here")
needs_no_gpu = pytest.mark.skipif(HAS_GPU, reason="there is an NVIDIA GPU here")
T4_BYTES = 15_843_721_216

KERNEL = f"""
from colab_guard.guards import gpu
gpu.gpus = lambda: [gpu.Gpu(0, "Tesla T4", 12_300_000_000, {T4_BYTES}, 61, 0.87, 11_900_000_000)]
gpu.allocators = lambda: [gpu.Allocator(0, 9_000_000_000, 11_400_000_000, 10_200_000_000)]
"""


@dataclass
class Device:
    """One GPU, as NVML tells of it; an error in place of what it does not support."""

    name: str | bytes = "Tesla T4"
    total: int = T4_BYTES
    free: int = 10_000_000_000
    uuid: str = "GPU-0"
    temperature: Any = 61
    busy: Any = 87
    processes: Any = field(default_factory=list)  # (pid, bytes)


class NVMLError(Exception):
    """Of the stand-in."""


class NVMLErrorLibraryNotFound(NVMLError):
    """Of the stand-in."""


def nvml(*devices: Device, fails: bool = False) -> types.ModuleType:
    """A module with the names of ``pynvml`` that are used; a test holds that the real one has them."""

    def told(value: Any) -> Any:
        if isinstance(value, Exception):
            raise value
        return value

    def start() -> None:
        if fails:
            raise NVMLError("Driver/library version mismatch")

    def processes(device: Device) -> list[types.SimpleNamespace]:
        return [types.SimpleNamespace(pid=pid, usedGpuMemory=size) for pid, size in told(device.processes)]

    module: Any = types.ModuleType("pynvml")
    module.NVMLError, module.NVML_TEMPERATURE_GPU = NVMLError, 0
    module.NVMLError_LibraryNotFound = module.NVMLError_DriverNotLoaded = NVMLErrorLibraryNotFound
    module.nvmlInit = start
    module.nvmlDeviceGetCount = lambda: len(devices)
    module.nvmlDeviceGetHandleByIndex = lambda index: devices[index]
    module.nvmlDeviceGetUUID = lambda device: device.uuid
    module.nvmlDeviceGetName = lambda device: device.name
    module.nvmlDeviceGetMemoryInfo = lambda device: types.SimpleNamespace(total=device.total, free=told(device.free))
    module.nvmlDeviceGetTemperature = lambda device, _: told(device.temperature)
    module.nvmlDeviceGetUtilizationRates = lambda device: types.SimpleNamespace(gpu=told(device.busy))
    module.nvmlDeviceGetComputeRunningProcesses = processes
    return module
