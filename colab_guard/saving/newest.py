"""The snapshot that a loop or a sweep goes on from, where the user's program waits for it."""

from __future__ import annotations

from colab_guard.core.errors import CorruptSnapshot, StoreUnavailable
from colab_guard.saving.saver import Saver
from colab_guard.store.manifest import Manifest
from colab_guard.store.repository import Hold, hold_nothing
from colab_guard.tiers.opening import may_hold_snapshots


def newest(saver: Saver, place: str, what: str, hold: Hold = hold_nothing) -> Manifest | None:
    """The newest of ``saver``'s in the store at ``place`` that reads back well, and a word on each passed over; None
    where there is none. ``what``: they are called that; ``hold``: see ``Repository.check``. Raises StoreError where
    there may be one that can't be read.
    """
    try:
        manifest, problems = saver.opened().newest(saver.name, hold=hold)
    except StoreUnavailable:
        if may_hold_snapshots(place):
            raise
        return None
    for problem in problems:
        saver.say(f"passed over: {problem}")
    if manifest is None and problems:
        raise CorruptSnapshot(
            f"None of the {what} of {saver.name!r} can be used: {' '.join(problems)} Nothing was run, and nothing "
            f"deleted; fresh=True starts over."
        )
    return manifest
