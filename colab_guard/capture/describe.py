"""What resuming will do with a loop over an object, in one short phrase for ``--explain``."""

from __future__ import annotations

import sys
from typing import Any

from colab_guard.capture.iterables import OURS, is_loader, loses_buffer, own_state

AS_IT_STANDS = "saved as it stands"


def describe(iterable: Any) -> str:
    """Iterates nothing; looks at types and options only."""
    if "tqdm" in (base.__name__ for base in type(iterable).__mro__) and hasattr(iterable, "iterable"):
        inner = iterable.iterable
        return f"{describe(inner)}; its bar goes on" if inner is not None else "its bar goes on"
    if is_loader(iterable):
        return _loader(iterable)
    ours = type(iterable).__module__.startswith(OURS)
    if ours or type(iterable).__module__ in ("builtins", "itertools") or hasattr(iterable, "__next__"):
        return AS_IT_STANDS
    if own_state(iterable):
        return "replays: its own state leaves its shuffle buffer out" if loses_buffer(iterable) else "its own state"
    numpy, torch = sys.modules.get("numpy"), sys.modules.get("torch")
    if (numpy and isinstance(iterable, numpy.ndarray)) or (torch and isinstance(iterable, torch.Tensor)):
        return AS_IT_STANDS
    return "saved as it stands, or replayed where its iterator can't be pickled"


def _loader(loader: Any) -> str:
    workers = f"{loader.num_workers} worker{'s' * (loader.num_workers > 1)}"
    if hasattr(loader, "state_dict"):
        return "its own state" + (f", but not random numbers that its {workers} draw" if loader.num_workers else "")
    if loader.num_workers:
        more = ", without the random numbers of earlier epochs" if loader.persistent_workers else ""
        return f"replays: {workers}{more}"
    if loader._dataset_kind == 0:
        return "skips by index, loads nothing"
    return "its dataset's iterator saved as it stands, or replayed where that can't be pickled"
