"""What a run says: sentences to the user."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from colab_guard.capture.causes import at_resume
from colab_guard.capture.environment import describe
from colab_guard.core.causes import Cause
from colab_guard.core.errors import ColabGuardError, Inexact, LostValue
from colab_guard.core.keys import Key
from colab_guard.core.places import described
from colab_guard.core.settings import Interval
from colab_guard.core.words import ago, count_of
from colab_guard.messages.finding import offer
from colab_guard.resume.plan import Plan
from colab_guard.store.manifest import Manifest

TRUSTED = "--trust: a snapshot is used whoever wrote it. Take it out again, or the next one will be, too."


def started(name: str, every: Interval, store: str, key: Key, *, fresh: bool) -> str:
    """That a cell runs from its beginning, and where its snapshots go."""
    afresh, again = (" afresh", " Take --fresh out again, or a death will start it over.") if fresh else ("", "")
    return f"{name} started{afresh}, snapshots every {every} to {store}.{again}{key.warning(described(store))}"


def restored(plan: Plan, name: str, now: float, count: int, differs: Sequence[str], edited: Sequence[str]) -> list[str]:
    """That a snapshot was put back: ``count`` variables; ``differs``: where the session had other values; ``edited``:
    functions that have other code by now, which what has yet to run uses, and what is finished has not seen.
    """
    age, put_back = ago(now - plan.created), count_of(count, "variable")
    if plan.cursor is None:
        old = f", which are those of before {', '.join(f'{one}()' for one in edited[:5])} was edited" if edited else ""
        text = f"{name} finished earlier ({age}); its results were put back ({put_back}){old}. --fresh runs it again."
    else:
        text = f"{name} resumed at {where(plan.body)} from the snapshot of {age}; {put_back} put back."
    return [text, *([f"from the snapshot, not from the cells above: {'; '.join(differs[:5])}"] if differs else [])]


def differences(plan: Plan, *, exact: bool) -> list[Cause]:
    """How this session differs from that of the snapshot. Raises Inexact where that is asked for."""
    then = plan.body.get("environment", {})
    causes = at_resume(then, describe(then.get("packages", {})))
    if causes and exact:
        raise Inexact(causes)
    return causes


def sentences(causes: Sequence[str]) -> list[str]:
    """What is said of causes of inexactness."""
    return [f"not exact after a death: {'; '.join(causes)}."] if causes else []


def where(body: Mapping[str, Any]) -> str:
    """Where a snapshot's cursor stands, in words."""
    return str(body.get("place", f"line {body['line']}"))


def paused(name: str, place: str, *, saved: bool, why: str) -> str:
    """What a cell says that is left at a safe point, to be gone on with; ``why``: where nobody asked for it."""
    also = ", and on disk" if saved else ""
    then = why or "Look at its variables, change what you like, and"
    kept = f"{name} is paused at {place}; where it stands is kept in memory{also}."
    return f"{kept} {then} run the cell again: it goes on from here."


def stopped(name: str, error: BaseException | None, last: Manifest | None, now: float) -> Iterator[str]:
    """What a cell says that an error ended, whose newest snapshot is ``last``."""
    if last is not None and not isinstance(error, LostValue):
        yield (
            f"{name} was stopped by {type(error).__name__}; run the cell again to go on from the snapshot of "
            f"{ago(now - last.created)} ({where(last.body)}), with the variables as they were there."
        )
    ours = isinstance(error, ColabGuardError)  # whose messages say it all
    if isinstance(error, Exception) and not ours and (offered := offer(error)):
        yield offered
