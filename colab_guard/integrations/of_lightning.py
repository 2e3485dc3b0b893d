"""Lightning: ``fit``, down to its loops over epochs and over batches."""

from __future__ import annotations

import sys
from typing import Any

from colab_guard.integrations.names import Kinds

FUNCTIONS = frozenset({
    "Trainer.fit", "Trainer._fit_impl", "_call_and_handle_interrupt", "Trainer._run", "Trainer._run_stage",
    "_FitLoop.run", "_FitLoop.advance", "_TrainingEpochLoop.run",
})  # fmt: skip

# What pickles less than all of itself, for it is meant to be carried elsewhere.
WHOLE = {
    "core.module": "LightningModule",
    "utilities.combined_loader": "_ModeIterator",
    "callbacks.progress.tqdm_progress": "TQDMProgressBar",
}
PACKAGES = ("lightning.pytorch", "pytorch_lightning")


def kinds() -> Kinds:
    """How these are pickled."""
    found: Kinds = []
    for package in PACKAGES:
        for module, name in WHOLE.items():
            if hasattr(sys.modules.get(f"{package}.{module}"), name):
                found.append((getattr(sys.modules[f"{package}.{module}"], name), reduce_whole))
        if rich := sys.modules.get(f"{package}.callbacks.progress.rich_progress"):
            found.append((rich.RichProgressBar, reduce_rich))
    return found


def reduce_whole(pickler: Any, thing: Any) -> Any:
    """An object with all that it holds: a module with its trainer, a loader with its iterators. One of a class that
    pickles in a way of its own does so.
    """
    kind = type(thing)
    base = next(one for one in kind.__mro__ if one.__name__ in WHOLE.values())
    if kind.__getstate__ is not base.__getstate__:
        return NotImplemented
    return kind.__new__, (kind,), dict(vars(thing)), None, None, whole_state


def whole_state(new: Any, state: dict[str, Any]) -> None:
    """Fills it; a part of the format (docs/format.md)."""
    if hasattr(new, "__setstate__"):
        new.__setstate__(state)
    else:
        new.__dict__.update(state)


def reduce_rich(pickler: Any, bar: Any) -> Any:
    """The bar that rich draws from a thread, without what is drawn, if anything is."""
    state = (bar.__getstate__(), bar.progress is not None)
    return type(bar).__new__, (type(bar),), state, None, None, rich_state


def rich_state(new: Any, state: tuple[dict[str, Any], bool]) -> None:
    """Fills it; a part of the format (docs/format.md)."""
    new.__dict__.update(state[0])
    if state[1]:
        new.progress = Later(new)


class Later:
    """Stands where a bar has what it draws: when it is first told something, the bar begins to draw."""

    def __init__(self, bar: Any) -> None:
        self._bar = bar

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)

        def begin(*arguments: Any, **options: Any) -> Any:
            bar = self._bar
            bar.progress = None
            bar._init_progress(bar.trainer)
            return bar.progress.add_task(*arguments, **options) if name == "add_task" else None

        return begin
