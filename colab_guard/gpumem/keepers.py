"""Where the objects of a session are held: its variables, and what nobody named."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, FrameType, TracebackType
from typing import Any, Protocol

RUNNERS = {"colab_guard", "IPython", "ipykernel"}  # folders whose functions hold nothing of the user's
OPTIMIZED = 1  # a function's code: its locals are its own, and no dict that somebody else uses


@dataclass(frozen=True)
class Root:
    """Something that holds objects: how it is called, and what is said behind the name of all that it reaches."""

    name: str
    value: Any
    where: str = ""


class Keepers(Protocol):
    """What a notebook, or a script, tells of itself."""

    namespace: dict[str, Any]

    def runners(self) -> list[Any]:
        """What runs the cells: it holds all of this, and more that is nobody's."""

    def variables(self) -> Mapping[str, Any]:
        """The user's own."""

    def history(self) -> Mapping[str, Any]:
        """What is kept of what cells displayed, as the user would write it: ``Out[3]``, ``_``."""

    def forget_history(self) -> None:
        """Keeps none of it, and leaves every variable of the user's as it is, whatever its name."""

    def errors(self) -> Iterable[BaseException | TracebackType]:
        """The last one, as often as it is kept."""

    def running(self) -> Iterable[FrameType]:
        """The user's functions that called us."""


class Script:
    """A program without a notebook: the variables of ``__main__``."""

    def __init__(self) -> None:
        self.namespace = vars(sys.modules["__main__"])

    def runners(self) -> list[Any]:
        """See Keepers."""
        return [self.namespace]

    def variables(self) -> Mapping[str, Any]:
        """See Keepers."""
        return {name: value for name, value in self.namespace.items() if not name.startswith("__")}

    def history(self) -> Mapping[str, Any]:
        """See Keepers."""
        return {}

    def forget_history(self) -> None:
        """See Keepers."""

    def errors(self) -> Iterable[BaseException | TracebackType]:
        """See Keepers."""
        return last_errors()

    def running(self) -> Iterable[FrameType]:
        """See Keepers."""
        return running()


def last_errors() -> list[BaseException | TracebackType]:
    """What Python itself keeps of the last error that nobody caught."""
    found = (getattr(sys, name, None) for name in ("last_exc", "last_value", "last_traceback"))
    return [one for one in found if isinstance(one, BaseException | TracebackType)]


def frames(errors: Iterable[BaseException | TracebackType]) -> list[FrameType]:
    """The functions that errors went through, and those that these errors came from; each once."""
    found: dict[int, FrameType] = {}
    waiting: list[object] = list(errors)
    seen = set[int]()
    while waiting:
        one = waiting.pop(0)
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        if isinstance(one, BaseException):
            waiting += [one.__traceback__, one.__cause__, one.__context__, *getattr(one, "exceptions", ())]
        elif isinstance(one, TracebackType):
            found.setdefault(id(one.tb_frame), one.tb_frame)
            waiting.insert(0, one.tb_next)
    return list(found.values())


def roots(keepers: Keepers) -> list[list[Root]]:
    """All that holds something, in the order in which an object shall be called by it."""
    return [
        [Root(name, value) for name, value in keepers.variables().items()],
        [Root(name, value) for name, value in keepers.history().items()],
        [root for frame in frames(keepers.errors()) for root in _locals(frame, "of the last traceback")],
        [root for frame in keepers.running() for root in _locals(frame, "which is running")],
    ]


def frame_values(frame: FrameType) -> dict[str, Any]:
    """A function's variables; nothing of a frame whose variables are somebody else's dict. Leaves no copy behind."""
    code: CodeType = frame.f_code
    if not code.co_flags & OPTIMIZED:
        return {}
    values = dict(frame.f_locals)
    if sys.version_info < (3, 13) and frame.f_trace is None:  # a debugger's copy is written back to the function
        frame.f_locals.clear()  # a copy that the frame would keep
    return values


def clear_frames(errors: Iterable[BaseException | TracebackType]) -> None:
    """Lets the functions that errors went through let go of their variables; those that still run keep them."""
    for frame in frames(errors):
        with suppress(RuntimeError):
            frame.clear()
            frame_values(frame)  # before 3.13 a debugger's look may have left a copy of them


def collect_cycles() -> None:
    """Twice: what finalizers let go of is found by the second."""
    gc.collect()
    gc.collect()


def _locals(frame: FrameType, whose: str) -> Iterator[Root]:
    if not RUNNERS.isdisjoint(Path(frame.f_code.co_filename).parts):
        return
    where = f"in {frame.f_code.co_name}(), {whose}"
    for name, value in frame_values(frame).items():
        yield Root(name, value, where)


def running() -> Iterator[FrameType]:
    """The functions that called us, up to the cell or script that called them; ours among them."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_code.co_name != "<module>":
        yield frame
        frame = frame.f_back
