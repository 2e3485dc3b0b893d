"""Which variables share something that changes: they are saved, loaded and put back together.

Found out by pickling each one alone, for a walk over references does not see into every object (an array of objects
does not show its elements to Python's garbage collector). What two of these pickles both met connects them. No
memory is read.
"""

from __future__ import annotations

import sys
import types
from collections.abc import Iterable
from typing import Any

from colab_guard.capture.pickler import Pickler, find
from colab_guard.core.errors import NoRoom

LARGE = 4096  # characters or bytes: shorter ones are rather stored twice
FIXED = (tuple, frozenset, complex, types.ModuleType, types.CodeType)  # what is in them connects, not they themselves
CODE = (type, types.FunctionType, types.BuiltinFunctionType)


def groups(namespace: dict[str, Any], names: Iterable[str]) -> list[list[str]]:
    """The names, each in one group, those of a group in order."""
    trial = _Trial(namespace)
    leaders: dict[str, str] = {}
    met: dict[int, tuple[str, Any]] = {}  # by identity: the first variable that it was met in; keeps it alive
    spans: list[tuple[str, int, int, str]] = []

    def leader(name: str) -> str:
        while leaders[name] != name:
            name = leaders[name]
        return name

    def connect(one: str, other: str) -> None:
        first, second = sorted((leader(one), leader(other)))
        leaders[second] = first

    for name in sorted(names):
        leaders[name] = name
        for thing in trial.parts(name, namespace[name]):
            if not _is_fixed(thing, trial.module_name):
                connect(name, met.setdefault(id(thing), (name, thing))[0])
        spans += [(*span, name) for span in trial.spans]
    last: tuple[str, int, str] | None = None
    for space, low, high, name in sorted(spans):
        if last and space == last[0] and low < last[1]:
            connect(name, last[2])
        last = (space, max(high, last[1]) if last and space == last[0] else high, name)
    found: dict[str, list[str]] = {}
    for name in leaders:
        found.setdefault(leader(name), []).append(name)
    return list(found.values())


def holds(namespace: dict[str, Any], values: Iterable[Any], thing: object) -> bool:
    """Whether ``thing`` is one of ``values`` or a part of one."""
    trial = _Trial(namespace)
    return any(part is thing for value in values for part in trial.parts("", value))


class _Trial(Pickler):
    """Pickles to see what is met: memory is noted, not read."""

    def __init__(self, namespace: dict[str, Any], own_names: frozenset[str] = frozenset()) -> None:
        super().__init__(namespace, own_names)
        self.spans: list[tuple[str, int, int]] = []

    def linked_memory(self, space: str, low: int, high: int) -> Any:
        """See Pickler."""
        if low < high:
            self.spans.append((space, low, high))
        return 0

    def parts(self, name: str, value: object) -> list[Any]:
        """The objects that the pickle of a variable meets; none of one that can't be pickled."""
        self.clear_memo()
        self.spans.clear()
        self.pickles.seek(0)
        try:
            self.add(name, value)
        except NoRoom:
            raise
        except Exception:  # noqa: BLE001 - a class's own pickling may raise anything; it is told when it is saved
            self.spans.clear()
            return []
        return [thing for _, thing in self.memo.copy().values()]


def _is_fixed(thing: Any, main: str) -> bool:
    """Whether a second one of it, in another variable, is as good: what can't change, or is found by its name."""
    kind = type(thing)
    if kind in (str, bytes):
        return len(thing) < LARGE
    if issubclass(kind, CODE):
        module = sys.modules.get(thing.__module__) if thing.__module__ != main else None
        importable = module is not None and find(vars(module), thing.__qualname__) is thing
        return importable or thing.__module__ == "builtins"  # not all of whose classes have a name there
    return kind in FIXED or issubclass(kind, _library_constants())


def _library_constants() -> tuple[type, ...]:
    numpy, torch = sys.modules.get("numpy"), sys.modules.get("torch")
    found = [numpy.dtype] if numpy is not None and hasattr(numpy, "dtype") else []
    if torch is not None and hasattr(torch, "layout"):
        found += [torch.dtype, torch.device, torch.Size, torch.layout]
    return tuple(found)
