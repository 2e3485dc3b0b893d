"""Code that a function had, beside the code that it has by now."""

from __future__ import annotations

import types
from typing import Any

PARTS = ("co_code", "co_names", "co_varnames", "co_freevars", "co_cellvars", "co_flags")


def is_same(new: Any, old: Any) -> bool:
    """Whether two codes, or two constants of theirs, are the same, wherever their text stands."""
    if not (isinstance(new, types.CodeType) and isinstance(old, types.CodeType)):
        return type(new) is type(old) and (new == old or repr(new) == repr(old))  # nan is not nan
    if any(getattr(new, part) != getattr(old, part) for part in PARTS) or len(new.co_consts) != len(old.co_consts):
        return False
    return all(map(is_same, new.co_consts, old.co_consts))


def takes_the_same(new: types.CodeType, old: types.CodeType) -> bool:
    """Whether what was saved beside the code (defaults, by position) still fits."""
    return (
        new.co_varnames[: new.co_argcount + new.co_kwonlyargcount]
        == old.co_varnames[: old.co_argcount + old.co_kwonlyargcount]
        and new.co_freevars == old.co_freevars
    )
