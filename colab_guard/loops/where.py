"""The program that runs the loops: a script or a notebook, looked at without importing IPython."""

from __future__ import annotations

import itertools
import sys
import uuid
from pathlib import Path
from typing import Any

from colab_guard.cell.tree import RUN
from colab_guard.core.identity import identity
from colab_guard.core.places import Place, default_place, file_stem
from colab_guard.core.secrets import is_secret, mask

SESSION = uuid.uuid4().hex[:12]  # this process


def main_namespace() -> dict[str, Any]:
    """The variables of the script, or of the notebook."""
    return vars(sys.modules["__main__"])


def say(text: str) -> None:
    """Prints a line of ours: into a notebook's output, or beside that of a script."""
    print(f"colab_guard: {text}", file=sys.stdout if _shell() is not None else sys.stderr, flush=True)


def execution() -> int:
    """Which run of a cell this is; 0 in a script."""
    shell = _shell()
    return int(shell.execution_count) if shell is not None else 0


def in_guarded_cell() -> bool:
    """Whether a cell under ``%%checkpointed`` is running, which saves its loops itself."""
    return RUN in main_namespace()


def program() -> str:
    """The name of the notebook or script: of its file, as far as there is one and it is known."""
    main = main_namespace()
    if _shell() is not None:
        return identity(main).label
    path = Path(str(main.get("__file__", "")))
    return file_stem(path.parent.name if path.stem == "__main__" else path.name) or "script"


def place() -> Place:
    """Where the notebook's or script's snapshots go, where nobody says."""
    if _shell() is None:
        return default_place(program())
    notebook = identity(main_namespace())
    return default_place(notebook.folder, notebook.key)


def arguments() -> list[str] | None:
    """The script's arguments, secrets masked; None in a notebook, whose kernel's own differ each time."""
    if _shell() is not None:
        return None
    values = {after for before, after in itertools.pairwise(sys.argv) if is_secret(before, after)}
    return [mask(argument, values) for argument in sys.argv[1:]]


def _shell() -> Any:
    ipython = sys.modules.get("IPython")
    return ipython.get_ipython() if ipython is not None and hasattr(ipython, "get_ipython") else None
