"""torch's global settings: read at a snapshot, put back where they differ.

One that this build of torch does not know, or can't set (cuDNN's in a build for CPUs), is passed over: then
the versions differ too, and ``environment`` says so.
"""

from __future__ import annotations

import contextlib
import sys
from typing import Any

ATTRIBUTES = (
    "backends.cuda.matmul.allow_fp16_reduced_precision_reduction",
    "backends.cuda.matmul.allow_bf16_reduced_precision_reduction",
    "backends.cuda.matmul.allow_fp16_accumulation",
    "backends.cudnn.enabled",
    "backends.cudnn.benchmark",
    "backends.cudnn.benchmark_limit",
    "backends.cudnn.deterministic",
    "backends.mkldnn.enabled",
    "backends.mkldnn.deterministic",
    "backends.opt_einsum.enabled",
    "backends.opt_einsum.strategy",
    "utils.deterministic.fill_uninitialized_memory",
)
# Since torch 2.9 each operator has its own; the old flags that stand for several raise where those disagree.
OLD_PRECISION = ("backends.cudnn.allow_tf32",)
PRECISIONS = tuple(
    f"{place}.fp32_precision"
    for place in (
        "backends", "backends.cuda.matmul", "backends.cudnn.conv", "backends.cudnn.rnn",
        "backends.mkldnn.matmul", "backends.mkldnn.conv", "backends.mkldnn.rnn",
    )
)  # fmt: skip
CALLS = {
    "get_num_threads": "set_num_threads",
    "get_default_dtype": "set_default_dtype",
    "is_grad_enabled": "set_grad_enabled",
    "is_anomaly_enabled": "set_anomaly_enabled",
    "is_autocast_cache_enabled": "set_autocast_cache_enabled",
    "get_float32_matmul_precision": "set_float32_matmul_precision",
    "backends.cuda.flash_sdp_enabled": "backends.cuda.enable_flash_sdp",
    "backends.cuda.mem_efficient_sdp_enabled": "backends.cuda.enable_mem_efficient_sdp",
    "backends.cuda.math_sdp_enabled": "backends.cuda.enable_math_sdp",
    "backends.cuda.cudnn_sdp_enabled": "backends.cuda.enable_cudnn_sdp",
    "backends.mha.get_fastpath_enabled": "backends.mha.set_fastpath_enabled",
}
WRITTEN_BEFORE = {  # keys of snapshots of format 1, by what they are called now
    "threads": "get_num_threads",
    "default_dtype": "get_default_dtype",
    "grad_enabled": "is_grad_enabled",
    "matmul_precision": "get_float32_matmul_precision",
    "cudnn_benchmark": "backends.cudnn.benchmark",
    "cudnn_deterministic": "backends.cudnn.deterministic",
    "cudnn_tf32": "backends.cudnn.allow_tf32",
}
UNSETTABLE = (AttributeError, RuntimeError, TypeError, ValueError)
AUTOCAST_DEVICES = ("cpu", "cuda")


def torch_flags(torch: Any) -> dict[str, Any]:
    """All that is set now; what this torch does not have is left out."""
    flags: dict[str, Any] = {
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "warn_only": torch.is_deterministic_algorithms_warn_only_enabled(),
        "flush_denormal": _flushes_denormals(),
        "hook_id": torch.utils.hooks.RemovableHandle.next_id,
    }
    with contextlib.suppress(*UNSETTABLE):
        flags["default_device"] = str(torch.get_default_device())
    for device in AUTOCAST_DEVICES:
        with contextlib.suppress(*UNSETTABLE):
            flags[f"autocast.{device}"] = torch.is_autocast_enabled(device), torch.get_autocast_dtype(device)
    for name in (*CALLS, *ATTRIBUTES, *OLD_PRECISION, *PRECISIONS):
        with contextlib.suppress(*UNSETTABLE):
            found = _get(torch, name)
            flags[name] = found() if name in CALLS else found
    return flags


def set_torch_flags(torch: Any, flags: dict[str, Any]) -> None:
    """Puts ``torch_flags()`` back, those of earlier versions of colab_guard too."""
    wanted = {WRITTEN_BEFORE.get(name, name): value for name, value in flags.items()}
    torch.use_deterministic_algorithms(wanted["deterministic"], warn_only=wanted["warn_only"])
    now = torch_flags(torch)

    def differs(name: str) -> bool:
        return name in wanted and (name not in now or now[name] != wanted[name])

    if differs("flush_denormal"):
        torch.set_flush_denormal(wanted["flush_denormal"])
    if differs("default_device"):
        # A device mode on the stack makes every factory call slower, so the CPU is set as torch begins: by none.
        torch.set_default_device(None if wanted["default_device"] == "cpu" else wanted["default_device"])
    # Handles number hooks; a new hook with the number of a restored one would take its place.
    handle = torch.utils.hooks.RemovableHandle
    handle.next_id = max(handle.next_id, wanted.get("hook_id", 0))
    for name, setter in CALLS.items():
        # The number of threads is OpenMP's and MKL's: where something else has set the one, this sets the other.
        if differs(name) or (name == "get_num_threads" and name in wanted):
            with contextlib.suppress(*UNSETTABLE):
                _get(torch, setter)(wanted[name])
    for device in AUTOCAST_DEVICES:
        if differs(f"autocast.{device}"):
            enabled, dtype = wanted[f"autocast.{device}"]
            torch.set_autocast_enabled(device, enabled)
            torch.set_autocast_dtype(device, dtype)
    for name in (*ATTRIBUTES, *OLD_PRECISION):
        if differs(name):
            _set(torch, name, wanted[name])
    now = torch_flags(torch)  # the old flags have set some of these
    for name in PRECISIONS:
        if differs(name):
            _set(torch, name, wanted[name])


def _get(torch: Any, name: str) -> Any:
    found = torch
    for part in name.split("."):
        found = getattr(found, part)
    return found


def _set(torch: Any, name: str, value: Any) -> None:
    place, _, attribute = name.rpartition(".")
    with contextlib.suppress(*UNSETTABLE):
        setattr(_get(torch, place), attribute, value)


def _flushes_denormals() -> bool:
    # torch tells nobody; but it is a mode of the processor, so Python's own numbers show it.
    smallest = sys.float_info.min
    return smallest / 2 == 0
