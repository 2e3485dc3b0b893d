"""A cap on what this process may take of the GPU, and allocators that grow instead of taking all at once.

What a library reads when it first uses the GPU can only be set before; where that is over, it is said.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from colab_guard.core.errors import UsageError
from colab_guard.core.words import size
from colab_guard.guards import gpu

# torch since 2.9 calls it PYTORCH_ALLOC_CONF, but 2.9.1 reads the segments from the old name only (pytorch#183387),
# and every later one reads the old name first.
ALLOCATOR, NEWER = "PYTORCH_CUDA_ALLOC_CONF", "PYTORCH_ALLOC_CONF"
EXPANDABLE = "expandable_segments"
TENSORFLOW = "TF_FORCE_GPU_ALLOW_GROWTH"
JAX = "XLA_PYTHON_CLIENT_PREALLOCATE"
RESTART = "Put %gpumem limit above the first cell that uses the GPU, restart the kernel and run all."


def limit(fraction: float) -> list[str]:
    """Caps torch at ``fraction`` of each GPU, and has TensorFlow and JAX take memory as they need it; what was done, in
    sentences. Imports torch where it is installed, and begins to use CUDA. Raises UsageError for no share.
    """
    if not 0 < fraction <= 1:
        raise UsageError(
            f"%gpumem limit {fraction:g} is no share of the GPU: give one above 0 and up to 1, such as 0.85."
        )
    if not gpu.gpus() and (why := gpu.missing()) != gpu.NO_PYNVML:  # without that, torch itself knows
        return [f"Nothing was capped, for no GPU is seen: {why}."]
    return [*_torch(fraction), *_tensorflow(), *_jax()]


def _torch(fraction: float) -> Iterator[str]:
    if not _installed("torch"):
        yield "torch is not installed here, so there was nothing of it to cap."
        return
    started = _started()
    if not started:
        _ask_for_segments()
    import torch

    if not torch.cuda.is_available():
        yield f"torch {torch.__version__} can't use the GPU (a build without CUDA, or for another driver): not capped."
        return
    for index in range(torch.cuda.device_count()):
        torch.cuda.set_per_process_memory_fraction(fraction, index)
        total = torch.cuda.get_device_properties(index).total_memory
        yield (
            f"torch may hold {size(total * fraction)} of the {size(total)} of GPU {index} ({fraction:.0%}); for more "
            f"it raises an out-of-memory error, after it gave back what it had cached."
        )
        held = torch.cuda.memory_reserved(index)
        if held > total * fraction:
            yield f"It holds {size(held)} already, which it keeps until you free it: %gpumem clear."
    yield _segments(torch, started)


def _started() -> bool:
    cuda: Any = getattr(sys.modules.get("torch"), "cuda", None)
    return cuda is not None and bool(cuda.is_initialized())


def _ask_for_segments() -> None:
    known = os.environ.get(ALLOCATOR) or os.environ.get(NEWER, "")
    words = [word for word in known.split(",") if word]
    if not any(word.strip().startswith(EXPANDABLE) for word in words):
        os.environ[ALLOCATOR] = ",".join([*words, f"{EXPANDABLE}:True"])


def _segments(torch: Any, started: bool) -> str:
    """What torch itself says: which moment it reads the variable at differs between versions."""
    in_force = None
    with suppress(Exception):  # a private name
        in_force = torch.cuda.memory._snapshot()["allocator_settings"][EXPANDABLE]
    if in_force:
        return "Its segments are expandable, so that free memory in pieces serves large tensors, too."
    if started or in_force is False:
        return (
            f"It is too late for expandable segments: torch read its settings when it began to use the GPU. {RESTART}"
        )
    return "Expandable segments were asked for; this torch does not say whether it heard."


def _tensorflow() -> Iterator[str]:
    tensorflow: Any = sys.modules.get("tensorflow")
    if tensorflow is not None and hasattr(tensorflow, "config"):
        try:
            for device in tensorflow.config.list_physical_devices("GPU"):
                tensorflow.config.experimental.set_memory_growth(device, True)
        except (RuntimeError, ValueError):
            yield f"It is too late for TensorFlow, which has taken its memory already. {RESTART}"
        else:
            yield "TensorFlow takes memory as it needs it."
    elif _installed("tensorflow"):
        os.environ[TENSORFLOW] = "true"
        yield "TensorFlow, once it is imported, takes memory as it needs it."


def _jax() -> Iterator[str]:
    if not _installed("jax"):
        return
    os.environ[JAX] = "false"
    bridge: Any = sys.modules.get("jax._src.xla_bridge")
    ask = getattr(bridge, "backends_are_initialized", None)
    if ask is not None and ask():
        yield f"It is too late for JAX, which has taken its memory already. {RESTART}"
    elif bridge is not None and ask is None:
        yield "JAX takes memory as it needs it, unless it has computed something already."
    else:
        yield "JAX takes memory as it needs it, from its first computation on."


def _installed(name: str) -> bool:
    if name in sys.modules:
        return sys.modules[name] is not None
    return importlib.util.find_spec(name) is not None
