"""Where in its data a DataLoader's iterator stands, and how a new one gets there.

Four ways, the first that applies: the loader's own ``state_dict``; the sampler's (or the iterable dataset's)
iterator saved as it stands; torch's own samplers drawn from again, which loads nothing; the batches replayed.
Which of them ends with the same bits is settled by one question: does what is drawn again depend on a random
source that the loop's body draws from too? torch's samplers draw all at once, when first asked; so the random
state of that instant, too, is noted.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any, Self

from colab_guard.capture import replay
from colab_guard.capture.counting import Counting
from colab_guard.capture.entry import Entry, note_entry, under
from colab_guard.core.errors import RestoreError

if TYPE_CHECKING:
    from colab_guard.capture.pickler import Pickler

AT_ONCE = ("SequentialSampler", "SubsetRandomSampler", "WeightedRandomSampler", "DistributedSampler")


class Draws(Counting):
    """The indices that an iterator of a sampler gives, counted; notes what the first draw began from."""

    inner: Any
    kept: bool | None = None  # whether ``inner`` can be pickled; None: not tried yet
    _first: list[Entry]

    def __new__(cls, inner: Any, loader: Any, drawn: int = 0, first: Entry | None = None) -> Self:
        """``drawn`` and ``first``: of the iterator in whose place it stands."""
        noted = [] if first is None else [first]
        begins = not drawn and first is None
        new = super().__new__(cls, itertools.chain(_note_first(loader, noted), inner) if begins else inner, drawn)
        new.inner, new._first = inner, noted
        return new

    @property
    def first(self) -> Entry | None:
        """What the first draw began from, None before it."""
        return self._first[0] if self._first else None


def _note_first(loader: Any, noted: list[Entry]) -> Iterator[Any]:
    """Gives nothing; when it is asked, the first draw comes next."""
    noted.append(note_entry(loader))
    yield from ()


def count_draws(iterator: Any, loader: Any) -> None:
    """Has the draws of a loader counted whose sampler nobody reads ahead of it."""
    if _by_index(iterator):
        iterator._sampler_iter = Draws(iterator._sampler_iter, loader)


def name(loader: Any) -> str:
    """The loader in words."""
    workers = f" with {loader.num_workers} worker{'s' * (loader.num_workers > 1)}" if loader.num_workers else ""
    return f"a {type(loader).__name__}{workers}"


def place(pickler: Pickler, iterator: Any, loader: Any) -> dict[str, Any]:
    """What ``bring`` needs beside the entry and the number of batches; notes what makes it inexact."""
    if _has_own_state(iterator, loader):
        if loader.num_workers:
            pickler.note(
                f"random numbers that the workers of {name(loader)} draw, which its state_dict does not hold "
                f"(--replay replays the batches, which is exact)"
            )
        return {"state": iterator.state_dict()}
    if _by_index(iterator):
        draws: Draws = iterator._sampler_iter
        found = {"drawn": draws.count, "first": draws.first}
        if _draws_at_once(iterator._index_sampler):
            return found
        if draws.kept is None:
            draws.kept = pickler.can_save(draws.inner)
        return found | {"sampler": draws.inner} if draws.kept else found | _mixed(pickler, iterator._index_sampler)
    if not loader.num_workers:
        fetcher = iterator._dataset_fetcher
        if not hasattr(iterator, "_cg_kept"):
            iterator._cg_kept = pickler.can_save(fetcher.dataset_iter)
        if iterator._cg_kept:
            return {"items": fetcher.dataset_iter, "ended": fetcher.ended}
        return _mixed(pickler, loader.dataset)
    if not getattr(loader, "in_order", True):
        pickler.note(f"the order of {name(loader)} and in_order=False, which is a matter of timing")
    return {} if _draws_at_once(iterator._index_sampler) else _mixed(pickler, iterator._index_sampler)


def _has_own_state(iterator: Any, loader: Any) -> bool:
    # Of an iterable dataset without a state torchdata knows no better than to replay it.
    if not hasattr(iterator, "state_dict"):
        return False
    return bool(loader.num_workers or iterator._dataset_kind == 0 or hasattr(loader.dataset, "state_dict"))


def _mixed(pickler: Pickler, thing: Any) -> dict[str, Any]:
    inner = getattr(thing, "sampler", thing)
    kind = type(inner if type(thing).__name__ == "BatchSampler" else thing).__qualname__
    pickler.note(f"what {kind} draws at random while it is iterated, if the loop's body draws from the same source")
    return {}


def bring(iterator: Any, loader: Any, taken: int, seconds: float, place: dict[str, Any]) -> None:
    """Brings an iterator that was just made to where one stood that had given ``taken`` batches."""
    forced = replay.forced()
    if "state" in place and not forced:
        return
    if "items" in place and not forced:
        iterator._dataset_fetcher.dataset_iter, iterator._dataset_fetcher.ended = place["items"], place["ended"]
    elif _by_index(iterator) and not forced:
        drawn = place.get("drawn", taken)  # snapshots of the first version: neither a count of draws …
        if "sampler" in place:
            iterator._sampler_iter = Draws(place["sampler"], loader, drawn, place["first"])
        elif drawn:
            with _first_draw(place, loader):
                iterator._sampler_iter = Draws(_skip(iterator, loader, drawn), loader, drawn, place.get("first"))
    else:
        with _first_draw(place, loader):
            replay.pass_over(iterator.__next__, lambda: int(iterator._num_yielded), taken, seconds, name(loader))
    iterator._num_yielded = taken
    if hasattr(iterator, "_sampler_iter_yielded"):
        iterator._sampler_iter_yielded = taken


def _first_draw(place: dict[str, Any], loader: Any) -> AbstractContextManager[None]:
    # … nor its state: it was right behind the entry.
    return under(place["first"], loader) if place.get("first") else nullcontext()


def _skip(iterator: Any, loader: Any, drawn: int) -> Iterator[Any]:
    """The sampler's iterator behind the first ``drawn`` indices; loads nothing."""
    sampler = iterator._index_sampler
    if _full_name(sampler) == "torch.utils.data.sampler.BatchSampler":
        # Single indices pass at C speed; batches would be made one by one. The last may be a part of one.
        if hasattr(sampler.sampler, "__len__") and len(sampler) < drawn:
            raise _shorter(loader, len(sampler), drawn)
        singles = iter(sampler.sampler)
        _consume(singles, drawn * sampler.batch_size)
        batches: Iterator[Any] = iter(type(sampler)(singles, sampler.batch_size, sampler.drop_last))
        return batches
    draws: Draws = iterator._sampler_iter
    _consume(draws, drawn)
    if draws.count < drawn:
        raise _shorter(loader, draws.count, drawn)
    return draws.inner  # type: ignore[no-any-return]


