"""What ``%guard`` shows, as text: made from a session and its repository, without knowing a notebook."""

from __future__ import annotations

from datetime import datetime

from colab_guard.core.words import ago, size
from colab_guard.run import Run
from colab_guard.session import Session
from colab_guard.store.manifest import Manifest


def status_text(session: Session) -> str:
    """The store, and each guarded cell of this session with the age of its newest snapshot."""
    lines = [f"store    {session.store} ({session.store_note})"]
    if not session.runs:
        lines.append("cells    none guarded yet in this session: put %%checkpointed above the training cell")
    for name, run in session.runs.items():
        lines.append(f"{name:<8} {_state(session, run)}")
        if run.last and run.last.body["notes"]:
            lines.append(f"{'':<8} not kept in snapshots: {'; '.join(run.last.body['notes'])}")
    return "\n".join(lines)


def _state(session: Session, run: Run) -> str:
    if run.last is None:
        return "not saved yet"
    age = ago(session.clock() - run.last.created)
    state = "finished" if run.finished else f"every {run.interval}"
    where = "" if run.last.body["cursor"] is None else f" at line {run.last.body['line']}"
    return f"saved {age}{where} · {size(run.last.size_bytes)} · {state}"


def history_table(session: Session) -> str:
    """The snapshots in the store, newest first."""
    rows = [("no.", "taken", "cell", "where", "holds", "new bytes")]
    for entry in session.repository().snapshots():
        if isinstance(entry, Manifest):
            where = "end" if entry.body["cursor"] is None else f"line {entry.body['line']}"
            taken = datetime.fromtimestamp(entry.created).strftime("%Y-%m-%d %H:%M:%S")
            rows.append((str(entry.seq), taken, entry.cell, where, size(entry.size_bytes), size(entry.new_bytes)))
        else:
            rows.append(("?", "damaged", str(entry.path), str(entry.error), "", ""))
    if len(rows) == 1:
        return f"no snapshots in {session.store} yet"
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def verify_text(session: Session) -> str:
    """Every snapshot read back; what is wrong, in sentences."""
    report = session.repository().verify()
    head = f"{report.snapshots_ok} snapshots read back, {size(report.bytes_read)}"
    if not report.problems:
        return f"{head}: every byte is what was written"
    return "\n".join([f"{head}; {len(report.problems)} problems:", *(f"- {problem}" for problem in report.problems)])
