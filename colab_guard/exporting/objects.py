"""What is inside of an object: its ``state_dict``, or its attributes where its class is the user's own or missing."""

from __future__ import annotations

import argparse
import site
import sys
import sysconfig
import types
from pathlib import Path
from typing import Any

from colab_guard.exporting.elsewhere import Remnant, parts_of, reason_of, what_of
from colab_guard.exporting.leaves import LeftOut

OPEN = (types.SimpleNamespace, argparse.Namespace)


def type_name(value: Any) -> str:
    """The class of a value, by its full name; without the module for Python's own and the notebook's."""
    if isinstance(value, Remnant):
        return what_of(value)
    kind = type(value)
    return (
        kind.__qualname__ if kind.__module__ in ("builtins", "__main__") else f"{kind.__module__}.{kind.__qualname__}"
    )


def state_of(value: Any) -> Any:
    """What its ``state_dict`` says, or a training history; None where it has neither. Raises LeftOut."""
    if isinstance(value, type):
        return None
    own = getattr(value, "__dict__", {})
    if type(value).__name__ == "History" and isinstance(own.get("history"), dict):
        return {"epoch": own.get("epoch"), "history": own["history"]}  # what Keras's fit() returns
    if not callable(getattr(type(value), "state_dict", None)):
        return None
    try:
        return value.state_dict()
    except Exception as error:  # noqa: BLE001 - the user's code, maybe without what it needs
        raise LeftOut(f"its state_dict can't be had here: {type(error).__name__}: {error}") from None


def contents(value: Any) -> dict[str, Any] | None:
    """The attributes of an object of the user's; None for one of a library's."""
    if isinstance(value, type) or not hasattr(value, "__dict__"):
        return None
    return {"attributes": vars(value)} if isinstance(value, OPEN) or _is_users(type(value)) else None


def remains(value: Remnant) -> dict[str, Any] | None:
    """What there is of an object whose class is missing."""
    parts = parts_of(value)
    attributes = parts.get("attributes")
    if isinstance(attributes, dict) and "_parameters" in attributes and "_modules" in attributes:
        return {"state_dict": _weights(attributes, "")}
    return parts or None


def reason(value: Any) -> str:
    """Why there is no plain form."""
    if isinstance(value, Remnant):
        return reason_of(value)
    if isinstance(value, type):
        return "a class, whose code is in the notebook or in a module"
    if isinstance(value, types.FunctionType | types.BuiltinFunctionType | types.MethodType):
        return "a function, whose code is in the notebook or in a module"
    return f"there is no plain form for {type_name(value)}; a restore brings it back"


def _weights(attributes: dict[str, Any], prefix: str) -> dict[str, Any]:
    """The state_dict of a module whose class is missing, from its attributes."""
    transient = attributes.get("_non_persistent_buffers_set", set())
    kept = {name: value for name, value in attributes.get("_buffers", {}).items() if name not in transient}
    own = {**attributes["_parameters"], **kept}
    found = {prefix + name: value for name, value in own.items() if value is not None}
    for name, child in attributes["_modules"].items():
        inner = parts_of(child).get("attributes") if isinstance(child, Remnant) else None
        if isinstance(inner, dict) and "_parameters" in inner:
            found |= _weights(inner, f"{prefix}{name}.")
        elif callable(getattr(type(child), "state_dict", None)) and not isinstance(child, Remnant):
            found |= {f"{prefix}{name}.{key}": value for key, value in state_of(child).items()}
        elif child is not None:
            found[f"{prefix}{name}"] = child
    return found


def _is_users(kind: type) -> bool:
    """Whether a class is from a notebook, or from a module that nobody installed."""
    module = sys.modules.get(kind.__module__)
    if kind.__module__ == "__main__" or module is None:
        return True
    file = getattr(module, "__file__", None)
    return file is not None and not any(Path(file).resolve().is_relative_to(folder) for folder in _installed())


def _installed() -> list[Path]:
    found = [sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")]
    found += [
        *site.getsitepackages(),
        site.getusersitepackages(),
        *(one for one in sys.path if one.endswith("-packages")),
    ]
    return [Path(one).resolve() for one in found if one]
