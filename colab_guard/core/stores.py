"""How a store is named: by a folder's path, or by a URL."""

from __future__ import annotations

import os
import re
from pathlib import Path

from colab_guard.core.errors import UsageError

URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")  # one letter would be a drive of Windows
OF_FOLDERS = ("file://", "local://")


def is_url(store: str | os.PathLike[str]) -> bool:
    """Whether this names what is no folder here. Raises UsageError for URLs behind one another."""
    text = os.fspath(store)
    if "::" in text and "://" in text:
        raise UsageError(
            f"{text} puts one place behind another: what is written there may be seen late, or never. Nothing was run. "
            f"Give the last of them, {text.rpartition('::')[2]}."
        )
    return bool(URL.match(text)) and not text.lower().startswith(OF_FOLDERS)


def folder_at(store: str | os.PathLike[str]) -> Path:
    """The folder that a path, or a ``file://`` URL, names: absolute, for a cell may change the working directory."""
    text = os.fspath(store)
    for scheme in OF_FOLDERS:
        if text.lower().startswith(scheme):
            text = text[len(scheme) :]
    return Path(text).expanduser().absolute()


def store_at(store: str | os.PathLike[str]) -> str:
    """The one text for a store: an absolute path, or a URL."""
    return os.fspath(store).rstrip("/") if is_url(store) else str(folder_at(store))
