"""What the demo runs inside the kernels, unseen by the notebook: it leaves no name in the user's namespace.

The demo must know how far the training is without a line of the user's code being changed. The notebook
appends to `history` once a batch, so its length is the work done.
"""

import hashlib
import json
import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

PAUSE_SECONDS = 0.002  # well below the time of a batch, so that each is seen


def watch(namespace: dict[str, Any], path: str, stop_at: float | None) -> None:
    """From a daemon thread, append "<time> <batches done>" to *path* each time the number changes. Where it comes to
    *stop_at*, this process stands still, to be killed there.
    """
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def look() -> None:
        before = None
        while True:
            done = len(namespace.get("history", ()))
            if done != before:
                os.write(file, f"{time.time():.4f} {done}\n".encode())  # the system has it: survives SIGKILL
                before = done
                if stop_at is not None and done >= stop_at:
                    os.kill(os.getpid(), signal.SIGSTOP)
            time.sleep(PAUSE_SECONDS)

    threading.Thread(target=look, name="demo-probe", daemon=True).start()


def write_results(namespace: dict[str, Any], path: str) -> None:
    """`results` as a JSON file."""
    Path(path).write_text(json.dumps(results(namespace)))


def results(namespace: dict[str, Any]) -> dict[str, dict[str, str]]:
    """The bits of every value that the training ended with: result → part of it → its bits."""
    optimizer = namespace["optimizer"].state_dict()
    parts = {
        "weights": namespace["model"].state_dict(),
        "optimizer state": {
            f"parameter {number}: {name}": value
            for number, state in optimizer["state"].items()
            for name, value in state.items()
        }
        | {f"group {number}": group for number, group in enumerate(optimizer["param_groups"])},
        "schedule": namespace["schedule"].state_dict(),
        "history": {f"batch {number}": loss for number, loss in enumerate(namespace["history"], 1)},
    }
    return {name: {part: _bits(value) for part, value in held.items()} for name, held in parts.items()}


def _bits(value: Any) -> str:
    """A text that differs where a bit of *value* differs: the digest of a tensor, else what it is in Python."""
    if hasattr(value, "numpy"):
        array = value.detach().cpu().numpy()
        return f"{array.dtype} {array.shape} {hashlib.sha256(array.tobytes()).hexdigest()}"
    return repr(value)  # of a float: as many digits as tell it from every other
