"""torch DataLoaders under way: by index where this process loads, by their own state, or by replaying.

What a loader's iterator will give is settled by the random state at its entry, which is noted there;
``__iter__`` of ``DataLoader`` (and of torchdata's) is replaced while a guarded cell runs, to note it, also where
the iterator is made out of our sight (``enumerate(loader)``). On the first ``next`` after a restore the iterator
is made again under that state, brought to its place (``places``), and the random state of the moment put back.
"""

from __future__ import annotations

import sys
import threading
import time
import weakref
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from colab_guard.capture import iterables, places, rebuild, replay
from colab_guard.capture.entry import Entry, note_entry, under

if TYPE_CHECKING:
    from colab_guard.capture.pickler import Pickler

CLASSES = (
    ("torch.utils.data.dataloader", "DataLoader"),
    ("torchdata.stateful_dataloader.stateful_dataloader", "StatefulDataLoader"),
)
EPOCHS = "_cg_epochs"

Iter = Callable[[Any], Any]
_patch_lock = threading.Lock()
_originals: dict[type, Iter] = {}
_watching: set[object] = set()


@dataclass
class Track:
    """What is known of a loader's iterator; it hangs on it as ``_cg_track``. ``began`` is by ``time.monotonic``.

    ``earlier``: the entry of each epoch before this one that the same, persistent workers served, with how
    many batches were taken of it; their random states go on from epoch to epoch.
    """

    entry: Entry
    owner: weakref.ref[Any]
    spare: Any  # for a loader that nobody holds but its loop
    earlier: list[tuple[Entry, int]] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)

    @property
    def loader(self) -> Any:
        """The loader. Not held, for it may hold the iterator: such a cycle would let go of its workers late."""
        owner = self.owner()  # whose truth would be its length
        return self.spare if owner is None else owner


def watch(who: object = None) -> None:
    """Begin to note entry states, as soon as a loader's module is imported, for ``who``. Harmless when repeated."""
    with _patch_lock:
        _watching.add(who)
        for module_name, name in CLASSES:
            kind = getattr(sys.modules.get(module_name), name, None)
            if kind is not None and kind not in _originals:
                _originals[kind] = kind.__iter__
                kind.__iter__ = _noting(kind.__iter__)


def unwatch(who: object = None) -> None:
    """Put the libraries' own methods back, and replays to how they go by default, once nobody else watches."""
    with _patch_lock:
        _watching.discard(who)
        if _watching:
            return
        for kind, original in _originals.items():
            kind.__iter__ = original  # type: ignore[attr-defined]
        _originals.clear()
    replay.configure()
    iterables.forget()


def _noting(original: Iter) -> Iter:
    def __iter__(loader: Any) -> Any:  # noqa: N807 - it takes that place
        _wake(loader, original, loader.__dict__.pop(EPOCHS, None))
        return _enter(loader, original, note_entry(loader))

    return __iter__


def _enter(loader: Any, original: Iter, entry: Entry) -> Any:
    """The loader's iterator, made or (that of persistent workers) set back, and tracked."""
    before = loader._iterator if _keeps_workers(loader) else None
    spare = object.__new__(type(loader))
    spare.__dict__.update(loader.__dict__, _iterator=None)
    track = Track(entry, weakref.ref(loader), spare)
    if before is not None and hasattr(before, "_cg_track"):
        track.earlier = [*before._cg_track.earlier, (before._cg_track.entry, before._num_yielded)]
    iterator = original(loader)
    iterator._cg_track = track
    places.count_draws(iterator, loader)
    return iterator


def _wake(loader: Any, original: Iter, epochs: list[tuple[Entry, int]] | None) -> None:
    """Starts workers that an earlier process kept between epochs, seeded as those were.

    What they drew in those epochs they draw again only in a forced replay.
    """
    for number, (entry, taken) in enumerate(epochs or ()):
        if number == 0 or replay.forced():
            with under(entry, loader):
                iterator = _enter(loader, original, entry)
                if replay.forced():
                    what = f"epoch {number + 1} of {places.name(loader)}"
                    replay.pass_over(iterator.__next__, lambda it=iterator: it._num_yielded, taken, 0, what)  # type: ignore[misc]


def _keeps_workers(loader: Any) -> bool:
    return bool(loader.num_workers and loader.persistent_workers)


def _original(loader: Any) -> Iter:
    """The library's own ``__iter__``: a subclass's, which may be a generator, led to it before."""
    for module_name, name in reversed(CLASSES):
        kind = getattr(sys.modules.get(module_name), name, None)
        if kind is not None and isinstance(loader, kind):
            original: Iter = _originals.get(kind, kind.__iter__)
            return original
    raise TypeError(f"{type(loader).__qualname__} is not a DataLoader")


def reduce_loader(pickler: Pickler, loader: Any) -> Any:
    """A loader without its workers, which end with their process; of persistent ones, what they began from."""
    state = {**loader.__dict__, "_iterator": None}
    track = getattr(loader._iterator, "_cg_track", None)
    if track is not None and _keeps_workers(loader):
        state[EPOCHS] = [*track.earlier, (track.entry, loader._iterator._num_yielded)]
    return type(loader).__new__, (type(loader),), state


def reduce_iterator(pickler: Pickler, iterator: Any) -> Any:
    """A loader's own iterator. Raises TypeError for one made before the guarded cell began."""
    track: Track | None = getattr(iterator, "_cg_track", None)
    if track is None:
        raise TypeError("a DataLoader's iterator that was made before the cell began")
    place = places.place(pickler, iterator, track.loader)
    if track.earlier:
        place["earlier"] = track.earlier
        pickler.note(
            f"random numbers that the persistent workers of {places.name(track.loader)} draw, which go on from epoch "
            f"to epoch (--replay replays every epoch, which is exact)"
        )
    seconds = time.monotonic() - track.began
    return rebuild.loader_iterator, (track.loader, track.entry, iterator._num_yielded, seconds, place)


class Resumed:
    """The iterator of a loader that has already given ``taken`` batches; made when it is first asked."""

    def __init__(self, loader: Any, entry: Entry, taken: int, seconds: float, place: dict[str, Any]) -> None:
        self._loader, self._entry, self._taken, self._seconds, self._place = loader, entry, taken, seconds, place
        self._iterator: Any = None

    def __iter__(self) -> Resumed:
        return self

    def __len__(self) -> int:
        return len(self._loader)

    def __next__(self) -> Any:
        if self._iterator is None:
            self._iterator = self._make()
        return next(self._iterator)

    def _make(self) -> Any:
        loader, original = self._loader, _original(self._loader)
        loader.__dict__.pop(EPOCHS, None)
        loader._iterator = None  # of an attempt that was interrupted
        _wake(loader, original, self._place.get("earlier"))
        own = "state" in self._place and not replay.forced()
        if own:
            loader.load_state_dict(self._place["state"])
        with under(self._entry, loader, attributes=not own):
            iterator = _enter(loader, original, self._entry)
            places.bring(iterator, loader, self._taken, self._seconds, self._place)
        iterator._cg_track.began = time.monotonic() - self._seconds
        return iterator


def reduce_resumed(pickler: Pickler, resumed: Resumed) -> Any:
    """One that was restored: still as it was saved, or the iterator that it made."""
    if resumed._iterator is not None:
        return reduce_iterator(pickler, resumed._iterator)
    whole = resumed._loader, resumed._entry, resumed._taken, resumed._seconds, resumed._place
    return rebuild.loader_iterator, whole
