"""Options as people write them: ``60s``, ``100it``; from the environment, then from the call."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass

from colab_guard.core.errors import UsageError

SPELLED = r"(?:(it)\w*|(ms)|(s)(?:ec\w*)?|(m)(?:in\w*)?|(h)(?:rs?|ours?)?)"  # a unit as people write it
UNITS_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}


STALL_SHARE = 0.005  # of the time between two snapshots may be spent in them


@dataclass(frozen=True)
class Interval:
    """How often a snapshot is due: every ``seconds``, or every ``iterations`` of the innermost loop.

    ``auto``: ``seconds`` is the least; where snapshots hold the cell up, they come more seldom.
    """

    seconds: float | None = None
    iterations: int | None = None
    auto: bool = False

    def after(self, stall_seconds: float) -> Interval:
        """The interval to the next snapshot, when the last one held the cell up for so long."""
        if not self.auto or self.seconds is None:
            return self
        return Interval(max(self.seconds, round(stall_seconds / STALL_SHARE)), auto=True)

    def __str__(self) -> str:
        if self.iterations is not None:
            return f"{self.iterations:,} iterations" if self.iterations > 1 else "iteration"
        assert self.seconds is not None, "one of the two is given"
        if self.auto:
            return f"{Interval(self.seconds)} (auto)"
        for unit, seconds in (("h", 3600.0), ("min", 60.0)):
            if self.seconds > seconds and self.seconds % seconds == 0:
                return f"{self.seconds / seconds:g} {unit}"
        return f"{self.seconds:g} s"


AUTO = Interval(60.0, auto=True)


def parse_interval(text: str, option: str = "--every ") -> Interval:
    """An interval such as ``60s``, ``2m``, ``1.5h``, ``100it`` or ``auto``. Raises UsageError for anything else; the
    message names the ``option``.
    """
    if text.strip() == "auto":
        return AUTO
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(it|ms|s|m|min|h)", text.strip())
    number = float(match[1]) if match else 0.0
    if match and number > 0 and (match[2] != "it" or number.is_integer()):
        if match[2] == "it":
            return Interval(iterations=int(number))
        return Interval(seconds=number * UNITS_SECONDS[match[2]])
    spelled = re.fullmatch(rf"(\d+(?:\.\d+)?)\s*{SPELLED}", text.strip().lower())
    if spelled and not match and float(spelled[1]):
        say = f"{option}{spelled[1]}{spelled[spelled.lastindex or 1]}"
        raise UsageError(f"{option}{text} is no interval: say {say}.")
    raise UsageError(
        f"{option}{text} is no interval: give a number above zero with its unit and no space, such as 60s, 5m or "
        f"1h for a time, 100it for iterations, or auto."
    )


def from_environment(name: str, default: str) -> str:
    """The variable ``COLAB_GUARD_<NAME>``, or the default where it is unset or empty."""
    return os.environ.get(f"COLAB_GUARD_{name}") or default
