"""One pickle of many variables, their memory beside it.

Each variable is one ``dump`` of the same pickler: the memo runs through, so that what two variables share is
stored, and restored, once. What can't be pickled is replaced where it stands by a stand-in and noted.
"""

from __future__ import annotations

import bisect
import contextlib
import functools
import gc
import io
import pickle
import random
import sys
import tempfile
import threading
import types
import weakref
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import cloudpickle

from colab_guard import integrations
from colab_guard.capture import (
    arrays,
    bars,
    buffers,
    files,
    frames_of_pandas,
    functions,
    generators,
    iterables,
    loaders,
    locks,
    logs,
    of_keras,
    of_torch,
    positions,
    rebuild,
    skeleton,
    tensors,
    weak,
)
from colab_guard.capture.memory import Regions
from colab_guard.capture.standin import ABOVE, MADE_ANEW, StandIn, kind_of
from colab_guard.core.errors import NoRoom

if TYPE_CHECKING:
    from colab_guard.capture.secrets import LeftOut

Reducer = Callable[["Pickler", Any], Any]

LINKS = (tuple, types.MethodType)  # what leads from an iterator to another
FILES = (io.TextIOWrapper, io.BufferedReader, io.BufferedWriter, io.BufferedRandom, io.FileIO)

# Live machinery of the notebook itself: to descend into it would take half the kernel along.
FOREIGN = ("IPython.core.", "ipykernel.", "zmq.", "traitlets.", "ipywidgets.", "tornado.", "asyncio.", "google.colab.")
NO_PACKAGES = {"__main__", "None", "colab_guard"}
UNPICKLABLE = (TypeError, pickle.PicklingError, AttributeError, NotImplementedError, ValueError, RuntimeError, OSError)


class Unsaveable(Exception):
    """Something on the way back in (an iterator, a context) can't be pickled, so the cell can't be left here."""


