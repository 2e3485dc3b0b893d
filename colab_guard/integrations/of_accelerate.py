"""accelerate: its loops are the user's own, in the cell. A model that it has prepared is kept so.

Its states are of classes whose objects all share one ``__dict__``; pickled as other objects are, each would come back
with one of its own.
"""

from __future__ import annotations

import sys
from typing import Any

from colab_guard.integrations.names import Kinds


def kinds() -> Kinds:
    """How those are pickled."""
    state = sys.modules["accelerate.state"]
    names = ("PartialState", "AcceleratorState", "GradientState")
    found: Kinds = [(getattr(state, name), reduce_state) for name in names if hasattr(state, name)]
    if converts := getattr(sys.modules.get("accelerate.utils.operations"), "ConvertOutputsToFp32", None):
        found.append((converts, reduce_forward))
    return found


def reduce_state(pickler: Any, state: Any) -> Any:
    """One of those objects, with what all of its class share."""
    kind = type(state)
    if vars(state) is not kind._shared_state:
        return NotImplemented
    return sharing, (kind,), vars(state), None, None, shared_state


def reduce_forward(pickler: Any, forward: Any) -> Any:
    """What stands around a model's ``forward`` in mixed precision. accelerate refuses to pickle it, for so a model is
    not to be carried elsewhere; here it goes on where it was.
    """
    return type(forward).__new__, (type(forward),), dict(vars(forward))


def sharing(kind: Any) -> Any:
    """An object of such a class; a part of the format (docs/format.md), as ``shared_state`` is."""
    new = kind.__new__(kind)
    new.__dict__ = kind._shared_state
    return new


def shared_state(new: Any, state: dict[str, Any]) -> None:
    """Fills it, and with it all others of its class."""
    new.__dict__.clear()
    new.__dict__.update(state)
