"""What the notebook tells of itself: its name, its front end, the cell that runs."""

from __future__ import annotations

import os
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


def cell_id(shell: Any) -> str | None:
    """The id of the cell being run, where the front end sends it (JupyterLab, VS Code; not Colab)."""
    kernel = getattr(shell, "kernel", None)
    if kernel is None or not hasattr(kernel, "get_parent"):
        return None
    found = kernel.get_parent().get("metadata", {}).get("cellId")
    return str(found) if found else None
