"""colab_guard: training cells that survive the death of their runtime.

In a notebook: ``%load_ext colab_guard``, then ``%%checkpointed`` above the training cell.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from colab_guard.exporting import Exported
    from colab_guard.variables import Restored, Saved

__all__ = [
    "__version__",
    "export",
    "load_ipython_extension",
    "loop",
    "restore",
    "save",
    "selfcheck",
    "unload_ipython_extension",
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
    NPY, PNG, JSON; ``export.json`` among them says what is where, and what was left out.

    ``wanted``: first, if you like, the number or id of a snapshot, the name of a cell or save, by default the newest
    one; then names of variables, by default all. ``store`` as for ``loop``. ``to``: a folder that is not there yet or
    empty, by default a new one in the working directory. ``zip``: one .zip instead, which the browser downloads on
    Colab, and for which Jupyter shows a link. ``trust``: also what somebody else wrote, whose code may then run.

    Raises UsageError where there is no such snapshot or variable, or something is at ``to``; ExportFailed where the
    files can't be written, and none is then left; StoreError.
    """
    from colab_guard.exporting import export_here

    exported = export_here([str(word) for word in wanted], store, to, zipped=zip, trust=trust)
    if zip:
        from colab_guard.notebook.download import offer

        offer(exported.path)
    return exported


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
