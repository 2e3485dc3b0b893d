"""Global settings of Python, numpy, scikit-learn and pandas that a cell may change and its numbers depend on.

All is plain data, found by name when it is put back: a library that changed or is gone must not stand
against a restore.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import locale
import os
import re
import sys
import time
import warnings
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

PLAIN = (bool, int, float, str, type(None))
PANDAS_GROUPS = ("compute", "mode", "future")  # what `display` and the others set is looks

# Set by the cell, these decide about numbers; others may be secrets, or belong to the machine (CUDA_VISIBLE_DEVICES).
NUMERIC = re.compile(
    r"(CUBLAS|CUDNN|NVIDIA_TF32|OMP|MKL|OPENBLAS|NUMEXPR|KMP|TF|XLA|JAX|TORCH|PYTORCH|TOKENIZERS)_|TZ$"
)
SECRET = re.compile(r"KEY|TOKEN|SECRET|PASS", re.IGNORECASE)


def _numeric_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if NUMERIC.match(name) and not SECRET.search(name)}


_at_start = _numeric_environment()


def interpreter_state() -> dict[str, Any]:
    """What is set now; a library's part only where somebody imported it."""
    state: dict[str, Any] = {
        "recursion_limit": sys.getrecursionlimit(),
        "int_digits": sys.get_int_max_str_digits(),
        "gc": (gc.isenabled(), gc.get_threshold()),
        "locale": locale.setlocale(locale.LC_ALL),
        "threads": {name: library.num_threads for name, library in _thread_pools()},  # first: it sets a variable
        "environment": dict(_numeric_environment().items() - _at_start.items()),
        "warnings": [_filter(*one) for one in warnings.filters],
    }
    if decimal := sys.modules.get("decimal"):
        context = decimal.getcontext()
        plain = ("prec", "rounding", "Emin", "Emax", "capitals", "clamp")
        state["decimal"] = {name: getattr(context, name) for name in plain}
        state["decimal_traps"] = [signal.__name__ for signal, on in context.traps.items() if on]
    numpy = sys.modules.get("numpy")
    if numpy is not None and hasattr(numpy, "geterr"):
        printing = {key: value for key, value in numpy.get_printoptions().items() if isinstance(value, PLAIN)}
        state["numpy"] = {"errors": numpy.geterr(), "buffer": numpy.getbufsize(), "printing": printing}
    sklearn = sys.modules.get("sklearn")
    if sklearn is not None and hasattr(sklearn, "get_config"):
        state["sklearn"] = {key: value for key, value in sklearn.get_config().items() if isinstance(value, PLAIN)}
    pandas = sys.modules.get("pandas")
    if pandas is not None and hasattr(pandas, "options"):
        state["pandas"] = dict(_pandas_options(pandas))
    return state


def set_interpreter_state(state: dict[str, Any]) -> None:
    """Puts ``interpreter_state()`` back where it differs; an empty dict changes nothing."""
    now = interpreter_state()
    new = {key: value for key, value in state.items() if key not in now or now[key] != value}
    if "recursion_limit" in new:
        sys.setrecursionlimit(new["recursion_limit"])
    if "int_digits" in new:
        sys.set_int_max_str_digits(new["int_digits"])
    if "gc" in new:
        enabled, threshold = new["gc"]
        gc.set_threshold(*threshold)
        (gc.enable if enabled else gc.disable)()
    if "locale" in new:
        with contextlib.suppress(locale.Error):  # not installed on this machine
            locale.setlocale(locale.LC_ALL, new["locale"])
    if "environment" in new:
        os.environ.update(new["environment"])
        if "TZ" in new["environment"] and hasattr(time, "tzset"):
            time.tzset()
    if "decimal" in new or "decimal_traps" in new:
        _set_decimal(state)
    if "threads" in new:
        for name, library in _thread_pools():
            if name in new["threads"]:
                library.set_num_threads(new["threads"][name])
    _set_libraries(new, now)
    if "warnings" in new:
        warnings.filters[:] = [one for one in map(_made, new["warnings"]) if one]  # type: ignore[index]
        for notify in ("_filters_mutated", "_filters_mutated_lock_held"):  # the latter since Python 3.14
            getattr(warnings, notify, lambda: None)()


def _set_decimal(state: dict[str, Any]) -> None:
    import decimal

    context = decimal.getcontext()
    for name, value in state["decimal"].items():
        setattr(context, name, value)
    for signal in context.traps:
        context.traps[signal] = signal.__name__ in state["decimal_traps"]


def _set_libraries(new: dict[str, Any], now: dict[str, Any]) -> None:
    """Of libraries that were imported again by now; without them nobody asks for their settings."""
    if "numpy" in new and "numpy" in now:
        numpy = sys.modules["numpy"]
        numpy.seterr(**new["numpy"]["errors"])
        numpy.setbufsize(new["numpy"]["buffer"])
        numpy.set_printoptions(**_known(new["numpy"]["printing"], now["numpy"]["printing"]))
    if "sklearn" in new and "sklearn" in now:
        sys.modules["sklearn"].set_config(**_known(new["sklearn"], now["sklearn"]))
    if "pandas" in new and "pandas" in now:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an option that is about to go says so when it is set
            for key, value in _known(new["pandas"], now["pandas"]).items():
                if now["pandas"][key] != value:
                    sys.modules["pandas"].set_option(key, value)


def _known(saved: dict[str, Any], here: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in saved.items() if key in here}


def _pandas_options(pandas: Any) -> Iterator[tuple[str, Any]]:
    def walk(path: str, values: dict[str, Any]) -> Iterator[tuple[str, Any]]:
        for key, value in values.items():
            if isinstance(value, dict):
                yield from walk(f"{path}.{key}", value)
            elif isinstance(value, PLAIN):
                yield f"{path}.{key}", value

    for group in PANDAS_GROUPS:
        yield from walk(group, pandas.options.d.get(group, {}))


def _thread_pools() -> Iterator[tuple[str, Any]]:
    """The thread pools of BLAS and OpenMP libraries by file name: the bits of a sum depend on their size.

    Through threadpoolctl, which scikit-learn brings; nothing without it, or before numpy is imported.
    """
    if "numpy" not in sys.modules:
        return
    try:
        control = importlib.import_module("threadpoolctl")
    except ImportError:
        return
    for library in _libraries(control, len(sys.modules)):
        yield Path(library.filepath).name, library


@lru_cache(maxsize=1)
def _libraries(control: Any, count: int) -> list[Any]:
    """The libraries; ``count`` of modules stands for which were loaded, since to find them takes 4 ms."""
    return list(control.ThreadpoolController().lib_controllers)


def _filter(action: Any, message: Any, category: Any, module: Any, line: Any) -> tuple[Any, ...]:
    return action, _pattern(message), f"{category.__module__}:{category.__qualname__}", _pattern(module), line


def _pattern(expression: Any) -> tuple[str, int] | str | None:
    return (expression.pattern, expression.flags) if isinstance(expression, re.Pattern) else expression


def _made(saved: tuple[Any, ...]) -> tuple[Any, ...] | None:
    """A warnings filter, None where this session does not know its category."""
    action, message, category, module, line = saved
    place, _, name = category.partition(":")
    kind = getattr(sys.modules.get(place), name, None)
    if not isinstance(kind, type):
        return None
    return action, _compiled(message), kind, _compiled(module), line


def _compiled(saved: tuple[str, int] | str | None) -> re.Pattern[str] | str | None:
    return re.compile(*saved) if isinstance(saved, tuple) else saved
