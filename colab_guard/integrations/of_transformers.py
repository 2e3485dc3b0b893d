"""Hugging Face's Trainer, and those that derive from it: TRL's, and the user's."""

from __future__ import annotations

import sys
from typing import Any

from colab_guard.integrations.names import Kinds

FUNCTIONS = frozenset({
    "Trainer.train", "Trainer._inner_training_loop", "Trainer._run_epoch",
    "Trainer._maybe_log_save_evaluate", "Trainer._evaluate", "Trainer.evaluate", "Trainer.predict",
    "Trainer.evaluation_loop",
})  # fmt: skip


def kinds() -> Kinds:
    """How its bars and tables in a notebook are pickled."""
    notebook: Any = sys.modules.get("transformers.utils.notebook")
    return [(notebook.NotebookProgressBar, reduce_bar)] if notebook else []


def reduce_bar(pickler: Any, bar: Any) -> Any:
    """Not shown yet: what it was drawn in is another kernel's, and it draws itself anew."""
    return type(bar).__new__, (type(bar),), {**vars(bar), "output": None}
