"""The end of the runtime, where the user said when it comes (``%guard config limit=12h``): before it, a last snapshot.

On Colab and Kaggle the limit counts from the machine's start, elsewhere from this process's.
"""

from __future__ import annotations

import time
from pathlib import Path

from colab_guard.core.config import limit_seconds, setting
from colab_guard.core.places import on_colab, on_kaggle
from colab_guard.saving import Saver
from colab_guard.tiers.durability import Durability

UPTIME = Path("/proc/uptime")
MARGIN_SECONDS = 300.0  # beside twice what the upload of a snapshot takes
_begun = time.monotonic()


def last_call(saver: Saver) -> float | None:
    """Seconds until a snapshot is due because of the limit; None without one, and once it was taken, which is said."""
    limit = limit_seconds()
    if limit is None:
        return None
    left = limit - _age_seconds() - MARGIN_SECONDS - 2 * _upload_seconds(saver.durability)
    if left > 0:
        return left
    saver.say_once(
        f"the runtime's limit of {setting('limit')} is near: the state is saved and on its way to the store. The cell "
        f"goes on, and is saved as before, for as long as the runtime lives."
    )
    return None


def _upload_seconds(durability: Durability | None) -> float:
    if durability is None or durability.newest is None or not durability.bytes_per_second:
        return 0.0
    return durability.newest.size_bytes / durability.bytes_per_second


def _age_seconds() -> float:
    if on_colab() or on_kaggle():
        try:
            return float(UPTIME.read_text().split()[0])
        except (OSError, ValueError, IndexError):
            pass  # no Linux: from this process's start
    return time.monotonic() - _begun