class Pickler(cloudpickle.Pickler):  # type: ignore[misc]
    """Pickles variables of ``namespace``; not thread-safe, for one snapshot."""

    def __init__(self, namespace: dict[str, Any], own_names: frozenset[str]) -> None:
        """``own_names``: what the guarded cell itself defines, never to be looked up by name at a restore."""
        self.pickles = skeleton.Pickles()
        super().__init__(self.pickles, protocol=5)
        self.namespace = namespace
        self.module_name = str(namespace.get("__name__", "__main__"))
        self.regions = Regions()
        self.storages: dict[tuple[str, int], int] = {}  # torch's, by device and address
        self.wanted: set[str] = set()  # global names that pickled functions use
        self.files: set[str] = set()  # where pickled functions were defined
        self.added: list[str] = []
        self._starts: list[int] = []  # of each, in the pickles
        self.notes: list[str] = []
        self.graphs = 0  # behind tensors, that were met
        self.awaited = ""  # the first variable with one that waits for its `backward()`, or with a future
        self.where = ""
        self.strict = False
        self._own_names = own_names
        self.above: dict[int, str] = {}  # by id, the names of what a new session makes before the cell begins
        self._lost: set[int] = set()  # what was replaced by stand-ins; alive as long as the namespace holds it
        self._names = {
            id(value): name
            for name, value in namespace.items()
            if issubclass(type(value), types.FunctionType | type) and not name.startswith("_")
        }
        self._reducers: dict[type, Reducer | None] = {}  # of the kinds seen so far
        self._modules: set[str] = set()
        self._exact, self._derived = _reducers()

    def linked_memory(self, space: str, low: int, high: int) -> Any:
        """What to pickle in place of a region of these addresses, None where it is a region of its own."""
        return None

    def add(self, name: str, value: object, *, strict: bool = False) -> None:
        """Appends one variable. With ``strict``, raises Unsaveable where a stand-in would be needed."""
        self.where, self.strict = name, strict
        if strict:
            self._refuse_lost(value)
        start = self.pickles.tell()
        self.dump(value)
        self._starts.append(start)
        self.added.append(name)

    def begin_group(self) -> int:
        """From here on nothing is met again that was pickled before; the place in the skeleton, in bytes."""
        self.clear_memo()
        return self.pickles.tell()

    @property
    def packages(self) -> set[str]:
        """The top-level modules whose types and functions are in the pickles, Python's own and ours left out."""
        return {name.partition(".")[0] for name in self._modules} - sys.stdlib_module_names - NO_PACKAGES

    def skeleton(self) -> bytes:
        """The pickles so far, one behind the other; no copy."""
        return self.pickles.getvalue()

    def label_at(self, offset: int) -> str:
        """The name of the variable whose pickle has the byte at ``offset``."""
        return self.added[bisect.bisect_right(self._starts, offset) - 1]

    def origin(self, name: str) -> Any:
        """The variable that was pickled under a name, as the next session will look for it; None for no such thing."""
        return self.namespace.get(name)

    def cut(self, secrets: LeftOut) -> bytes:
        """The same without the secrets, as a snapshot's first blob holds them: what is large is in regions."""
        large, holes = self.pickles.large, self.pickles.holes_moved(secrets.moved)
        return skeleton.cut(secrets.without(self.skeleton()), secrets.moved(large), self.regions, holes)

    def can_save(self, thing: object) -> bool:
        """Whether it can be pickled without a stand-in. As costly as pickling it."""
        trial = type(self)(self.namespace, self._own_names)
        try:
            trial.add(self.where, thing, strict=True)
        except NoRoom:
            raise
        except Exception:  # noqa: BLE001 - a class's own pickling may raise anything
            return False
        self.wanted |= trial.wanted
        return True

    def note(self, text: str) -> None:
        """Remember, once, what is not kept as it was."""
        if text not in self.notes:
            self.notes.append(text)

    def notebook_name(self, thing: Any) -> str | None:
        """The name by which a restore may look for a function or class in the notebook, None for no name."""
        qualname = code_name(thing)
        root = qualname.partition(".")[0]
        if root in self._own_names:
            return None
        if find(self.namespace, qualname, qualname) is thing:
            return qualname
        name = self._names.get(id(thing))
        return name if name not in self._own_names else None

    def reducer_override(self, obj: Any) -> Any:
        """Called by the pickler for all but the plainest objects."""
        kind = type(obj)
        if kind not in self._reducers:
            derived = (reducer for base, reducer in self._derived if issubclass(kind, base))
            self._reducers[kind] = self._exact.get(kind) or next(derived, None)
            self._modules.add(kind.__module__)
        if obj is sys.stdout or obj is sys.stderr:
            return getattr, (sys, "stdout" if obj is sys.stdout else "stderr")
        reducer = self._reducers[kind]
        try:
            if reducer is not None:
                reduced = reducer(self, obj)
                if reduced is not NotImplemented:
                    return reduced
            reduced = super().reducer_override(obj)
            if reduced is not NotImplemented or isinstance(obj, types.FunctionType | type):
                self._modules.add(str(obj.__module__))
                return reduced  # importable functions and classes: the pickler writes their names
            if f"{kind.__module__}.".startswith(FOREIGN):
                raise TypeError("a part of the notebook itself")
            special = self.dispatch_table.get(kind)
            return buffers.outside(self, special(obj) if special else obj.__reduce_ex__(5))
        except UNPICKLABLE as error:
            return self._stand_in(obj, error)

    def _refuse_lost(self, value: object) -> None:
        # What was replaced under another name would come out of the memo here, unseen: `r = csv.reader(f)`, then
        # `for i, row in enumerate(r)`. So iterators are followed to those they draw from.
        todo = [value]
        while todo:
            thing = todo.pop()
            parts = generators.held(thing) if type(thing) is types.GeneratorType else []
            for lost in (thing, *(part for part in parts if id(part) not in self.above)):
                if id(lost) in self._lost:
                    raise Unsaveable(f"{kind_of(lost)} can't be saved")
            if isinstance(thing, LINKS) or (
                hasattr(type(thing), "__next__") and type(thing) is not types.GeneratorType
            ):
                parts = gc.get_referents(thing)
                todo += [part for part in parts if hasattr(type(part), "__next__") or isinstance(part, LINKS)]

    def _stand_in(self, obj: Any, error: Exception) -> Any:
        what = kind_of(obj)
        if self.strict:
            raise Unsaveable(f"{what} can't be saved: {error}") from error
        self._lost.add(id(obj))
        if (name := self.above.get(id(obj))) is None:
            self.note(f"{self.where} ({what})")
            return StandIn, (what, self.where)
        if not issubclass(type(obj), MADE_ANEW):
            self.note(f"{name} ({what}{ABOVE}")
        return rebuild.of_session, (what, name)


def code_name(thing: Any) -> str:
    """The qualified name of a class, or of a function's code: ``functools.wraps`` does not change that."""
    return str(thing.__code__.co_qualname if isinstance(thing, types.FunctionType) else thing.__qualname__)


