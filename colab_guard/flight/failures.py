"""What kind of failure an error is, as far as a flight tells them apart."""

from __future__ import annotations

import errno
import re

from colab_guard.guards.gpu import is_out_of_memory

GPU_MEMORY, RAM, DISK, INTERRUPTED = "gpu-memory", "ram", "disk", "interrupted"
# numpy, and torch's writer of archives, tell of a full disk without saying so.
NUMPY_CUT = re.compile(r"\d+ requested and \d+ written")
DISK_TEXTS = ("No space left on device", "PytorchStreamWriter failed", "] . unexpected pos ")
RAM_TEXTS = ("can't allocate memory", "Cannot allocate memory")
FULL = {errno.ENOSPC, errno.EDQUOT}


def kind_of(error: BaseException) -> str | None:
    """One of GPU_MEMORY, RAM, DISK and INTERRUPTED; None for any other error. By names and texts: no library is
    imported for it.
    """
    text = str(error)
    names = {kind.__name__ for kind in type(error).__mro__}
    if names & {"KeyboardInterrupt", "Pause"}:
        return INTERRUPTED
    if is_out_of_memory(error):
        return GPU_MEMORY
    number = error.errno if isinstance(error, OSError) else None
    if isinstance(error, MemoryError) or number == errno.ENOMEM or any(part in text for part in RAM_TEXTS):
        return RAM
    if number in FULL or NUMPY_CUT.fullmatch(text) or any(part in text for part in DISK_TEXTS):
        return DISK
    return None
