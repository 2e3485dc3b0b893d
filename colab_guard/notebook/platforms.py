"""Where we are, where snapshots go there by default, and what that place survives."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from colab_guard.core.settings import from_environment

DRIVE = Path("/content/drive")


@dataclass(frozen=True)
class Place:
    """A store, and in words what it survives."""

    path: Path
    survives: str


def platform_name(shell: Any) -> str:
    """``Colab``, ``Kaggle``, ``VS Code``, ``Jupyter`` or ``IPython``."""
    if "google.colab" in sys.modules or "COLAB_RELEASE_TAG" in os.environ:
        return "Colab"
    if "KAGGLE_KERNEL_RUN_TYPE" in os.environ:
        return "Kaggle"
    if "__vsc_ipynb_file__" in shell.user_ns or "VSCODE_PID" in os.environ:
        return "VS Code"
    return "Jupyter" if hasattr(shell, "kernel") else "IPython"


def default_place(shell: Any) -> Place:
    """``COLAB_GUARD_STORE``, else the platform's best folder."""
    chosen = from_environment("STORE", "")
    if chosen:
        return described(Path(chosen))
    folder = Path("colab_guard") / notebook_name(shell)
    match platform_name(shell):
        case "Colab" if drive_mounted():
            return described(DRIVE / "MyDrive" / folder)
        case "Kaggle":
            return described(Path("/kaggle/working") / f".{folder}")
        case _:
            return described(Path.cwd() / f".{folder}")


def described(path: Path) -> Place:
    """A folder with what is known of its chances."""
    path = path.expanduser().absolute()
    if path.is_relative_to(DRIVE):
        if drive_mounted():
            return Place(path, "on Drive: survives this VM once uploaded (unconfirmed)")
        return Place(path, "NOT on Drive: it is not mounted, and what is written there is lost")
    if path.is_relative_to("/content") or "COLAB_RELEASE_TAG" in os.environ:
        return Place(path, "survives a kernel crash, NOT the end of this VM: mount Drive first for that")
    if path.is_relative_to("/kaggle"):
        return Place(path, "survives a kernel crash; the session's end only if the version is saved")
    return Place(path, "survives the kernel, on this machine's disk")


def drive_mounted() -> bool:
    """Whether the mount table has a Drive. A folder of that name alone proves nothing."""
    try:
        with open("/proc/self/mounts") as mounts:
            return any(
                fields[2] == "fuse.drive" for fields in map(str.split, mounts) if Path(fields[1]).is_relative_to(DRIVE)
            )
    except OSError:
        return False


def notebook_name(shell: Any) -> str:
    """The notebook's file name without its ending, where the server or editor tells it; else ``notebook``."""
    told = shell.user_ns.get("__vsc_ipynb_file__") or os.environ.get("JPY_SESSION_NAME", "")
    stem = Path(str(told)).stem if str(told).endswith(".ipynb") else ""
    return "".join(c if c.isalnum() or c in "._-" else "_" for c in stem) or "notebook"


def cell_id(shell: Any) -> str | None:
    """The id of the cell being run, where the front end sends it (JupyterLab, VS Code; not Colab)."""
    kernel = getattr(shell, "kernel", None)
    if kernel is None or not hasattr(kernel, "get_parent"):
        return None
    found = kernel.get_parent().get("metadata", {}).get("cellId")
    return str(found) if found else None
