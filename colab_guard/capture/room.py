"""Whether there is memory for what taking a snapshot needs itself: nobody is to be killed for one."""

from __future__ import annotations

from colab_guard.core.errors import NoRoom
from colab_guard.core.memory import memory
from colab_guard.core.words import size

LEFT_SHARE = 0.15  # of all memory stays free for the cell, which goes on while the copy is written
SPARE_SHARE = 0.02  # the same where the cell is held meanwhile
LOOK_BYTES = 16_000_000  # so much may be taken without a look


def check_room(more_bytes: int, what: str, *, spare: bool) -> None:
    """Raises NoRoom where a copy of ``what``, of so many bytes, would use up the memory. ``spare``: see SPARE_SHARE."""
    if more_bytes < LOOK_BYTES or (bound := memory()) is None:
        return
    if more_bytes > bound.free_bytes - (SPARE_SHARE if spare else LEFT_SHARE) * bound.total_bytes:
        raise NoRoom(
            f"a copy of {what} takes {size(more_bytes)} more, and only {size(bound.free_bytes)} of RAM are free. "
            f"Delete what is not needed; arrays and tensors need no copy."
        )
