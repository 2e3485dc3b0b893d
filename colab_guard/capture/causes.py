"""Causes of inexactness that a session shows: before the run, at a snapshot, at a resume. All are told, none mended."""

from __future__ import annotations

import ast
import gc
import inspect
import multiprocessing
import os
import re
import sys
import textwrap
import threading
import types
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from colab_guard.capture.environment import differences, joined
from colab_guard.capture.interpreter import NUMERIC
from colab_guard.capture.select import names_in
from colab_guard.capture.standin import ABOVE
from colab_guard.capture.torch_flags import ATTRIBUTES, OLD_PRECISION, PRECISIONS
from colab_guard.cell.causes import CLOCKS, RANDOM, causes_in, gone_through, imports_in, is_entropy
from colab_guard.core.causes import Cause

Namespace = Mapping[str, Any]

MANY = 100_000  # a larger set is not gone through, but taken to come back in another order, as nearly all do
# Threads that make no difference to a cell's values, or that torch's loaders start anew, by where their code is.
QUIET = ("IPython", "ipykernel", "ipywidgets", "zmq", "tornado", "traitlets", "jupyter_client", "tqdm", "colab_guard",
         "google.colab", "debugpy", "pydevd", "_pydevd", "torch.utils.data", "multiprocessing.queues", "fsspec",
         "asyncio", "threadpoolctl", "tensorboard", "tensorboardX", "wandb",
         "huggingface_hub", "rich", "lightning", "pytorch_lightning")  # fmt: skip
QUIET_NAMES = ("MainThread", "IPython", "IOPub", "Heartbeat", "Control", "Shell", "Subshell", "colab_guard", "fsspec",
               "asyncio_", "pydevd", "keras_callbacks")  # fmt: skip
QUIET_PROCESSES = ("joblib.", "loky.")  # pools that are made anew when they are needed
QUIET_COMMANDS = ("wandb-core ", "tensorboard ")  # that write and show logs


def before(module: ast.Module, namespace: Namespace, *, strict: bool = False) -> list[Cause]:
    """What the cell's code and the session's variables show, with nothing run. ``strict``: see ``cell.causes``."""
    names = {name: full for name, value in namespace.items() if (full := _full_name(value))}
    found = causes_in(module, names, _is_kept, strict=strict)
    if not _hashes_differ():
        found = [cause for cause in found if cause.key != "hash"]
    used = {name: namespace[name] for name in sorted(names_in(module)) if name in namespace}
    for name, value in used.items():
        found += _of_value(name, value)
    return list(dict.fromkeys([*found, *_sets(module, namespace), *_cuda(sys.modules.get("torch"))]))


def at_snapshot(
    notes: Iterable[str], module: ast.Module | None = None, namespace: Namespace | None = None
) -> list[Cause]:
    """What a snapshot and the process show: ``notes`` are ``Taken.notes``. With the cell and its variables, the
    sets that it made meanwhile are looked at too.
    """
    found = [_of_note(note) for note in notes]
    found += [Cause("threads", f"a thread runs beside the cell: {thread.name}{_of(thread)}") for thread in _threads()]
    found += [Cause("processes", f"a child process runs beside the cell: {name}") for name in _processes()]
    if module is not None and namespace is not None:
        found += _sets(module, namespace)
    return list(dict.fromkeys([*found, *_cuda(sys.modules.get("torch"))]))


def at_resume(then: Mapping[str, Any], now: Mapping[str, Any]) -> list[Cause]:
    """How this session differs from the one that took the snapshot, as ``environment.describe`` gives both."""
    text = joined(differences(then, now))
    return [Cause("environment", text)] if text else []


# -- variables ----------------------------------------------------------------------------------------


def _full_name(value: Any) -> str:
    """The dotted name of a module, or of a library's function or class; empty for all that is the notebook's."""
    if issubclass(type(value), types.ModuleType):
        return str(value.__name__)
    if issubclass(type(value), types.FunctionType | types.BuiltinFunctionType | type):
        place = getattr(value, "__module__", None) or ""
        place = "os" if place in ("posix", "nt") else place
        name = value.__qualname__ if place == "builtins" else f"{place}.{value.__qualname__}"
        return "" if place == "__main__" or not place else name
    if type(value) is not types.MethodType:
        return ""
    return f"{type(value.__self__).__module__}.{value.__name__}"  # of classes and of hidden instances, `random.random`


