"""The end of the runtime once the work is done: as soon as all is durable and no cell runs, a countdown. Pure."""

from __future__ import annotations

from dataclasses import dataclass

COUNTDOWN_SECONDS = 60.0


@dataclass(frozen=True)
class Countdown:
    """``at``: when the runtime goes; None while something is not durable, or a cell runs."""

    at: float | None = None

    def step(self, *, durable: bool, working: bool, now: float) -> Countdown:
        """A look at ``now``: it begins anew whenever something came between."""
        if working or not durable:
            return Countdown()
        return self if self.at is not None else Countdown(now + COUNTDOWN_SECONDS)

    def is_over(self, now: float) -> bool:
        """Whether the runtime goes now."""
        return self.at is not None and now >= self.at
