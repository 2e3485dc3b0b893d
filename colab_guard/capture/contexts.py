"""``with`` blocks around a safe point: which can be entered again, and how.

Three ways. A manager that sets something outside of Python's objects (gradient mode, a warnings filter) is
**entered** again: its ``__enter__`` runs. One whose effect is in the objects that a snapshot holds (a class or
a generator function from the notebook, an open file, a progress bar, a writer of logs) is **kept**: it is
restored as it stood, and only its ``__exit__`` runs, at the end; running ``__enter__`` twice would, for one
that remembers ``was = model.training``, remember the wrong thing. One that the user named with ``--rerun``, and
executors and tensorboardX's writers by themselves, is **made anew** by the statement that made it. Any other is
refused before it is entered around a loop of the cell's own; in a function, its block holds no safe point.
"""

from __future__ import annotations

import contextlib
import io
from typing import Any

from colab_guard.capture.logs import goes_on
from colab_guard.core.errors import Pause, UsageError

ENTERED = frozenset({
    "contextlib.nullcontext", "contextlib.suppress", "contextlib.redirect_stdout", "contextlib.redirect_stderr",
    "warnings.catch_warnings", "numpy.errstate", "numpy._core._ufunc_config.errstate",
    "torch.autograd.grad_mode.no_grad", "torch.autograd.grad_mode.enable_grad",
    "torch.autograd.grad_mode.set_grad_enabled", "torch.autograd.grad_mode.inference_mode",
    "torch.autograd.anomaly_mode.detect_anomaly", "torch.autograd.anomaly_mode.set_detect_anomaly",
    "torch.amp.autocast_mode.autocast", "torch.cuda.amp.autocast_mode.autocast", "torch.cpu.amp.autocast_mode.autocast",
})  # fmt: skip


# Made anew by the statement that made them: their threads and connections can't be kept, and nothing of what a
# cell computes lies in them.
MADE_ANEW = frozenset({
    "concurrent.futures.thread.ThreadPoolExecutor", "concurrent.futures.process.ProcessPoolExecutor",
    "multiprocessing.pool.Pool", "multiprocessing.pool.ThreadPool", "tensorboardX.writer.SummaryWriter",
})  # fmt: skip

KEPT = frozenset({"colab_guard.sweeps.sweep.Jobs"})  # our own


class Held:
    """A manager around a safe point.

    One that could not be entered twice is entered once, however often the cell is left and gone on with: it is
    not entered where it was restored, and not left at a pause.
    """

    def __init__(self, manager: Any, *, entered: bool = False, anew: bool = False) -> None:
        self.manager, self._entered, self.anew = manager, entered, anew

    def __enter__(self) -> Any:
        return None if self._entered else type(self.manager).__enter__(self.manager)

    def __exit__(self, kind: Any, error: Any, trace: Any) -> Any:
        if kind is not None and issubclass(kind, Pause) and not enters_again(self.manager):
            return None
        return type(self.manager).__exit__(self.manager, kind, error, trace)


def hold(manager: Any, *, anew: bool = False) -> Any:
    """A manager about to be entered; what is none is given to Python as it is, to say so."""
    kind = type(manager)
    return Held(manager, anew=anew) if hasattr(kind, "__enter__") and hasattr(kind, "__exit__") else manager


def enter_again(manager: Any) -> Any:
    """What to put behind ``with`` for a restored manager."""
    return manager if enters_again(manager) else Held(manager, entered=True)


def enters_again(manager: Any) -> bool:
    """Whether a manager is entered anew at resume, rather than restored as it stood."""
    return _full_name(type(manager)) in ENTERED


def is_made_anew(thing: object) -> bool:
    """Whether the statement that made ``thing`` runs again at resume."""
    return _full_name(type(thing)) in MADE_ANEW


def obstacle(manager: Any, namespace: dict[str, Any]) -> str | None:
    """The name of a manager that could be neither kept nor entered again; None for any other."""
    kind = type(manager)
    if enters_again(manager) or isinstance(manager, io.IOBase) or kind.__module__ == "__main__":
        return None
    if _full_name(kind) in KEPT:
        return None
    if is_made_anew(manager) or goes_on(manager) or "tqdm" in (base.__name__ for base in kind.__mro__):
        return None
    if isinstance(manager, contextlib._GeneratorContextManager) and _globals(manager.gen) is namespace:
        return None
    return getattr(getattr(manager, "func", None), "__qualname__", None) or _full_name(kind)


def check_context(manager: Any, line: int, namespace: dict[str, Any]) -> None:
    """Raises UsageError for a manager that could be neither kept nor entered again."""
    if name := obstacle(manager, namespace):
        raise UsageError(
            f"Line {line} enters {name} around a loop, and colab_guard could not enter it again after the kernel "
            f"died. Move the `with` into the loop's body or into a function, or out of the guarded cell; or, if it may "
            f"be made anew at resume, name what it gives, `with … as c:`, and add --rerun c."
        )


def _globals(generator: Any) -> Any:
    return generator.gi_frame.f_globals if generator.gi_frame else None


def _full_name(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"
