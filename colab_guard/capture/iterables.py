"""Loops over objects whose iterators can't be saved: their items are counted, and passed over at a resume.

``begin`` takes the place of ``iter`` in a guarded cell. It returns the plain iterator wherever that is saved
as it stands, a generator's frame or a loader's iterator, which look after themselves. For what is left (an
object of an arbitrary class, which gives an iterator of another) it returns the same items, counted in C; and
only if that iterator turns out not to pickle is anything replayed.
"""

from __future__ import annotations

import sys
import time
import types
from collections import deque
from typing import TYPE_CHECKING, Any, Self

from colab_guard.capture import rebuild, replay
from colab_guard.capture.counting import Counting
from colab_guard.capture.entry import Entry, note_entry, under

if TYPE_CHECKING:
    from colab_guard.capture.pickler import Pickler

OURS = "colab_guard.sweeps."
BUILT_IN = frozenset({"builtins", "itertools", "collections", "_collections"})

# To note an entry takes some 50 µs. Loops of one kind that are entered oftener than this are so short that a
# snapshot may as well wait for their end.
ENTRIES = 32
WITHIN_SECONDS = 0.3

# Where each iteration of a Hugging Face dataset begins, also those after the one that was to begin there. It is
# looked at when the first item is asked for.
BEGINS = "_starting_state_dict"

RETURNS_ITSELF = (lambda self: self).__code__.co_code


class Never:
    """What no iterator gives: equal to nothing, whatever that thinks."""

    def __eq__(self, _: object) -> bool:
        return False

    __hash__ = None  # type: ignore[assignment]

    def __reduce__(self) -> str:
        return "NEVER"


NEVER = Never()

_plain: set[type] = set()  # classes whose iterators look after themselves
_entered: dict[type, deque[float]] = {}


class Counted(Counting):
    """The items of an iterator, counted; remembers what to iterate to get them again."""

    iterable: Any
    iterator: Any
    entry: Entry
    began: float
    kept: bool | None = None  # whether ``iterator`` can be pickled; None: not tried yet

    def __new__(cls, iterable: Any, iterator: Any, entry: Entry, taken: int = 0, seconds: float = 0.0) -> Self:
        """``taken`` items were given before, within ``seconds``."""
        new = super().__new__(cls, asked(iterator), taken)
        new.iterable, new.iterator, new.entry, new.began = iterable, iterator, entry, time.monotonic() - seconds
        return new


def begin(iterable: Any) -> Any:
    """``iter(iterable)``, able to be left in its middle. What ``for`` iterates in a guarded cell."""
    kind = type(iterable)
    if kind in _plain:
        return ask(iterable)
    busy = kind in _entered and _is_busy(kind)
    entry = None if busy or _is_builtin(kind) or is_loader(iterable) else note_entry(iterable)
    iterator = iter(iterable)
    if _saves_itself(iterable, iterator):
        _plain.add(kind)
        return asked(iterator)
    _entered.setdefault(kind, deque(maxlen=ENTRIES)).append(time.monotonic())
    return asked(iterator) if entry is None else Counted(iterable, iterator, entry)


def ask(iterable: Any) -> Any:
    """``iter(iterable)``, which may be asked for its own iterator again and again."""
    return asked(iter(iterable))


def asked(iterator: Any) -> Any:
    """An iterator as it stands. One of a class that does something when it is asked for its iterator (``i = 0``, a
    shuffle; then ``return self``) has done so, and ``for`` is to ask it no more.
    """
    own = getattr(type(iterator), "__iter__", None)
    if type(own) is types.FunctionType and own.__code__.co_code != RETURNS_ITSELF:
        return iter(iterator.__next__, NEVER)
    return iterator


def forget() -> None:
    """Lets go of the classes that were met."""
    _plain.clear()
    _entered.clear()


def _is_builtin(kind: type) -> bool:
    return kind.__module__ in BUILT_IN


def _is_busy(kind: type) -> bool:
    times = _entered[kind]
    return len(times) == ENTRIES and time.monotonic() - times[0] < WITHIN_SECONDS


