"""The GPUs as their driver sees them, and what torch holds of them.

The driver is asked through ``pynvml`` (nvidia-ml-py), which Colab's and Kaggle's GPU images have; without it torch is,
which knows less, and only where the user's code uses CUDA already. Nothing here starts CUDA, imports torch or raises.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

DRIVER = "the NVIDIA driver"
NO_DRIVER = "there is no NVIDIA driver here. On Colab: Runtime, Change runtime type, a GPU; a new runtime starts then"
NO_PYNVML = (
    "the package that asks the NVIDIA driver is not installed here: %pip install nvidia-ml-py (Colab's and Kaggle's "
    "GPU runtimes have it)"
)
# What a driver leaves; the last is that of WSL.
TRACES = (Path("/dev/nvidiactl"), Path("/proc/driver/nvidia"), Path("/dev/dxg"))
# Of errors that are a plain RuntimeError: cuBLAS and cuDNN without room for their workspaces, JAX's XLA.
OUT_OF_MEMORY = (
    "CUDA out of memory",
    "CUDA error: out of memory",
    "CUBLAS_STATUS_ALLOC_FAILED",
    "CUDNN_STATUS_ALLOC_FAILED",
    "RESOURCE_EXHAUSTED",
)
TPU_SIGNS = ("TPU_NAME", "TPU_ACCELERATOR_TYPE", "COLAB_TPU_ADDR")


@dataclass(frozen=True)
class Gpu:
    """One GPU as its driver sees it: bytes, degrees Celsius, and the share of the last second in which it worked, from
    0 to 1; None where the driver does not say. ``index`` is torch's: of those that CUDA_VISIBLE_DEVICES lets through.
    """

    index: int
    name: str
    used_bytes: int
    total_bytes: int
    temperature: int | None = None
    busy: float | None = None
    own_bytes: int | None = None  # of this process; a driver outside of our container does not know it


@dataclass(frozen=True)
class Allocator:
    """torch's caching allocator on one GPU, in bytes: in tensors, held altogether, and the most there ever was in
    tensors.
    """

    index: int
    allocated_bytes: int
    reserved_bytes: int
    peak_bytes: int


def gpus() -> list[Gpu]:
    """Every GPU; empty where there is none, or no driver that tells. Thread-safe."""
    with _DRIVER.lock:
        found = list(_DRIVER.gpus())
    return found or list(_told_by_torch())


def allocators() -> list[Allocator]:
    """Of each GPU that torch has used in this process; never imports torch, never begins to use CUDA. Thread-safe."""
    cuda = _cuda()
    found = []
    for index in range(cuda.device_count() if cuda else 0):
        stats = cuda.memory_stats(index)
        one = Allocator(
            index,
            stats.get("allocated_bytes.all.current", 0),
            stats.get("reserved_bytes.all.current", 0),
            stats.get("allocated_bytes.all.peak", 0),
        )
        if one.reserved_bytes or one.peak_bytes:
            found.append(one)
    return found


def missing() -> str:
    """Why ``gpus()`` is empty, as the second half of a sentence. Thread-safe."""
    if any(sign in os.environ for sign in TPU_SIGNS):
        return "this runtime has a TPU, whose memory is not a GPU's and not supported"
    with _DRIVER.lock:
        list(_DRIVER.gpus())
        if not _DRIVER.trouble and "CUDA_VISIBLE_DEVICES" in os.environ:
            return f"CUDA_VISIBLE_DEVICES={os.environ['CUDA_VISIBLE_DEVICES']} hides what {DRIVER} may know of"
        return _DRIVER.trouble or f"{DRIVER} knows of none"


class _Driver:
    """NVML, opened once; what stood against it stays so for the life of this process, as a missing driver does."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.trouble = ""
        self._pid = -1
        self._nvml: Any = None

    def gpus(self) -> Iterator[Gpu]:
        """Call it with ``lock`` held."""
        if self._pid != os.getpid():
            self._open()
        nvml = self._nvml
        if nvml is None:
            return
        try:
            for index, handle in enumerate(_visible(nvml)):
                yield _read(nvml, index, handle)
        except nvml.NVMLError as error:
            self.trouble = f"{DRIVER} does not answer ({error})"

    def _open(self) -> None:
        self._pid, self._nvml, self.trouble = os.getpid(), None, ""
        try:
            import pynvml
        except ImportError:
            self.trouble = NO_PYNVML if any(path.exists() for path in TRACES) else NO_DRIVER
            return
        try:
            pynvml.nvmlInit()
        except pynvml.NVMLError as error:
            absent = isinstance(error, pynvml.NVMLError_LibraryNotFound | pynvml.NVMLError_DriverNotLoaded)
            self.trouble = NO_DRIVER if absent else f"{DRIVER} does not answer ({error})"
        else:
            self._nvml = pynvml


