"""``%guard why``, with a picture where there is something to draw on."""

from __future__ import annotations

from typing import Any

from IPython.display import display

from colab_guard.flight.plot import picture
from colab_guard.flight.why import End


def show(end: End, shell: Any) -> None:
    """Prints it, and draws its last hour where a page can show that."""
    print(end)
    if hasattr(shell, "kernel") and (drawn := picture(end.flight)) is not None:
        display({"text/html": drawn}, raw=True)
