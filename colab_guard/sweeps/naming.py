"""By what name an item is known in a table, from one session to the next."""

from __future__ import annotations

import hashlib
import os
import re
import types
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from colab_guard.core.errors import UsageError
from colab_guard.core.secrets import mask

T = TypeVar("T")

NAME_CHARS = 80  # of a longer one the beginning is kept, and a digest tells it from others
ADDRESS = re.compile(r"\bat 0x[0-9a-f]+", re.IGNORECASE)


def named(items: Iterable[T], key: Callable[[T], Any] | None = None) -> dict[str, T]:
    """The items by their names, in order. Raises UsageError for a name that another session would not find again, and
    for two items of one name.
    """
    found: dict[str, T] = {}
    for index, item in enumerate(items):
        name = name_of(item if key is None else key(item), index)
        if name in found:
            first = list(found).index(name)
            raise UsageError(
                f"Items {first} and {index} are both called {name!r}, so that nobody could tell which of them is done. "
                f"Give each a name of its own: cg.jobs(…, key=lambda item: …). Nothing was run."
            )
        found[name] = item
    return found


def name_of(item: Any, index: int) -> str:
    """The name of what was given, or of what ``key`` made of it; ``index`` is for the message."""
    if isinstance(item, str | os.PathLike):
        text = os.fspath(item)
    elif isinstance(item, type | types.FunctionType | types.BuiltinFunctionType):
        text = item.__qualname__
    else:
        text = repr(item)
    text = " ".join(str(text).split())
    if ADDRESS.search(text) or isinstance(item, set | frozenset):
        raise UsageError(
            f"Item {index} is a {type(item).__qualname__}, and {text[:NAME_CHARS]!r} is no name by which another "
            f"session would find it again. Give one: cg.jobs(…, key=lambda item: …). Nothing was run."
        )
    text = mask(text) or repr(text)
    if len(text) <= NAME_CHARS:
        return text
    return f"{text[: NAME_CHARS - 9]}…{hashlib.sha256(text.encode()).hexdigest()[:8]}"
