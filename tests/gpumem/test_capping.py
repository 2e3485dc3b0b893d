"""A cap is set where it still can be; where it can't, or there is nothing to cap, a sentence says so.

torch's CUDA, TensorFlow and JAX are stand-ins here: they show what is asked of them, not that they obey. The test
marked ``gpu`` shows that torch does.
"""

import os
import subprocess
import sys
import types

import pytest
import torch

from colab_guard.core.errors import UsageError
from colab_guard.gpumem import capping
from colab_guard.gpumem.capping import limit
from colab_guard.guards import gpu
from tests.support.fake_gpu import T4_BYTES, needs_gpu, needs_no_gpu

VARIABLES = (capping.ALLOCATOR, capping.NEWER, capping.TENSORFLOW, capping.JAX)


@pytest.fixture(autouse=True)
def alone(monkeypatch):
    """A GPU, no library but torch, and none of the variables that they read, before and after."""
    for name in VARIABLES:
        monkeypatch.setenv(name, "")  # so that it is as it was afterwards
        monkeypatch.delenv(name)
    monkeypatch.setattr(gpu, "gpus", lambda: [gpu.Gpu(0, "Tesla T4", 0, T4_BYTES)])
    for name in ("tensorflow", "jax"):
        monkeypatch.setitem(sys.modules, name, None)


@pytest.fixture
def cuda(monkeypatch):
    """Torch with CUDA on two GPUs; what was asked of it, and what it says of its segments."""
    asked = types.SimpleNamespace(fractions={}, started=False, settings={"expandable_segments": True}, reserved=0)
    answers = {
        "is_available": lambda: True,
        "is_initialized": lambda: asked.started,
        "device_count": lambda: 2,
        "set_per_process_memory_fraction": lambda fraction, index: asked.fractions.update({index: fraction}),
        "get_device_properties": lambda index: types.SimpleNamespace(total_memory=10_000_000_000),
        "memory_reserved": lambda index: asked.reserved,
    }
    for name, answer in answers.items():
        monkeypatch.setattr(torch.cuda, name, answer)
    monkeypatch.setattr(torch.cuda.memory, "_snapshot", lambda: {"allocator_settings": asked.settings})
    return asked


def test_torch_is_capped_on_every_gpu_with_segments_that_grow(cuda):
    said = limit(0.85)
    assert cuda.fractions == {0: 0.85, 1: 0.85}
    assert os.environ[capping.ALLOCATOR] == "expandable_segments:True"
    assert "8.5 GB of the 10.0 GB of GPU 0 (85%)" in said[0]
    assert said[2].startswith("Its segments are expandable")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("max_split_size_mb:128", "max_split_size_mb:128,expandable_segments:True"),
        ("expandable_segments:False", "expandable_segments:False"),
    ],
)
def test_what_the_user_set_stays(cuda, monkeypatch, before, after):
    monkeypatch.setenv(capping.ALLOCATOR, before)
    limit(0.5)
    assert os.environ[capping.ALLOCATOR] == after


def test_what_the_user_set_by_the_newer_name_is_taken_over_for_the_old_one_is_read_first(cuda, monkeypatch):
    monkeypatch.setenv(capping.NEWER, "garbage_collection_threshold:0.8")
    limit(0.5)
    assert os.environ[capping.ALLOCATOR] == "garbage_collection_threshold:0.8,expandable_segments:True"


def test_once_torch_uses_the_gpu_it_is_too_late_for_its_segments_and_not_for_the_cap(cuda):
    cuda.started, cuda.settings, cuda.reserved = True, {"expandable_segments": False}, 9_000_000_000
    said = limit(0.5)
    assert cuda.fractions == {0: 0.5, 1: 0.5}
    assert capping.ALLOCATOR not in os.environ
    assert "It holds 9.0 GB already" in said[1]
    assert said[-1].startswith("It is too late for expandable segments")
    assert "restart the kernel and run all" in said[-1]