_DRIVER = _Driver()


def _visible(nvml: Any) -> list[Any]:
    """The handles of the GPUs that this process may use, in CUDA's order as far as the variable tells it."""
    handles = [nvml.nvmlDeviceGetHandleByIndex(index) for index in range(nvml.nvmlDeviceGetCount())]
    wanted = os.environ.get("CUDA_VISIBLE_DEVICES")
    if wanted is None:
        return handles
    found = []
    for word in map(str.strip, wanted.split(",")):
        if word.isdecimal():
            found += handles[int(word) : int(word) + 1]
        elif word.startswith("GPU-"):
            found += [handle for handle in handles if _text(nvml.nvmlDeviceGetUUID(handle)).startswith(word)]
        else:
            break  # as CUDA does: what is behind -1 is not seen
    return found


def _read(nvml: Any, index: int, handle: Any) -> Gpu:
    memory = nvml.nvmlDeviceGetMemoryInfo(handle)
    temperature = busy = own = None
    with suppress(nvml.NVMLError):
        temperature = int(nvml.nvmlDeviceGetTemperature(handle, nvml.NVML_TEMPERATURE_GPU))
    with suppress(nvml.NVMLError):
        busy = nvml.nvmlDeviceGetUtilizationRates(handle).gpu / 100
    with suppress(nvml.NVMLError):
        processes = nvml.nvmlDeviceGetComputeRunningProcesses(handle)
        sizes = [one.usedGpuMemory for one in processes if one.pid == os.getpid()]
        own = sum(sizes) if sizes and None not in sizes else None
    total = int(memory.total)
    return Gpu(index, _text(nvml.nvmlDeviceGetName(handle)), total - int(memory.free), total, temperature, busy, own)


def _text(told: str | bytes) -> str:
    return told.decode() if isinstance(told, bytes) else told  # bytes in older versions


def _cuda() -> Any:
    """``torch.cuda``, where the user's code has begun to use it."""
    cuda: Any = getattr(sys.modules.get("torch"), "cuda", None)
    started = getattr(cuda, "is_initialized", None)  # None while torch is being imported
    return cuda if started is not None and started() else None


def _told_by_torch() -> Iterator[Gpu]:
    cuda = _cuda()
    for one in allocators():  # to ask torch about another would begin to use that one
        with suppress(RuntimeError):  # after an error of CUDA's own it answers nothing any more
            free, total = cuda.mem_get_info(one.index)
            yield Gpu(one.index, cuda.get_device_name(one.index), total - free, total)


def is_out_of_memory(error: BaseException | None) -> bool:
    """Whether an error says that a GPU's memory did not suffice: torch's, TensorFlow's or JAX's."""
    if error is None:
        return False
    kinds = {kind.__name__ for kind in type(error).__mro__}
    if kinds & {"OutOfMemoryError", "ResourceExhaustedError"}:
        return True
    return isinstance(error, RuntimeError) and any(sign in str(error) for sign in OUT_OF_MEMORY)
