"""Keras 3 on torch: ``fit``, and ``evaluate`` and ``predict``, which it may lead to."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from colab_guard.integrations.names import Kinds

FUNCTIONS = frozenset({"TorchTrainer.fit", "TorchTrainer.evaluate", "TorchTrainer.predict"})
THREADS = "keras_callbacks"


def kinds() -> Kinds:
    """How its list of callbacks is pickled."""
    return [(sys.modules["keras.src.callbacks.callback_list"].CallbackList, reduce_callbacks)]


def reduce_callbacks(pickler: Any, callbacks: Any) -> Any:
    """A list of callbacks, once those it had called in threads of its own are through; the threads get a name by which
    they are known to make no difference.
    """
    executor = callbacks._executor
    if executor is not None:
        callbacks._flush_futures()
        executor._thread_name_prefix = THREADS
        for thread in executor._threads:
            thread.name = THREADS
    state = {**vars(callbacks), "_executor": None}
    kind = type(callbacks)
    return kind.__new__, (kind,), (state, executor is not None), None, None, callbacks_state


def callbacks_state(new: Any, state: tuple[dict[str, Any], bool]) -> None:
    """Fills it, with threads anew; a part of the format (docs/format.md)."""
    new.__dict__.update(state[0])
    if state[1]:
        new._executor = ThreadPoolExecutor(thread_name_prefix=THREADS)