def test_a_torch_that_does_not_say_what_is_in_force_is_not_spoken_for(cuda):
    cuda.settings = {}
    assert limit(0.5)[-1] == "Expandable segments were asked for; this torch does not say whether it heard."


@pytest.mark.parametrize("fraction", [0, -0.1, 1.01, 85])
def test_what_is_no_share_is_refused(fraction):
    with pytest.raises(UsageError, match="is no share of the GPU"):
        limit(fraction)


@needs_no_gpu
def test_a_torch_without_cuda_is_said():
    assert "can't use the GPU" in limit(0.5)[0]


def test_without_torch_that_is_said(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    assert limit(0.5) == ["torch is not installed here, so there was nothing of it to cap."]


def test_without_a_gpu_nothing_is_set(monkeypatch):
    monkeypatch.setattr(gpu, "gpus", list)
    (said,) = limit(0.5)
    assert said.startswith("Nothing was capped, for no GPU is seen: ")
    assert [name for name in VARIABLES if name in os.environ] == []


def test_without_the_package_that_asks_the_driver_torch_is_capped_all_the_same(cuda, monkeypatch):
    monkeypatch.setattr(gpu, "gpus", list)
    monkeypatch.setattr(gpu, "missing", lambda: gpu.NO_PYNVML)
    limit(0.85)
    assert cuda.fractions == {0: 0.85, 1: 0.85}


def tensorflow(error=None):
    def grow(device, on):
        grown.append((device, on))
        if error:
            raise error

    grown = []
    config = types.SimpleNamespace(
        list_physical_devices=lambda kind: [kind], experimental=types.SimpleNamespace(set_memory_growth=grow)
    )
    module = types.ModuleType("tensorflow")
    module.config, module.grown = config, grown
    return module


def test_tensorflow_that_was_imported_grows_or_is_too_late(monkeypatch, cuda):
    for error, words in [
        (None, "takes memory as it needs it"),
        (RuntimeError("initialized"), "too late for TensorFlow"),
    ]:
        module = tensorflow(error)
        monkeypatch.setitem(sys.modules, "tensorflow", module)
        assert words in limit(0.5)[-1]
        assert module.grown == [("GPU", True)]


def test_libraries_that_were_not_imported_find_their_variables(monkeypatch, cuda, tmp_path):
    for name in ("tensorflow", "jax"):
        monkeypatch.delitem(sys.modules, name)
        (tmp_path / f"{name}.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    said = limit(0.5)
    assert (os.environ[capping.TENSORFLOW], os.environ[capping.JAX]) == ("true", "false")
    assert "TensorFlow, once it is imported" in said[-2]
    assert "JAX takes memory as it needs it, from its first computation on." in said[-1]
    assert {"tensorflow", "jax"}.isdisjoint(sys.modules)


@pytest.mark.parametrize(("began", "words"), [(True, "too late for JAX"), (False, "from its first computation on")])
def test_jax_is_asked_whether_it_has_begun(monkeypatch, cuda, began, words):
    bridge = types.ModuleType("jax._src.xla_bridge")
    bridge.backends_are_initialized = lambda: began
    monkeypatch.setitem(sys.modules, "jax", types.ModuleType("jax"))
    monkeypatch.setitem(sys.modules, "jax._src.xla_bridge", bridge)
    assert words in limit(0.5)[-1]


@pytest.mark.gpu
@needs_gpu
def test_a_real_allocator_stops_at_the_cap_and_has_expandable_segments():
    code = """
from colab_guard.gpumem.capping import limit
print(*limit(0.1), sep="\\n")
import torch
total = torch.cuda.get_device_properties(0).total_memory
try:
    torch.empty(int(total * 0.2), dtype=torch.uint8, device="cuda")
except torch.OutOfMemoryError:
    torch.empty(int(total * 0.05), dtype=torch.uint8, device="cuda")
    print("stopped")
"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=300)
    assert ended.stdout.endswith("stopped\n")
    assert "Its segments are expandable" in ended.stdout
