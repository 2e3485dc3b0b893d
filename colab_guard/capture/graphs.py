"""Autograd graphs, which no snapshot can hold: whether one still waits for its ``backward()``.

The tensors that a node of the graph has saved for ``backward()`` are freed by it. While they are there it may still be
called, and what a snapshot of this moment restores could not; once they are freed nothing is lost with the graph.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

MOST_NODES = 20  # that are looked at, from the tensor on: what it was computed by last has saved something
RAW = "_raw_saved_"


def saved(node: Any) -> Iterator[Any]:
    """What a node keeps for ``backward()``, as it is kept: what a hook made of it is not undone; None for what it does
    not need, and what is freed.
    """
    for name in _raw_names(node):
        with suppress(Exception):  # freed by now
            raw = getattr(node, name)
            for one in raw if isinstance(raw, list | tuple) else [raw]:
                yield getattr(one, "data", None)


def waits(tensor: Any) -> bool | None:
    """Whether ``backward()`` may still be called on the graph behind a tensor; None where that can't be told."""
    nodes, freed = [tensor.grad_fn], False
    for node in nodes:
        if any(one is not None for one in saved(node)):
            return True
        freed = freed or _is_freed(node)
        new = [one for one, _ in node.next_functions if one is not None and one not in nodes]
        nodes += new[: MOST_NODES - len(nodes)]
    return False if freed else None


def _is_freed(node: Any) -> bool:
    for name in _raw_names(node):
        try:  # nothing is unpacked, for there is nothing
            getattr(node, "saved_tensors" if name == f"{RAW}tensors" else name.removeprefix("_raw"))
        except RuntimeError:
            return True
    return False


def _raw_names(node: Any) -> list[str]:
    return [name for name in dir(node) if name.startswith(RAW)]
