"""Loading a snapshot where it will never be gone on with: on any machine, without its GPUs, modules and files.

Whatever can't be made here leaves a *remnant* in its place, so that all that stands behind it in the same
pickles is still read. The code of classes that were saved by value does run, as in any load.
"""

from __future__ import annotations

import functools
import json
import pickle
import types
from collections.abc import Callable, Mapping
from typing import Any

from colab_guard.capture import progress, rebuild, remake, skeleton
from colab_guard.capture.secrets import LostSecret
from colab_guard.core.errors import ColabGuardError, LostValue, StoreError
from colab_guard.resume.loading import Blobs, Load

OUTSIDE_MODULE = "outside"
OURS = {rebuild.__name__, remake.__name__}
# What stands for things outside of the snapshot, or would do something in the world: none of these is ever made.
OUTSIDE = {
    "open_file": "a file that was open",
    "closed_file": "a file",
    "mapped": "a memory-mapped file, whose content is in that file",
    "linked_memory": "memory of a linked variable, which the snapshot does not hold",
    "summary_writer": "a writer of TensorBoard's",
    "wandb_run": "a run of wandb",
    "wandb_config": "a configuration of wandb's",
    "finalizer": "a finalizer",
    "generator": "a generator under way",
    "generator_expression": "a generator under way",
    "loader_iterator": "a loader under way",
    "counted": "an iterator under way",
    "progress_bar": "a progress bar",
}  # fmt: skip


class MaskedText(str):
    """A text in which a secret was masked."""

    __slots__ = ()


class Remnant:
    """What is left of an object that can't be made here: what its class would have been given. Its use raises
    LostValue. Each class that is missing has a subclass of its own.
    """

    _cg_what = ""  # the class or function that would have made it
    _cg_why = ""

    def __new__(cls, *arguments: Any, **options: Any) -> Any:
        new = object.__new__(cls)
        new.__dict__["_cg_parts"] = {"arguments": [*arguments, *options.values()]} if arguments or options else {}
        return new

    def __init__(self, *arguments: Any, **options: Any) -> None:
        pass

    def __init_subclass__(cls, **options: Any) -> None:
        """Bases may have taken arguments that nobody here knows of."""

    def __setstate__(self, state: Any) -> None:
        """Where a pickle gives an object its attributes."""
        self.__dict__["_cg_parts"]["attributes"] = state

    def append(self, item: Any) -> None:
        """Where a pickle fills a list."""
        self.__dict__["_cg_parts"].setdefault("items", []).append(item)

    def __setitem__(self, key: Any, value: Any) -> None:
        """Where a pickle fills a dict."""
        self.__dict__["_cg_parts"].setdefault("entries", {})[key] = value

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise LostValue(f"{self._cg_what} can't be had here: {self._cg_why}.")

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        """A part of what is missing made this."""
        return type(self)(*arguments, **options)


def parts_of(remnant: Remnant) -> dict[str, Any]:
    """What there is of it: ``arguments``, ``attributes``, ``items``, ``entries``; nothing of what stood for things
    outside, whose paths and numbers are no content.
    """
    if type(remnant).__module__ == OUTSIDE_MODULE:
        return {}
    return dict(remnant.__dict__.get("_cg_parts", {}))


def reason_of(remnant: Remnant) -> str:
    """Why it is no more than that."""
    return remnant._cg_why


def what_of(remnant: Remnant) -> str:
    """The class, by its full name."""
    own = next((kind for kind in type(remnant).__mro__ if "_cg_what" in vars(kind)), Remnant)
    return remnant._cg_what if own is type(remnant) else type(remnant).__qualname__


class Watched:
    """Blobs, and the error of the store's that a class on the way may have swallowed."""

    def __init__(self, blobs: Blobs) -> None:
        self._blobs = blobs
        self.error: StoreError | None = None

    def read(self, number: int, into: memoryview | None = None) -> memoryview:
        """See Blobs."""
        try:
            return self._blobs.read(number, into)
        except StoreError as error:
            self.error = error
            raise

    def take(self, number: int) -> Any:
        """See Blobs."""
        return self._blobs.take(number)

    def size_bytes(self, number: int) -> int:
        """See Blobs."""
        return self._blobs.size_bytes(number)


