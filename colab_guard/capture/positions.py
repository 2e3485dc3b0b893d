"""Iterators of lists and dicts, kept as what they are: a place in a list or dict, which the cell may change yet.

Python's own way to pickle them copies what a dict has left, and so misses what the loop's body assigns; and it
puts a list's iterator at the list's end at most, though it may stand behind it, in a list that has shrunk.
"""

from __future__ import annotations

import gc
import itertools
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from colab_guard.capture import rebuild

if TYPE_CHECKING:
    from colab_guard.capture.pickler import Pickler

VIEWS: dict[type, str] = {type(iter(getattr({}, view)())): view for view in ("keys", "values", "items")}
LIST: type = type(iter([]))


def reduce_dict_iterator(pickler: Pickler, iterator: Any) -> Any:
    """By its dict and how far it has come."""
    owner = next((one for one in gc.get_referents(iterator) if type(one) is dict), None)
    left = iterator.__length_hint__()
    if owner is None or not 0 < left <= len(owner):
        return NotImplemented  # it has ended, or the dict's size has changed: Python's way tells the same
    return rebuild.dict_iterator, (owner, VIEWS[type(iterator)], len(owner) - left, len(owner))


def reduce_list_iterator(pickler: Pickler, iterator: Any) -> Any:
    """By its list and index, where that is behind the list's end."""
    reduced = iterator.__reduce__()
    if len(reduced) < 3 or reduced[2] <= len(reduced[1][0]):
        return NotImplemented
    return rebuild.list_iterator, (reduced[1][0], reduced[2])


class Later:
    """An iterator that is made when it is first asked: at the time of loading its list or dict may be another."""

    def __init__(self, make: Callable[[], Iterator[Any]], reduced: tuple[Any, ...]) -> None:
        self._make, self._reduced = make, reduced
        self._iterator: Iterator[Any] | None = None

    def __iter__(self) -> Later:
        return self

    def __next__(self) -> Any:
        if self._iterator is None:
            self._iterator = self._make()
        return next(self._iterator)

    def __reduce__(self) -> Any:
        return self._reduced if self._iterator is None else (rebuild.same, (self._iterator,))


def dict_iterator(owner: dict[Any, Any], view: str, taken: int, size: int) -> Iterator[Any]:
    """See ``rebuild.dict_iterator``."""

    def make() -> Iterator[Any]:
        iterator: Iterator[Any] = iter(getattr(owner, view)())
        next(itertools.islice(iterator, taken, taken), None)
        return iterator

    # A dict whose own values lead to its iterator is still being filled.
    return make() if len(owner) == size else Later(make, (rebuild.dict_iterator, (owner, view, taken, size)))


def list_iterator(owner: list[Any], index: int) -> Iterator[Any]:
    """See ``rebuild.list_iterator``."""

    def make() -> Any:
        iterator: Any = iter(owner)
        iterator.__setstate__(index)
        return iterator

    return Later(make, (rebuild.list_iterator, (owner, index)))
