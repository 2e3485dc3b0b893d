"""The state of the process that decides how a cell goes on, beside its variables.

Libraries are looked at only when somebody imported them.
"""

from __future__ import annotations

import os
import platform
import random
import sys
from pathlib import Path
from typing import Any

from colab_guard.capture.interpreter import interpreter_state, set_interpreter_state
from colab_guard.capture.logs import active_run
from colab_guard.capture.module_random import module_sources, set_module_sources
from colab_guard.capture.torch_flags import set_torch_flags, torch_flags
from colab_guard.core.errors import RestoreError
from colab_guard.core.folders import make_folder
from colab_guard.core.places import is_below_drive
from colab_guard.integrations.given import give_again, given


def random_state() -> dict[str, Any]:
    """The global random states: ``random``, numpy's legacy one, torch's on the CPU and each CUDA device, and
    those that the user's modules hold.
    """
    state: dict[str, Any] = {"random": random.getstate(), "modules": module_sources()}
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
    set_module_sources(state.get("modules", {}))
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
    """Random states, working directory, the global settings of Python and the libraries, and which modules were given
    over to be entered.
    """
    state: dict[str, Any] = {
        "random": random_state(),
        "directory": os.getcwd(),
        "interpreter": interpreter_state(),
    }
    if modules := given():
        state["entered"] = modules
    if run := active_run():
        state["wandb"] = run  # under way again once it is loaded
    torch = sys.modules.get("torch")
    if torch is not None and hasattr(torch, "get_num_threads"):
        state["torch"] = torch_flags(torch)
    return state


def _enter(directory: str) -> None:
    try:
        make_folder(Path(directory))
        os.chdir(directory)
    except OSError as error:
        mend = "Mount Drive (`%guard mount`)" if is_below_drive(directory) else "Make it"
        raise RestoreError(
            f"The snapshot was taken in the folder {directory}, which can't be entered here: "
            f"{error.strerror or error}. {mend}, then run the cell again."
        ) from error


def set_process_state(state: dict[str, Any]) -> None:
    """Puts ``process_state()`` back, the random states last. A directory that is gone is made again.

    What an earlier version of colab_guard did not write stays as it is.
    """
    if state["directory"] != os.getcwd():
        _enter(state["directory"])
    set_interpreter_state(state.get("interpreter", {}))
    give_again(state.get("entered", ()))
    if flags := state.get("torch"):
        import torch

        set_torch_flags(torch, flags)
    set_random_state(state["random"])


def machine_id() -> str:
    """Tells one machine (or VM) from the next: the kernel's boot id where there is one, else the host's name."""
    try:
        with open("/proc/sys/kernel/random/boot_id") as file:
            return file.read().strip()
    except OSError:
        return platform.node()
