"""What ``%guard`` shows, as text: made from a session and its repository, without knowing a notebook."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime

from colab_guard.core.errors import AlteredSnapshot, ForeignSnapshot, StoreError, UnsignedSnapshot
from colab_guard.core.watch import WATCH
from colab_guard.core.words import ago, count_of, size, span
from colab_guard.flight.recorder import RECORDER
from colab_guard.guards.lifetime import fit, lifetime
from colab_guard.running.run import Run
from colab_guard.session import Session
from colab_guard.store.manifest import Manifest, newest_of
from colab_guard.store.repository import Repository
from colab_guard.store.verify import Report
from colab_guard.tiers import opening
from colab_guard.variables.loading import variables_of

SHOWN = 3
STATES = {AlteredSnapshot: "altered", ForeignSnapshot: "foreign", UnsignedSnapshot: "unsigned"}


def status_text(session: Session) -> str:
    """The store, and each guarded cell of this session with the age of its newest snapshot."""
    notes = opening.notes(str(session.store))
    lines = [f"store    {session.store} ({session.store_note}){notes and f' · {notes}'}"]
    if session.key:
        lines.append(f"key      {session.key.id}, {session.key.where}")
    if trouble := RECORDER.troubles.get("disk"):
        lines.append(f"flight   not recorded: {trouble}")
    lines += [f"watch    {name} is looked at no more: {trouble}" for name, trouble in WATCH.troubles.items()]
    lines.append(f"time     {time_text()}")
    if not session.runs:
        lines.append("cells    none guarded yet in this session: put %%checkpointed above the training cell")
        with suppress(StoreError):  # a status tells what it can
            lines += [f"{'':<8} {line}" for line in found_text(session)]
    for name, run in session.runs.items():
        lines.append(f"{name:<8} {_state(session, run)}")
        if run.repository is not None and run.repository.place != str(session.store):
            lines.append(f"{'':<8} in {run.repository.place}")
        if run.saver.last and run.saver.last.body["notes"]:
            lines.append(f"{'':<8} not exact after a death: {'; '.join(run.saver.last.body['notes'])}")
    return "\n".join(lines)


def time_text() -> str:
    """How old the runtime is and can become, and when the running cell will be over."""
    life, cell = lifetime(), RECORDER.last.get("cell") or {}
    text = f"up for {span(life.age)}"
    if life.limit is not None and life.left is not None:
        text += f" of {span(life.limit)} ({life.how}), {span(life.left)} left"
    found = fit(cell, life)
    if found is not None and found.place:
        return (
            f"{text} · {found.cell} needs about {span(found.seconds)} more: it will be cut off at about {found.place}"
        )
    eta = cell.get("eta")
    return text if eta is None else f"{text} · {cell['name']} needs about {span(eta)} more"


def _state(session: Session, run: Run) -> str:
    run.saver.settle()
    if run.saver.last is None:
        return f"not saved yet{run.saver.trouble and f': {run.saver.trouble}'}"
    age = ago(session.clock() - run.saver.last.created)
    state = "finished" if run.finished else f"every {run.alarm.now}"
    where = "" if run.saver.last.body["cursor"] is None else f" at line {run.saver.last.body['line']}"
    skipped = f" · {run.saver.skipped} skipped: the store is slower" if run.saver.skipped else ""
    durability = run.saver.durability
    durable = f" · {durability.words(session.clock())}{durability.how and f' · {durability.how}'}" if durability else ""
    waited = f" · the cell waited {run.saver.stall_seconds:.2g} s" if run.saver.stall_seconds else ""
    trouble = f" · nothing since is saved: {run.saver.trouble}" if run.saver.trouble else ""
    return f"saved {age}{where}{durable} · {size(run.saver.last.size_bytes)}{waited} · {state}{skipped}{trouble}"


def found_text(session: Session, end: str = "") -> list[str]:
    """What the session's store holds, and how the last session there ended, in two lines; ``end``: why, in a sentence.
    Of an empty store no more than that, and one that is not there is not made.
    """
    found = [entry for entry in session.snapshots() if isinstance(entry, Manifest)]
    entries = [entry for entry in found if entry.body.get("session") != session.id]
    newest = newest_of(entries)
    if not newest:
        return [end] if end else []
    now = session.clock()
    cells = [f"{entry.cell} ({_where(entry)}, {ago(now - entry.created)})" for entry in newest]
    more = f", and {len(cells) - SHOWN:,} more" if len(cells) > SHOWN else ""
    last = entries[0]
    own = [entry for entry in newest if entry.body.get("session") == last.body.get("session")]
    open_ = [entry.cell for entry in own if entry.body.get("cursor") is not None]
    seen = f"{end} It" if end else f"the last session, seen {ago(now - last.created)},"
    ended = f"was in the middle of {', '.join(open_)}" if open_ else "had finished what it ran"
    then = "run all cells: it goes on there" if open_ else "run all cells: what finished is put back"
    return [
        f"there are snapshots of {', '.join(cells[:SHOWN])}{more}.",
        f"{seen} {ended}; {then}.",
    ]


def history_table(session: Session) -> str:
    """The snapshots in the session's stores, newest first; below, what can't be used."""
    return _each(session, history_of)


def _each(session: Session, view: Callable[[Repository], str]) -> str:
    """A view of each repository, under its path where there are several."""
    repositories = session.repositories()
    if len(repositories) == 1:
        return view(repositories[0])
    return "\n\n".join(f"{repository.place}\n{view(repository)}" for repository in repositories)


def history_of(repository: Repository) -> str:
    """The snapshots of one repository, newest first; below, what is damaged."""
    rows = [("no.", "taken", "cell", "where", "holds", "new bytes")]
    damaged = []
    for entry in repository.snapshots():
        if isinstance(entry, Manifest):
            where = _where(entry)
            taken = datetime.fromtimestamp(entry.created).strftime("%Y-%m-%d %H:%M:%S")
            rows.append((str(entry.seq), taken, entry.cell, where, size(entry.size_bytes), size(entry.new_bytes)))
        else:
            rows.append(("?", STATES.get(type(entry.error), "damaged"), "", "", "", ""))
            damaged.append(str(entry.error))
    if len(rows) == 1:
        return f"no snapshots in {repository.place} yet"
    return "\n".join([table(rows), *damaged])


def table(rows: Sequence[Sequence[str]]) -> str:
    """Rows in columns, the first row being their heads."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def _where(manifest: Manifest) -> str:
    if "groups" in manifest.body:
        return count_of(len(variables_of(manifest.body)), "variable")
    if (rows := manifest.body.get("jobs")) is not None:
        return f"{sum(row['state'] == 'done' for row in rows)} of {len(rows)} done"
    return "end" if manifest.body.get("cursor") is None else f"line {manifest.body.get('line', '?')}"


def verify_text(session: Session) -> str:
    """Every snapshot read back; what is wrong, in sentences."""
    return _each(session, verified)


def verified(repository: Repository) -> str:
    """One repository read back."""
    return verified_text(repository.verify())


def verified_text(report: Report) -> str:
    """What reading back found, in sentences."""
    if not report.snapshots_ok and not report.problems:
        return "there are no snapshots to read back yet"
    head = f"{count_of(report.snapshots_ok, 'snapshot')} read back, {size(report.bytes_read)}"
    head = head if report.snapshots_ok else "no snapshot is whole"
    if not report.problems:
        return f"{head}: every byte is what was written"
    found = count_of(len(report.problems), "problem")
    return "\n".join([f"{head}; {found}:", *(f"- {problem}" for problem in report.problems)])
