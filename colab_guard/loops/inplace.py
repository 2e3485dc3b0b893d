"""Putting saved values back into the objects that this process has, so that its variables go on naming them.

A saved object was pickled and loaded whole: it is a second one, and the two are gone through side by side. Where
both have, at the same place, a thing of the same class that can change, the session's own takes the contents of the
loaded one; all else is taken over as loaded. Whatever referred to a loaded object refers to the session's own then,
at any depth: an optimizer's parameters are the model's, its momenta are under them, in their own precision.

Code stays the session's: functions, methods and hooks that it has in the same place are kept, and so is what
could not be saved.
"""

from __future__ import annotations

import enum
import functools
import types
import weakref
from collections import OrderedDict, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from colab_guard.capture.standin import StandIn
from colab_guard.core.errors import RestoreError
from colab_guard.loops.kinds import (
    copy,
    described,
    fits,
    is_array,
    is_parameter,
    is_random,
    is_tensor,
    random_state_of,
    set_random_state_of,
)

LEAVES = (int, float, complex, str, bytes, type(None), type(...), range, slice, type, types.ModuleType, types.CodeType,
          enum.Enum)  # fmt: skip
CODE = (types.FunctionType, types.MethodType, types.BuiltinFunctionType, types.MethodWrapperType, functools.partial,
        weakref.ref)  # fmt: skip
CONTAINERS = (list, dict, set, deque, bytearray)
PICKLING = "__reduce_ex__", "__reduce__", "__getstate__"
MADE_IN_PYTHON = 1 << 9  # a class's flag: Py_TPFLAGS_HEAPTYPE


@dataclass(frozen=True)
class Pair:
    """An object of the session, the loaded one whose contents it is to take, and where that is, in words. One that
    ``must`` fit is an error where it does not, another is then left as it is.
    """

    old: Any
    new: Any
    where: str
    must: bool = True


class Missing:
    """Stands for the session's object where it has none."""


def refusal(value: object) -> str | None:
    """Why a value can't be put back in place, as the end of a sentence; None if it can."""
    if isinstance(value, (*LEAVES, tuple, frozenset)):
        return "which can't be changed in place"
    if isinstance(value, CODE) or not changes(value):
        return "whose inside Python does not show"
    return None


def changes(value: object) -> bool:
    """Whether an object's contents can be replaced while it stays the same object."""
    if isinstance(value, (*LEAVES, *CODE, tuple, frozenset)) or type(value) is StandIn:
        return False
    return (
        isinstance(value, CONTAINERS)
        or is_array(value)
        or is_random(value)
        or (_shows_all(type(value)) and (hasattr(value, "__dict__") or bool(_slots(type(value)))))
    )


