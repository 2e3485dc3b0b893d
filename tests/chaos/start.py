"""The state a guarded cell starts from, carried from one kernel to another. Runs inside the kernels.

A cell whose model was built unseeded can be compared only with a run that starts from the same weights.
`dump` writes all the data of a session in one pickle, so that what is shared stays shared, with the global
random states; `load` puts it over a session in which the same cells have run. Functions and classes go by
name: after `load` they are the ones that session defined, not copies with globals of their own.

Not carried: memory shared between arrays (numpy views, a tensor's numpy twin), ``.grad``, the order of
sets. Cells that need those are seeded (`cell.py`).
"""

import pickle
import random
import sys
import types
from pathlib import Path
from typing import Any

from compare import random_states  # beside this file: both are imported by path, into kernels

SEED = 20240229


def seed() -> None:
    """Seed the global random sources of the libraries that are imported."""
    random.seed(SEED)
    if numpy := sys.modules.get("numpy"):
        numpy.random.seed(SEED)
    if torch := sys.modules.get("torch"):
        torch.manual_seed(SEED)


def dump(namespace: dict[str, Any], hidden: dict[str, Any], path: str) -> None:
    """Write the user's data among *namespace* (all but *hidden*, names with _, modules, code) to *path*."""
    data = {
        name: value
        for name, value in namespace.items()
        if not name.startswith("_") and name not in hidden and not _is_code(value)
    }
    with Path(path).open("wb") as file:
        _Pickler(file, namespace).dump((data, random_states()))


def load(namespace: dict[str, Any], path: str) -> None:
    """Put what `dump` wrote into *namespace* and into the global random sources."""
    with Path(path).open("rb") as file:
        data, states = _Unpickler(file, namespace).load()
    namespace.update(data)
    random.setstate(states["random"])
    if "numpy" in states:
        sys.modules["numpy"].random.set_state(states["numpy"])
    if "torch" in states:
        sys.modules["torch"].set_rng_state(states["torch"])


def _is_code(value: Any) -> bool:
    return isinstance(value, types.ModuleType | types.FunctionType | type)


class _Pickler(pickle.Pickler):
    def __init__(self, file: Any, namespace: dict[str, Any]) -> None:
        super().__init__(file, protocol=5)
        self._names = {id(value): name for name, value in namespace.items() if _is_code(value)}

    def persistent_id(self, value: Any) -> str | None:
        if _is_code(value) and getattr(value, "__module__", None) == "__main__":
            return self._names[id(value)]  # KeyError: code that no variable names; write the cell otherwise
        return None


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: Any, namespace: dict[str, Any]) -> None:
        super().__init__(file)
        self._namespace = namespace

    def persistent_load(self, name: str) -> Any:
        return self._namespace[name]
