"""Replaying: taking again, and throwing away, what a loop had already taken.

Said beforehand, with how long it may take; shown while it lasts; safe to interrupt. Whether a replay is forced
where something faster would do, and who is told beforehand, is set for the process by ``configure``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from colab_guard.core.errors import RestoreError
from colab_guard.core.underway import Line, under_way
from colab_guard.core.words import count_of, span

PATIENCE = 100  # items in a row that raise: then something is wrong that was not wrong before


@dataclass(frozen=True)
class Settings:
    """``say`` gets whole sentences; ``forced``: ``--replay``."""

    say: Callable[[str], None] = print
    forced: bool = False


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
    _settings.say(
        f"replaying {count_of(count - taken(), 'item')} of {what}, to be where the cell was; at most "
        f"{span(max(seconds, 1))}, the time they took in the cell. It may be interrupted: run the cell again to resume."
    )
    failures, failed = 0, None
    with under_way(f"replaying {what}", count, "items") as step, Line() as line:
        while (before := taken()) < count:
            step.done = before
            line.show(step)
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
        step.done = count


def _ended(what: str, found: int, count: int, error: BaseException | None) -> RestoreError:
    why = f"it raised {type(error).__name__}: {error}" if error else "it ended"
    return RestoreError(
        f"The cell had taken {count_of(count, 'item')} of {what}, and replaying it stopped after {found:,}: {why}. "
        f"It is not what it was when the cell began. Put its data back, then run the cell again; or start over "
        f"with --fresh."
    )