def _saves_itself(iterable: Any, iterator: Any) -> bool:
    if iterator is iterable or is_loader(iterable):
        return True
    if isinstance(iterator, types.GeneratorType):
        # Those of Hugging Face's datasets hold readers that can't be pickled.
        return not own_state(iterable) and not type(iterable).__module__.startswith("datasets.")
    return _is_builtin(type(iterator)) or type(iterator).__module__.startswith(OURS)


def is_loader(iterable: Any) -> bool:
    """Whether it is a torch DataLoader."""
    loader = sys.modules.get("torch.utils.data.dataloader")
    return loader is not None and isinstance(iterable, loader.DataLoader)


def own_state(iterable: Any) -> bool:
    """Whether an object tells its own place by ``state_dict()``, and goes there by ``load_state_dict()``."""
    if not (hasattr(iterable, "state_dict") and hasattr(iterable, "load_state_dict")):
        return False
    torch = sys.modules.get("torch")
    return not (torch is not None and hasattr(torch, "nn") and isinstance(iterable, torch.nn.Module))


def loses_buffer(iterable: Any) -> bool:
    """Whether it is a Hugging Face dataset that shuffles in a buffer, which its ``state_dict`` leaves out."""
    inner, seen = [getattr(iterable, "_ex_iterable", None)], 0
    while inner and seen < 100:
        one, seen = inner.pop(), seen + 1
        if type(one).__name__.startswith("BufferShuffled"):
            return True
        inner += [getattr(one, "ex_iterable", None), *(getattr(one, "ex_iterables", None) or ())]
        inner = [part for part in inner if part is not None]
    return False


def reduce_counted(pickler: Pickler, counted: Counted) -> Any:
    """Its iterator as it stands where that can be saved; else its object's own state, or what a replay needs.

    Raises TypeError where the object can't be saved either.
    """
    iterator, iterable = counted.iterator, counted.iterable
    if counted.kept is None:
        counted.kept = not isinstance(iterator, types.GeneratorType) and pickler.can_save(iterator)
        if not counted.kept and not pickler.can_save(iterable):
            raise TypeError(f"neither its iterator nor {type(iterable).__qualname__} itself can be pickled")
    if counted.kept:
        return rebuild.same, (iterator,)
    state = None
    if own_state(iterator):
        state = "iterator", iterator.state_dict()
    elif own_state(iterable) and not loses_buffer(iterable):
        state = "iterable", iterable.state_dict()
    else:
        pickler.note(
            f"what {type(iterable).__qualname__} draws at random while it is iterated, if the loop's body draws from "
            f"the same source"
        )
    seconds = time.monotonic() - counted.began
    return rebuild.counted, (iterable, counted.entry, counted.count, seconds, state)


class Resumed:
    """An iterator that has already given ``taken`` items; made when it is first asked."""

    def __init__(self, iterable: Any, entry: Entry, taken: int, seconds: float, state: tuple[str, Any] | None) -> None:
        self.whole = iterable, entry, taken, seconds, state
        self.counted: Counted | None = None

    def __iter__(self) -> Resumed:
        return self

    def __next__(self) -> Any:
        if self.counted is not None:
            return next(self.counted)
        iterable = self.whole[0]
        begins = getattr(iterable, BEGINS, None)
        self.counted = self._make()
        try:
            return next(self.counted)
        finally:
            if hasattr(iterable, BEGINS):
                setattr(iterable, BEGINS, begins)

    def _make(self) -> Counted:
        iterable, entry, taken, seconds, state = self.whole
        where, own = state if state and not replay.forced() else ("", None)
        if where == "iterable":
            iterable.load_state_dict(own)
        with under(entry, iterable, attributes=not where):
            counted = Counted(iterable, iter(iterable), entry, 0 if not where else taken, seconds)
            if where == "iterator":
                counted.iterator.load_state_dict(own)
            elif not where:
                what = f"a {type(iterable).__qualname__}"
                replay.pass_over(counted.__next__, lambda: counted.count, taken, seconds, what)
        counted.began, counted.kept = time.monotonic() - seconds, False
        return counted


def reduce_resumed(pickler: Pickler, resumed: Resumed) -> Any:
    """One that was restored: still as it was saved, or the iterator that it made."""
    return (rebuild.counted, resumed.whole) if resumed.counted is None else reduce_counted(pickler, resumed.counted)
