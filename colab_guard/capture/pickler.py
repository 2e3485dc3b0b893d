"""One pickle of many variables, their memory beside it.

Each variable is one ``dump`` of the same pickler: the memo runs through, so that what two variables share is
stored, and restored, once. What can't be pickled is replaced where it stands by a stand-in and noted.
"""

from __future__ import annotations

import functools
import gc
import io
import pickle
import sys
import tempfile
import types
from collections.abc import Callable
from typing import Any

import cloudpickle

from colab_guard.capture import arrays, files, functions, generators, loaders, rebuild, tensors
from colab_guard.capture.memory import Regions
from colab_guard.capture.standin import StandIn

Reducer = Callable[["Pickler", Any], Any]

FILES = (io.TextIOWrapper, io.BufferedReader, io.BufferedWriter, io.BufferedRandom, io.FileIO)

# Live machinery of the notebook itself: to descend into it would take half the kernel along.
FOREIGN = ("IPython.core.", "ipykernel.", "zmq.", "traitlets.", "ipywidgets.", "tornado.", "asyncio.", "google.colab.")


class Unsaveable(Exception):
    """Something on the way back in (an iterator, a context) can't be pickled, so the cell can't be left here."""


class Pickler(cloudpickle.Pickler):  # type: ignore[misc]
    """Pickles variables of ``namespace``; not thread-safe, for one snapshot."""

    def __init__(self, namespace: dict[str, Any], own_names: frozenset[str]) -> None:
        """``own_names``: what the guarded cell itself defines, never to be looked up by name at a restore."""
        self._file = io.BytesIO()
        super().__init__(self._file, protocol=5)
        self.namespace = namespace
        self.module_name = str(namespace.get("__name__", "__main__"))
        self.regions = Regions()
        self.storages: dict[tuple[str, int], int] = {}  # torch's, by device and address
        self.wanted: set[str] = set()  # global names that pickled functions use
        self.added: list[str] = []
        self.notes: list[str] = []
        self.where = ""
        self.strict = False
        self._own_names = own_names
        self._lost: set[int] = set()  # what was replaced by stand-ins; alive as long as the namespace holds it
        self._names = {
            id(value): name
            for name, value in namespace.items()
            if isinstance(value, types.FunctionType | type) and not name.startswith("_")
        }
        self._exact, self._derived = _reducers()

    def linked_memory(self, space: str, low: int, high: int) -> Any:
        """What to pickle in place of a region of these addresses, None where it is a region of its own."""
        return None

    def add(self, name: str, value: object, *, strict: bool = False) -> None:
        """Appends one variable. With ``strict``, raises Unsaveable where a stand-in would be needed."""
        self.where, self.strict = name, strict
        if strict:
            self._refuse_lost(value)
        self.dump(value)
        self.added.append(name)

    def skeleton(self) -> memoryview:
        """The pickles so far, one behind the other."""
        return self._file.getbuffer()

    def note(self, text: str) -> None:
        """Remember, once, what is not kept as it was."""
        if text not in self.notes:
            self.notes.append(text)

    def notebook_name(self, thing: Any) -> str | None:
        """The name by which a restore may look for a function or class in the notebook, None for no name."""
        qualname = str(thing.__qualname__)
        root = qualname.partition(".")[0]
        if root in self._own_names:
            return None
        if find(self.namespace, qualname) is thing:
            return qualname
        name = self._names.get(id(thing))
        return name if name not in self._own_names else None

    def reducer_override(self, obj: Any) -> Any:
        """Called by the pickler for all but the plainest objects."""
        kind = type(obj)
        if obj is sys.stdout or obj is sys.stderr:
            return getattr, (sys, "stdout" if obj is sys.stdout else "stderr")
        reducer = self._exact.get(kind)
        if reducer is None:
            reducer = next((r for base, r in self._derived if issubclass(kind, base)), None)
        try:
            if reducer is not None:
                reduced = reducer(self, obj)
                if reduced is not NotImplemented:
                    return reduced
            reduced = super().reducer_override(obj)
            if reduced is not NotImplemented or isinstance(obj, types.FunctionType | type):
                return reduced  # importable functions and classes: the pickler writes their names
            if f"{kind.__module__}.".startswith(FOREIGN):
                raise TypeError("a part of the notebook itself")
            special = self.dispatch_table.get(kind)
            return special(obj) if special else obj.__reduce_ex__(5)
        except (
            TypeError,
            pickle.PicklingError,
            AttributeError,
            NotImplementedError,
            ValueError,
            RuntimeError,
            OSError,
        ) as error:
            return self._stand_in(obj, error)

    def _refuse_lost(self, value: object) -> None:
        # What was replaced under another name would come out of the memo here, unseen: `r = csv.reader(f)`, then
        # `for i, row in enumerate(r)`. So iterators are followed to those they draw from.
        todo = [value]
        while todo:
            thing = todo.pop()
            if id(thing) in self._lost:
                raise Unsaveable(f"{type(thing).__module__}.{type(thing).__qualname__} can't be saved")
            if isinstance(thing, tuple) or (
                hasattr(type(thing), "__next__") and type(thing) is not types.GeneratorType
            ):
                todo += [
                    part
                    for part in gc.get_referents(thing)
                    if hasattr(type(part), "__next__") or isinstance(part, tuple)
                ]

    def _stand_in(self, obj: Any, error: Exception) -> Any:
        what = f"{type(obj).__module__}.{type(obj).__qualname__}".removeprefix("builtins.")
        if self.strict:
            raise Unsaveable(f"{what} can't be saved: {error}") from error
        self.note(f"{self.where} ({what})")
        self._lost.add(id(obj))
        return StandIn, (what, self.where)


