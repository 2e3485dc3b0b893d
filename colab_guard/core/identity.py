"""Which notebook this is, so that its snapshots are found again, and are not those of another one of its name.

What is asked, in this order: what the user said (``%guard config notebook=…``, ``COLAB_GUARD_NOTEBOOK``), VS Code,
on Colab the VM's Jupyter server and then the page, elsewhere the Jupyter server's environment. The folder of a notebook
is called by its name and eight digits of a hash of its id. A notebook that is renamed on Drive keeps its id: its folder
is found by the hash, under whatever name it was made.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from colab_guard.core import places
from colab_guard.core.config import origin, setting
from colab_guard.core.server import ENDING, listed

UNKNOWN = "notebook"  # the name of one that has none
KEY_DIGITS = 8
NAME_CHARS = 60  # of the folder: some systems allow 255 bytes, and a letter may take four


@dataclass(frozen=True)
class Identity:
    """A notebook's ``name``; its ``id``, which no other notebook has, or None; ``how`` they are known, in words."""

    name: str
    id: str | None
    how: str
    renamed: bool = False  # whether it keeps its id under another name

    @property
    def key(self) -> str:
        """The hash of the id; empty where there is none."""
        return "" if self.id is None else hashlib.sha256(self.id.encode()).hexdigest()[:KEY_DIGITS]

    @property
    def folder(self) -> str:
        """What its folder is called, unless there is one already with its key."""
        name = _safe(self.name)
        return f"{name}-{self.key}" if self.key else name

    @property
    def label(self) -> str:
        """What its loops are stored under: the name, or where that may change what does not."""
        return f"{UNKNOWN}-{self.key}" if self.renamed and self.key else _safe(self.name)


_found: list[Identity] = []  # of this process: a notebook that is renamed while it runs goes on where it was


def identity(namespace: Mapping[str, Any], page: Callable[[], str | None] = lambda: None) -> Identity:
    """The notebook whose variables are in ``namespace``. ``page`` gives its name as its page tells it, or None.

    Off Colab nothing is waited for. There the server is given a tenth of a second, and only where it does not say,
    ``page`` is called. An answer is kept for the life of the process, no answer is not. Raises nothing.
    """
    if said := setting("notebook"):
        return Identity(said, said, origin("notebook"))
    if not _found:
        identity = _from_vs_code(namespace) or (_from_colab(page) if places.on_colab() else _from_jupyter())
        if identity.id is None:
            return identity
        _found.append(identity)
    return _found[0]


def _from_vs_code(namespace: Mapping[str, Any]) -> Identity | None:
    told = str(namespace.get("__vsc_ipynb_file__") or "")
    return _of_path(told, "VS Code") if told.endswith(ENDING) else None


def _from_jupyter() -> Identity:
    told = os.environ.get("JPY_SESSION_NAME", "")
    return _of_path(told, "Jupyter") if told.endswith(ENDING) else Identity(UNKNOWN, None, "nothing tells it")


def _from_colab(page: Callable[[], str | None]) -> Identity:
    found = listed()
    if found is not None and found.file_id:
        return Identity(found.name or UNKNOWN, found.file_id, "Colab, by the file's id", renamed=True)
    name = (found.name if found is not None else "") or page()
    return Identity(name, None, "Colab, by its name only") if name else Identity(UNKNOWN, None, "nothing tells it")


def _of_path(told: str, how: str) -> Identity:
    # Beside the notebook lies its store, by default. A path from there stays the same where both are moved.
    path, here = Path(told), Path.cwd()
    inside = path.relative_to(here) if path.is_relative_to(here) else path
    return Identity(path.stem, inside.as_posix(), f"{how}, by the file's path")


def _safe(name: str) -> str:
    kept = "".join(c if c.isalnum() or c in "._-" else "_" for c in name)[:NAME_CHARS]
    return kept.lstrip(".") or UNKNOWN
