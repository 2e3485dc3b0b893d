"""What is recorded of an error, and which errors are an item's own."""

from __future__ import annotations

import traceback

from colab_guard.core.errors import ColabGuardError
from colab_guard.core.secrets import mask

LINE_CHARS, TRACEBACK_CHARS = 300, 8_000  # the end of a traceback says most


def is_of_nobody(error: BaseException) -> bool:
    """Whether an error ends the loop rather than an item: an interrupt or exit, and what we raise ourselves."""
    return not isinstance(error, Exception) or isinstance(error, ColabGuardError)


def line_of(error: BaseException) -> str:
    """Its class and the first line of its message, secrets masked."""
    first = next(iter(str(error).splitlines()), "")
    return mask(f"{type(error).__name__}: {first}" if first else type(error).__name__)[:LINE_CHARS]


def traceback_of(error: BaseException) -> str:
    """Its traceback as text, secrets masked."""
    return mask("".join(traceback.format_exception(error)))[-TRACEBACK_CHARS:]
