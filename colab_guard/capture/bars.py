"""tqdm's bars, of every flavour: made anew at the count they had reached."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from colab_guard.capture import rebuild

if TYPE_CHECKING:
    from colab_guard.capture.pickler import Pickler

OPTIONS = ("total", "leave", "unit", "unit_scale", "unit_divisor", "mininterval", "maxinterval", "smoothing",
           "bar_format", "ascii", "colour", "ncols", "nrows", "dynamic_ncols")  # fmt: skip


def reduce_bar(pickler: Pickler, bar: Any) -> Any:
    """A bar by the arguments that make it; one that is closed, or was never to be shown, stays unseen."""
    options: dict[str, Any] = {"initial": bar.n, "total": bar.total, "leave": bar.leave}
    if bar.disable:
        return rebuild.progress_bar, (type(bar), options | {"disable": True}, bar.iterable, _state(bar))
    options |= {option: getattr(bar, option) for option in OPTIONS}
    # Not drawn before it moves: the first line of a resumed cell is ours, and a bar of a loop that is over stays away.
    options |= {"desc": bar.desc or None, "disable": False, "delay": 1e-6}
    if getattr(bar.fp, "_wrapped", bar.fp) is sys.stdout and not bar.gui:
        options["file"] = sys.stdout
    return rebuild.progress_bar, (type(bar), options, bar.iterable, _state(bar))


def _state(bar: Any) -> dict[str, Any]:
    kept = ("postfix", "pos") if not bar.disable else ("desc", "postfix", "unit", "unit_scale")
    return {name: vars(bar)[name] for name in kept if name in vars(bar)}
