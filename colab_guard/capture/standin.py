"""What takes the place of a value that can't be kept."""

from __future__ import annotations

from concurrent.futures import Executor
from typing import Any, NoReturn

from colab_guard.capture import progress
from colab_guard.core.errors import LostValue

# Of what can't be kept and the cells above make anew, what is then as it was: these hold nothing.
MADE_ANEW = (Executor,)
ABOVE = ", made in a cell above)"  # how a note on what is made anew ends


def kind_of(value: object) -> str:
    """A value's class in full, but for Python's own."""
    return f"{type(value).__module__}.{type(value).__qualname__}".removeprefix("builtins.")


def told(stand_in: StandIn) -> tuple[str, str]:
    """What it stands for, and where that was."""
    what, where = object.__getattribute__(stand_in, "_what"), object.__getattribute__(stand_in, "_where")
    return what, where


class StandIn:
    """Stands where a value was that could not be saved; any use of it but ``repr`` raises LostValue."""

    __slots__ = ("_what", "_where")

    def __init__(self, what: str, where: str) -> None:
        object.__setattr__(self, "_what", what)
        object.__setattr__(self, "_where", where)

    def __reduce__(self) -> tuple[Any, ...]:
        return StandIn, told(self)

    def __repr__(self) -> str:
        what, where = told(self)
        return f"<stand-in for {what} in {where!r}: it could not be kept in the snapshot>"

    def _sentence(self) -> str:
        what, where = told(self)
        return (
            f"{where!r} held {what}, which can't be kept in a snapshot. Make it anew in the cell, before it is "
            f"used, or in a cell above and run the cells again; --fresh starts over."
        )

    def _lost(self, *_: object, **__: object) -> NoReturn:
        raise LostValue(self._sentence())

    def __getattr__(self, name: str) -> Any:
        # Tools ask any object for dunder names and take AttributeError for "no such thing".
        if name.startswith("__") or name.startswith("_repr_") or name.startswith("_ipython_"):
            raise AttributeError(name)
        if progress.is_loading():
            return StandIn(*told(self))  # a part of it that was pickled by name, `lock.acquire`
        self._lost()

    __call__ = __iter__ = __next__ = __len__ = __bool__ = __getitem__ = __setitem__ = __delitem__ = _lost
    __setattr__ = __enter__ = __exit__ = __contains__ = __eq__ = __lt__ = __le__ = __gt__ = __ge__ = _lost
    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __matmul__ = _lost
    __hash__ = object.__hash__
