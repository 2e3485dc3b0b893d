"""How many items a loop's iterator has given, and how many are left, told by any thread while the loop runs.

Only what is read in one piece is read: C code that runs no code of the user's, and attributes. No frame's variables
are looked at, for on Pythons before 3.13 that makes a dict which the frame keeps. One call may be the user's: the
length of a Dataset behind a DataLoader, once for each iterator of it.
"""

from __future__ import annotations

import gc
import operator
import types
import weakref
from contextlib import suppress
from typing import Any

from colab_guard.capture import iterables, loaders

INDEXED = frozenset({
    "range_iterator", "list_iterator", "tuple_iterator", "str_iterator", "str_ascii_iterator", "bytes_iterator",
    "bytearray_iterator", "iterator",
})  # fmt: skip
LOADERS = "torch.utils.data.", "torchdata."
_lengths: weakref.WeakKeyDictionary[Any, int | None] = weakref.WeakKeyDictionary()

Tally = tuple[int | None, int | None]  # items given, the one in progress among them, and left; None: not known
UNKNOWN: Tally = (None, None)


def tally(iterator: Any) -> Tally:
    """Of what a guarded cell's ``for`` iterates. Raises nothing."""
    try:
        return _tally(iterator)
    except Exception:  # noqa: BLE001 - whatever a library's attribute or length raises: nothing is known then
        return UNKNOWN


def _tally(iterator: Any) -> Tally:
    kind = type(iterator)
    if isinstance(iterator, iterables.Counted):
        return _of(iterator.count, length(iterator.iterable))
    if isinstance(iterator, iterables.Resumed):
        return (iterator.whole[2], None) if iterator.counted is None else _tally(iterator.counted)
    if isinstance(iterator, loaders.Resumed):
        if iterator._iterator is not None:
            return _tally(iterator._iterator)
        return _of(iterator._taken, _batches(iterator._loader))
    if kind.__module__.startswith(LOADERS):
        return _of(iterator._num_yielded, _batches(iterator))
    if kind is types.GeneratorType:
        return _of_bar(iterator)
    if kind.__module__.startswith(iterables.OURS):
        return iterator.tally  # type: ignore[no-any-return]
    return _of_builtin(iterator) if kind.__module__ == "builtins" else UNKNOWN


def _of(given: int | None, total: int | None) -> Tally:
    return given, None if given is None or total is None else total - given


def _batches(loader: Any) -> int | None:
    """Of a loader, or its iterator. A loader's own length is not asked: it remembers that it was."""
    if loader not in _lengths:
        _lengths[loader] = None
        with suppress(TypeError):  # of a dataset that has no length
            _lengths[loader] = len(loader._index_sampler)
    return _lengths[loader]


def _of_builtin(iterator: Any) -> Tally:
    kind = type(iterator).__name__
    if kind in INDEXED:
        _, (over, *_), *state = iterator.__reduce__()
        if kind == "range_iterator" and (not state or state[0] is None):  # from 3.12 on it forgets where it began
            return None, len(over)
        return _of(state[0], length(over)) if state else UNKNOWN
    if kind == "enumerate":
        inner, count = iterator.__reduce__()[1]
        given, left = _tally(inner)
        return (count if given is None else given), left
    if kind in ("zip", "map"):
        inner = [_tally(one) for one in iterator.__reduce__()[1] if hasattr(type(one), "__next__")]
        given = next((given for given, _ in inner if given is not None), None)
        return given, min((left for _, left in inner if left is not None), default=None)
    if kind.startswith(("dict_", "set_")) or kind in ("list_reverseiterator", "reversed"):
        total = next((length(one) for one in gc.get_referents(iterator) if length(one) is not None), None)
        left = operator.length_hint(iterator)
        return (None if total is None else total - left), left
    return UNKNOWN


def _of_bar(generator: Any) -> Tally:
    """A bar of tqdm is iterated through a generator of its own, which holds it."""
    if "tqdm" not in generator.__qualname__:
        return UNKNOWN
    for held in gc.get_referents(generator):
        if type(held).__module__.startswith("tqdm") and hasattr(held, "total"):
            return _of(held.n, None if held.total is None else int(held.total))
        if type(held) is types.GeneratorType and held is not generator:  # the bar in a notebook is one around another
            return _of_bar(held)
    return UNKNOWN


def length(over: Any) -> int | None:
    """The length of what is of a library's or Python's own kind; None for a class of the notebook's, which might do
    anything to tell it.
    """
    return None if type(over).__module__ == "__main__" or not hasattr(type(over), "__len__") else len(over)
