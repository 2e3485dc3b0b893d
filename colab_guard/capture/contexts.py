"""``with`` blocks around a safe point: which can be entered again, and how.

Two ways. A manager that sets something outside of Python's objects (gradient mode, a warnings filter) is
**entered** again: its ``__enter__`` runs. One whose effect is in the objects that a snapshot holds (a class or
a generator function from the notebook, an open file, a progress bar) is **kept**: it is restored as it stood,
and only its ``__exit__`` runs, at the end; running ``__enter__`` twice would, for one that remembers
``was = model.training``, remember the wrong thing. Any other is refused before it is entered.
"""

from __future__ import annotations

import contextlib
import io
from typing import Any

from colab_guard.core.errors import UsageError

ENTERED = frozenset({
    "contextlib.nullcontext", "contextlib.suppress", "contextlib.redirect_stdout", "contextlib.redirect_stderr",
    "warnings.catch_warnings", "numpy.errstate", "numpy._core._ufunc_config.errstate",
    "torch.autograd.grad_mode.no_grad", "torch.autograd.grad_mode.enable_grad",
    "torch.autograd.grad_mode.set_grad_enabled", "torch.autograd.grad_mode.inference_mode",
    "torch.autograd.anomaly_mode.detect_anomaly", "torch.autograd.anomaly_mode.set_detect_anomaly",
    "torch.amp.autocast_mode.autocast", "torch.cuda.amp.autocast_mode.autocast", "torch.cpu.amp.autocast_mode.autocast",
})  # fmt: skip


class Kept:
    """Enters nothing; leaves the restored manager when the block ends."""

    def __init__(self, manager: Any) -> None:
        self._manager = manager

    def __enter__(self) -> None:
        """The manager was entered in an earlier kernel."""

    def __exit__(self, *exception: Any) -> Any:
        return self._manager.__exit__(*exception)


def enter_again(manager: Any) -> Any:
    """What to put behind ``with`` for a restored manager."""
    return manager if _full_name(type(manager)) in ENTERED else Kept(manager)


def check_context(manager: Any, line: int, namespace: dict[str, Any]) -> None:
    """Raises UsageError for a manager that could be neither kept nor entered again."""
    kind = type(manager)
    if _full_name(kind) in ENTERED or isinstance(manager, io.IOBase) or kind.__module__ == "__main__":
        return
    if "tqdm" in (base.__name__ for base in kind.__mro__):
        return
    if isinstance(manager, contextlib._GeneratorContextManager) and _globals(manager.gen) is namespace:
        return
    name = getattr(getattr(manager, "func", None), "__qualname__", None) or _full_name(kind)
    raise UsageError(
        f"Line {line} enters {name} around a loop, and colab_guard could not enter it again after the kernel "
        f"died. Move the `with` into the loop's body or into a function, or out of the guarded cell."
    )


def _globals(generator: Any) -> Any:
    return generator.gi_frame.f_globals if generator.gi_frame else None


def _full_name(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"
