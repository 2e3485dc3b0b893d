"""Keras 3's models, layers, optimizers, metrics and losses, on torch: as the objects that they are.

Keras pickles each of them as a file of its own, by its configuration: an optimizer alone then can't be loaded, a layer
is no longer the model's, and what a model keeps beside its configuration is gone.
"""

from __future__ import annotations

import sys
import types
from typing import TYPE_CHECKING, Any

from colab_guard.capture import remake

if TYPE_CHECKING:
    from colab_guard.capture.pickler import Pickler


def kinds() -> list[tuple[type, Any]]:
    """The base of Keras' classes, where Keras is imported and runs on torch."""
    saveable = sys.modules.get("keras.src.saving.keras_saveable")
    config = sys.modules.get("keras.src.backend.config")
    if saveable is None or config is None or config.backend() != "torch":
        return []
    tracking = sys.modules["keras.src.utils.tracking"]
    tracked = (tracking.TrackedList, tracking.TrackedDict, tracking.TrackedSet)
    return [(saveable.KerasSaveable, reduce_saveable), *((kind, reduce_tracked) for kind in tracked)]


def reduce_saveable(pickler: Pickler, thing: Any) -> Any:
    """By its attributes, but the wrappers that Keras puts around the methods of each new object."""
    state = {name: value for name, value in vars(thing).items() if not _is_wrapper(value)}
    nodes = []  # of a model's graph, which Keras finds by addresses of its layers
    if isinstance(known := state.get("_nodes"), set):
        layers = {str(id(layer)): layer for layer in state["_operations"]}
        nodes = [(layers[key], int(number)) for key, _, number in (node.partition("_ib-") for node in known)]
    return remake.keras_object, (type(thing),), (state, nodes), None, None, remake.keras_state


def reduce_tracked(pickler: Pickler, container: Any) -> Any:
    """A list, dict or set that tells a layer what is put into it, filled without telling."""
    base = next(base for base in (list, dict, set) if isinstance(container, base))
    state = (base, base(container), vars(container))
    return remake.keras_object, (type(container),), state, None, None, remake.tracked_state


def _is_wrapper(value: Any) -> bool:
    return isinstance(value, types.FunctionType) and "__new__.<locals>" in value.__code__.co_qualname
