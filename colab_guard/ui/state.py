"""What the panel shows, as docs/panel.md has it: made from a session and what was seen around it, on any thread."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from colab_guard.core.errors import UsageError
from colab_guard.core.places import described, is_below_drive, on_colab, on_kaggle
from colab_guard.core.underway import Step, long_ones
from colab_guard.guards.lifetime import Lifetime, age_seconds, fit, lifetime
from colab_guard.running.progress import running
from colab_guard.running.run import Run
from colab_guard.saving.writer import WRITER
from colab_guard.session import Session
from colab_guard.tiers import opening
from colab_guard.tiers.durability import Durability
from colab_guard.ui.jobs import jobs
from colab_guard.ui.telling import span
from colab_guard.ui.timeline import Timeline
from colab_guard.ui.verdict import Work, verdict

VERSION = 1


@dataclass(frozen=True)
class Running:
    """The cell that runs: ``since`` in seconds since 1970."""

    name: str
    since: float


@dataclass(frozen=True)
class Around:
    """What is seen beside the session: each a field of the state, or what one is made from."""

    kernel: str
    running: Running | None
    readings: Mapping[str, Any]
    timeline: Timeline
    where: Mapping[str, Any] = field(default_factory=dict)  # the running cell's: loops, rate, eta
    buttons: Sequence[Mapping[str, Any]] = ()
    channels: Sequence[Mapping[str, Any]] = ()
    presses: Mapping[str, Any] = field(default_factory=dict)
    ended: str = ""  # how the last session did, in words
    notice: Mapping[str, Any] | None = None
    log: Mapping[str, Any] | None = None
    quiet: bool = False


def state(session: Session, now: float, around: Around) -> dict[str, Any]:
    """The whole of it; ``now`` in seconds since 1970."""
    run, active = chosen_run(session), running(session.namespace)
    durability = run.saver.durability if run is not None else None
    life = _lifetime()
    return {
        "v": VERSION,
        "now": round(now, 2),
        "quiet": around.quiet,
        "session": session.id,
        "kernel": around.kernel,
        "verdict": verdict(
            _work(session, run, active, durability, around, None if life.left is None else now + life.left), now
        ),
        "age": {"up": round(life.age, 1), "limit": life.limit},
        "saved": None if run is None else _saved(run, run is active),
        "durable": None if durability is None else _durable(durability, run, around.timeline),
        "cell": _cell(run, active, around, life, now),
        "jobs": jobs(runs=around.running is not None),
        **around.readings,
        "channels": list(around.channels),
        "buttons": list(around.buttons),
        "timeline": around.timeline.shown(durable_times()),
        "notice": around.notice,
        "log": around.log,
        "progress": [_progress(step) for step in long_ones()],
        "presses": dict(around.presses),
    }


def chosen_run(session: Session) -> Run | None:
    """The guarded cell that runs, else the one that was saved last."""
    runs = list(session.runs.values())
    active = running(session.namespace)
    return active or max(runs, key=_saved_at, default=None)


def durable_times() -> dict[str, float]:
    """By cell, when its newest durable snapshot was taken."""
    return {one.cell: one.durable.created for one in opening.states() if one.durable is not None}


def _saved_at(run: Run) -> float:
    newest = run.saver.newest
    return newest.created if newest is not None else 0.0


def _lifetime() -> Lifetime:
    try:
        return lifetime()
    except UsageError:  # what stands in the environment is said where it is used
        return Lifetime(age_seconds(), None, "")


def _work(
    session: Session,
    run: Run | None,
    active: Run | None,
    durability: Durability | None,
    around: Around,
    limit_at: float | None,
) -> Work:
    plain = around.running if active is None else None
    newest = run.saver.newest if run is not None else None
    return Work(
        place=described(session.store),
        on_vm=on_colab() or on_kaggle(),
        name=None if run is None else run.cell.name,
        running=run is not None and run is active,
        finished=run is not None and run.finished,
        saving=WRITER.is_busy,
        saved=None if newest is None else newest.created,
        durable=durability.durable.created if durability and durability.durable else None,
        every=None if run is None else run.alarm.now.seconds,
        trouble=f"no snapshot can be taken: {run.saver.trouble}" if run is not None and run.saver.trouble else "",
        durable_trouble=durability.trouble if durability else "",
        two_tiers=durability is not None,
        plain_since=plain.since if plain else None,
        limit_at=limit_at,
        ended=around.ended,
    )


def _saved(run: Run, active: bool) -> dict[str, Any]:
    newest, every = run.saver.newest, run.alarm.now.seconds
    skipped = f"{run.saver.skipped:,} skipped: the store is slower" if run.saver.skipped else ""
    due = newest.created + every if newest is not None and every is not None and active else None
    return {
        "at": newest.created if newest else None,
        "where": "local disk",
        "bytes": newest.size_bytes if newest else 0,
        "next": due,
        "note": run.saver.trouble or skipped,
    }


def _durable(durability: Durability, run: Run | None, timeline: Timeline) -> dict[str, Any]:
    store = "Drive" if is_below_drive(durability.place) else durability.place.partition("://")[0].upper()
    newest, copied = durability.durable, durability.copied
    sure = "confirmed" if newest is not None else "unconfirmed" if copied is not None else "not yet there"
    at = newest.created if newest is not None else copied.created if copied is not None else None
    of_cell = [one for one in timeline.entries if one.cell == durability.cell]
    kept = [one for one in of_cell if newest is not None and one.created <= newest.created]
    pace = ""
    if not durability.is_complete and durability.bytes_per_second and not durability.trouble:
        pace = f"uploading at {durability.bytes_per_second / 1e6:.1f} MB/s"
    return {
        "at": at,
        "where": f"{store}, {sure}",
        "kept": len(kept),
        "bytes": sum(one.new_bytes for one in kept),
        "budget": run.saver.retention.budget_bytes if run is not None else None,
        "note": durability.trouble or pace,
    }


def _cell(run: Run | None, active: Run | None, around: Around, life: Lifetime, now: float) -> dict[str, Any] | None:
    cell = around.running
    if cell is None and run is None:
        return None
    guarded = active is not None or cell is None
    where = around.where if cell is not None else {}
    left, name = where.get("eta"), run.cell.name if guarded and run is not None else cell.name if cell else ""
    fits = fit({"name": name, **where}, life)
    warning = ""
    if fits is not None and fits.place:
        warning = f"will be cut off at {fits.place}: {span(fits.left)} left, {span(fits.seconds)} needed"
    return {
        "name": name,
        "running": cell is not None,
        "guarded": guarded,
        "since": cell.since if cell is not None else None,
        "loops": [list(loop) for loop in where.get("loops", ())],
        "rate": where.get("rate"),
        "ends": round(now + left) if left is not None else None,
        "warning": warning,
    }


def _progress(step: Step) -> dict[str, Any]:
    left = step.left_seconds
    return {
        "what": step.what,
        "done": step.done,
        "total": step.total,
        "unit": step.unit,
        "rate": float(f"{step.rate:.3g}"),
        "eta": None if left is None else round(left, 1),
    }