class Placing:
    """Which of the session's objects take the contents of which loaded ones; not thread-safe."""

    def __init__(self, pairs: Iterable[Pair]) -> None:
        """Raises RestoreError where two do not fit; nothing is changed before ``fill``."""
        pairs = list(pairs)
        self._there: dict[int, Any] = {}  # by the loaded object's id: the one that takes its place
        self._matched: list[tuple[Any, Any]] = []
        self._loaded = pairs  # alive, or their ids could be given to others
        taken: set[int] = set()
        todo = deque(pairs)  # nearest first, so that what was given by itself is not taken for a part of something
        while todo:
            pair = todo.popleft()
            old, new = pair.old, pair.new
            if id(new) in self._there or id(old) in taken or not changes(new):
                continue
            if type(old) is not type(new) or not fits(old, new):
                if pair.must or is_parameter(old):
                    raise RestoreError(
                        f"{pair.where} is {described(old)} here, but {described(new)} in the snapshot. Nothing was "
                        f"put back. Make it as it was, then start again; or start over with fresh=True."
                    )
                continue
            self._there[id(new)] = old
            if old is new:
                continue
            taken.add(id(old))
            self._matched.append((old, new))
            mine = _parts(old)
            todo += [
                Pair(mine[name], part, f"{pair.where}{name}", must=False)
                for name, part in _parts(new).items()
                if name in mine
            ]

    def fill(self) -> None:
        """Puts the contents in."""
        for old, new in self._matched:
            self._fill(old, new)

    def _placed(self, new: Any, old: Any = Missing) -> Any:
        """What is to stand where ``new`` stood, and the session has ``old``."""
        if isinstance(new, LEAVES):
            return new
        if id(new) in self._there:
            return self._there[id(new)]
        if type(new) is StandIn:
            return new if old is Missing else old
        if isinstance(new, CODE):
            return old if type(old) is type(new) and _code_name(old) == _code_name(new) else new
        if isinstance(new, tuple | frozenset):
            items = [self._placed(item) for item in new]
            if all(one is other for one, other in zip(items, new, strict=True)):
                return new
            make = getattr(type(new), "_make", type(new))
            return make(items)
        if changes(new):
            self._there[id(new)] = new
            self._fill(new, new)
        return new

    def _fill(self, old: Any, new: Any) -> None:
        if is_random(new):
            if old is not new:
                set_random_state_of(old, random_state_of(new))
            return
        if isinstance(new, bytearray):
            old[:] = bytes(new)
        elif isinstance(new, dict):
            self._fill_dict(old, new)
        elif isinstance(new, list | deque | set):
            before = list(new)
            mine = list(old) if isinstance(new, list | deque) else []
            items = [self._placed(x, mine[n] if n < len(mine) else Missing) for n, x in enumerate(before)]
            if old is not new or any(one is not other for one, other in zip(items, before, strict=True)):
                old.clear()
                old.update(items) if isinstance(new, set) else old.extend(items)
        elif is_array(new):
            copy(old, new)
        if is_tensor(new):
            grad = new.grad if new.is_leaf else None
            if grad is not None or (old.is_leaf and old.grad is not None):
                old.grad = self._placed(grad, old.grad)
        self._fill_attributes(old, new)

    def _fill_dict(self, old: Any, new: Any) -> None:
        before = list(new.items())
        items = [
            (self._placed(key), self._placed(value, old.get(key, Missing) if isinstance(key, LEAVES) else Missing))
            for key, value in before
        ]
        same = all(one[0] is other[0] and one[1] is other[1] for one, other in zip(items, before, strict=True))
        if old is not new or not same:
            plain = OrderedDict if isinstance(old, OrderedDict) else dict  # a Counter's own update adds
            plain.clear(old)
            plain.update(old, items)

    def _fill_attributes(self, old: Any, new: Any) -> None:
        mine, saved = dict(_attributes(old)), dict(_attributes(new))
        for name, value in saved.items():
            before = mine.get(name, Missing)
            after = self._placed(value, before)
            if after is not before:
                _set_attribute(old, name, after)
        if not _pickles_in_its_own_way(type(new)):
            for name in mine.keys() - saved.keys():
                _delete_attribute(old, name)


# -- what objects consist of ----------------------------------------------------------------------------


def _parts(value: Any) -> dict[str, Any]:
    """What an object holds that has a place of its own in it, by how one would write that place."""
    parts: dict[str, Any] = {}
    if isinstance(value, dict):
        parts = {f"[{key!r}]": part for key, part in value.items() if isinstance(key, LEAVES)}
    elif isinstance(value, list | deque):
        parts = {f"[{index}]": part for index, part in enumerate(value)}
    elif is_tensor(value):
        parts = {".grad": value.grad} if value.is_leaf else {}
    return parts | {f".{name}": part for name, part in _attributes(value)}


def _attributes(value: Any) -> Iterator[tuple[str, Any]]:
    yield from getattr(value, "__dict__", {}).items()
    for name, slot in _slots(type(value)).items():
        try:
            yield name, slot.__get__(value)
        except AttributeError:
            continue


def _slots(kind: Any) -> dict[str, Any]:
    """The descriptors of what a class and its bases keep in ``__slots__``."""
    return {
        name: slot
        for base in reversed(kind.__mro__)
        if "__slots__" in vars(base)
        for name, slot in vars(base).items()
        if isinstance(slot, types.MemberDescriptorType)
    }


def _set_attribute(value: Any, name: str, to: Any) -> None:
    # Past __setattr__, which frozen dataclasses and DataLoaders refuse with.
    slot = _slots(type(value)).get(name)
    if slot is not None:
        slot.__set__(value, to)
    else:
        value.__dict__[name] = to


def _delete_attribute(value: Any, name: str) -> None:
    slot = _slots(type(value)).get(name)
    if slot is not None:
        slot.__delete__(value)
    else:
        del value.__dict__[name]


def _pickles_in_its_own_way(kind: type) -> bool:
    # Then what the loaded object lacks was left out on purpose, and is not gone.
    return any(getattr(kind, way) is not getattr(object, way) for way in PICKLING)


def _shows_all(kind: type) -> bool:
    """Whether all that its objects hold is in attributes: nothing is kept by a class, or pickled by a method, in C."""
    bases = kind.__mro__[:-1]
    ways = (getattr(kind, way) for way in PICKLING if getattr(kind, way) is not getattr(object, way))
    return all(base.__flags__ & MADE_IN_PYTHON for base in bases) and all(
        isinstance(way, types.FunctionType) for way in ways
    )


def _code_name(code: Any) -> Any:
    code = getattr(code, "func", code)
    return getattr(code, "__module__", None), getattr(code, "__qualname__", type(code))
