"""What a driver and torch answer is read; where there is neither, a sentence says so, and nothing is raised or started.

Without a GPU the driver and torch's allocator are stand-ins (tests/support/fake_gpu.py), the package that asks the
driver and the missing driver are real. The tests marked ``gpu`` ask a real one.
"""

import os
import subprocess
import sys

import pytest
import torch

from colab_guard.guards import gpu
from tests.support.fake_gpu import T4_BYTES, Device, NVMLError, needs_gpu, needs_no_gpu, nvml


@pytest.fixture
def driver(monkeypatch):
    """Puts a driver with such GPUs in the place of this machine's."""
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(gpu, "_DRIVER", gpu._Driver())

    def put(*devices, **more):
        monkeypatch.setitem(sys.modules, "pynvml", nvml(*devices, **more))

    return put


def test_all_that_the_driver_tells_of_a_gpu(driver):
    driver(Device(processes=[(os.getpid(), 3), (1, 10), (os.getpid(), 4)]))
    assert gpu.gpus() == [gpu.Gpu(0, "Tesla T4", T4_BYTES - 10_000_000_000, T4_BYTES, 61, 0.87, 7)]


def test_what_a_driver_does_not_support_is_none(driver):
    error = NVMLError("Not Supported")
    driver(Device(name=b"Tesla K80", temperature=error, busy=error, processes=error))
    assert gpu.gpus() == [gpu.Gpu(0, "Tesla K80", T4_BYTES - 10_000_000_000, T4_BYTES)]


@pytest.mark.parametrize("processes", [[(1, 10)], [(os.getpid(), None)]])
def test_a_driver_that_does_not_know_this_process_does_not_say_that_it_holds_nothing(driver, processes):
    driver(Device(processes=processes))
    assert gpu.gpus()[0].own_bytes is None


@pytest.mark.parametrize(
    ("visible", "names"),
    [("1", ["b"]), ("1,0", ["b", "a"]), ("GPU-a", ["a"]), ("", []), ("-1,0", []), ("5", []), (" 0 , 1 ", ["a", "b"])],
)
def test_gpus_are_those_that_torch_sees_in_its_order(driver, monkeypatch, visible, names):
    driver(Device("a", uuid="GPU-a1"), Device("b", uuid="GPU-b1"))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert [(one.index, one.name) for one in gpu.gpus()] == list(enumerate(names))


def test_gpus_that_are_hidden_are_not_said_to_be_missing(driver, monkeypatch):
    driver(Device())
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    assert "CUDA_VISIBLE_DEVICES=-1 hides" in gpu.missing()
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    driver()
    assert gpu.missing() == "the NVIDIA driver knows of none"


def test_a_driver_that_fails_is_told_and_not_raised(driver):
    driver(Device(), fails=True)
    assert gpu.gpus() == []
    assert "does not answer (Driver/library version mismatch)" in gpu.missing()
    driver(Device(free=NVMLError("GPU is lost")))
    gpu._DRIVER = gpu._Driver()
    assert gpu.gpus() == []
    assert "GPU is lost" in gpu.missing()


def test_the_real_package_has_every_name_that_is_used():
    import pynvml

    stand_in = nvml()
    assert [name for name in vars(stand_in) if name.casefold().startswith("nvml") and not hasattr(pynvml, name)] == []
    assert issubclass(pynvml.NVMLError_LibraryNotFound, pynvml.NVMLError)


@needs_no_gpu
def test_the_real_package_without_a_driver_gives_a_plain_sentence_once(monkeypatch):
    monkeypatch.setattr(gpu, "_DRIVER", gpu._Driver())
    assert gpu.gpus() == []
    assert gpu.missing().startswith("there is no NVIDIA driver here. On Colab: Runtime,")


def test_without_the_package_it_is_asked_for_only_where_there_is_a_driver(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "pynvml", None)
    for trace, words in [
        (tmp_path, "%pip install nvidia-ml-py"),
        (tmp_path / "none", "there is no NVIDIA driver here"),
    ]:
        monkeypatch.setattr(gpu, "_DRIVER", gpu._Driver())
        monkeypatch.setattr(gpu, "TRACES", (trace,))
        assert gpu.gpus() == []
        assert words in gpu.missing()


def test_a_tpu_is_said_not_to_be_supported(monkeypatch):
    monkeypatch.setenv("TPU_ACCELERATOR_TYPE", "v5e-1")
    assert "TPU" in gpu.missing()
    assert "not supported" in gpu.missing()


def test_looking_imports_nothing_heavy():
    code = """
import sys
from colab_guard.guards import gpu
assert gpu.gpus() == [] == gpu.allocators() and gpu.missing()
print(sorted({"torch", "numpy"} & set(sys.modules)))
"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert ended.stdout == "[]\n"


def test_looking_does_not_begin_to_use_cuda():
    assert torch.cuda.is_initialized() is False
    assert gpu.allocators() == []
    assert torch.cuda.is_initialized() is False


def test_torch_is_asked_for_the_gpus_it_has_used_and_for_those_without_a_driver_that_tells(driver, monkeypatch):
    keys = [
        f"{kind}_bytes.all.{when}"
        for kind, when in (("allocated", "current"), ("reserved", "current"), ("allocated", "peak"))
    ]
    stats = [dict(zip(keys, sizes, strict=True)) for sizes in ((0, 0, 0), (5, 8, 7))]
    answers = {
        "is_initialized": lambda: True,
        "device_count": lambda: 2,
        "memory_stats": stats.__getitem__,
        "mem_get_info": lambda index: (3, 20),
        "get_device_name": lambda index: f"Tesla {index}",
    }
    for name, answer in answers.items():
        monkeypatch.setattr(torch.cuda, name, answer)
    assert gpu.allocators() == [gpu.Allocator(1, 5, 8, 7)]
    driver(fails=True)
    assert gpu.gpus() == [gpu.Gpu(1, "Tesla 1", 17, 20)]

    def broken(index):
        raise RuntimeError("CUDA error: device-side assert triggered")

    monkeypatch.setattr(torch.cuda, "mem_get_info", broken)
    assert gpu.gpus() == []


@pytest.mark.parametrize(
    ("error", "is_it"),
    [
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."), True),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"), True),
        (RuntimeError("RESOURCE_EXHAUSTED: Out of memory while trying to allocate 1 bytes"), True),
        (type("ResourceExhaustedError", (Exception,), {})("OOM when allocating tensor"), True),
        (RuntimeError("CUDA error: device-side assert triggered"), False),
        (MemoryError("Unable to allocate 8 GiB"), False),
        (ValueError("CUDA out of memory"), False),
        (None, False),
    ],
)
def test_which_errors_are_a_lack_of_gpu_memory(error, is_it):
    assert gpu.is_out_of_memory(error) is is_it


@pytest.mark.gpu
@needs_gpu
def test_a_real_gpu_and_a_real_allocator_agree():
    held = torch.zeros(50_000_000, device="cuda")
    (one,), (allocator, *_) = gpu.gpus()[:1], gpu.allocators()
    assert allocator.allocated_bytes >= held.nbytes
    assert allocator.reserved_bytes >= allocator.allocated_bytes
    assert one.used_bytes >= allocator.reserved_bytes
    assert abs(one.total_bytes - torch.cuda.mem_get_info(0)[1]) < one.total_bytes / 20
