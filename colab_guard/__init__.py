"""colab_guard: training cells that survive the death of their runtime.

In a notebook: ``%load_ext colab_guard``, then ``%%checkpointed`` above the training cell.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from colab_guard.exporting import Exported
    from colab_guard.flight.why import End
    from colab_guard.gpumem.freeing import Freed
    from colab_guard.gpumem.measuring import Measured
    from colab_guard.gpumem.reach import Held
    from colab_guard.sweeps.sweep import Jobs
    from colab_guard.variables import Restored, Saved

__all__ = [
    "__version__",
    "auto_reconnect",
    "explain",
    "export",
    "free_gpu_memory",
    "gpu_tensors",
    "guard",
    "jobs",
    "keep_alive",
    "limit_gpu_memory",
    "load_ipython_extension",
    "loop",
    "measure_batch_size",
    "restore",
    "save",
    "selfcheck",
    "unload_ipython_extension",
    "why",
]
__version__ = "0.1.0"

T = TypeVar("T")


def loop(
    iterable: Iterable[T],
    *,
    name: str,
    every: str | None = None,
    state: Sequence[Any] = (),
    store: str | os.PathLike[str] | None = None,
    fresh: bool = False,
    trust: bool = False,
) -> Iterable[T]:
    """The items of ``iterable``; when the process dies and the program is started again, those that are left, with
    the objects in ``state`` as they were. For scripts and modules; ``colab_guard.loops`` says all about it.

    ``every``: ``"60s"`` (the default, or ``COLAB_GUARD_EVERY``) or ``"100it"``. ``store``: a folder, else
    ``COLAB_GUARD_STORE``, else ``.colab_guard`` where the program was started. ``fresh`` starts over;
    ``trust`` goes on from a snapshot even where it is not signed with your key. Raises UsageError, when the loop
    begins, for what can't be put back in place.
    """
    from colab_guard.loops import Loop

    return Loop(iterable, name, every, tuple(state), store, fresh, trust)


def guard(thing: T) -> T:
    """Lets a guarded cell be left, and gone on with, inside of functions that are not the notebook's, and returns
    ``thing``: those of the module that a function or class is from, or an object's class, or of a module itself.

    For a training loop in a file of yours, or a Trainer whose own ``train`` stands in one. Hugging Face's, Lightning's
    and Keras' loops need no such line, the notebook's functions neither. What else holds for the notebook's functions
    (docs/exactness.md) holds for these; the module's global variables are no part of a snapshot. Raises UsageError
    where there is no Python source. Thread-safe.
    """
    from colab_guard.integrations.given import give

    give(thing)
    return thing


def jobs(
    items: Iterable[T],
    *,
    name: str | None = None,
    key: Callable[[T], Any] | None = None,
    per_session: int | None = None,
    cool_down: str | None = None,
    clear_gpu: bool = False,
    on_error: str = "raise",
    store: str | os.PathLike[str] | None = None,
    fresh: bool = False,
    trust: bool = False,
) -> Jobs[T]:
    """The items that are left to do, one after another, in this session and the next ones; ``docs/jobs.md`` says all
    about it. What it returns keeps a table; in ``with`` around the loop's body it also hears of errors, and goes on.

    ``name``: what the sweep is known by; by default the guarded cell's. ``key`` gives the name of an item. It stops
    after ``per_session`` items, and before one that would not end before the runtime does. ``cool_down``: a time such
    as ``"30s"``, between two items; ``clear_gpu``: there, what ``free_gpu_memory`` does. ``on_error``: ``"raise"``,
    ``"continue"`` with the next item, ``"retry"`` up to three times. ``store``, ``fresh``, ``trust`` as for ``loop``,
    outside of a guarded cell. Raises UsageError for items that can't be told apart, and StoreError.
    """
    from colab_guard.notebook.download import offer
    from colab_guard.sweeps.around import Lent
    from colab_guard.sweeps.making import jobs as made

    lent = Lent(free_gpu_memory, offer)
    return made(items, name, key, per_session, cool_down, clear_gpu, on_error, store, fresh, trust, lent)


def save(name: str | None = None, *, store: str | os.PathLike[str] | None = None) -> Saved:
    """Saves all variables of the notebook or script (of ``__main__``; modules left out), and the random states.

    When it returns, they are stored, the newest three saves of that ``name``. ``store`` as for ``loop``. What could
    not be kept is in ``not_kept`` of what it returns. Raises UsageError for a name that is none, StoreError where they
    could not be stored; the thread it is called from must be the only one that changes them meanwhile.
    """
    from colab_guard import variables

    return variables.save(name, store)


def restore(
    *wanted: str | int, store: str | os.PathLike[str] | None = None, yes: bool = False, trust: bool = False
) -> Restored:
    """Puts the variables of a save back into the notebook or script, all or nothing, after a look at the plan.

    ``wanted``: first, if you like, the number, id or name of a save (or the number of a guarded cell's snapshot), by
    default the newest save; then names of variables, by default all, with the random states and the working
    directory. Prints what it would do, and asks; ``yes`` does neither. ``trust``: also what somebody else wrote.
    Returns what was put back (nothing, for any answer but yes), and of what can't be read here the reason. What
    variables share with one another they share again. Raises UsageError where there is nothing of that name, or nobody
    to be asked; RestoreError, with nothing changed, where none can be read or a part could not be put back; StoreError.
    """
    from colab_guard import variables

    return variables.restore([str(word) for word in wanted], store, yes, trust=trust)


def export(
    *wanted: str | int,
    store: str | os.PathLike[str] | None = None,
    to: str | os.PathLike[str] | None = None,
    zip: bool = False,  # noqa: A002 - the word for it
    trust: bool = False,
) -> Exported:
    """Writes the variables of a snapshot to plain files that anybody can open without us: safetensors, Parquet,
    NPY, PNG, JSON; and beside them, as they were, the files that ``--files`` saved. ``export.json`` says what is
    where, and what was left out.

    ``wanted``: first, if you like, the number or id of a snapshot, the name of a cell or save, by default the newest
    one; then names of variables, and paths of saved files, by default all. ``store`` as for ``loop``. ``to``: a folder
    that is not there yet or empty, by default a new one in the working directory. ``zip``: one .zip instead, which the
    browser downloads on Colab, and for which Jupyter shows a link. ``trust``: also what somebody else wrote, whose code
    may then run.

    Raises UsageError where there is no such snapshot or variable, or something is at ``to``; ExportFailed where the
    files can't be written, and none is then left; StoreError.
    """
    from colab_guard.exporting import export_here

    exported = export_here([str(word) for word in wanted], store, to, zipped=zip, trust=trust)
    if zip:
        from colab_guard.notebook.download import offer

        offer(exported.path)
    return exported


def why(session: str = "", *, store: str | os.PathLike[str] | None = None) -> End:
    """How the notebook's last session ended, or the named one (a name may be cut): printed, it says what is known, how
    sure that is, by what, and what to change; ``verdict`` and ``flight`` are the same as data. ``store`` as for
    ``loop``. Raises UsageError where no such session is recorded there, StoreError.
    """
    from colab_guard import ends
    from colab_guard.loops import where

    return ends.end(str(store or where.place().store), session, notebook=where.program())


def explain(text: str | None = None) -> str:
    """What is behind an error message, what to do about it, and where that is known from; of the error that was shown
    last, where no text is given. Takes a whole traceback, too. Raises UsageError where there is nothing to explain.
    """
    from colab_guard.messages.finding import explained, explained_last

    return explained(text) if text else explained_last()


def free_gpu_memory(*, grads: bool = False) -> Freed:
    """Frees what nobody asked to keep: displayed values, the frames of the last error, cycles, torch's cache.

    ``grads``: also the gradients of all tensors. No variable is deleted. What it returns tells the bytes of each step,
    and prints as a table. From the thread that runs the cells; raises nothing.
    """
    from colab_guard.gpumem.freeing import free
    from colab_guard.notebook.shell_keepers import here

    return free(here(), grads=grads)


def gpu_tensors() -> Sequence[Held]:
    """All tensors that Python knows, the largest first, in words and numbers: the variable that reaches each, what else
    keeps it, bytes, device, dtype, shape. In RAM, too. From the thread that runs the cells; raises nothing.
    """
    from colab_guard.gpumem.reach import reach
    from colab_guard.notebook.shell_keepers import here

    return reach(here()).tensors


def limit_gpu_memory(fraction: float) -> list[str]:
    """Caps what torch may hold of each GPU in this process, and has torch, TensorFlow and JAX take memory as they need
    it where that can still be set; what was done, in sentences. Raises UsageError for no share from 0 to 1.
    """
    from colab_guard.gpumem.capping import limit

    return limit(fraction)


def measure_batch_size(step: Callable[[int], object], *, fraction: float = 0.9) -> Measured:
    """Runs ``step(batch_size)``, one real step of a training, at growing sizes: which fits in that share of the GPU.

    What the steps train stays trained; random states are put back. Raises UsageError where there is no GPU that torch
    can use, or no size fits; what ``step`` raises, but for a lack of memory.
    """
    from colab_guard.gpumem.measuring import measure_here

    return measure_here(step, fraction)


def keep_alive(
    state: str = "on",
    *,
    interval: float = 60.0,
    max_hours: float = 12.0,
    audio: bool = False,
    notify: bool = False,
    always: bool = False,
    release_when_done: bool = False,
) -> str:
    """What ``%keepalive`` does: ``state`` is on, off or status; ``interval`` in seconds, between two beats. How each
    channel stands then, in words. In a notebook that has loaded the extension, from the thread that runs the cells.
    Raises UsageError.
    """
    from colab_guard.keepalive.policy import Policy
    from colab_guard.notebook.keepalive_magics import keep_alive_here

    policy = Policy(interval, max_hours, audio, notify, always, release_when_done)
    return keep_alive_here(state, policy)


def auto_reconnect(state: str = "on", *, check: float = 30.0) -> str:
    """What ``%autoreconnect`` does: ``state`` is on, off or status; looks every ``check`` seconds. What is seen then,
    in words. As ``keep_alive`` otherwise.
    """
    from colab_guard.notebook.keepalive_magics import auto_reconnect_here

    return auto_reconnect_here(state, check)


def selfcheck(*, wait: float = 300.0) -> None:
    """Checks on a real Colab what we take for true of it, and prints a report to paste into an issue.

    For a person to run once, in a cell: only there the page can be asked. Takes some 30 s, and at most ``wait``
    seconds more for uploads to Drive, where it writes 8 MB into a folder of its own and deletes it. Raises nothing.
    """
    from colab_guard.selfchecks import run

    run(wait)


def load_ipython_extension(shell: Any) -> None:
    """Called by ``%load_ext colab_guard``."""
    from colab_guard.notebook.extension import load

    load(shell)


def unload_ipython_extension(shell: Any) -> None:
    """Called by ``%unload_ext colab_guard``; leaves the shell as it was."""
    from colab_guard.notebook.extension import unload

    unload(shell)
