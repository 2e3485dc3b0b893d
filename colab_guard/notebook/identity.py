"""Which notebook a shell belongs to: what ``colab_guard.core.identity`` finds, and what Colab's page tells."""

from __future__ import annotations

import sys
import threading
from typing import Any

from colab_guard.core import identity as core
from colab_guard.core.identity import Identity
from colab_guard.core.places import on_colab
from colab_guard.core.server import ENDING

PAGE_SECONDS = 2  # the whole notebook is sent; waited for only where the VM's own server did not tell
NAME_IT = "name it with `%guard config notebook=…`, or its snapshots may mix with those of others."


def identity(shell: Any) -> Identity:
    """The shell's notebook. Called from the main thread; raises nothing, and waits as that of core says, with
    PAGE_SECONDS for the page.
    """
    return core.identity(shell.user_ns, _name_by_page)


def unknown(notebook: Identity) -> str:
    """A sentence where nothing keeps the notebook apart from others on Colab; else nothing."""
    if notebook.id is not None or not on_colab():
        return ""
    if notebook.name == core.UNKNOWN:
        return f"this notebook's name can't be told: {NAME_IT}"
    return f"this notebook is known by its name, {notebook.name}, and not by its file's id: {NAME_IT}"


def _name_by_page() -> str | None:
    """The name that stands in the notebook itself. It tells no id: where a copy was made from, it holds that one's."""
    if "google.colab" not in sys.modules or threading.current_thread() is not threading.main_thread():
        return None
    try:
        from google.colab import _message

        answer = _message.blocking_request("get_ipynb", timeout_sec=PAGE_SECONDS)
        return str(answer["ipynb"]["metadata"]["colab"]["name"]).removesuffix(ENDING)
    except Exception:  # noqa: BLE001 - a private name of theirs, and any answer: the notebook has a name without it
        return None
