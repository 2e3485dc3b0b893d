"""colab_guard: training cells that survive the death of their runtime.

In a notebook: ``%load_ext colab_guard``, then ``%%checkpointed`` above the training cell.
"""

from __future__ import annotations

from typing import Any

__all__ = ["__version__", "load_ipython_extension", "unload_ipython_extension"]
__version__ = "0.1.0"


def load_ipython_extension(shell: Any) -> None:
    """Called by ``%load_ext colab_guard``."""
    from colab_guard.notebook.extension import load

    load(shell)


def unload_ipython_extension(shell: Any) -> None:
    """Called by ``%unload_ext colab_guard``; leaves the shell as it was."""
    from colab_guard.notebook.extension import unload

    unload(shell)
