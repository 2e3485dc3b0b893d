"""How long a runtime is left to somebody who does nothing: what is known of the hosts' limits, and from when they
count. Pure.

Colab has two timers: the page's own, which a person's doing and a cell's end begin anew and which does not count while
a cell runs, and the service's, which an open tab's pings begin anew. Neither is published; what users report is roughly
90 min, at times much less.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from colab_guard.core.words import ago, span

IDLE_SECONDS = 5400.0


@dataclass(frozen=True)
class Interaction:
    """The newest thing that somebody did: when, in seconds since 1970, and what, in a clause."""

    at: float
    what: str


def newest(*seen: Interaction | None) -> Interaction | None:
    """The latest of them."""
    return max((one for one in seen if one is not None), key=lambda one: one.at, default=None)


def left_text(last: Interaction | None, now: float, *, working: bool, paged: bool) -> str:
    """A sentence on Colab's idle limit; ``paged``: the script in the page is there."""
    if working:
        return "A cell runs: the page's idle limit does not count meanwhile; the tab must stay open all the same."
    if paged:
        return "No cell runs. The script in the page reconnects what is dropped; the idle limit counts all the same."
    if last is None:
        return "No cell runs, and nobody was seen doing anything: how long Colab leaves the runtime can't be told."
    seconds = last.at + IDLE_SECONDS - now
    limit = f"the idle limit (roughly {span(IDLE_SECONDS)}, at times much less), counted since {last.what}, "
    if seconds <= 0:
        return f"No cell runs, and {limit}{ago(now - last.at)}, is over: the runtime may go at any time."
    until = time.strftime("%H:%M UTC", time.gmtime(last.at + IDLE_SECONDS))
    return f"No cell runs: about {span(seconds)} left, until {until}, by {limit}{ago(now - last.at)}."
