"""The end of the runtime, as far as its limit is known (``guards.lifetime``): before it, a last snapshot."""

from __future__ import annotations

from colab_guard.core.words import span
from colab_guard.guards.lifetime import lifetime
from colab_guard.saving import Saver
from colab_guard.tiers.durability import Durability

MARGIN_SECONDS = 300.0  # beside twice what the upload of a snapshot takes
AGAIN_SECONDS = 5.0  # after one that was left out, for another was being written


def last_call(saver: Saver, saved: bool) -> float | None:
    """Seconds until a snapshot is due because of the limit; None without one, and once it was taken, which is said.
    ``saved``: whether one is being written of this very moment.
    """
    life = lifetime()
    if life.limit is None:
        return None
    left = life.limit - life.age - MARGIN_SECONDS - 2 * _upload_seconds(saver.durability)
    if left > 0:
        return left
    if not saved:
        return AGAIN_SECONDS
    saver.say_once(
        f"the runtime's limit of {span(life.limit)} ({life.how}) is near: the state is saved and on its way to the "
        f"store. The cell goes on, and is saved as before, for as long as the runtime lives."
    )
    return None


def _upload_seconds(durability: Durability | None) -> float:
    if durability is None or durability.newest is None or not durability.bytes_per_second:
        return 0.0
    return durability.newest.size_bytes / durability.bytes_per_second
