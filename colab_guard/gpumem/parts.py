"""What a Python object holds, part by part, and how a part is called; for ``reach``, which puts the names together."""

from __future__ import annotations

import gc
import sys
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from types import FrameType, FunctionType, GeneratorType, MethodType, TracebackType
from typing import Any

from colab_guard.gpumem.keepers import frame_values

Step = str | tuple[str, Any]  # a template, "{}.weight"; with an object that is the key, so that it can be named, too
Part = tuple[Step, Any]


def parts(thing: Any, tensor: type) -> Iterator[Part]:
    """Of anything but torch's own kinds; ``tensor``: the class of those that are told as keys. May raise anything.

    What a class of the user's or a library's makes of iterating is not called: some load all that they could give.
    """
    kind = type(thing)
    if issubclass(kind, dict):
        yield from _of_dict(thing, tensor)
        return
    for known, of in _KINDS:
        if issubclass(kind, known):
            yield from of(thing)
            return
    yield from _of_object(thing)


def attributes(thing: Any) -> list[tuple[str, Any]]:
    try:
        return list(object.__getattribute__(thing, "__dict__").items())
    except Exception:  # noqa: BLE001 - it has none, or gives none
        return []


def of_attributes(thing: Any) -> Iterator[Part]:
    yield from (("{}." + str(name), part) for name, part in attributes(thing))


def _of_dict(thing: dict[Any, Any], tensor: type) -> Iterator[Part]:
    for key, part in list(dict.items(thing)):
        if issubclass(type(key), tensor):
            yield "{} (a key of it)", key
            yield ("{}[]", key), part
        elif gc.is_tracked(part) or _is_array(part):
            yield f"{{}}[{key!r}]" if isinstance(key, str | int) else "{}[…]", part
    yield from of_attributes(thing)


def _of_sequence(thing: Any) -> Iterator[Part]:
    iterate = next(kind.__iter__ for kind in (list, tuple, deque) if issubclass(type(thing), kind))
    for number, part in enumerate(iterate(thing)):
        if gc.is_tracked(part) or _is_array(part):
            yield f"{{}}[{number}]", part
    yield from of_attributes(thing)


def _of_set(thing: Any) -> Iterator[Part]:
    iterate = set.__iter__ if issubclass(type(thing), set) else frozenset.__iter__
    yield from (("{} (one of it)", part) for part in list(iterate(thing)) if gc.is_tracked(part))


def _of_function(thing: FunctionType) -> Iterator[Part]:
    for name, cell in zip(thing.__code__.co_freevars, thing.__closure__ or (), strict=True):
        with suppress(ValueError):  # empty
            yield f"{{}}'s {name}", cell.cell_contents
    yield from (("{}'s default", part) for part in thing.__defaults__ or ())
    yield from (("{}'s default", part) for part in (thing.__kwdefaults__ or {}).values())
    yield from of_attributes(thing)


def _of_method(thing: MethodType) -> Iterator[Part]:
    yield "{}.__self__", thing.__self__
    yield "{}", thing.__func__


def _of_generator(thing: Any) -> Iterator[Part]:
    if thing.gi_frame is not None:
        yield from _of_frame(thing.gi_frame)


def _of_frame(thing: FrameType) -> Iterator[Part]:
    for name, part in frame_values(thing).items():
        yield f"{name} in {thing.f_code.co_name}(), which {{}} keeps", part


def _of_error(thing: BaseException) -> Iterator[Part]:
    yield from (("{}", part) for part in (thing.__traceback__, thing.__cause__, thing.__context__))
    yield "{}.args", thing.args
    yield from of_attributes(thing)


def _of_traceback(thing: TracebackType) -> Iterator[Part]:
    yield "{}", thing.tb_frame
    yield "{}", thing.tb_next


def _of_class(thing: type) -> Iterator[Part]:
    if thing.__module__ == "__main__":
        yield from (("{}." + name, part) for name, part in list(vars(thing).items()))


def _of_object(thing: Any) -> Iterator[Part]:
    own = attributes(thing)
    named = {id(part) for _, part in own}
    yield from (("{}." + str(name), part) for name, part in own)
    if _is_array(thing):
        yield from _of_sequence(thing.ravel().tolist())
    for part in gc.get_referents(thing):
        if id(part) not in named and type(part) is not dict:
            yield "{}…", part


def _is_array(thing: Any) -> bool:
    """Whether it is an array of objects, which Python's garbage collector does not look into."""
    numpy = sys.modules.get("numpy")
    return hasattr(numpy, "ndarray") and type(thing) is numpy.ndarray and thing.dtype.hasobject  # type: ignore[union-attr]


_KINDS: list[tuple[Any, Callable[[Any], Iterator[Part]]]] = [
    ((list, tuple, deque), _of_sequence),
    ((set, frozenset), _of_set),
    (FunctionType, _of_function),
    (MethodType, _of_method),
    (GeneratorType, _of_generator),
    (BaseException, _of_error),
    (TracebackType, _of_traceback),
    (FrameType, _of_frame),
    (type, _of_class),
]
