"""What ``cg.save``, ``cg.restore`` and the magics call: in this notebook or script, with a question where it is due."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from colab_guard.core.errors import RestoreError, UsageError
from colab_guard.core.places import described
from colab_guard.core.words import count_of
from colab_guard.loops.where import in_guarded_cell, main_namespace, place
from colab_guard.variables import store as saves
from colab_guard.variables.plan import Plan


@dataclass(frozen=True)
class Restored:
    """The ``names`` of the variables that were put back; of those that are ``unreadable`` here, the reason."""

    names: tuple[str, ...]
    unreadable: dict[str, str]


def save(name: str | None = None, store: str | os.PathLike[str] | None = None) -> saves.Saved:
    """See ``colab_guard.save``."""
    return saves.save(main_namespace(), _place(store), name)


def restore(
    wanted: Sequence[str],
    store: str | os.PathLike[str] | None = None,
    yes: bool = False,
    tell: Callable[[str], object] | None = None,
    trust: bool = False,
) -> Restored:
    """See ``colab_guard.restore``; ``tell`` is given the plan and how it ended, by default only where it asks."""
    if in_guarded_cell():
        raise UsageError(
            "A guarded cell is running, and would be torn between its own variables and those of a save. Nothing was "
            "changed; restore above the cell."
        )
    plan = saves.prepare(main_namespace(), _place(store), wanted, trust=trust)
    say = tell or (print if not yes else lambda text: None)
    say(str(plan))
    if not plan.names:
        if plan.unreadable:
            raise RestoreError(f"Nothing was put back: {_listed(plan)}.")
        say("Nothing to put back.")
        return Restored((), {})
    if not yes and not _agreed(plan):
        say("Nothing was changed.")
        return Restored((), plan.unreadable)
    plan.put_back()
    lost = f" Not readable here: {_listed(plan)}." if plan.unreadable else ""
    say(f"{count_of(len(plan.names), 'variable')} put back.{lost}")
    return Restored(tuple(plan.names), plan.unreadable)


def _agreed(plan: Plan) -> bool:
    try:
        return input(f"Put back {count_of(len(plan.names), 'variable')}? [y/N] ").strip().lower() in ("y", "yes")
    except (EOFError, NotImplementedError):  # the latter is IPython's, for a kernel whose front end can't ask
        raise UsageError(
            "Nobody can be asked here, so nothing was changed. Add --yes (%guard restore) or yes=True (cg.restore)."
        ) from None


def _listed(plan: Plan) -> str:
    return "; ".join(f"{name} ({why})" for name, why in plan.unreadable.items())


def _place(store: str | os.PathLike[str] | None) -> str:
    return (described(store) if store is not None else place()).store
