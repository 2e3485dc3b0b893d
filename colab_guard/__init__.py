"""colab_guard: training cells that survive the death of their runtime.

In a notebook: ``%load_ext colab_guard``, then ``%%checkpointed`` above the training cell.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

__all__ = ["__version__", "load_ipython_extension", "loop", "unload_ipython_extension"]
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


def load_ipython_extension(shell: Any) -> None:
    """Called by ``%load_ext colab_guard``."""
    from colab_guard.notebook.extension import load

    load(shell)


def unload_ipython_extension(shell: Any) -> None:
    """Called by ``%unload_ext colab_guard``; leaves the shell as it was."""
    from colab_guard.notebook.extension import unload

    unload(shell)
