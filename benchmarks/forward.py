"""How long it takes to get back to a batch far into an epoch, beside replaying the batches before it."""

from __future__ import annotations

from typing import Any

from benchmarks.measure import Row, best_of, seconds
from colab_guard.capture import loaders, replay
from colab_guard.capture.entry import note_entry

REPLAYED = 100  # only one batch in so many is replayed, and the time multiplied


def rows(batches: int, repeats: int) -> list[Row]:
    """The row about a shuffled map-style DataLoader without workers, resumed at that batch of four."""
    import torch
    from torch.utils.data import DataLoader, TensorDataset

    loader = DataLoader(TensorDataset(torch.arange(4 * batches + 4)), batch_size=4, shuffle=True)
    entry = note_entry(loader)

    def resume(taken: int, forced: bool) -> float:
        replay.configure(replay.Settings(say=_silent, forced=forced))
        resumed = loaders.Resumed(loader, entry, taken, 0.0, {})
        return seconds(lambda: next(resumed))

    try:
        ours, again = best_of(
            repeats, lambda: resume(batches, False), lambda: REPLAYED * resume(batches // REPLAYED, True)
        )
    finally:
        replay.configure()
    what = f"resume at batch {batches:,} (shuffled, no workers)"
    return [Row(what, f"{ours:.2f} s", f"replaying them {again:.0f} s", ours, "s", 1.0)]


def _silent(text: Any) -> None:
    """What a replay says is not measured."""