def find(namespace: dict[str, Any], qualname: str) -> Any:
    """The object a dotted name leads to from the namespace, None where it leads nowhere."""
    root, *rest = qualname.split(".")
    found = namespace.get(root)
    for attribute in rest:
        found = getattr(found, "__dict__", {}).get(attribute)
        found = found.__func__ if isinstance(found, staticmethod | classmethod) else found
    return found


def _refuse(pickler: Pickler, thing: Any) -> Any:
    raise TypeError("it ends with the process that made it")


def _reduce_stand_in(pickler: Pickler, stand_in: StandIn) -> Any:
    what, where = stand_in.__reduce__()[1]
    pickler.note(f"{where} ({what})")
    return StandIn, (what, where)


def _reduce_dataloader(pickler: Pickler, loader: Any) -> Any:
    # Workers kept between epochs hang on `_iterator`, which can't be pickled; new ones are started.
    return type(loader).__new__, (type(loader),), {**loader.__dict__, "_iterator": None}


def _reduce_bar(pickler: Pickler, bar: Any) -> Any:
    options = {
        "desc": bar.desc or None, "total": bar.total, "leave": bar.leave, "initial": bar.n, "unit": bar.unit,
        "unit_scale": bar.unit_scale, "mininterval": bar.mininterval, "disable": bar.disable, "postfix": None,
        "delay": 1e-6,  # not drawn before it moves: the first line of a resumed cell is ours
    }  # fmt: skip
    return rebuild.progress_bar, (type(bar), options, bar.iterable)


def _reducers() -> tuple[dict[type, Reducer], list[tuple[type, Reducer]]]:
    exact: dict[type, Reducer] = {
        types.FunctionType: functions.reduce_function,
        functools._lru_cache_wrapper: functions.reduce_cached,
        tempfile._TemporaryFileWrapper: _refuse,
        StandIn: _reduce_stand_in,
        types.GeneratorType: generators.reduce_generator,
    }
    derived: list[tuple[type, Reducer]] = [
        (type, functions.reduce_class),
        *((kind, files.reduce_file) for kind in FILES),
    ]
    if numpy := sys.modules.get("numpy"):
        exact[numpy.ndarray] = arrays.reduce_array
    torch = sys.modules.get("torch")
    if torch is not None and hasattr(torch, "Tensor"):
        exact[torch.Generator] = tensors.reduce_generator
        derived.append((torch.Tensor, tensors.reduce_tensor))
    if loader := sys.modules.get("torch.utils.data.dataloader"):
        derived += [
            (loader._BaseDataLoaderIter, loaders.reduce_iterator),
            (loader.DataLoader, _reduce_dataloader),
        ]
    if tqdm := sys.modules.get("tqdm.std"):
        derived.append((tqdm.tqdm, _reduce_bar))
    return exact, derived
