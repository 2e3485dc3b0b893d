"""The snapshots in a session's stores, as the panel shows them: read in the background, for a store may be slow."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from colab_guard.core.errors import ColabGuardError
from colab_guard.core.words import count_of
from colab_guard.session import Session
from colab_guard.store.manifest import Manifest
from colab_guard.variables.loading import variables_of
from colab_guard.variables.store import LOOP

SHOWN = 40


@dataclass
class Timeline:
    """What there is, oldest first; ``trouble``: why it is not known. Thread-safe."""

    session: Session
    entries: tuple[Manifest, ...] = ()
    trouble: str = ""
    took_seconds: float = 0.0  # of a core, for the last look
    _rows: tuple[dict[str, Any], ...] = ()
    _reading: threading.Lock = field(default_factory=threading.Lock)

    def refresh(self) -> threading.Thread | None:
        """Reads it anew, in a thread of its own; None where one does already."""
        if not self._reading.acquire(blocking=False):
            return None
        thread = threading.Thread(target=self._read, name="colab_guard-timeline", daemon=True)
        try:
            thread.start()
        except RuntimeError:  # the system has no more threads to give
            self._reading.release()
            return None
        return thread

    def _read(self) -> None:
        begun = time.thread_time()
        try:
            found = [entry for one in self.session.repositories() for entry in one.snapshots()]
            sound = [entry for entry in found if isinstance(entry, Manifest)]
            entries = tuple(sorted(sound, key=lambda entry: (entry.created, entry.seq)))
            self._rows = self._shown(entries)
            self.entries = entries
            self.trouble = ""
        except ColabGuardError as error:
            self.trouble = str(error)
        except Exception as error:  # noqa: BLE001 - a thread's error would be nobody's
            self.trouble = f"{type(error).__name__}: {error}"
        finally:
            self.took_seconds = time.thread_time() - begun
            self._reading.release()

    def unfinished(self) -> Manifest | None:
        """The newest snapshot of a guarded cell, if an earlier session was in the middle of it."""
        last = next((entry for entry in reversed(self.entries) if _is_guarded(entry)), None)
        return last if last is not None and _is_open(last) and last.body.get("session") != self.session.id else None

    def shown(self, durable: Mapping[str, float]) -> list[dict[str, Any]]:
        """The newest, as the page has them; ``durable``: by cell, when its newest durable one was taken."""
        return [{**row, "durable": row["at"] <= durable.get(row["name"], 0.0)} for row in self._rows]

    def _shown(self, entries: tuple[Manifest, ...]) -> tuple[dict[str, Any], ...]:
        deaths = self._deaths(entries)
        return tuple(
            {
                "id": entry.id,
                "at": entry.created,
                "name": entry.cell,
                "where": place_of(entry),
                "bytes": entry.size_bytes,
                "new": entry.new_bytes,
                "variables": len(variables_of(entry.body)) if "hidden" in entry.body else 0,
                "died": entry.id in deaths,
                "restore": _question(entry),
            }
            for entry in entries[-SHOWN:]
        )

    def _deaths(self, entries: tuple[Manifest, ...]) -> set[str]:
        """The last snapshots of earlier sessions that were in the middle of a cell."""
        last = {entry.body.get("session"): entry for entry in entries}
        guarded = {entry.body.get("session"): entry for entry in entries if _is_guarded(entry)}
        return {last[one].id for one, entry in guarded.items() if one != self.session.id and _is_open(entry)}


def place_of(manifest: Manifest) -> str:
    """Where a snapshot was taken, in words."""
    body = manifest.body
    if "groups" in body:
        return "all variables"
    return "its end" if body.get("cursor") is None else str(body.get("place", f"line {body.get('line', '?')}"))


def _is_guarded(manifest: Manifest) -> bool:
    return "groups" not in manifest.body


def _is_open(manifest: Manifest) -> bool:
    return _is_guarded(manifest) and manifest.body.get("cursor") is not None


def _question(manifest: Manifest) -> str | None:
    if manifest.cell.startswith(LOOP) or "hidden" not in manifest.body:
        return None  # that of a script's loop: its program goes on with it
    if not (variables := variables_of(manifest.body)):
        return None
    count = count_of(len(variables), "variable")
    when = f"{{clock:{manifest.created:.0f}}}"
    return f"Put back {count} of `{manifest.cell}`, as they were at {when}? What they are now is lost."
