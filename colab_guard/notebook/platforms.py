"""What the notebook tells of itself: its name, its front end, the cell that runs."""

from __future__ import annotations

import os
import time
from typing import Any

from colab_guard.core import places
from colab_guard.core.identity import Identity
from colab_guard.core.places import Place


def platform_name(shell: Any) -> str:
    """``Colab``, ``Kaggle``, ``VS Code``, ``Jupyter`` or ``IPython``."""
    if places.on_colab():
        return "Colab"
    if places.on_kaggle():
        return "Kaggle"
    if "__vsc_ipynb_file__" in shell.user_ns or "VSCODE_PID" in os.environ:
        return "VS Code"
    return "Jupyter" if hasattr(shell, "kernel") else "IPython"


def default_place(notebook: Identity) -> Place:
    """The store that was chosen, else the platform's best folder for this notebook."""
    return places.default_place(notebook.folder, notebook.key)


def asked_at(shell: Any) -> float | None:
    """When the browser sent the request that is being handled, which may have waited for hours; in seconds since 1970,
    None where there is no browser.
    """
    kernel = getattr(shell, "kernel", None)
    if kernel is None or not hasattr(kernel, "get_parent"):
        return None
    sent = kernel.get_parent().get("header", {}).get("date")
    return float(sent.timestamp()) if hasattr(sent, "timestamp") else time.time()


def unregister(shell: Any, magics: Any) -> None:
    """Takes magics out of a shell again, for which IPython has no call. ``magics``: what was registered."""
    for kind, names in magics.magics.items():
        for name in names:
            shell.magics_manager.magics[kind].pop(name, None)
    shell.magics_manager.registry.pop(type(magics).__name__, None)


def cell_id(shell: Any) -> str | None:
    """The id of the cell being run, where the front end sends it (JupyterLab, VS Code; not Colab)."""
    kernel = getattr(shell, "kernel", None)
    if kernel is None or not hasattr(kernel, "get_parent"):
        return None
    found = kernel.get_parent().get("metadata", {}).get("cellId")
    return str(found) if found else None


def cell_number(shell: Any) -> int:
    """The number of the cell that begins, at ``pre_run_cell``; while it runs, that of the next."""
    history = shell.history_manager  # IPython 9 has counted on by then, IPython 7 not: the history tells in both
    return int(shell.execution_count if history is None else len(history.input_hist_raw))
