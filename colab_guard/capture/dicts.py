"""Iterators over dicts, kept as what they are: a place in a dict, which may get other values yet.

Python's own way to pickle them copies what is left, and misses what the loop's body assigns.
"""

from __future__ import annotations

import gc
import itertools
from typing import TYPE_CHECKING, Any

from colab_guard.capture import rebuild

if TYPE_CHECKING:
    from colab_guard.capture.pickler import Pickler

VIEWS: dict[type, str] = {
    type(iter({}.keys())): "keys",
    type(iter({}.values())): "values",
    type(iter({}.items())): "items",
}


def reduce_dict_iterator(pickler: Pickler, iterator: Any) -> Any:
    """By its dict and how far it has come."""
    owner = next((one for one in gc.get_referents(iterator) if type(one) is dict), None)
    left = iterator.__length_hint__()
    if owner is None or not 0 < left <= len(owner):
        return NotImplemented  # it has ended, or the dict's size has changed: Python's way tells the same
    return rebuild.dict_iterator, (owner, VIEWS[type(iterator)], len(owner) - left)


class Later:
    """A dict's iterator, made when it is first asked: at the time of loading the dict may still be empty."""

    def __init__(self, owner: dict[Any, Any], view: str, taken: int) -> None:
        self.owner, self.view, self.taken = owner, view, taken
        self.iterator: Any = None

    def __iter__(self) -> Any:
        return self

    def __next__(self) -> Any:
        if self.iterator is None:
            self.iterator = iter(getattr(self.owner, self.view)())
            next(itertools.islice(self.iterator, self.taken, self.taken), None)
        return next(self.iterator)

    def __reduce__(self) -> Any:
        if self.iterator is None:
            return rebuild.dict_iterator, (self.owner, self.view, self.taken)
        return rebuild.same, (self.iterator,)
