"""Sources of randomness in the globals of the user's own modules: ``rng = default_rng(0)`` in a file of theirs.

Those of installed libraries are not looked at: what is random there is drawn from the global states, or says
how it is seeded.
"""

from __future__ import annotations

import os
import random
import site
import sys
import sysconfig
from collections.abc import Iterator
from functools import cache, lru_cache
from typing import Any

State = dict[tuple[str, str], Any]


def module_sources() -> State:
    """The states by (module, name)."""
    return {key: get_state(source) for key, source in _sources()}


def set_module_sources(state: State) -> None:
    """Puts ``module_sources()`` back, into the modules that are imported by now."""
    for key, source in _sources():
        if key in state:
            set_state(source, state[key])


def get_state(source: Any) -> Any:
    """The state of a generator of randomness, None where it is something else."""
    if isinstance(source, random.Random) and not isinstance(source, random.SystemRandom):
        return source.getstate()
    kind = f"{type(source).__module__}.{type(source).__qualname__}"
    if kind == "numpy.random.mtrand.RandomState":
        return source.get_state()
    if kind == "numpy.random._generator.Generator":
        return source.bit_generator.state
    return source.get_state() if kind in ("torch._C.Generator", "torch.Generator") else None


def set_state(source: Any, state: Any) -> None:
    """Puts ``get_state(source)`` back."""
    if isinstance(source, random.Random):
        source.setstate(state)
    elif hasattr(source, "bit_generator"):
        source.bit_generator.state = state
    else:
        source.set_state(state)


def _sources() -> Iterator[tuple[tuple[str, str], Any]]:
    for name in _users_modules(len(sys.modules)):
        for variable, value in list(vars(sys.modules.get(name) or object).items()):
            if get_state(value) is not None:
                yield (name, variable), value


@lru_cache(maxsize=1)
def _users_modules(count: int) -> list[str]:
    """Their names; ``count`` of modules stands for which were imported, since to look at each takes 1 ms."""
    return [name for name, module in list(sys.modules.items()) if _is_users(getattr(module, "__file__", None))]


@cache
def _is_users(file: str | None) -> bool:
    path = os.path.realpath(file) if file else ""
    return bool(path) and not path.startswith(_installed()) and "-packages" + os.sep not in path


@cache
def _installed() -> tuple[str, ...]:
    """Where what is installed lies, and we."""
    own = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
    kinds = {sysconfig.get_path(kind) for kind in ("stdlib", "platstdlib", "purelib", "platlib")}
    places = {own, *kinds, *site.getsitepackages(), site.getusersitepackages()}
    return tuple(os.path.realpath(place) + os.sep for place in places)