class Elsewhere(Load):
    """A load in which nothing is put in place. ``damaged``, by identity: objects that could not be filled, and why."""

    def __init__(self, blobs: Blobs, body: Mapping[str, Any]) -> None:
        super().__init__(blobs, {"__name__": "__main__"}, frozenset(), body.get("environment"))
        self.damaged: dict[int, tuple[Any, str]] = {}
        self._kinds: dict[tuple[str, str], type[Remnant]] = {}

    def unpickler(self, pickles: memoryview) -> Any:
        """See Load."""
        return _Unpickler(skeleton.Reader(*skeleton.read(pickles), self.fill), self)

    def storage(self, region: int, device: str, phase: int | None = None) -> Any:
        """All tensors come to the CPU."""
        return super().storage(region, "cpu", phase)

    def remnant(self, module: str, name: str, why: str) -> type[Remnant]:
        """The class of what can't be made here; the same one for the same class."""
        if (module, name) not in self._kinds:
            what = f"{module}.{name}".lstrip(".")
            own = {"__module__": module, "_cg_what": what, "_cg_why": why}
            self._kinds[module, name] = type(name.rpartition(".")[2], (Remnant,), own)
        return self._kinds[module, name]


class _Unpickler(pickle.Unpickler):
    def __init__(self, pickles: skeleton.Reader, load: Elsewhere) -> None:
        super().__init__(pickles)
        self._load = load
        self._careful: dict[Any, Any] = {}

    def persistent_load(self, pid: Any) -> Any:
        name = pid[0] if isinstance(pid, tuple) else pid
        return self._load.remnant("linked", str(name), "it is linked: the snapshot does not hold its content")()

    def find_class(self, module: str, name: str) -> Any:
        if module in OURS and name in OUTSIDE:
            return self._load.remnant(
                OUTSIDE_MODULE, name, f"it stood for {OUTSIDE[name]}, which is outside of the snapshot"
            )
        if module in OURS and name in REPLACED:
            return REPLACED[name]
        try:
            found = super().find_class(module, name)
        except Exception as error:  # noqa: BLE001 - whatever the import of a module raises
            return self._load.remnant(module, name, self._load.reason(error))
        if not isinstance(found, types.FunctionType | types.BuiltinFunctionType):
            return found
        return self._careful.setdefault(found, _careful(found, self._load))


def _careful(function: Callable[..., Any], load: Elsewhere) -> Callable[..., Any]:
    """The function; while this load is in progress, what it can't make leaves a remnant."""
    fills = "state" in function.__name__ or function.__name__ == "attributes"

    @functools.wraps(function)
    def tried(*arguments: Any, **options: Any) -> Any:
        try:
            return function(*arguments, **options)
        except Exception as error:
            if not progress.is_loading() or isinstance(error, StoreError):
                raise
            why = (
                str(error).partition(". ")[0].rstrip(".") if isinstance(error, ColabGuardError) else load.reason(error)
            )
            if fills and arguments and not isinstance(arguments[0], Remnant):
                load.damaged[id(arguments[0])] = (arguments[0], why)
                return None
            module = "" if function.__module__ in OURS else f"{function.__module__}"
            return load.remnant(module, function.__qualname__, why)()

    return tried


def _masked(said: str, masked: str) -> Any:
    """A secret of the snapshot's, never one of this machine's, which would be written into a plain file."""
    about = json.loads(said)
    if about["type"] != "str":
        return LostSecret(said, masked)
    return MaskedText(masked.encode("latin-1").decode("utf-8", "replace"))


def _not_compiled_here(thing: Any, *_: Any) -> Any:
    return thing


REPLACED = {"secret": _masked, "compiled": _not_compiled_here, "not_compiled": _not_compiled_here}
