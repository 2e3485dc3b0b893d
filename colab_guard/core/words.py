"""Figures as people say them."""

from __future__ import annotations


def ago(seconds: float) -> str:
    """An age."""
    return f"{span(seconds)} ago"


def span(seconds: float) -> str:
    """How long something takes."""
    if seconds < 100:
        return f"{max(seconds, 0):.0f} s"
    minutes = round(seconds / 60)
    hours, rest = divmod(minutes, 60)
    return f"{minutes} min" if minutes < 100 else f"{hours} h {rest} min" if rest else f"{hours} h"


def count_of(number: int, thing: str) -> str:
    """How many of a thing."""
    return f"{number:,} {thing}" if number == 1 else f"{number:,} {thing}s"


def size(count_bytes: float) -> str:
    """A number of bytes in words, powers of 1000."""
    for unit in ("B", "kB", "MB", "GB"):
        if count_bytes < 999.5 or unit == "GB":
            return f"{count_bytes:.0f} {unit}" if unit == "B" or count_bytes >= 99.5 else f"{count_bytes:.1f} {unit}"
        count_bytes /= 1000
    raise AssertionError("the last unit takes any size")
