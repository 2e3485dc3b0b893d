"""The end of a session: which flight is meant, what ended it, and the words for it."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass

from colab_guard.core.errors import UsageError
from colab_guard.flight.causes import Cause, Here, Verdict
from colab_guard.flight.here import end_of
from colab_guard.flight.reading import Flight
from colab_guard.flight.telling import ending, why_line, why_text
from colab_guard.guards import machine

OLD_SECONDS = 14 * 86_400.0  # an end that is older is nothing to greet with


@dataclass(frozen=True)
class End:
    """How a session ended; prints as all there is to say of it."""

    flight: Flight
    verdict: Verdict
    here: Here

    def __str__(self) -> str:
        return why_text(self.flight, self.verdict, self.here)

    @property
    def words(self) -> str:
        """It in a few words."""
        return ending(self.verdict)

    @property
    def line(self) -> str | None:
        """It in one line; None where there was nothing wrong with it, or it is long ago."""
        old = self.here.t - self.flight.last > OLD_SECONDS
        return None if old else why_line(self.flight, self.verdict, self.here)


def ended(found: Iterable[Flight], session: str = "", *, notebook: str | None = None, successor: bool = True) -> End:
    """The end of the named session, else of the newest that has ended, of this ``notebook`` if there is one of it.

    A name may be cut. ``successor`` as in ``Here``. Raises UsageError where there is no such flight.
    """
    others = [flight for flight in found if flight.start and not _is_own(flight)]
    if session:
        named = [flight for flight in others if flight.session.startswith(session)]
        if len(named) != 1:
            many = "is the beginning of several" if named else "names none"
            raise UsageError(f"{session!r} {many} of the recorded sessions. There are: {_listed(others)}.")
        return _end(named[0], successor and notebook in (None, named[0].start.get("notebook")))
    if not others:
        raise UsageError("No earlier session is recorded in this store, so that nothing can be said of its end.")
    same = [flight for flight in others if notebook and flight.start.get("notebook") == notebook]
    ends = [_end(flight, successor and (notebook is None or flight in same)) for flight in (same or others)]
    return next((end for end in ends if end.verdict.cause is not Cause.RUNNING), ends[0])


def _end(flight: Flight, successor: bool) -> End:
    return End(flight, *end_of(flight, successor=successor))


def _is_own(flight: Flight) -> bool:
    return flight.boot == machine.boot_id() and flight.start.get("kernel") == machine.process_id()


def _listed(flights: list[Flight]) -> str:
    names = [f"{flight.session} ({time.strftime('%d %b %H:%M', time.localtime(flight.last))})" for flight in flights]
    return ", ".join(names) or "none"
