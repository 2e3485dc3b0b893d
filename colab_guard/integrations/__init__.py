"""The frameworks whose own loops a guarded cell enters.

``trainer.train()`` is one statement of the user's, and all of the training. So those functions of a framework in which
its loops stand get safe points as the notebook's own do (``running.stack``): from their own source, for the one call
that a guarded cell makes. The framework is never changed. docs/frameworks.md says why so, and what was weighed.

What the user gives over (``given``) is entered in the same way.

Each framework has a module here, read when it was itself imported; none imports it. It may have ``FUNCTIONS``, the
qualified names of those functions, and ``kinds()``, how objects of its are pickled that come back wrong as they are.
"""

from __future__ import annotations

import importlib
import sys
import types
from typing import Any

from colab_guard.integrations.given import is_given
from colab_guard.integrations.names import LOOPS, PICKLED, Kinds


def is_entered(function: types.FunctionType) -> bool:
    """Whether a function is one of a framework's or of a given module's in which a cell can be left, or a decorator's
    around one.
    """
    if is_given(function):
        return True
    name = LOOPS.get(function.__module__)
    return name is not None and function.__qualname__ in _module(name).FUNCTIONS


def kinds() -> Kinds:
    """The classes of the frameworks imported so far that are pickled in a way of their own, and how."""
    return [kind for module, name in PICKLED.items() if module in sys.modules for kind in _module(name).kinds()]


def _module(name: str) -> Any:
    return importlib.import_module(f"{__name__}.{name}")
