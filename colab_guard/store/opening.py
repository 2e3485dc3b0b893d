"""The backend for a text that names a place: a folder's path, or a URL."""

from __future__ import annotations

import os

from colab_guard.core.stores import folder_at, is_url
from colab_guard.store.backend import Backend
from colab_guard.store.failures import unavailable
from colab_guard.store.folder import Folder
from colab_guard.store.objects import Objects


def backend_at(place: str | os.PathLike[str]) -> Backend:
    """A folder, made where it is missing; or what a URL names, where nothing is made.

    Raises StoreUnavailable, and UsageError for a URL that nothing here can open.
    """
    if is_url(place):
        return Objects(os.fspath(place))
    root = folder_at(place)
    with unavailable(str(root), "the repository can't be opened"):
        return Folder(root)
