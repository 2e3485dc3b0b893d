"""torch DataLoaders under way: resumed by index, or by replaying the batches where workers are involved.

What a loader's iterator will give is settled by the random state at its entry (the shuffling, the workers'
seeds), which is noted there; ``DataLoader.__iter__`` is replaced while a guarded cell runs, to note it, also
where the iterator is made out of our sight (``enumerate(loader)``). On the first ``next`` after a restore,
the entry state is set, the iterator made, its first batches skipped, and the random state of the moment put
back. Without workers the skip asks the sampler for indices and loads nothing.
"""

from __future__ import annotations

import random
import sys
import threading
from typing import TYPE_CHECKING, Any

from colab_guard.capture import rebuild
from colab_guard.capture.process import random_state, set_random_state

if TYPE_CHECKING:
    from colab_guard.capture.pickler import Pickler

_patch_lock = threading.Lock()
_original: Any = None


def watch() -> None:
    """Begin to note entry states, as soon as torch's loader is imported. Harmless when repeated."""
    global _original
    module = sys.modules.get("torch.utils.data.dataloader")
    with _patch_lock:
        if module is None or _original is not None:
            return
        original = _original = module.DataLoader.__iter__

        def __iter__(loader: Any) -> Any:  # noqa: N807 - it takes that place
            entry = _entry_state(loader)
            iterator = original(loader)
            iterator._cg_entry = (loader, entry)
            return iterator

        module.DataLoader.__iter__ = __iter__


def unwatch() -> None:
    """Put torch's own method back."""
    global _original
    with _patch_lock:
        if _original is not None:
            sys.modules["torch.utils.data.dataloader"].DataLoader.__iter__ = _original
            _original = None


def _entry_state(loader: Any) -> Any:
    return random_state(), [(path, _get(source)) for path, source in _sources(loader)]


def _sources(loader: Any) -> list[tuple[tuple[str, ...], Any]]:
    """Generators of randomness that the loader's parts hold, with the attributes that lead there."""
    found: list[tuple[tuple[str, ...], Any]] = []
    seen: set[int] = set()

    def look(thing: Any, path: tuple[str, ...]) -> None:
        if id(thing) in seen or len(path) > 4:
            return
        seen.add(id(thing))
        if _get(thing) is not None:
            found.append((path, thing))
            return
        if path and path[-1] in ("data", "data_source", "tensors") and not hasattr(thing, "__dict__"):
            return
        for name, value in (getattr(thing, "__dict__", None) or {}).items():
            if hasattr(value, "__dict__") or _get(value) is not None:
                look(value, (*path, name))

    look(loader, ())
    return found


def _get(source: Any) -> Any:
    kind = f"{type(source).__module__}.{type(source).__qualname__}"
    if isinstance(source, random.Random):
        return source.getstate()
    if kind.startswith("numpy.random.") and hasattr(source, "bit_generator"):
        return source.bit_generator.state
    if kind in ("torch._C.Generator", "torch.Generator"):
        return source.get_state()
    return None


def _set(source: Any, state: Any) -> None:
    if isinstance(source, random.Random):
        source.setstate(state)
    elif hasattr(source, "bit_generator"):
        source.bit_generator.state = state
    else:
        source.set_state(state)


def reduce_iterator(pickler: Pickler, iterator: Any) -> Any:
    """A loader's own iterator. Raises TypeError for one made before the guarded cell began."""
    noted = getattr(iterator, "_cg_entry", None)
    if noted is None:
        raise TypeError("a DataLoader's iterator that was made before the cell began")
    loader, entry = noted
    return rebuild.loader_iterator, (loader, entry, iterator._num_yielded)


class Resumed:
    """The iterator of a loader that has already given ``taken`` batches; made when it is first asked."""

    def __init__(self, loader: Any, entry: Any, taken: int) -> None:
        self._loader, self._entry, self._taken = loader, entry, taken
        self._iterator: Any = None

    def __reduce__(self) -> Any:
        taken = self._taken if self._iterator is None else self._iterator._num_yielded
        return rebuild.loader_iterator, (self._loader, self._entry, taken)

    def __iter__(self) -> Resumed:
        return self

    def __len__(self) -> int:
        return len(self._loader)

    def __next__(self) -> Any:
        if self._iterator is None:
            self._iterator = self._make()
        return next(self._iterator)

    def _make(self) -> Any:
        state, sources = self._entry
        now = random_state()
        own = _sources(self._loader)
        later = [(source, _get(source)) for _, source in own]
        by_path = dict(own)
        set_random_state(state)
        for path, entry in sources:
            _set(by_path[path], entry)
        iterator = iter(self._loader)
        skip(iterator, self._taken)
        for source, after in later:
            _set(source, after)
        set_random_state(now)
        return iterator


def skip(iterator: Any, batches: int) -> None:
    """Passes over batches: by index alone where this process loads a map-style dataset."""
    from torch.utils.data.dataloader import _DatasetKind, _SingleProcessDataLoaderIter

    by_index = isinstance(iterator, _SingleProcessDataLoaderIter) and iterator._dataset_kind == _DatasetKind.Map
    for _ in range(batches):
        if by_index:
            iterator._next_index()
            iterator._num_yielded += 1
        else:
            next(iterator)
