"""The state of the process that decides how a cell goes on, beside its variables.

Libraries are looked at only when somebody imported them.
"""

from __future__ import annotations

import os
import platform
import random
import sys
from typing import Any


def random_state() -> dict[str, Any]:
    """The global random states: ``random``, numpy's legacy one, torch's on the CPU and each CUDA device."""
    state: dict[str, Any] = {"random": random.getstate()}
    if numpy := sys.modules.get("numpy.random"):
        state["numpy"] = numpy.get_state()
    torch = sys.modules.get("torch")
    if torch is not None and hasattr(torch, "get_rng_state"):
        state["torch"] = torch.get_rng_state()
        if torch.cuda.is_available() and torch.cuda.is_initialized():
            state["cuda"] = torch.cuda.get_rng_state_all()
    return state


def set_random_state(state: dict[str, Any]) -> None:
    """Puts ``random_state()`` back. Imports the libraries whose state is in it."""
    random.setstate(state["random"])
    if "numpy" in state:
        import numpy as np

        np.random.set_state(state["numpy"])
    if "torch" in state:
        import torch

        torch.set_rng_state(state["torch"])
        if "cuda" in state and torch.cuda.is_available():
            for device, one in enumerate(state["cuda"][: torch.cuda.device_count()]):
                torch.cuda.set_rng_state(one, device)


def process_state() -> dict[str, Any]:
    """Random states, working directory, and torch's flags and number of threads."""
    state: dict[str, Any] = {"random": random_state(), "directory": os.getcwd()}
    torch = sys.modules.get("torch")
    if torch is not None and hasattr(torch, "get_num_threads"):
        state["torch"] = {
            "threads": torch.get_num_threads(),
            "default_dtype": torch.get_default_dtype(),
            "grad_enabled": torch.is_grad_enabled(),
            "deterministic": torch.are_deterministic_algorithms_enabled(),
            "warn_only": torch.is_deterministic_algorithms_warn_only_enabled(),
            "matmul_precision": torch.get_float32_matmul_precision(),
            "cudnn_benchmark": torch.backends.cudnn.benchmark,
            "cudnn_deterministic": torch.backends.cudnn.deterministic,
            "cudnn_tf32": torch.backends.cudnn.allow_tf32,
        }
    return state


def set_process_state(state: dict[str, Any]) -> None:
    """Puts ``process_state()`` back, the random states last. A directory that is gone is made again."""
    if state["directory"] != os.getcwd():
        os.makedirs(state["directory"], exist_ok=True)
        os.chdir(state["directory"])
    if flags := state.get("torch"):
        import torch

        if torch.get_num_threads() != flags["threads"]:
            torch.set_num_threads(flags["threads"])
        torch.set_default_dtype(flags["default_dtype"])
        torch.set_grad_enabled(flags["grad_enabled"])
        torch.use_deterministic_algorithms(flags["deterministic"], warn_only=flags["warn_only"])
        torch.set_float32_matmul_precision(flags["matmul_precision"])
        torch.backends.cudnn.benchmark = flags["cudnn_benchmark"]
        torch.backends.cudnn.deterministic = flags["cudnn_deterministic"]
        torch.backends.cudnn.allow_tf32 = flags["cudnn_tf32"]
    set_random_state(state["random"])


def machine_id() -> str:
    """Tells one machine (or VM) from the next: the kernel's boot id where there is one, else the host's name."""
    try:
        with open("/proc/sys/kernel/random/boot_id") as file:
            return file.read().strip()
    except OSError:
        return platform.node()
