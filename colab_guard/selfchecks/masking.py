"""What a report never shows: addresses, ids, tokens, the user's name."""

from __future__ import annotations

import re
from pathlib import Path

from colab_guard.core import secrets

SHOWN = 3  # characters of an id: enough to compare two, too few to use one
ADDRESS = re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]+")
ID = re.compile(r"(?<![\w-])(?=[\w-]*\d)(?=[\w-]*[A-Za-z])[A-Za-z0-9_-]{16,}")
MAX_CHARS = 300


def masked(text: str) -> str:
    """One line of text, as it may be shown to anybody."""
    line = ADDRESS.sub("[address]", secrets.mask(" ".join(text.split())))
    line = ID.sub(lambda found: f"{found[0][:SHOWN]}…", line)
    home = str(Path.home())
    line = line.replace(home, "~") if len(home) > 1 else line
    return line[:MAX_CHARS]  # last, for half a token is not known as one


def reason(error: BaseException) -> str:
    """An error in words, without the names of files."""
    if isinstance(error, OSError) and error.strerror:
        return f"{type(error).__name__} {error.errno}, {error.strerror}"
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
