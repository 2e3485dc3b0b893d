"""``cg.jobs``: makes a sweep of what the user gave, or says what is wrong with it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from colab_guard.cell.naming import check_name
from colab_guard.core.errors import UsageError
from colab_guard.core.places import Place, described
from colab_guard.core.settings import parse_interval
from colab_guard.loops import where
from colab_guard.sweeps.around import Lent, Options
from colab_guard.sweeps.keeping import Keeper
from colab_guard.sweeps.naming import named
from colab_guard.sweeps.sweep import FAILURES, Jobs, guarding, store_of

T = TypeVar("T")


def jobs(
    items: Iterable[T],
    name: str | None,
    key: Callable[[T], Any] | None,
    per_session: int | None,
    cool_down: str | None,
    clear_gpu: bool,
    on_error: str,
    store: str | os.PathLike[str] | None,
    fresh: bool,
    trust: bool,
    lent: Lent,
) -> Jobs[T]:
    """See ``colab_guard.jobs``. Raises UsageError, and StoreError where the table can't be read."""
    run = guarding()
    if name is None and run is not None:
        name = run.cell.name
    if name is None:
        raise UsageError(
            'cg.jobs needs a name outside of a %%checkpointed cell: cg.jobs(…, name="zoo"). By that the next session '
            "finds what is done. Nothing was run."
        )
    if on_error not in FAILURES:
        raise UsageError(f"on_error={on_error!r} is none of {', '.join(map(repr, FAILURES))}. Nothing was run.")
    if per_session is not None and not (isinstance(per_session, int) and per_session > 0):
        raise UsageError(f"per_session={per_session!r} is no number of items: give one from 1 on. Nothing was run.")
    options = Options(check_name(name), per_session, _seconds(cool_down), clear_gpu, on_error)
    found = named(items, key)
    if run is not None:
        return Jobs(found, options, lent, store_of(run), None)
    place = described(store) if store is not None else where.place()
    keeper = Keeper(options.name, place, where.say, trust=trust)
    sweep = Jobs(found, options, lent, place.store, keeper, fresh=fresh)
    where.say(_beginning(sweep, place, keeper.warning, fresh=fresh))
    return sweep


def _seconds(cool_down: str | None) -> float:
    if not cool_down:
        return 0.0
    interval = parse_interval(cool_down, "cool_down=") if isinstance(cool_down, str) else None
    if interval is None or interval.auto or interval.seconds is None:
        raise UsageError(f'cool_down={cool_down!r} is no time: say cool_down="30s" or "2m". Nothing was run.')
    return interval.seconds


def _beginning(sweep: Jobs[Any], place: Place, warning: str, *, fresh: bool) -> str:
    afresh = " afresh. Take fresh=True out again, or a death will start it over" if fresh else ""
    at = f" It goes on with {sweep.left[0]!r}." if sweep.left and len(sweep.left) < len(sweep.rows) else ""
    kept = f"Its table is in {place.store} ({place.survives}).{warning}"
    return f"{sweep.name} begins{afresh}: {sweep.summary}.{at} {kept}"
