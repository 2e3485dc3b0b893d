"""A snapshot of loops: their iterators, and the contents of objects that the next process will have made itself.

The objects in ``state``, and what is iterated, are **roots**: each process has its own, so a pickle refers to them by
a key such as ``0.state.1`` (the loop's depth, and which of its objects), also from inside of an iterator. What a
root contains is pickled under that key, once.
"""

from __future__ import annotations

import pickle
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from colab_guard.capture import progress
from colab_guard.capture.pickler import Pickler, Unsaveable
from colab_guard.capture.skeleton import Reader
from colab_guard.loops.inplace import CODE, LEAVES
from colab_guard.loops.kinds import is_array, is_random
from colab_guard.resume.loading import Blobs, Load

DEPTH = 4  # how far into an iterable's attributes its parts are looked for: loader, sampler, its data, its generator


# These take no index beyond their sequence's end, and at a load the sequence may be a root that is not filled yet.
INDEXED = tuple(type(each) for each in (iter([]), reversed([]), iter(bytearray())))


class RootPickler(Pickler):
    """Pickles roots by their key, but the one whose contents are being added."""

    def __init__(self, namespace: dict[str, Any], own_names: frozenset[str]) -> None:
        super().__init__(namespace, own_names)
        self._roots: dict[int, str] = {}
        self._known: dict[str, object] = {}
        self._open = 0

    def know(self, roots: Mapping[str, object]) -> None:
        """From here on these are pickled by their key; before, what held one of them held a copy of its contents."""
        for key, root in roots.items():
            self._roots.setdefault(id(root), key)
        self._known |= roots

    def origin(self, name: str) -> Any:
        """See Pickler."""
        return self._known.get(name)

    def persistent_id(self, thing: object) -> str | None:
        """Called by the pickler for every object, before it looks whether it has met it."""
        key = self._roots.get(id(thing))
        return None if key is None or id(thing) == self._open else key

    def reducer_override(self, thing: Any) -> Any:
        """See Pickler."""
        if type(thing) in INDEXED and len(reduced := thing.__reduce__()) == 3:
            make, (sequence,), index = reduced
            return indexed, (make, sequence, index)
        return super().reducer_override(thing)

    def add_contents(self, key: str, root: object) -> None:
        """Appends what a root contains. Raises Unsaveable where that can't be pickled at all."""
        self._open = id(root)
        try:
            self.add(key, contents(root))
        finally:
            self._open = 0
        if id(root) in self._lost:
            raise Unsaveable(f"{key} ({type(root).__qualname__}) can't be pickled")


def contents(root: Any) -> Any:
    """What is pickled for a root: mostly itself."""
    if tells_its_state(root):
        return root.state_dict()
    if _is_torchs(root, ("optim", "Optimizer")):
        # What `Optimizer.__getstate__` gives is not all: wrappers around another optimizer would lose that one.
        return {name: value for name, value in vars(root).items() if not isinstance(value, CODE)}
    return root


def put_contents(root: Any, held: Any) -> None:
    """Makes ``held``, which ``contents`` gave and which has been filled since, what the root contains."""
    if held is not root:
        for name in contents(root).keys() - held.keys():
            del vars(root)[name]
        vars(root).update(held)


def tells_its_state(thing: Any) -> bool:
    """Whether its class has ``state_dict`` and ``load_state_dict``, and is none of torch's, which hold less than the
    attributes: no gradients, no modes, and momenta cast to the weights' type.
    """
    kind = type(thing)
    if not (callable(getattr(kind, "state_dict", None)) and callable(getattr(kind, "load_state_dict", None))):
        return False
    ours = ("nn", "Module"), ("optim", "Optimizer"), ("optim", "lr_scheduler", "LRScheduler")
    return not any(_is_torchs(thing, path) for path in ours)


def _is_torchs(thing: object, path: Sequence[str]) -> bool:
    found: Any = sys.modules.get("torch")
    for name in path:
        found = getattr(found, name, None)
    return found is not None and isinstance(thing, found)


def parts(iterable: object) -> Iterator[tuple[str, Any]]:
    """An iterable that is no iterator itself, and the objects in its attributes (a loader's sampler, its dataset, a
    generator in that), with the path that leads to each, in an order that every process has.
    """
    if isinstance(iterable, (*LEAVES, tuple, frozenset)):
        return
    seen: set[int] = set()
    todo = [("", iterable)]
    while todo:
        path, thing = todo.pop(0)
        if id(thing) in seen or hasattr(thing, "__next__"):
            continue
        seen.add(id(thing))
        yield path, thing
        if is_array(thing) or is_random(thing) or path.count(".") == DEPTH:
            continue
        todo += [
            (f"{path}.{name}", value)
            for name, value in getattr(thing, "__dict__", {}).items()
            if is_random(value) or (hasattr(value, "__dict__") and not isinstance(value, (*LEAVES, *CODE)))
        ]


class RootLoad(Load):
    """Loads with the roots of this process in place of those that were pickled by key."""

    def __init__(self, blobs: Blobs, namespace: dict[str, Any], roots: Mapping[str, object]) -> None:
        super().__init__(blobs, namespace, frozenset())
        self._roots = roots
        self._indexed: list[tuple[Any, int]] = []

    def origin(self, name: str) -> Any:
        """A root, or a variable of the script's."""
        return self._roots[name] if name in self._roots else super().origin(name)

    def when_filled(self, iterator: Any, index: int) -> None:
        """An iterator that is to be put to its index."""
        self._indexed.append((iterator, index))

    def filled(self) -> None:
        """The roots have their contents."""
        for iterator, index in self._indexed:
            iterator.__setstate__(index)

    def reading(self, pickles: Reader) -> pickle.Unpickler:
        """See Load."""
        return _Unpickler(pickles, self._roots)

    def refusal(self, name: str, error: Exception) -> str:
        """See Load; in words for scripts."""
        return (
            f"{name} of the snapshot can't be loaded here: {self.reason(error)}. Install or define what it needs, then "
            f"start again. To start over: fresh=True."
        )


def indexed(make: Callable[[Any], Any], sequence: Any, index: int) -> Any:
    """What a snapshot's pickle calls for an iterator that goes by index."""
    iterator, load = make(sequence), progress.current()
    assert isinstance(load, RootLoad), "only snapshots of loops name this function"
    load.when_filled(iterator, index)
    return iterator


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: Reader, roots: Mapping[str, object]) -> None:
        super().__init__(file)
        self._roots = roots

    def persistent_load(self, key: str) -> Any:
        """The root of that key."""
        return self._roots[key]
