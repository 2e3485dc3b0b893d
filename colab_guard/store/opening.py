"""The backend for a text that names a place: a folder's path, or a URL."""

from __future__ import annotations

import os
import re
from pathlib import Path

from colab_guard.core.errors import UsageError
from colab_guard.store.backend import Backend
from colab_guard.store.failures import unavailable
from colab_guard.store.folder import Folder
from colab_guard.store.objects import Objects

URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")  # one letter would be a drive of Windows
OF_FOLDERS = ("file://", "local://")


def is_url(place: str | os.PathLike[str]) -> bool:
    """Whether this names what is no folder here. Raises UsageError for URLs behind one another."""
    text = os.fspath(place)
    if "::" in text and "://" in text:
        raise UsageError(
            f"{text} puts one place behind another: what is written there may be seen late, or never. Nothing was run. "
            f"Give the last of them, {text.rpartition('::')[2]}."
        )
    return bool(URL.match(text)) and not text.lower().startswith(OF_FOLDERS)


def folder_at(place: str | os.PathLike[str]) -> Path:
    """The folder that a path, or a ``file://`` URL, names: absolute, for a cell may change the working directory."""
    text = os.fspath(place)
    for scheme in OF_FOLDERS:
        if text.lower().startswith(scheme):
            text = text[len(scheme) :]
    return Path(text).expanduser().absolute()


def backend_at(place: str | os.PathLike[str]) -> Backend:
    """A folder, made where it is missing; or what a URL names, where nothing is made.

    Raises StoreUnavailable, and UsageError for a URL that nothing here can open.
    """
    if is_url(place):
        return Objects(os.fspath(place))
    root = folder_at(place)
    with unavailable(str(root), "the repository can't be opened"):
        return Folder(root)
