"""A file for the user's own machine, through the browser that shows the notebook."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any


def offer(path: Path) -> None:
    """Starts the download on Colab; shows a link in Jupyter, whose server has only what lies below the notebook's
    folder. Does nothing in a script.
    """
    if getattr(_shell(), "kernel", None) is None:
        return
    if "google.colab" in sys.modules:
        from google.colab import files

        files.download(str(path))
    elif path.is_relative_to(Path.cwd()):
        from IPython.display import FileLink, display

        display(FileLink(str(path.relative_to(Path.cwd()))))


def _shell() -> Any:
    ipython = sys.modules.get("IPython")
    return ipython.get_ipython() if ipython is not None else None
