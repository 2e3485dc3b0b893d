"""Giving the runtime back: only when nothing would be lost with it."""

from __future__ import annotations

from collections.abc import Callable

from colab_guard.core.errors import UsageError
from colab_guard.core.places import described
from colab_guard.saving.writer import WRITER
from colab_guard.session import Session
from colab_guard.tiers import opening

PATIENCE_SECONDS = 3600.0  # with uploads under way; one that fails is not waited for


def release(session: Session, unassign: Callable[[], None], *, force: bool = False) -> None:
    """Waits until all snapshots of this process are durable, then calls ``unassign``, which ends the runtime.

    Raises UsageError, with the reasons, while anything is not durable; not with ``force``. An interrupt ends the
    waiting, and nothing is released.
    """
    if not force:
        WRITER.finish()
        if waiting := [one for one in opening.states() if not one.is_complete]:
            session.say(f"waiting for {len(waiting)} to be durable; interrupt to keep the runtime.")
            opening.finish(PATIENCE_SECONDS)
        if lost := undurable(session):
            raise UsageError(
                f"The runtime was not released, for this would be lost: {'; '.join(lost)}. Mend that, or release it "
                f"all the same: %guard release --force"
            )
    session.say("the runtime is released now: everything on its disk goes with it.")
    unassign()


def undurable(session: Session) -> list[str]:
    """What the end of this machine would take, in phrases."""
    now = session.clock()
    lost = [f"{one.cell} ({one.words(now)})" for one in opening.states() if not one.is_complete]
    for name, run in session.runs.items():
        run.saver.settle()
        if run.saver.last is None:
            lost.append(f"{name} (never saved)")
    for repository in session.repositories():
        here = opening.tier_of(repository.place) is None and not described(repository.place).outlives_vm
        if here and repository.snapshots():
            lost.append(f"the snapshots in {repository.place} (on this machine's disk only)")
    return lost
