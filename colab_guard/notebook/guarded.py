"""Which cells are guarded, by their first line as it is written."""

from __future__ import annotations

import shlex

MAGIC = "%%checkpointed"


def guarded_name(source: str) -> str | None:
    """The name that a guarded cell is given on its first line, before any option; empty where it is given none, None
    for a cell that is not guarded.
    """
    first, _, _ = source.lstrip().partition("\n")
    magic, _, options = first.rstrip().partition(" ")
    if magic != MAGIC:
        return None
    try:
        words = shlex.split(options)[:1]
    except ValueError:
        return ""
    return words[0] if words and not words[0].startswith("-") else ""