def _is_kept(name: str) -> bool:
    """Whether a snapshot puts a module's attribute back."""
    environment, _, variable = name.rpartition(".")
    if environment == "os.environ":
        return bool(NUMERIC.match(variable))
    return name.removeprefix("torch.") in (*ATTRIBUTES, *OLD_PRECISION, *PRECISIONS)


def _of_value(name: str, value: Any) -> Iterator[Cause]:
    loader = sys.modules.get("torch.utils.data.dataloader")
    if (
        loader
        and issubclass(type(value), loader._BaseDataLoaderIter)
        and not any(key.startswith("_cg_") for key in vars(value))
    ):
        yield Cause("iterator", f"{name} is the iterator of a DataLoader, made before the cell began")
    elif loader and issubclass(type(value), loader.DataLoader) and value.num_workers:
        for part in (type(value.dataset), value.collate_fn, value.worker_init_fn):
            for call in _entropy_in(part):
                yield Cause("worker-entropy", f"the workers of {name} call {call}, which no seed decides")
    wrapped = getattr(value, "__wrapped__", None)
    if hasattr(value, "cache_parameters") and isinstance(wrapped, types.FunctionType):
        for draw in sorted(RANDOM.intersection(wrapped.__code__.co_names))[:1]:
            yield Cause("cached-random", f"{name} remembers its results and calls {draw}")
    torch = sys.modules.get("torch")
    if torch and issubclass(type(value), torch.device) and value.type not in ("cpu", "cuda", "meta"):
        yield Cause("other-device", f"{name} is {value.type}, whose random state is not in snapshots")


def _entropy_in(part: Any) -> list[str]:
    """What a class or function of the user's calls that differs from process to process; nothing without source."""
    if part is None or str(getattr(part, "__module__", "")).startswith("torch"):
        return []
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(part)))
    except (OSError, TypeError, SyntaxError):
        return []
    functions = [part] if isinstance(part, types.FunctionType) else list(vars(part).values())
    globals_ = next((one.__globals__ for one in functions if isinstance(one, types.FunctionType)), {})
    names = {name: full for name, value in globals_.items() if (full := _full_name(value))} | imports_in(tree)
    return sorted({
        full
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and (full := _dotted(node.func, names))
        and (full in CLOCKS or full == "os.getpid" or is_entropy(full, node))
    })  # fmt: skip


def _dotted(node: ast.AST, names: Mapping[str, str]) -> str:
    head, _, rest = ast.unparse(node).partition(".")
    return ".".join(filter(None, (names.get(head, head), rest)))


# -- the order of sets --------------------------------------------------------------------------------


def _hashes_differ() -> bool:
    return bool(sys.flags.hash_randomization) and os.environ.get("PYTHONHASHSEED", "random") == "random"


def _sets(module: ast.Module, namespace: Namespace) -> Iterator[Cause]:
    for line, name, how in gone_through(module):
        value = namespace.get(name)
        kinds = list | tuple | dict | set | frozenset if how == "made" else set | frozenset
        if issubclass(type(value), kinds) and (why := _order_lost(value, how)):
            yield Cause("set-order", f"line {line}: the order of {name} as a set {why}")


def _order_lost(value: Any, how: str) -> str:
    """Why another process goes through the set in another order; empty where it does not.

    Even where hashes are the same, a set is filled anew from its own order: what stood in the way of what
    when it was first filled is forgotten (seen with three of four random sets of whole numbers), and so is
    where the next ``pop()`` would have looked.
    """
    few = [element for element, _ in zip(value, range(1000), strict=False)]
    if not all(map(_hashes_alike, few)):
        return "is that of the process"
    if how == "made":
        return ""
    order = list(value)[:MANY]
    return "is not kept" if how == "popped" or len(value) > MANY or list(set(order)) != order else ""


