"""When keep-alive acts: while a cell runs and for a while behind it, never longer than it was told. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from colab_guard.core.words import span
from colab_guard.guards.lifetime import HOUR

LINGER_SECONDS = 600.0  # behind the last cell: a queue's next one, or somebody who looks at the result
MOST_HOURS = 168.0  # a week: no host's limit is longer, and something must end it
LEAST_SECONDS, MOST_SECONDS = 1.0, 600.0  # of an interval: a tab that missed one must still be noticed soon


@dataclass(frozen=True)
class Policy:
    """What was asked for; ``interval`` in seconds, between two beats."""

    interval: float = 60.0
    max_hours: float = 12.0
    audio: bool = False
    notify: bool = False
    always: bool = False
    release_when_done: bool = False


@dataclass(frozen=True)
class Work:
    """``since``: when the cell that runs began, None where none does; ``ended``: when the last one did; both in
    seconds since 1970.
    """

    since: float | None = None
    ended: float | None = None


@dataclass(frozen=True)
class Decision:
    """Whether keep-alive acts now, ``until`` when if nothing happens meanwhile, and why, in a clause."""

    acts: bool
    until: float | None
    why: str


def decide(policy: Policy, work: Work, on_since: float, now: float, *, paused: bool = False) -> Decision:
    """For a keep-alive that was turned on at ``on_since``."""
    end = on_since + policy.max_hours * HOUR
    if now >= end:
        return Decision(False, None, f"--max-hours {policy.max_hours:g} are over: %keepalive on begins anew")
    if paused:
        return Decision(False, None, "it was paused: %keepalive on resumes it")
    if policy.always:
        return Decision(True, end, f"--always, for {span(end - now)} more: idle time burns compute units, too")
    if work.since is not None:
        return Decision(True, end, "a cell runs")
    quiet = max(on_since, work.ended or on_since)
    until = min(end, quiet + LINGER_SECONDS)
    if now < until:
        return Decision(True, until, f"no cell runs, {span(until - now)} until it rests")
    return Decision(False, None, f"no cell has run for {span(now - quiet)}: it acts again when one does")
