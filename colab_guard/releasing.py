"""Giving the runtime back: only when nothing would be lost with it."""

from __future__ import annotations

from collections.abc import Callable

from colab_guard.core.errors import UsageError
from colab_guard.core.places import described
from colab_guard.core.underway import Line
from colab_guard.flight.recorder import RECORDER
from colab_guard.saving.writer import WRITER
from colab_guard.session import Session
from colab_guard.tiers import opening

RECORD_SECONDS = 5.0  # for the last copy of the flight
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
            with Line() as line:
                opening.finish(PATIENCE_SECONDS, line)
        if lost := undurable(session):
            raise UsageError(
                f"The runtime was not released, for this would be lost: {'; '.join(lost)}. Mend that, or release it "
                f"all the same: %guard release --force"
            )
    RECORDER.event("released")
    RECORDER.finish(RECORD_SECONDS)
    session.say("the runtime is released now: everything on its disk goes with it.")
    unassign()


def undurable(session: Session) -> list[str]:
    """What the end of this machine would take, in phrases."""
    now = session.clock()
    waiting = [f"{one.cell} ({one.words(now)})" for one in opening.states() if not one.is_complete]
    return [*waiting, *never_durable(session)]


def never_durable(session: Session) -> list[str]:
    """What of that no waiting makes durable."""
    lost = list[str]()
    for name, run in session.runs.items():
        run.saver.settle()
        if run.saver.last is None:
            lost.append(f"{name} (never saved)")
        elif run.saver.trouble:
            lost.append(f"what {name} did since its newest snapshot ({run.saver.trouble.rstrip('.')})")
    for repository in session.repositories():
        here = opening.tier_of(repository.place) is None and not described(repository.place).outlives_vm
        if here and repository.snapshots():
            lost.append(f"the snapshots in {repository.place} (on this machine's disk only)")
    return lost