def _hashes_alike(element: object) -> bool:
    """Whether another process gives it the same hash."""
    if isinstance(element, tuple | frozenset):
        return all(map(_hashes_alike, element))
    if element is None:
        return sys.version_info >= (3, 12)  # before, it was its address
    if isinstance(element, str | bytes):
        return not _hashes_differ()
    return isinstance(element, int | float | complex) and type(element).__hash__ is not object.__hash__


# -- the process --------------------------------------------------------------------------------------


def _of_note(note: str) -> Cause:
    if note.endswith("autograd graph"):
        return Cause("graph", f"{note} is not kept: its value comes back, and backward() on it raises")
    if not re.fullmatch(r"\S+ \(.*\)", note, re.DOTALL):
        return Cause("loader", note)  # a sentence of the loaders' own
    kind = note.rpartition("(")[2].rstrip(")").partition(" ")[0].rpartition(".")[2]
    if note.endswith(ABOVE):
        return Cause("above", f"{note} can't be kept: a resumed cell has the new session's own")
    key = "iterator" if kind in ("generator", "coroutine") or "iter" in kind.lower() else "stand-in"
    return Cause(key, f"{note} can't be kept: a stand-in takes its place")


def _threads() -> Iterator[threading.Thread]:
    for thread in threading.enumerate():
        if thread is threading.main_thread() or thread is threading.current_thread() or _is_idle(thread):
            continue
        if not f"{_place(thread)}.".startswith(tuple(f"{one}." for one in QUIET)) and not thread.name.startswith(
            QUIET_NAMES
        ):
            yield thread


def _is_idle(thread: threading.Thread) -> bool:
    """Whether it is one of an executor's that wait for work: there will be others."""
    frame = sys._current_frames().get(thread.ident or 0)
    if frame is None or frame.f_code.co_name != "_worker":
        return False
    return bool(frame.f_globals.get("__name__") == "concurrent.futures.thread")


def _place(thread: threading.Thread) -> str:
    """The module that its code comes from."""
    target = getattr(thread, "_target", None)  # Python's own, until it has run; a subclass has its run()
    return str(getattr(target, "__module__", None) or type(thread).__module__)


def _of(thread: threading.Thread) -> str:
    return "" if _place(thread) in ("__main__", "threading") else f" of {_place(thread)}"


def _processes() -> Iterator[str]:
    known = set(_own_pids())
    for process in multiprocessing.active_children():
        if process.pid not in known and not type(process).__module__.startswith(QUIET_PROCESSES):
            yield process.name
        known.add(process.pid or 0)
    for command in map(_command, _forked() - known):
        if not command.startswith(QUIET_COMMANDS):
            yield command


def _own_pids() -> Iterator[int]:
    """Of processes that multiprocessing keeps for itself, and of loaders' workers, which are started anew."""
    tracker = sys.modules.get("multiprocessing.resource_tracker")
    yield getattr(getattr(tracker, "_resource_tracker", None), "_pid", None) or 0
    loader = sys.modules.get("torch.utils.data.dataloader")
    if loader and multiprocessing.active_children():
        for thing in gc.get_objects():
            if type(thing) is loader._MultiProcessingDataLoaderIter:
                yield from (worker.pid for worker in getattr(thing, "_workers", []))


def _forked() -> set[int]:
    """The children of this process, on Linux; other systems tell only what multiprocessing started."""
    found = set[int]()
    for one in Path("/proc/self/task").glob("*/children"):
        with suppress(OSError):  # a thread that has ended meanwhile
            found.update(map(int, one.read_text().split()))
    return found


def _command(pid: int) -> str:
    try:
        return f"{Path(f'/proc/{pid}/comm').read_text().strip()} ({pid})"
    except OSError:
        return str(pid)


def _cuda(torch: Any) -> Iterator[Cause]:
    if torch is None or not hasattr(torch, "cuda") or not torch.cuda.is_initialized():
        return
    if not torch.are_deterministic_algorithms_enabled():
        yield Cause("cuda", "CUDA may add up in any order: deterministic algorithms are not asked for")
    if torch.backends.cudnn.benchmark:
        yield Cause("cuda", "cuDNN chooses its algorithms by timing them (cudnn.benchmark)")
