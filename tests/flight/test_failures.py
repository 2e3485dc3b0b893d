"""A failure for want of memory or disk is known by the error that Python, numpy and torch raise for it."""

import errno

import numpy as np
import pytest
import torch

from colab_guard.flight.failures import kind_of

KNOWN = {
    "ram": [MemoryError(), OSError(errno.ENOMEM, "Cannot allocate memory")],
    "gpu-memory": [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
        RuntimeError("CUDA error: out of memory"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    ],
    "disk": [OSError(errno.ENOSPC, "No space left on device"), OSError(errno.EDQUOT, "Disk quota exceeded")],
    "interrupted": [KeyboardInterrupt()],
    None: [ValueError("2 GPUs requested and 1 found"), OSError(errno.EIO, "Input/output error"), ZeroDivisionError()],
}


@pytest.mark.parametrize(("kind", "error"), [(kind, error) for kind, errors in KNOWN.items() for error in errors])
def test_known_by_class_number_or_text(kind, error):
    assert kind_of(error) == kind


@pytest.mark.parametrize("make", [lambda: np.empty(10**15), lambda: bytearray(10**15), lambda: torch.empty(10**15)])
def test_memory_that_can_not_be_had(make):
    with pytest.raises((MemoryError, RuntimeError)) as raised:
        make()
    assert kind_of(raised.value) == "ram"


@pytest.mark.parametrize(
    "write",
    [
        lambda disk: (disk / "x").write_bytes(bytes(2_000_000)),
        lambda disk: np.save(disk / "x.npy", np.ones(250_000)),
        lambda disk: torch.save(torch.ones(500_000), disk / "x.pt"),
    ],
)
def test_a_disk_that_is_full(small_disk, write):
    with pytest.raises((OSError, RuntimeError)) as raised:
        write(small_disk)
    assert kind_of(raised.value) == "disk", repr(raised.value)
