"""Giving the runtime back: only when nothing would be lost with it."""

from __future__ import annotations

from collections.abc import Callable

from colab_guard.core.errors import UsageError
from colab_guard.core.places import described
from colab_guard.running.run import Run
from colab_guard.saving.writer import WRITER
from colab_guard.session import Session
from colab_guard.tiers import opening
from colab_guard.tiers.uploads import LAST_DELAY_SECONDS

PATIENCE_SECONDS = 2 * LAST_DELAY_SECONDS  # without anything becoming durable: what is not by then may never be


def release(session: Session, unassign: Callable[[], None], *, force: bool = False) -> None:
    """Waits until all snapshots of the session are durable, then calls ``unassign``, which ends the runtime.

    Raises UsageError, with the reasons, while anything is not durable; not with ``force``. An interrupt ends the
    waiting, and nothing is released.
    """
    if not force:
        WRITER.finish()
        if lost := undurable(session):
            session.say(f"waiting for {len(lost)} of the cells to be durable; interrupt to keep the runtime.")
            opening.finish(PATIENCE_SECONDS)
        if lost := undurable(session):
            raise UsageError(
                f"The runtime was not released, for this would be lost: {'; '.join(lost)}. Mend that, or release it "
                f"all the same: %guard release --force"
            )
    session.say("the runtime is released now: everything on its disk goes with it.")
    unassign()


def undurable(session: Session) -> list[str]:
    """What the end of this machine would take, a phrase for each cell."""
    return [f"{name} ({why})" for name, run in session.runs.items() if (why := _why(session, run))]


def _why(session: Session, run: Run) -> str:
    run.saver.settle()
    if run.saver.last is None:
        return "never saved"
    durability = run.saver.durability
    if durability is not None:
        return "" if durability.is_complete else durability.words(session.clock())
    path = run.saver.opened().path
    return "" if described(path).outlives_vm else f"saved in {path}, on this machine's disk only"