def find(namespace: dict[str, Any], qualname: str, inside: str | None = None) -> Any:
    """The object a dotted name leads to from the namespace, None where it leads nowhere.

    ``inside``: the code's name of a function, which may be there under decorators.
    """
    root, *rest = qualname.split(".")
    found = namespace.get(root)
    for attribute in rest:
        found = getattr(found, "__dict__", {}).get(attribute)
        found = found.__func__ if isinstance(found, staticmethod | classmethod) else found
    if inside is None or not isinstance(found, types.FunctionType):
        return found
    return next((one for one in _wrapped(found) if code_name(one) == inside), None)


def _wrapped(function: types.FunctionType) -> Iterator[types.FunctionType]:
    """A function and those that it closes over, as a decorator's wrapper does over what it decorates."""
    todo, seen = [function], set[int]()
    while todo:
        one = todo.pop(0)
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        for cell in one.__closure__ or ():
            with contextlib.suppress(ValueError):  # empty
                if isinstance(cell.cell_contents, types.FunctionType):
                    todo.append(cell.cell_contents)


def _reduce_stand_in(pickler: Pickler, stand_in: StandIn) -> Any:
    what, where = stand_in.__reduce__()[1]
    pickler.note(f"{where} ({what})")
    return StandIn, (what, where)


def _reducers() -> tuple[dict[type, Reducer], list[tuple[type, Reducer]]]:
    exact: dict[type, Reducer] = {
        types.FunctionType: functions.reduce_function,
        functools._lru_cache_wrapper: functions.reduce_cached,
        types.CellType: functions.reduce_cell,
        **dict.fromkeys(positions.VIEWS, positions.reduce_dict_iterator),
        positions.LIST: positions.reduce_list_iterator,
        tempfile._TemporaryFileWrapper: locks.refuse,
        threading.local: locks.reduce_local,
        random.SystemRandom: locks.reduce_system_random,
        **dict.fromkeys(locks.LOCKS, locks.reduce_lock),
        **dict.fromkeys(weak.PROXIES, weak.reduce_proxy),
        weakref.finalize: weak.reduce_finalizer,
        StandIn: _reduce_stand_in,
        types.GeneratorType: generators.reduce_generator,
        iterables.Counted: iterables.reduce_counted,
        iterables.Resumed: iterables.reduce_resumed,
        loaders.Resumed: loaders.reduce_resumed,
    }
    derived: list[tuple[type, Reducer]] = [
        (type, functions.reduce_class),
        (types.ModuleType, functions.reduce_module),
        *((kind, files.reduce_file) for kind in FILES),
        (io.IOBase, files.reduce_other),
        (threading.Condition, locks.reduce_condition),
        *((kind, locks.refuse) for kind in locks.ending()),
        (weakref.ReferenceType, weak.reduce_reference),
        (weakref.WeakValueDictionary, weak.reduce_mapping),
        (weakref.WeakKeyDictionary, weak.reduce_mapping),
    ]
    derived += integrations.kinds()
    if futures := sys.modules.get("concurrent.futures"):
        derived.append((futures.Future, locks.reduce_future))
    if numpy := sys.modules.get("numpy"):
        exact[numpy.ndarray] = arrays.reduce_array
        derived.append((numpy.ndarray, arrays.reduce_subclass))
    derived += frames_of_pandas.kinds()
    torch = sys.modules.get("torch")
    if torch is not None and hasattr(torch, "Tensor"):
        exact[torch.Generator] = tensors.reduce_generator
        derived.append((torch.Tensor, tensors.reduce_tensor))
        derived.append((torch.optim.Optimizer, tensors.reduce_optimizer))
        derived += of_keras.kinds() + of_torch.kinds(torch)
    if loader := sys.modules.get("torch.utils.data.dataloader"):
        derived += [
            (loader._BaseDataLoaderIter, loaders.reduce_iterator),
            (loader.DataLoader, loaders.reduce_loader),
        ]
    derived += [(kind, logs.reduce_writer) for kind in logs.writer_kinds()]
    derived += [(kind, logs.reduce_run) for kind in logs.run_kinds()]
    if wandb := sys.modules.get("wandb.sdk.wandb_config"):
        exact[wandb.Config] = logs.reduce_config
    if tqdm := sys.modules.get("tqdm.std"):
        derived.append((tqdm.tqdm, bars.reduce_bar))
    return exact, derived
