"""What a panel is lent: somebody who shows it, and what only a notebook can do."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol


class Shown(Protocol):
    """What shows a panel: a widget."""

    def tell(self, state: dict[str, Any]) -> None:
        """From now on this; on the watch thread."""


@dataclass(frozen=True)
class End:
    """How the last session ended: in few ``words``, in all of them (``why``), ``when``, and its last hour's memory:
    time, bytes used, bytes there are.
    """

    words: str
    why: str
    when: float
    ram: Sequence[Sequence[float]] = ()


@dataclass
class Abilities:
    """What only a notebook can do; each raises ColabGuardError where it can't. ``hears``: whether messages are taken at
    safe points, by ``pump``; ``waits``: whether any are there that nobody has looked at; ``soon`` has ``act`` called on
    the main thread, between two cells; ``free`` says what came of it, None: there is nothing to free; ``end``: None
    while it is not known; ``where``: the running cell's loops, rate and eta. ``arm`` has the runtime released when the
    guarded work is done, or no longer so, as ``armed`` tells; ``keeps``: whether keep-alive is on and not paused, None
    where it is off; ``pause`` pauses or resumes it.
    """

    hears: bool
    waits: Callable[[], bool]
    pump: Callable[[], None]
    soon: Callable[[], None]
    mount: Callable[[], None]
    arm: Callable[[], str]
    free: Callable[[], str] | None = None
    end: Callable[[], End | None] = lambda: None
    where: Callable[[], Mapping[str, Any]] = dict
    channels: Callable[[], list[dict[str, Any]]] = list
    armed: Callable[[], bool] = lambda: False
    keeps: Callable[[], bool | None] = lambda: None
    pause: Callable[[], str] = str