def _shorter(loader: Any, found: int, drawn: int) -> RestoreError:
    return RestoreError(
        f"The cell had taken {drawn:,} batches of {name(loader)}, which has only {found:,} now: its dataset or sampler "
        f"is not what it was. Put it back, then run the cell again; or start over with --fresh."
    )


def _consume(iterator: Iterator[Any], count: int) -> None:
    deque(itertools.islice(iterator, count), maxlen=0)


def _by_index(iterator: Any) -> bool:
    """Whether this process draws indices one batch at a time, and looks them up in a map-style dataset."""
    return bool(not iterator._num_workers and iterator._dataset_kind == 0 and not hasattr(iterator, "state_dict"))


def _draws_at_once(sampler: Any) -> bool:
    """Whether all that is random in a sampler is settled by the time of its first draw."""
    module, _, kind = _full_name(sampler).rpartition(".")
    if not module.startswith("torch.utils.data."):
        return isinstance(sampler, list | tuple | range)
    if kind == "BatchSampler":
        return _draws_at_once(sampler.sampler)
    if kind == "RandomSampler":
        again = sampler.replacement or sampler.num_samples > len(sampler.data_source)
        return sampler.generator is None or not again
    return kind in AT_ONCE


def _full_name(thing: object) -> str:
    return f"{type(thing).__module__}.{type(thing).__qualname__}"
