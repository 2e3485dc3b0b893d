"""Replaying: taking again, and throwing away, what a loop had already taken.

Said beforehand, with how long it may take; shown while it lasts; safe to interrupt. Whether a replay is forced
where something faster would do, and who is told, is set for the process by ``configure``.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from colab_guard.core.errors import RestoreError
from colab_guard.core.words import count_of

QUIET_SECONDS = 2.0
BETWEEN_LINES_SECONDS = 0.5
PATIENCE = 100  # items in a row that raise: then something is wrong that was not wrong before


def _print_over(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


@dataclass(frozen=True)
class Settings:
    """``say`` gets whole sentences, ``show`` a line that is written over; ``forced``: ``--replay``."""

    say: Callable[[str], None] = print
    show: Callable[[str], None] = _print_over
    forced: bool = False
    clock: Callable[[], float] = field(default=time.monotonic)


_settings = Settings()


def configure(settings: Settings | None = None) -> None:
    """How replays go from now on, in this process; None: as at the start."""
    global _settings
    _settings = settings or Settings()


def forced() -> bool:
    """Whether ``--replay`` was asked for."""
    return _settings.forced


def pass_over(advance: Callable[[], object], taken: Callable[[], int], count: int, seconds: float, what: str) -> None:
    """Calls ``advance`` until ``taken()`` is ``count``. ``seconds``: what that, and the work between, took before.

    An error that ``advance`` raises is passed over, as the cell did when it met it. Raises RestoreError where
    the items end before ``count``.
    """
    if taken() >= count:
        return
    now = _settings
    now.say(
        f"replaying {count_of(count - taken(), 'item')} of {what}, to be where the cell was; at most "
        f"{_duration(seconds)}, the time they took in the cell. It may be interrupted: run the cell again to resume."
    )
    begun = shown = now.clock()
    failures, failed = 0, None
    while taken() < count:
        before = taken()
        try:
            advance()
        except StopIteration:
            raise _ended(what, before, count, failed) from failed
        except Exception as error:
            failures, failed = failures + 1, error
            if failures >= PATIENCE:
                raise _ended(what, before, count, failed) from error
        else:
            failures = 0
        here = now.clock()
        if here - begun > QUIET_SECONDS and here - shown >= BETWEEN_LINES_SECONDS and taken():
            shown = here
            left = (here - begun) / taken() * (count - taken())
            now.show(f"\rreplayed {taken():,} of {count:,}, about {_duration(left)} left   ")
    if shown > begun:
        now.show(f"\rreplayed {count:,} in {_duration(now.clock() - begun)}{' ' * 24}\n")


def _ended(what: str, found: int, count: int, error: BaseException | None) -> RestoreError:
    why = f"it raised {type(error).__name__}: {error}" if error else "it ended"
    return RestoreError(
        f"The cell had taken {count_of(count, 'item')} of {what}, and replaying it stopped after {found:,}: {why}. "
        f"It is not what it was when the cell began. Put its data back, then run the cell again; or start over "
        f"with --fresh."
    )


def _duration(seconds: float) -> str:
    if seconds < 100:
        return f"{max(seconds, 1):.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60} min"
